"""Maximum a-posteriori codes under a generator that is a network, by FISTA with automatic differentiation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FIRST_STEP = 1.0
GROWTH, SHRINKAGE = 1.5, 0.5
SMALLEST_STEP = 1e-6


@torch.no_grad()
def deep_fista(x: Tensor, generator: nn.Module, penalty: float, max_iterations: int, tolerance: float) -> Tensor:
    """Minimise ½‖x - G(z)‖² + λ‖z‖₁ over z, from z = 0, for data (B, P...): codes (B, K).

    Proximal gradient steps with Nesterov's momentum (Beck and Teboulle, 2009). The gradient of a network has no known
    Lipschitz constant: each data point has a step size of its own, halved where the quadratic bound at the look-ahead
    does not hold, grown by a half where it does; a step that would raise the objective is not taken and ends its
    momentum. `generator` must treat data points by themselves: batch-norm in evaluation mode.
    """
    latents: int = generator.latents  # type: ignore[assignment]
    codes = x.new_zeros(len(x), latents)
    look_ahead, momentum = codes, x.new_ones(len(x), 1)
    step = x.new_full((len(x), 1), FIRST_STEP)
    objective = half_squares(x, generator(codes))
    settled = torch.zeros_like(step, dtype=torch.bool)
    for _ in range(max_iterations):
        at, gradient = value_and_gradient(x, generator, look_ahead)
        moved = look_ahead - step * gradient
        shrink = step * penalty
        new = moved - torch.maximum(-shrink, torch.minimum(moved, shrink))
        change = new - look_ahead
        smooth = half_squares(x, generator(new))
        bound = at + (gradient * change).sum(-1) + change.square().sum(-1) / (2 * step.squeeze(-1))
        reached = smooth + penalty * new.abs().sum(-1)
        taken = ((smooth <= bound) & (reached <= objective)).unsqueeze(-1)
        moves = torch.where(taken, new - codes, 0)
        grown = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        look_ahead = torch.where(taken, new + (momentum - 1) / grown * moves, codes)
        # A step refused from the code itself was too long; one refused from a look-ahead may be the momentum's fault.
        too_long = (smooth > bound).unsqueeze(-1)
        step = torch.where(too_long, step * SHRINKAGE, torch.where(taken, step * GROWTH, step))
        momentum = torch.where(taken, grown, 1.0)
        codes = codes + moves
        objective = torch.where(taken.squeeze(-1), reached, objective)
        settled |= taken & (moves.norm(dim=-1, keepdim=True) <= tolerance * codes.norm(dim=-1, keepdim=True))
        settled |= step < SMALLEST_STEP
        if settled.all():
            break
    return codes


def half_squares(x: Tensor, reconstruction: Tensor) -> Tensor:
    """½‖x - x̂‖² of data and reconstructions (B, P...): (B,)."""
    return 0.5 * (reconstruction - x).flatten(1).square().sum(-1)


def value_and_gradient(x: Tensor, generator: nn.Module, codes: Tensor) -> tuple[Tensor, Tensor]:
    """½‖x - G(z)‖² of each data point and its gradient in z: (B,) and (B, K)."""
    with torch.enable_grad():
        codes = codes.detach().requires_grad_()
        value = half_squares(x, generator(codes))
        (gradient,) = torch.autograd.grad(value.sum(), codes)
    return value.detach(), gradient
