"""Digamma and trigamma of positive numbers, vectorised: torch's own take a number at a time on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

SHIFT = 6
PRODUCTS = (0, 4, 6)
"""k(5 - k) for k = 0, 1, 2."""
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
"""B₂ to B₁₆."""
SINGLE = 3
"""How many of them single precision sees."""


def digamma_and_trigamma(x: Tensor) -> tuple[Tensor, Tensor]:
    """ψ(x) and ψ'(x) for x > 0, with ψ = d log Γ/dx: shape of x each, no gradient.

    By recurrence from y = x + 6, where the asymptotic series have converged (Abramowitz and Stegun, 6.3.18, 6.4.12):
    ψ = log y - 1/(2y) - Σ_n B₂ₙ/(2n y²ⁿ) - Σ_k 1/(x + k) and ψ' = 1/y + 1/(2y²) + Σ_n B₂ₙ/y²ⁿ⁺¹ + Σ_k 1/(x + k)²,
    k from 0 to 5. Two of its terms have one denominator, (x + k)(x + 5 - k) = x² + 5x + k(5 - k).
    """
    terms = SINGLE if x.dtype == torch.float32 else len(BERNOULLI)
    inverse = (x + SHIFT).reciprocal_()
    square = inverse.square()
    di = _series([number / (2 * n) for n, number in enumerate(BERNOULLI[:terms], 1)], square)
    di.add_(inverse.log()).add_(inverse, alpha=0.5).neg_()
    tri = _series(BERNOULLI[:terms], square).add_(inverse, alpha=0.5).add_(1).mul_(inverse)
    product, total = x.square().add_(x, alpha=SHIFT - 1), 2 * x + (SHIFT - 1)
    for constant in PRODUCTS:
        pair = (product + constant).reciprocal_()  # 1/(a b), for 1/a + 1/b and 1/a² + 1/b² = (1/a + 1/b)² - 2/(a b)
        both = pair * total
        di.sub_(both)
        tri.sub_(pair, alpha=2).add_(both.square_())
    return di, tri


def _series(coefficients: Sequence[float], variable: Tensor) -> Tensor:
    """Σ_n cₙ vⁿ from n = 1."""
    *rest, last = coefficients
    total = variable * last
    for coefficient in reversed(rest):
        total.add_(coefficient).mul_(variable)
    return total
