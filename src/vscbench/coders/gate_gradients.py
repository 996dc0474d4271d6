"""The spike-and-slab posterior with unbiased gradients of its gates, by what draws cost instead of a relaxation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from vscbench.coders.amortised import Amortised, frozen_statistics
from vscbench.coders.masks import below
from vscbench.coders.relax import Relax
from vscbench.coders.scaled import UNIT, PriorScale, Scaled, is_learned
from vscbench.coders.spike_slab import SpikeSlab
from vscbench.errors import UserError
from vscbench.objectives.average import Average
from vscbench.objectives.loss import squared_error
from vscbench.objectives.variance import NoiseVariance  # noqa: TC001  (read at run time, as the settings are)
from vscbench.settings import Density

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vscbench.coders.learned_prior import LogPrior
    from vscbench.coders.posterior import Noise, Params
    from vscbench.objectives.rule import Objective

NEEDED = "gradients of gates are of a mean over draws: they need sampling: average"


class SpikeSlabGates(Amortised):
    """z = b · slab, b ~ Bernoulli(sigmoid(a)) with an unbiased gradient in a; the slab's is pathwise.

    Of the mean of an error f over J draws:

    - `leave_one_out`: 1/J Σ_j (f_j - mean_{i≠j} f_i) ∇ log q(b_j) (Kool, van Hoof and Welling 2019, "Buy 4 REINFORCE
      Samples, Get a Baseline for Free!"); at least two draws are made.
    - `disarm`: J/2 antithetic pairs, b = 1(a + ε > 0) and b̃ = 1(a - ε > 0) of a logistic ε with one slab,
      ½ (f(b) - f(b̃)) (b - b̃) sigmoid(|a|) (Dong, Mnih and Tucker 2020, arXiv 2006.10680); J is made even.
    - `relax`: the score of each draw with a learned control variate, see `Relax`.

    The divergence is in closed form, and so is its gradient.

    Args:
        encoder: data (B, P...) to features (B, F).
        generator: codes (..., K) to data (..., P...).
        objective: J and the weight of the divergence; its rule is `average`.
        gate_estimator: of the gradient in a.
        prior_scale: the standard deviation of the slab's prior, or `learned` for each latent.
        density: the prior probability that a latent is active.
        variance: of the likelihood, where it is learned.
        shape: of a data point, (P,) or (C, H, W).

    Raises:
        UserError: the rule is another.

    Example:
        >>> from vscbench.model import build_coder
        >>> spec = {"seed": 0, "coder": {"family": "spike_slab_gates"}, "encoder": {"kind": "mlp", "widths": [8]}}
        >>> spec |= {"generator": {"kind": "dictionary", "latents": 4}}
        >>> spec |= {"objective": {"sampling": "average", "samples": 5}}
        >>> build_coder(spec, (16,)).loss(torch.randn(3, 16), None).codes.shape  # three pairs
        torch.Size([6, 3, 4])
    """

    sampling: ClassVar[str] = "average"
    """The sampling rule that it needs."""

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        objective: Objective,
        gate_estimator: Literal["leave_one_out", "disarm", "relax"] = "disarm",
        prior_scale: PriorScale = SpikeSlab.prior_scale,
        density: Density = 0.1,
        variance: NoiseVariance | None = None,
        shape: Sequence[int] = (),
    ) -> None:
        if not isinstance(objective.rule, Average):
            raise UserError(NEEDED)
        learned = is_learned(prior_scale)
        self.gates = SpikeSlab(UNIT if learned else prior_scale, density)
        family = Scaled(self.gates, int(generator.latents)) if learned else self.gates  # type: ignore[arg-type]
        super().__init__(encoder, generator, family, objective, variance=variance)
        self.gate_estimator = gate_estimator
        self.relax = Relax(math.prod(shape) + self.latents) if gate_estimator == "relax" else None

    @staticmethod
    def unfit(spec: dict[str, dict[str, object]], **_: object) -> str:
        """Why a run cannot be trained with it."""
        return "" if spec["objective"]["sampling"] == "average" else NEEDED

    def draws(
        self,
        x: Tensor,
        params: Params,
        samples: int,
        rng: Generator | None,
        log_prior: LogPrior | None,  # noqa: ARG002  (it has its own)
    ) -> tuple[Noise, Tensor, Tensor]:
        """Noise and codes (S, B, K) of the draws, and their errors (S, B), which have the gradient of their mean."""
        if self.gate_estimator == "disarm":
            noise = self.gates.noise(params, (samples + 1) // 2, rng)
            noise = {"normal": noise["normal"].repeat(2, 1, 1), "uniform": antithetic(noise["uniform"])}
        else:
            noise = self.gates.noise(params, samples if self.relax else max(2, samples), rng)
        gate = below(noise["uniform"], self.gates.active_prob(params))
        loc, spread = self.gates.moments(params)
        slab = torch.addcmul(loc, noise["normal"], spread)
        if isinstance(self.family, Scaled):
            slab = slab * self.family.multiplier
        codes = gate * slab
        error, logit = squared_error(x, self.decode(codes)), self.gates.gate_logit(params)
        if self.relax is not None:
            with frozen_statistics(self.generator):
                found = self.relax.gradient(self.error_of(x), x, slab, logit, noise["uniform"], gate, error.detach())
            surrogate = (found * logit).sum(-1)
        else:
            estimate = disarm if self.gate_estimator == "disarm" else leave_one_out
            surrogate = estimate(error.detach(), gate, logit)
        return noise, codes, error + (surrogate - surrogate.detach())

    def error_of(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The error (S, B) of codes (S, B, K) for data (B, P...)."""
        return lambda codes: squared_error(x, self.decode(codes))


def antithetic(uniform: Tensor) -> Tensor:
    """u and then 1 - u: (2S, B, K)."""
    return torch.cat([uniform, 1 - uniform])


def leave_one_out(error: Tensor, gate: Tensor, logit: Tensor) -> Tensor:
    """What has the gradient of the mean error, by the score of each draw against the mean of the others: (S, B).

    Args:
        error: f of each draw, (S, B), without a graph.
        gate: b, zeros and ones, (S, B, K).
        logit: a, (B, K).

    Example:
        >>> a = torch.zeros(1, 1, requires_grad=True)
        >>> leave_one_out(torch.tensor([[3.0], [1.0]]), torch.tensor([[[1.0]], [[0.0]]]), a).mean().backward()
        >>> a.grad  # (3 - 1)(1 - ½)
        tensor([[1.]])
    """
    score = torch.where(gate > 0, F.logsigmoid(logit), F.logsigmoid(-logit)).sum(-1)
    return (error - error.mean(0)) * (len(error) / (len(error) - 1)) * score


def disarm(error: Tensor, gate: Tensor, logit: Tensor) -> Tensor:
    """What has the gradient of the mean error, by the first half of the draws against its antithetic half: (S, B).

    Arguments as of `leave_one_out`.

    Example:
        >>> a = torch.zeros(1, 1, requires_grad=True)
        >>> disarm(torch.tensor([[3.0], [1.0]]), torch.tensor([[[1.0]], [[0.0]]]), a).mean().backward()
        >>> a.grad  # ½ (3 - 1) sigmoid(0)
        tensor([[0.5000]])
    """
    partner = len(error) // 2
    difference = gate - gate.roll(partner, 0)
    score = (difference * torch.sigmoid(logit.detach().abs()) * logit).sum(-1)
    return (error - error.roll(partner, 0)) / 2 * score
