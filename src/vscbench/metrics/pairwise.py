"""How many bits do pairs of latents share, supports and values apart, against a null of shuffled latents?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from vscbench.settings import Count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

BINS = 4
"""Symbols for the non-zero values of a latent."""
SHUFFLES = 3
"""Shuffles of a code of many latents: the variance of a total over pairs is known from few."""
LEVEL = 0.01
"""P-value below which a dependence is detected."""
LEAST_PAIRS = 400
"""Shuffled pairs from which that variance is estimated, at least."""


class PairTest(NamedTuple):
    """Mutual information summed over pairs of latents, and what it is when there is none."""

    bits: float
    """Σ_{i<j} I(s_i; s_j) of symbols, plug-in."""
    null: float
    """Its mean over codes shuffled per latent: the bias of the plug-in estimate."""
    excess: float
    """bits - null: a lower bound on the sum over pairs of the information that the codes themselves share."""
    z: float
    """excess in standard deviations of the null, the error of `null` included; 0 where nothing varies."""
    p: float
    """P(total ≥ bits) under the null, by the gamma distribution of its mean and variance."""


NOTHING = PairTest(0.0, 0.0, 0.0, 0.0, 1.0)
"""Of codes without a pair."""


def symbols(codes: NDArray[np.floating], bins: int = BINS) -> NDArray[np.uint8]:
    """0 where a code is exactly zero, else 1 + the quantile bin among the non-zero values of its latent: (K, N).

    Args:
        codes: (N, K).
        bins: how many for the non-zero values, each with the same number of them where none are equal; 1 leaves the
            support alone.

    Example:
        >>> symbols(np.array([[0.0], [-2.0], [1.0], [0.0], [3.0], [-0.5]]), bins=2).tolist()
        [[0, 1, 2, 0, 2, 1]]
    """
    columns = np.ascontiguousarray(codes.T)
    on = columns != 0
    found: NDArray[np.uint8] = on.astype(np.uint8)
    # Zeros go to the end, so that the non-zero values of a latent are its first ones in order.
    ordered = np.sort(np.where(on, columns, np.inf), axis=1)
    active = on.sum(1)
    for edge in range(1, bins):
        first = np.minimum(active * edge // bins, columns.shape[1] - 1)
        cut = np.take_along_axis(ordered, first[:, None], axis=1)
        found += (columns >= cut) & on
    return found


def pair_information(table: NDArray[np.uint8], bins: int = BINS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """I(s_i; s_j) = H(s_i) + H(s_j) - H(s_i, s_j) in bits of each pair i < j, plug-in: (K (K - 1)/2,).

    Twice: of the symbols, and of the supports alone, which the same counts say.

    Args:
        table: symbols 0 … bins, (K, N).
        bins: how many symbols there are beside 0.

    Example:
        >>> table = np.array([[0, 0, 1, 2], [0, 0, 1, 2], [0, 1, 0, 1]], dtype=np.uint8)
        >>> symbols, supports = pair_information(table, bins=2)
        >>> symbols, supports
        (array([1.5, 0.5, 0.5]), array([1., 0., 0.]))
    """
    latents, count = table.shape
    hot = np.empty((bins * latents, count), dtype=np.float32)  # a row is a symbol of a latent
    for symbol, rows in enumerate(np.split(hot, bins), start=1):
        np.equal(table, symbol, out=rows)
    active = (hot @ hot.T).reshape(bins, latents, bins, latents).astype(np.int32)  # below 2²⁴ float32 counts exactly
    return _information(active, count), _information(active.sum((0, 2), dtype=np.int32)[None, :, None], count)


def _information(active: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """The same from the cells of symbols other than 0: (bins, K, bins, K)."""
    bins, latents = active.shape[:2]
    cells = np.zeros((bins + 1, latents, bins + 1, latents), dtype=np.int32)
    cells[1:, :, 1:] = active
    diagonal = np.arange(latents)
    marginal = np.concatenate((np.zeros((1, latents), np.int32), active.sum(2)[:, diagonal, diagonal]))  # (bins + 1, K)
    marginal[0] = count - marginal.sum(0)
    # The cells of symbol 0 follow from the margins.
    cells[1:, :, 0] = marginal[1:, :, None] - active.sum(2)
    cells[0] = marginal - cells.sum(0)
    sizes = np.arange(count + 1, dtype=np.float64)
    n_log_n = sizes * np.log2(np.maximum(sizes, 1))
    single = n_log_n[marginal].sum(0)  # N (log₂ N - H)
    upper = np.triu_indices(latents, 1)
    total: NDArray[np.float64] = n_log_n[cells].sum((0, 2))[upper]
    total += n_log_n[count] - single[upper[0]] - single[upper[1]]
    return np.asarray(total / count)


class Null(NamedTuple):
    """What the totals are of codes shuffled per latent: of symbols, and of supports alone."""

    mean: NDArray[np.float64]
    """(2,), bits."""
    variance: NDArray[np.float64]
    """(2,), the error of `mean` included."""

    def test(self, bits: NDArray[np.float64]) -> tuple[PairTest, PairTest]:
        """Totals (2,) against it."""
        both = [_test(*map(float, each)) for each in zip(bits, self.mean, self.variance, strict=True)]
        return both[0], both[1]


def _test(bits: float, null: float, variance: float) -> PairTest:
    if variance == 0:
        return PairTest(bits, null, bits - null, 0.0, 1.0)
    p = float(stats.gamma.sf(bits, null**2 / variance, scale=variance / null))
    return PairTest(bits, null, bits - null, (bits - null) / variance**0.5, p)


def totals(table: NDArray[np.uint8], bins: int = BINS) -> NDArray[np.float64]:
    """Sums over pairs of `pair_information`: (2,), bits."""
    return np.array([each.sum() for each in pair_information(table, bins)])


def null_of(table: NDArray[np.uint8], rng: np.random.Generator, *, bins: int = BINS, shuffles: int = SHUFFLES) -> Null:
    """The null of symbols (K, N) that all change, by shuffling each latent; nothing of fewer than two.

    Two pairs of a shuffled code are independent, those with a latent in common too, so the variance of the total is
    the sum of the variances of its pairs, and few shuffles give it well.
    """
    pairs = len(table) * (len(table) - 1) // 2
    if not pairs:
        return Null(np.zeros(2), np.zeros(2))
    rounds = max(shuffles, 2, 1 + LEAST_PAIRS // pairs)
    mean, squares = np.zeros((2, pairs)), np.zeros((2, pairs))
    for done in range(1, rounds + 1):  # Welford's updates
        change = np.stack(pair_information(rng.permuted(table, axis=1), bins)) - mean
        mean += change / done
        squares += change**2 * (done - 1) / done
    variance = squares.sum(1) / (rounds - 1)
    return Null(mean.sum(1), variance * (1 + 1 / rounds))  # the mean of the null is estimated too


def changing(table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The rows of a table of symbols that are not all the same."""
    found: NDArray[np.uint8] = table[(table != table[:, :1]).any(1)]
    return found


