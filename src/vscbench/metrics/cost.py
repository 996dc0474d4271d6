"""What does it cost to infer a code, and how long does FISTA take to one as good?"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from vscbench import model
from vscbench.coders.fista import Prepared, fista
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from vscbench.coders import Coder
    from vscbench.metrics.evaluation import Evaluation, Measures

BATCHES = (1, 1000)
FEWEST = 5
"""Rounds of timing, however long they take: the least."""
PATIENCE = 5.0
"""Seconds of one call from which on it is timed once, and no larger size is tried."""
POINTS = 200
"""Test points on which FISTA is brought to the error of the codes."""
LIMIT = 512
"""Iterations that FISTA is given at most."""
HALVINGS, SETTLED = 14, 1e-4
"""Steps of the bisection of λ; relative change below which a code is not iterated on in it."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute by one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def turn_about(calls: Sequence[Callable[[int], object]], seconds: float, device: torch.device) -> NDArray[np.float64]:
    """Seconds of calls that are made in turn, one row a round, after a round that is not counted: (R, calls).

    On a CPU they are of the thread that computes: where nothing else runs they are those of a clock on the wall, and
    where others share the cores they stay what they were (docs/metrics.md). A first round of more than five seconds is
    the only one.

    Args:
        calls: each is given the number of the round.
        seconds: how much time the rounds take together at least; there are five at least.
        device: whose work is waited for.
    """
    clock = time.perf_counter if device.type == "cuda" else time.thread_time
    rounds: list[list[float]] = []
    while len(rounds) <= FEWEST or sum(map(sum, rounds[1:])) < seconds:
        took = []
        for call in calls:
            begun = clock()
            call(len(rounds))
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            took.append(clock() - begun)
        rounds.append(took)
        if len(rounds) == 1 and sum(took) > PATIENCE:
            return np.array(rounds)
    return np.array(rounds[1:])


class Equal(NamedTuple):
    """FISTA that gives codes as good as others."""

    iterations: int
    penalty: float


