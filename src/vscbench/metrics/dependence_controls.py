"""Would the tests of dependence see one? Planted dependence of known size, and none, at a study's own sizes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import brentq

from vscbench.metrics.pairwise import pair_test
from vscbench.metrics.two_sample import two_sample_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind: TypeAlias = Literal["none", "supports", "values"]

LEVEL = 0.01
"""P-value below which a dependence is detected."""


class Control(NamedTuple):
    """What the tests say of codes whose dependence is known."""

    kind: Kind
    """What pairs of latents share."""
    bits: float
    """How much in all, the total correlation of the codes."""
    excess: float
    """What the pairwise test finds of it, mean over repetitions."""
    pairwise: float
    """Share of the repetitions in which the pairwise test detects it."""
    supports: float
    """The same of the pairwise test of supports alone."""
    two_sample: float
    """The same of the classifier."""


def entropy(p: float) -> float:
    """-p log₂ p - (1 - p) log₂(1 - p) in bits."""
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)


def support_overlap(bits: float, density: float) -> float:
    """P(both on) of two supports of the same density that share so many bits and overlap more than by chance.

    Raises:
        ValueError: two supports of that density cannot share so much.

    Example:
        >>> support_overlap(0.0, 0.1), support_overlap(entropy(0.1), 0.1)
        (0.010000000000000002, 0.1)
    """

    def missing(both: float) -> float:
        cells = (both, density - both, density - both, 1 - 2 * density + both)
        return 2 * entropy(density) + sum(p * math.log2(p) for p in cells if p > 0) - bits

    chance = density**2
    if bits <= 0:
        return chance
    if bits > entropy(density):
        raise ValueError(f"two supports of density {density:g} share at most {entropy(density):.3g} bits, not {bits:g}")
    return density if bits == entropy(density) else float(brentq(missing, chance, density))


def planted(n: int, k: int, density: float, kind: Kind, bits: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Sparse Gaussian codes (n, k) whose latents k/2 + i share `bits`/(k/2) bits with latents i, and nothing else.

    Of "supports" the values are independent and P(both on) is set by `support_overlap`. Of "values" the supports are
    independent and the values, where both are on, correlate by ρ with density² · -½ log₂(1 - ρ²) bits. The pairs are
    disjoint, so `bits` is the total correlation.

    Raises:
        ValueError: k is odd, or the supports cannot share so much.

    Example:
        >>> planted(4, 2, 1.0, "values", 10.0, np.random.default_rng(0)).shape
        (4, 2)
    """
    if k % 2:
        raise ValueError(f"dependence is planted between pairs: {k} latents are odd")
    shape = n, k // 2
    each = bits / shape[1]
    left, right = rng.standard_normal(shape, dtype=np.float32), rng.standard_normal(shape, dtype=np.float32)
    on, also = rng.random(shape) < density, rng.random(shape) < density
    if kind == "values":
        square = -math.expm1(-2 * math.log(2) * each / density**2)  # ρ²
        right = math.sqrt(square) * left + math.sqrt(1 - square) * right
    if kind == "supports":
        both = support_overlap(each, density)
        also = rng.random(shape) < np.where(on, both / density, (density - both) / (1 - density))
    return np.concatenate((left * on, right * also), axis=1)


def controls(
    n: int, k: int, density: float, seed: int, *, bits: tuple[float, ...] = (10.0,), repetitions: int = 5
) -> list[Control]:
    """How often both tests detect planted dependence of codes (n, k), at p < 0.01, and how often they do of none.

    The rows "positive control" and "negative control" of a table: where a positive control of the size that matters
    is rarely detected, the test decides nothing at these sizes; the share for none should be about 0.01.

    Args:
        n: codes.
        k: latents, an even number.
        density: share of non-zeros.
        seed: of all that is drawn.
        bits: sizes of dependence; supports are left out where they cannot share so much, and of dense codes.
        repetitions: codes made for each row.

    Example:
        >>> none, supports, values = controls(1000, 8, 0.2, 0, bits=(1.0,), repetitions=2)
        >>> supports.pairwise, supports.supports, values.supports
        (1.0, 1.0, 0.0)
    """
    rows: list[tuple[Kind, float]] = [("none", 0.0)]
    for size in bits:
        if 2 * size / k <= entropy(density) and density < 1:
            rows.append(("supports", size))
        rows.append(("values", size))
    return [control(n, k, density, kind, size, seed, repetitions) for kind, size in rows]


def control(n: int, k: int, density: float, kind: Kind, bits: float, seed: int, repetitions: int) -> Control:
    """One row of `controls`."""
    found = []
    for repetition in range(repetitions):
        rng = np.random.default_rng((seed, repetition))
        codes = planted(n, k, density, kind, bits, rng)
        pairs, supports = pair_test(codes, rng), pair_test(codes, rng, bins=1)
        found.append((pairs.excess, pairs.p < LEVEL, supports.p < LEVEL, two_sample_test(codes, rng).p < LEVEL))
    return Control(kind, bits, *map(float, np.mean(found, axis=0)))