def pair_tests(
    codes: NDArray[np.floating], rng: np.random.Generator, *, bins: int = BINS, shuffles: int = SHUFFLES
) -> tuple[PairTest, PairTest]:
    """Σ_{i<j} I(s_i; s_j) against codes shuffled per latent: of symbols, and of supports alone.

    A symbol is zero, or the quantile bin of a non-zero value among those of its latent, so that what is shared by
    supports counts as much as what is shared by values. Shuffling keeps every margin and breaks every dependence.

    It is blind to what no pair shows (the parity of three latents). Where many latents share one cause the total over
    pairs exceeds the total correlation; where pairs are disjoint it is at most that. The null takes data points for
    exchangeable: of overlapping patches of few images, p speaks of these images, not of others.

    Args:
        codes: (N, K); latents that never change are left out.
        rng: of the shuffles.
        bins: symbols for non-zero values.
        shuffles: at least; more are made where there are few pairs.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.standard_normal((1000, 3)) * (rng.random((1000, 3)) < 0.2)
        >>> z[:, 2] = z[:, 0]
        >>> symbols, supports = pair_tests(z, rng)
        >>> symbols.p < 1e-6, round(symbols.excess, 1)  # close to H(support) + 0.2 log₂ 4 = 1.1 bits
        (True, 1.0)
        >>> round(supports.excess, 1)
        0.7
    """
    table = changing(symbols(codes, bins))
    if len(table) < 2:  # noqa: PLR2004
        return NOTHING, NOTHING
    return null_of(table, rng, bins=bins, shuffles=shuffles).test(totals(table, bins))


def measure(
    e: Evaluation, *, codes: Literal["draw", "best", "mean"] = "draw", bins: Count = BINS, shuffles: Count = SHUFFLES
) -> Measures:
    """`pair_bits`, their `_null`, `_excess`, `_z`, `_p` and `_detected` of symbols; `support_pair_bits` of supports.

    `_detected` is 1 where p < 0.01. Whether a dependence would be detected here is what `dependence_controls` say.

    Args:
        e: the run.
        codes: which of its codes; of the best of J draws, which the authors evaluate, choosing by reconstruction makes
            latents dependent that are independent in each draw.
        bins: symbols for the non-zero values of a latent.
        shuffles: at least.
    """
    rng = np.random.default_rng(e.rng("pairwise").initial_seed())
    found = pair_tests(e.codes[codes].cpu().numpy(), rng, bins=bins, shuffles=shuffles)
    measures: Measures = {}
    for name, test in zip(("pair_bits", "support_pair_bits"), found, strict=True):
        measures |= {name: test.bits, f"{name}_detected": float(test.p < LEVEL)}
        measures |= {f"{name}_{part}": getattr(test, part) for part in ("null", "excess", "z", "p")}
    return measures
