"""The importance-weighted bound (Burda et al., 2016): log-mean-exp of the log-weights of J draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vscbench.objectives.loss import Loss

if TYPE_CHECKING:
    from torch import Tensor


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """log (1/J) Σ_j w_j of log w (J, ...): (...), nats."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def log_weights(mse: Tensor, log_ratio: Tensor, kl_weight: float) -> Tensor:
    """log w = log N(x; x̂, s²I) + log p(z) - log q(z|x), the constant -P/2 log 2πs² left out: (J, B), nats.

    With s² = kl_weight · P/2, what the weights of the training loss imply, the rest of the likelihood is
    -P mse/(2s²) = -mse/kl_weight; `log_ratio` (J, B) is a sum over the latents.
    """
    return log_ratio - mse / kl_weight


def iwae(mse: Tensor, log_ratio: Tensor, kl_weight: float, codes: Tensor) -> Loss:
    """-kl_weight · log-mean-exp_j(-mse_j/kl_weight + log p(z_j)/q(z_j|x)): the negative bound in units of the loss.

    Of mse and log-ratio (J, B), masses at zero included. Gradients are pathwise, straight-through at a gate or a
    threshold: the jump of the log-ratio there is followed to first order, that of the reconstruction as the estimator
    has it, and no score function makes up for what is left. Only dense posteriors have the gradient of the bound.
    mse is that of the draws by weight ŵ_j; kl the rest of the value, KL of the draws by weight + KL(ŵ ‖ 1/J).
    """
    log_w = log_weights(mse, log_ratio, kl_weight)
    value = -kl_weight * log_mean_exp(log_w)
    by_weight = (log_w.detach().softmax(0) * mse).sum(0)
    return Loss(value, by_weight, (value - by_weight) / kl_weight, codes)
