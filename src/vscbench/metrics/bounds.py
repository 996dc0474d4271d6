"""How likely is the data under the model, at least, and under models that have nothing to learn?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from vscbench.coders.amortised import Amortised
from vscbench.metrics.evaluation import CHUNK
from vscbench.metrics.fitted_noise import bound_at, fitted_bound
from vscbench.metrics.floors import evidence
from vscbench.metrics.standard_errors import over_data
from vscbench.objectives.loss import squared_error
from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from vscbench.coders.posterior import Params
    from vscbench.metrics.evaluation import Evaluation, Measures

DRAWS = 100
GROUPS = {"elbo": 1, "iwae_5": 5, "iwae_20": 20, "iwae_100": 100}
"""How many draws are averaged in each bound, K of IWAE_K."""
FITTED = ("elbo", "iwae_100")
"""Those that are also measured at the noise variance that suits them best."""
AT_ONCE = {False: 10, True: 1}
"""Draws of a chunk of vectors, and of images, that are decoded at once: they stay below 100 MB."""


@torch.no_grad()
def draws(
    e: Evaluation, coder: Amortised, x: Tensor, infer: Callable[[Tensor], Params] | None = None
) -> tuple[Tensor, Tensor]:
    """‖x - x̂‖² and log p(z) - log q(z|x) of 100 draws for each data point of `x`: (100, N) each, float64.

    The draws are the same whatever `infer` makes the posterior's parameters; the coder does if it is None.
    """
    rng, once = e.rng("bounds"), AT_ONCE[e.is_images]
    squares, log_ratios = [], []
    for chunk in x.split(CHUNK[e.is_images]):
        given = e.inputs(chunk)
        params, size = (infer or coder.params)(given), math.prod(e.shape)
        for _ in range(0, DRAWS, once):
            noise = coder.family.noise(params, once, rng)
            squares.append(size * squared_error(given, coder.decode(coder.family.codes(params, noise))).double())
            log_ratios.append(coder.log_ratio(params, noise, coder.log_prior(given, rng)).double())
    each = DRAWS // once
    joined = [
        torch.cat([torch.cat(parts[first : first + each]) for first in range(0, len(parts), each)], dim=1)
        for parts in (squares, log_ratios)
    ]
    return joined[0], joined[1]


def measure(e: Evaluation, *, points: Count = 500) -> Measures:
    """Evidence bounds, nats a data point: `elbo`, the mean of log w, and `iwae_K`, that of log-mean-exp of K weights.

    Burda et al. 2016 (arXiv 1509.00519). The likelihood is N(x; x̂, s²I) with s² = kl_weight · P/2, what the weights of
    the training loss imply, or as learned, `noise_training`: bounds of methods trained at different weights are those
    of different models. `elbo_fitted` and `iwae_100_fitted` are at the s² that suits each best on these points, of the
    first `noise_fitted`. Of a learned threshold the bound is on the joint model p(x|z) p(z|λ) p(λ), whatever the weight
    of its divergence in training was. K < 100 draws are disjoint groups of the 100.
    `rate` is KL(q(z|x) ‖ p(z)), the mean of log q - log p of the same draws: of the codes themselves, where `kl` of a
    threshold is that of its base. ELBO = -P/2 log 2πs² - ‖x - x̂‖²/2s² - rate.

    The rows `empty_model/…` and `ppca/…` are the evidence, on the same points and at the same noise, of a model that
    puts out nothing and of probabilistic PCA with as many components as latents. `…_above_empty` is what a bound has
    beyond the empty model: below 0 the model has learned, by this measure, less than nothing. `…_se` are standard
    errors over data points, or over the groups that these are of, that of the difference paired. Left out: a coder that
    is not an encoder with a posterior, a kl_weight of 0, and a prior that looks at x, which bounds nothing.

    Args:
        e: the coder and the data.
        points: test points, evenly spaced, that the bounds are measured on.
    """
    coder = e.coder
    if not isinstance(coder, Amortised) or not coder.bounded:
        return {}
    rows, size = e.spread(points), math.prod(e.shape)
    x, clusters = e.x[rows], None if e.clusters is None else e.clusters[rows.numpy()]
    variance = float(coder.kl_weight) * size / 2
    squares, log_ratio = draws(e, coder, x)
    bounds = {name: bound_at(variance, squares, log_ratio, size, k) for name, k in GROUPS.items()}
    fitted = {name: fitted_bound(squares, log_ratio, size, GROUPS[name]) for name in FITTED}
    bounds |= {f"{name}_fitted": found.values for name, found in fitted.items()}
    floors = evidence(e.principal, e.inputs(x).cpu(), variance=variance, centred=e.is_images)
    measures: Measures = {"noise_training": variance, "noise_fitted": fitted["elbo"].variance}
    measures |= _with_error("rate", -log_ratio.mean(0), clusters)
    for name, values in bounds.items():
        measures |= _with_error(name, values, clusters)
        kind = "_fitted" if name.endswith("_fitted") else ""
        measures |= _with_error(f"{name}_above_empty", values.cpu() - floors[f"empty_model{kind}"], clusters)
        for row in ("empty_model", "ppca"):
            if (floor := floors.get(f"{row}{kind}")) is not None:
                measures |= _with_error(f"{row}/{name}", floor, clusters)
    return measures


def _with_error(name: str, values: Tensor, clusters: NDArray[Any] | None) -> Measures:
    """A mean over data points and its standard error."""
    found = over_data(values.cpu().numpy(), clusters)
    return {name: found.mean, f"{name}_se": found.error}
