"""The importance-weighted bound: log-mean-exp of the log-weights of J draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from vscbench.objectives.rule import Outcome, Rule

if TYPE_CHECKING:
    from torch import Generator, Tensor


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """log (1/J) Σ_j w_j of log w (J, ...): (...), nats.

    Example:
        >>> import torch
        >>> float(log_mean_exp(torch.zeros(5)))
        0.0
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))


class Iwae(Rule):
    """-kl_weight · log-mean-exp_j(-mse_j/kl_weight - kl_j), the negative bound of Burda et al. 2016, arXiv 1509.00519.

    `kl_j` is log q(z_j|x)/p(z_j), masses at zero included. Gradients are pathwise, straight-through at a gate or a
    threshold: the jump of the log-ratio there is followed to first order, that of the reconstruction as the estimator
    has it, and no score function makes up for what is left. Only dense posteriors have the gradient of the bound.
    The mse is that of the draws by weight ŵ_j; kl the rest of the value, KL of the draws by weight + KL(ŵ ‖ 1/J).
    """

    of_each_draw: ClassVar[bool] = True

    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:  # noqa: ARG002
        """The loss of errors and log-ratios (J, B)."""
        log_w = -kl - mse / kl_weight
        value = -kl_weight * log_mean_exp(log_w)
        by_weight = (log_w.detach().softmax(0) * mse).sum(0)
        return Outcome(value, by_weight, (value - by_weight) / kl_weight)

    @staticmethod
    def unfit(spec: dict[str, dict[str, object]], **_: object) -> str:
        """Why a run cannot sample by it."""
        if spec["objective"]["kl_weight"] == 0:
            return "iwae needs a kl_weight above 0: it is the variance of the likelihood"
        prior = spec["coder"].get("prior")
        if isinstance(prior, dict) and prior["kind"] == "classifier":
            return "iwae needs a prior that does not look at the data: its own or vamp"
        return ""
