"""Which latents carry something about the data, whatever the scale of their codes?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

SHARE = 0.01
"""Share of a latent's variance that the data explain, above which it is active."""


def explained_share(mean: Tensor, draw: Tensor) -> Tensor:
    """Var_x E[z|x] / Var z = Var_x E[z|x] / (Var_x E[z|x] + E_x Var[z|x]) of each latent: (K,), 0 of a constant one.

    The correlation ratio η². Unlike Var_x E[z|x] > 0.01 (Burda, Grosse and Salakhutdinov, Importance weighted
    autoencoders, 2016, arXiv:1509.00519, appendix C), it is the same for a code and for any multiple of it; for a
    prior of variance 1 that the codes keep to, the two are the same.

    Args:
        mean: E[z|x]: (N, K).
        draw: one draw of z given x, whose variance is that of both terms: (N, K). Over few data the share may come
            out above 1 by chance and is cut there.

    Example:
        >>> import torch
        >>> x = torch.linspace(-1, 1, 1000)[:, None]
        >>> explained_share(x, x), explained_share(0 * x, x)
        (tensor([1.]), tensor([0.]))
    """
    total = draw.double().var(0)
    share = mean.double().var(0) / total
    return share.where(total > 0, 0.0).clamp(max=1).to(mean.dtype)


def measure(e: Evaluation) -> Measures:
    """`active_units_relative`: percentage of latents of whose variance the data explain more than 1 %; and the share.

    `explained_share` is the mean over latents. A code that is a function of the data has 1 wherever it varies.
    """
    share = explained_share(e.mean, e.draw)
    return {
        "active_units_relative": 100 * float((share > SHARE).double().mean()),
        "explained_share": float(share.mean()),
    }