@torch.no_grad()
def equal_error(x: Tensor, prepared: Prepared, density: float, error: float) -> Equal | None:
    """The fewest iterations of FISTA, from zero, whose codes of data (N, P) have this density and at most this error.

    For each number of iterations λ is what brings its codes to the density, by bisection. None where 512 iterations do
    not reach the error: other coders may be better at a density than any code of the lasso, whose sizes are shrunk.

    Args:
        x: data (N, P).
        prepared: the dictionary.
        density: share of non-zeros.
        error: mean squared error over data and pixels.
    """
    zero_from = float((x @ prepared.atoms).abs().max())

    def run(iterations: int) -> tuple[float, float]:
        """λ and the error at it."""

        def codes(penalty: float) -> Tensor:
            return fista(x, prepared.atoms, penalty, iterations, SETTLED, prepared=prepared).codes

        low, high = 1e-5 * zero_from, zero_from
        for _ in range(HALVINGS):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if float(codes(middle).ne(0).float().mean()) > density else (low, middle)
        return high, float((codes(high) @ prepared.atoms.T - x).square().mean())

    fails, works = 0, 1
    while (found := run(works))[1] > error:
        fails, works = works, 2 * works
        if works > LIMIT:
            return None
    while works - fails > max(1, works // 20):
        middle = (works + fails) // 2
        if (tried := run(middle))[1] > error:
            fails = middle
        else:
            works, found = middle, tried
    return Equal(works, found[0])


def inferring(coder: Coder, e: Evaluation, batch: int) -> Callable[[int], object]:
    """What infers the codes of one draw of other so many test points in each turn."""
    rng, x = e.rng("cost"), following(e, batch)
    return lambda turn: coder.sample(x(turn), 1, rng)


def iterating(atoms: Tensor, equal: Equal, e: Evaluation, batch: int) -> Callable[[int], object]:
    """The same of FISTA on a dictionary, all that it needs of the dictionary made before."""
    prepared, x = Prepared.of(atoms), following(e, batch)
    return lambda turn: fista(x(turn), atoms, equal.penalty, equal.iterations, 0.0, prepared=prepared)


def following(e: Evaluation, batch: int) -> Callable[[int], Tensor]:
    """Other so many test points in each turn, repeated where they are few, as the coder reads them: (batch, P...)."""
    x = e.inputs(torch.cat([e.x] * math.ceil(batch / len(e.x))))
    starts = len(x) - batch + 1
    return lambda turn: x[turn * batch % starts :][:batch]


def of_size(e: Evaluation, latents: int) -> Coder:
    """An untrained coder of the same settings with so many latents: random unit atoms, a random encoder."""
    assert e.past is not None  # noqa: S101  (whoever asks knows)
    spec: dict[str, Any] = deepcopy(dict(e.past.spec))
    spec["generator"]["latents"] = latents
    coder = model.build_coder(spec, e.shape).to(e.device).eval()
    coder.set_step(1, 1)
    return coder


@torch.no_grad()
def measure(e: Evaluation, *, seconds: Positive = 0.5, sizes: tuple[Count, ...] = ()) -> Measures:
    """Seconds to infer the code of one draw (J = 1), beside those of FISTA at equal error and density.

    - `cost_seconds_1`, `cost_seconds_1000`: time a data point in batches of 1 and of 1,000, on one thread, median of
      repeated calls (`turn_about`), all that `sample` does included.
    - `cost_fista_iterations`: how many FISTA needs on the same dictionary for codes of the same density and at most the
      same error (`equal_error`); `cost_fista_seconds_1`, `cost_fista_seconds_1000`: what those take a data point, its
      Gram matrix and step size being known; `cost_ratio_1`, `cost_ratio_1000`: FISTA's time over the coder's, median
      over rounds in which the two are timed one after the other. Above 1 the coder is faster.
    - With `sizes`, `cost_seconds_1_K64` and so on: the same of untrained coders with so many latents, and of as many
      iterations of FISTA as before on their random unit atoms. What a network does costs the same before and after
      training. How long a solver iterates depends on its dictionary: its time at another size is that on random atoms.
      No size is tried beyond the first at which a call takes five seconds.

    Times are no property of a run: they differ from call to call, and only ratios compare between machines. Left out
    are comparisons with FISTA where it does not reach the error in 512 iterations or there is no dictionary, and sizes
    where the specification is not known.

    Args:
        e: the coder and the data.
        seconds: that each comparison is timed for, at least.
        sizes: numbers of latents K.
    """
    equal, atoms = None, e.coder.atoms
    if atoms is not None and (prepared := Prepared.of(atoms)) is not None:
        rows = e.spread(POINTS)
        error = float(e.point_errors["draw"][rows].mean())
        equal = equal_error(e.inputs(e.x[rows]), prepared, float(e.draw[rows].ne(0).float().mean()), error)
    measures: Measures = {} if equal is None else {"cost_fista_iterations": float(equal.iterations)}
    with one_thread():
        for batch in BATCHES:
            measures |= compared(e.coder, e, batch, equal, seconds)[0]
            for latents in sorted(sizes) if e.past is not None else ():
                found, longest = compared(of_size(e, latents), e, batch, equal, seconds)
                measures |= {f"{name}_K{latents}": value for name, value in found.items()}
                if longest > PATIENCE:
                    break
    return measures


def compared(
    coder: Coder, e: Evaluation, batch: int, equal: Equal | None, seconds: float
) -> tuple[dict[str, float], float]:
    """Seconds a data point of a coder, of FISTA and their ratio, by name; and the seconds of the longest call."""
    calls = [inferring(coder, e, batch)]
    if equal is not None and coder.atoms is not None:
        calls.append(iterating(coder.atoms, equal, e, batch))
    times = turn_about(calls, seconds, e.device)
    found = {f"cost_seconds_{batch}": float(np.median(times[:, 0])) / batch}
    if len(calls) > 1:
        found[f"cost_fista_seconds_{batch}"] = float(np.median(times[:, 1])) / batch
        found[f"cost_ratio_{batch}"] = float(np.median(times[:, 1] / times[:, 0]))
    return found, float(times.max())
