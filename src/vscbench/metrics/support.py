"""How much of the support do the data decide?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


class SupportInformation(NamedTuple):
    """What data say of the support, of each latent: (K,) each."""

    spread: Tensor
    """Standard deviation over data of P(active|x); √(p(1 - p)) where x decides it, 0 where x says nothing."""
    bits: Tensor
    """I(support; x) = H(mean P) - mean H(P), H the binary entropy; H(mean P) where x decides it, 0 where nothing."""
    entropy: Tensor
    """H(mean P), bits: what there is to decide."""


def binary_entropy(p: Tensor) -> Tensor:
    """-p log₂ p - (1 - p) log₂(1 - p) in bits, 0 at 0 and at 1.

    Example:
        >>> binary_entropy(torch.tensor([0.0, 0.5, 1.0]))
        tensor([0., 1., 0.])
    """
    nats: Tensor = torch.special.entr(p) + torch.special.entr(1 - p)
    return nats / math.log(2)


def support_information(active_prob: Tensor) -> SupportInformation:
    """What x says of s_k = 1[z_k ≠ 0], from P(s_k = 1|x): the data are the distribution of x.

    Given x the latents are independent, so the bits of the whole support are Σ_k I(s_k; x) less the total correlation
    of the supports over the data: the sum is an upper bound, and exact where supports are independent over the data.

    Args:
        active_prob: P(z_k ≠ 0|x_n), or zeros and ones of a code that is a function of x: (N, K). Shares of a few draws
            are no substitute: see `null_bits`.

    Example:
        >>> found = support_information(torch.tensor([[0.0, 0.1], [1.0, 0.1]]))
        >>> found.bits, found.entropy
        (tensor([1., 0.]), tensor([1.0000, 0.4690]))
    """
    p = active_prob.double()
    mean = p.mean(0)
    entropy = binary_entropy(mean)
    bits = (entropy - binary_entropy(p).mean(0)).clamp(min=0)
    kind = active_prob.dtype
    return SupportInformation(p.std(0, correction=0).to(kind), bits.to(kind), entropy.to(kind))


def null_bits(mean: Tensor, draws: int) -> Tensor:
    """I(support; x) that J draws show of a support that x says nothing of: H(p) - E H(n/J), n ~ Binomial(J, p).

    What to take off `bits` where P is the share of J draws in which a latent is active; from P itself the null is 0.

    Args:
        mean: p, the share over all data and draws: (K,).
        draws: J.

    Example:
        >>> null_bits(torch.tensor([0.5]), 1)  # one draw looks like certainty
        tensor([1.])
    """
    n = torch.arange(draws + 1, dtype=torch.float64, device=mean.device)
    law = torch.distributions.Binomial(draws, mean.double().unsqueeze(-1))
    expected: Tensor = (law.log_prob(n).exp() * binary_entropy(n / draws)).sum(-1)
    return (binary_entropy(mean.double()) - expected).clamp(min=0).to(mean.dtype)


def stuck(active_prob: Tensor, margin: float = 1e-3, share: float = 0.95) -> tuple[float, float]:
    """Percentage of gates stuck open and stuck shut: P > 1 - margin, or P < margin, for that share of the inputs.

    Such a gate decides nothing and, where its head saturates, gets no gradient.

    Args:
        active_prob: P(z_k ≠ 0|x_n): (N, K).
        margin: how near to 1 or 0.
        share: of inputs, at least.

    Example:
        >>> stuck(torch.tensor([[1.0, 0.0, 0.5, 1.0], [1.0, 0.0, 0.5, 0.5]]))
        (25.0, 25.0)
    """
    extremes = active_prob > 1 - margin, active_prob < margin
    opened, shut = (100 * float((each.double().mean(0) >= share).double().mean()) for each in extremes)
    return opened, shut


@torch.no_grad()
def active_probabilities(e: Evaluation) -> Tensor:
    """P(z ≠ 0|x) of the test data; of a coder without a posterior, zeros and ones of its code: (N, K)."""
    found = [q.active_prob for x in e.chunks() if e.coder.stochastic and (q := e.coder.posterior(x)) is not None]
    return torch.cat(found) if found else e.mean.ne(0).float()


def measure(e: Evaluation) -> Measures:
    """How much of the support the data decide, and how many gates are stuck, of P(z ≠ 0|x) on the test data.

    `support_spread` is the mean over latents of the standard deviation of P over data, `support_bits` the sum over
    latents of I(s_k; x) and `support_bits_mean` their mean, `support_decided` the percentage that the sum is of
    Σ H(mean P), left out where the support is always the same. `stuck_on` and `stuck_off` are left out for a coder
    without a posterior and for one that is never zero: neither has a gate.
    """
    p = active_probabilities(e)
    found = support_information(p)
    measures: Measures = {
        "support_spread": float(found.spread.mean()),
        "support_bits": float(found.bits.sum()),
        "support_bits_mean": float(found.bits.mean()),
    }
    if found.entropy.sum() > 0:
        measures["support_decided"] = 100 * float(found.bits.sum() / found.entropy.sum())
    if e.coder.stochastic and not bool((p == 1).all()):
        measures["stuck_on"], measures["stuck_off"] = stuck(p)
    return measures
