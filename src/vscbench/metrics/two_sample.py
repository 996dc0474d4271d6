"""Can a classifier tell codes from codes whose latents are shuffled?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from vscbench.metrics.pairwise import LEVEL, symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

LEVELS = 8
"""Quantile bins of the non-zero values of a latent."""
STRICTNESS = (0.0, 2.0, 4.0)
"""Standard errors below which a correlation is no evidence; what separates held-out codes best is taken."""
LEAST = 32
"""Codes below which nothing can be learned and tested."""


class TwoSampleTest(NamedTuple):
    """How well a classifier does on codes that it has not seen."""

    accuracy: float
    """Share of trials in which it tells which of two codes is the shuffled one; 0.5 if latents are independent."""
    low: float
    """Lower end of the 95 % Clopper-Pearson interval."""
    high: float
    """Upper end."""
    p: float
    """P(as many right) by chance, binomial, one-sided."""
    trials: int
    """How many, a quarter of the codes."""


def features(table: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Support, rank and squared rank of each latent, standardised: (N, F), and the latent of each: (F,).

    The rank is the quantile bin of a non-zero value, scaled to (-1, 1), and 0 where the code is zero. What never
    changes (the support of a dense code) is left out.

    Args:
        table: symbols 0 … LEVELS as `pairwise.symbols` makes them, (K, N).

    Example:
        >>> phi, latent = features(np.array([[0, 1, 8, 8], [1, 8, 4, 5]], dtype=np.uint8))
        >>> phi.shape, latent.tolist()  # the second one has no zero
        ((4, 5), [0, 0, 1, 0, 1])
    """
    latents, count = table.shape
    level = np.arange(LEVELS + 1)
    rank = np.where(level > 0, (2 * level - 1) / LEVELS - 1, 0)
    place = table.T + (LEVELS + 1) * np.arange(latents)  # (N, K), of a symbol in the tables below
    share = np.bincount(place.ravel(), minlength=latents * (LEVELS + 1)).reshape(latents, -1) / count
    made, kept = [], []
    for values in (level > 0, rank, rank**2):
        away = values - (share @ values)[:, None]  # (K, LEVELS + 1)
        spread = np.sqrt((share * away**2).sum(1))
        used = spread > 1e-6  # noqa: PLR2004
        standard = (away / np.where(used, spread, 1)[:, None]).astype(np.float32)
        made.append(np.take(standard, place if used.all() else place[:, used]))
        kept.append(np.flatnonzero(used))
    return np.concatenate(made, axis=1), np.concatenate(kept)


def weights(phi: NDArray[np.float32], latent: NDArray[np.int64], strictness: float) -> NDArray[np.float32]:
    """Correlations R of features (N, F) between latents, shrunk: R max(0, 1 - strictness²/(N R²)): (F, F).

    The products of standardised features have mean R under the codes, mean 0 and variance 1 under the shuffled ones,
    and are uncorrelated there: R is the direction of the linear discriminant on all products.
    """
    correlation = phi.T @ phi / len(phi)
    correlation[latent[:, None] == latent] = 0
    noise = strictness**2 / len(phi)
    kept = np.maximum(0, 1 - noise / np.maximum(correlation**2, noise + 1e-30))
    return (correlation * kept).astype(np.float32)


def score(phi: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """φᵀ W φ of each row of features (N, F): (N,)."""
    found: NDArray[np.float32] = np.einsum("nf,nf->n", phi @ weight, phi)
    return found


def two_sample_test(codes: NDArray[np.floating], rng: np.random.Generator) -> TwoSampleTest:
    """A classifier learns on half of the codes and says which of two, a code or a shuffled one, is which.

    It is the linear discriminant on products of two features of different latents (`features`, `weights`). Half of the
    codes teach it; a quarter is shown as it is, a quarter after each latent is shuffled within it. Under independence
    a trial and the same with its codes swapped are equally likely, whatever was learned, so the number of right
    answers is binomial with probability ½, exactly. Lopez-Paz and Oquab, Revisiting classifier two-sample tests,
    2017, arXiv:1610.06545.

    It is blind to dependence that no pair of latents shows, and data points are taken for exchangeable.

    Args:
        codes: (N, K), at least 32.
        rng: of the split and of the shuffles.

    Raises:
        ValueError: there are fewer codes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> half = rng.standard_normal((2000, 16)) * (rng.random((2000, 16)) < 0.1)
        >>> two_sample_test(np.concatenate((half, half), axis=1), rng).accuracy > 0.8
        True
    """
    count = len(codes)
    if count < LEAST:
        raise ValueError(f"{count} codes are too few for a two-sample test; at least {LEAST} are needed")
    table = symbols(codes[rng.permutation(count)], LEVELS)
    quarter = count // 4
    half = count - 2 * quarter
    table[:, -quarter:] = rng.permuted(table[:, -quarter:], axis=1)
    mixed = rng.permuted(table[:, half // 2 : half], axis=1)
    phi, latent = features(np.concatenate((table, mixed), axis=1))
    learn, shown, shuffled, mixed = np.split(phi, (half, half + quarter, count))
    teach, check = learn[: half // 2], learn[half // 2 :]
    best = max(STRICTNESS, key=lambda strictness: separation(check, mixed, weights(teach, latent, strictness)))
    weight = weights(learn, latent, best)
    margin = score(shown, weight) - score(shuffled, weight)
    right = int((margin > 0).sum()) + int(rng.binomial((margin == 0).sum(), 0.5))  # a tie is a guess
    test = stats.binomtest(right, quarter)
    interval = test.proportion_ci()
    p = stats.binomtest(right, quarter, alternative="greater").pvalue
    return TwoSampleTest(right / quarter, float(interval.low), float(interval.high), float(p), quarter)


def separation(codes: NDArray[np.float32], shuffled: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Distance of the mean scores of features of codes and of shuffled codes, in standard deviations."""
    yes, no = score(codes, weight), score(shuffled, weight)
    spread = float(np.sqrt(yes.var() + no.var()))
    return float(yes.mean() - no.mean()) / spread if spread else 0.0


def measure(e: Evaluation, *, codes: Literal["draw", "best", "mean"] = "draw") -> Measures:
    """`two_sample_accuracy` with its interval, p-value and whether p < 0.01; left out for fewer than 32 test points.

    Args:
        e: the run.
        codes: which of its codes.
    """
    if len(e.x) < LEAST:
        return {}
    rng = np.random.default_rng(e.rng("two_sample").initial_seed())
    found = two_sample_test(e.codes[codes].cpu().numpy(), rng)
    measures: Measures = {f"two_sample_{part}": getattr(found, part) for part in ("accuracy", "low", "high", "p")}
    return measures | {"two_sample_detected": float(found.p < LEVEL)}
