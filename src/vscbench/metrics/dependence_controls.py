"""Would the tests of dependence see one? Planted dependence of known size, and none, at a study's own sizes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

import numpy as np
from pydantic import Field
from scipy import stats
from scipy.optimize import brentq

from vscbench.metrics.pairwise import LEVEL, changing, null_of, symbols, totals
from vscbench.metrics.two_sample import LEAST, two_sample_test
from vscbench.settings import Positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

Kind: TypeAlias = Literal["none", "supports", "values"]

POWER = 0.8
"""Share of repetitions in which a planted dependence must be detected for a test to decide."""
MOST_FALSE = 0.5
"""The same where nothing is planted, at most: 0.01 but for the error of an estimate by few codes."""
TESTS = ("pair_bits", "support_pair_bits", "two_sample")


class Control(NamedTuple):
    """What the tests say of codes whose dependence is known."""

    kind: Kind
    """What pairs of latents share."""
    bits: float
    """How much in all, the total correlation of the codes."""
    excess: float
    """What the pairwise test finds of it, mean over repetitions."""
    support_excess: float
    """What that of supports alone finds."""
    accuracy: float
    """That of the classifier; nan where there are too few codes."""
    detected: dict[str, float]
    """Of each test its power, P(p < 0.01) over codes of this kind."""


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
    n: int, k: int, density: float, seed: int, *, bits: float = 1.0, repetitions: int = 2
) -> dict[Kind, Control]:
    """How often the tests detect planted dependence of codes (n, k), at p < 0.01, and how often they do of none.

    Args:
        n: codes.
        k: latents; of an odd number one is left out.
        density: share of non-zeros.
        seed: of all that is drawn.
        bits: size of the dependence; "supports" is left out where they cannot share so much, and of dense codes.
        repetitions: codes made of each kind. The power is that of a normal statistic with their mean and the spread
            of the null, and of a binomial one with their accuracy: it takes few.

    Example:
        >>> found = controls(1000, 8, 0.2, 0)
        >>> round(found["supports"].detected["support_pair_bits"], 2), abs(found["supports"].support_excess - 1) < 0.2
        (1.0, True)
        >>> found["values"].detected["support_pair_bits"] < 0.5
        True
    """
    k -= k % 2
    kinds: list[Kind] = ["none", "values"]
    if density < 1 and 2 * bits / k <= entropy(density):
        kinds.insert(1, "supports")
    rng = np.random.default_rng(seed)
    found: dict[Kind, list[NDArray[np.float64]]] = {kind: [] for kind in kinds}
    # Their margins are the same, and so is the null.
    null = null_of(changing(symbols(planted(n, k, density, "none", 0.0, rng))), rng)
    trials = n // 4
    for kind in kinds:
        for _ in range(repetitions):
            codes = planted(n, k, density, kind, bits, rng)
            accuracy = two_sample_test(codes, rng).accuracy if n >= LEAST else math.nan
            found[kind].append(np.array([*totals(symbols(codes)), accuracy]))
    spread = np.sqrt(null.variance)
    with np.errstate(invalid="ignore", divide="ignore"):  # of dense codes supports have no spread
        critical = stats.gamma.isf(LEVEL, null.mean**2 / null.variance, scale=null.variance / null.mean)
        needed = stats.binom.isf(LEVEL, trials, 0.5) + 1
        made = {}
        for kind, rows in found.items():
            *sums, accuracy = np.mean(rows, axis=0)
            power = stats.norm.sf((critical - sums) / spread)
            powers = (*power, stats.binom.sf(needed - 1, trials, accuracy))
            detected = {test: float(np.nan_to_num(each)) for test, each in zip(TESTS, powers, strict=True)}
            size = 0.0 if kind == "none" else bits
            excess, support_excess = map(float, sums - null.mean)
            made[kind] = Control(kind, size, excess, support_excess, float(accuracy), detected)
    return made


def decides(found: dict[Kind, Control], *, dense: bool) -> dict[str, bool]:
    """Of each test whether it detects what it is for with a power of 0.8, and not, even at a half, what is not there.

    What pairs and classifier are for is both kinds, of dense codes that of values; that of supports is supports.
    """
    both: tuple[Kind, ...] = ("values",) if dense else ("supports", "values")
    kinds: dict[str, tuple[Kind, ...]] = {"pair_bits": both, "support_pair_bits": ("supports",), "two_sample": both}
    return {
        test: found["none"].detected[test] <= MOST_FALSE
        and all(kind in found and found[kind].detected[test] >= POWER for kind in kinds[test])
        for test in TESTS
    }


def measure(e: Evaluation, *, bits: Positive = 1.0, repetitions: Annotated[int, Field(ge=1, le=10**9)] = 2) -> Measures:
    """Whether the tests of dependence decide here: of codes of this run's N, K and density, dependent and not.

    `pair_bits_decides`, `support_pair_bits_decides` and `two_sample_decides` are 1 where the test detects each planted
    dependence that it is for with a power of 0.8, else 0: it cannot decide here, and what it does not detect may be
    there. `dependence_decides` is 1 where one test that sees supports and values does. The controls are rows of their
    own: `control_KIND/…` with `none`, `supports` and `values`. Left out: fewer than two latents that change.

    Args:
        e: the run; what counts are the latents of one draw that change, and their density.
        bits: of the planted dependence in all.
        repetitions: codes of each kind.
    """
    on = e.draw.ne(0).double().mean(0)
    live = on[(e.draw != e.draw[:1]).any(0)]
    if len(live) < 2:  # noqa: PLR2004
        return {}
    density = float(live.mean())
    found = controls(len(e.x), len(live), density, e.rng("controls").initial_seed(), bits=bits, repetitions=repetitions)
    measures: Measures = {"control_bits": bits}
    for kind, row in found.items():
        values = {"pair_bits_excess": row.excess, "support_pair_bits_excess": row.support_excess}
        values |= {"two_sample_accuracy": row.accuracy} if len(e.x) >= LEAST else {}
        values |= {f"{test}_detected": power for test, power in row.detected.items()}
        measures |= {f"control_{kind}/{name}": value for name, value in values.items()}
    answers = decides(found, dense=density == 1)
    measures |= {f"{test}_decides": float(answer) for test, answer in answers.items()}
    return measures | {"dependence_decides": float(answers["pair_bits"] or answers["two_sample"])}
