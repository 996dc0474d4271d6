"""What each of the paper's claims predicts: lists of comparisons, all from metrics.csv, each above zero if it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from vscbench.reporting.claims.comparisons import (
    Compare,
    Sizes,
    against,
    beside,
    deep,
    effect,
    ends,
    fewer_bits,
    linear,
    nats_higher,
    no_worse,
    pairs,
    percent_higher,
    percent_lower,
    ratio_higher,
)
from vscbench.reporting.frontier import frontiers

if TYPE_CHECKING:
    from collections.abc import Callable

    from vscbench.reporting.claims.verdicts import Effect
    from vscbench.reporting.study import Study

DENSE = {
    "gaussian_thresh": "gaussian",
    "gaussian_thresh_gamma": "gaussian",
    "laplacian_thresh": "laplacian",
    "laplacian_thresh_gamma": "laplacian",
}
"""The dense method that each thresholded one thresholds."""
FIXED = {"gaussian_thresh_gamma": "gaussian_thresh", "laplacian_thresh_gamma": "laplacian_thresh"}
"""The method with a fixed threshold beside each that learns one."""
SPIKE_SLAB = "spike_slab"
SPARSE = (*DENSE, SPIKE_SLAB)
BEST_DENSITY = {
    "gaussian_thresh": (0.2,),
    "spike_slab": (0.1, 0.2),
    "laplacian_thresh": (0.5,),
    "gaussian_thresh_gamma": (0.5,),
}
"""Where the paper finds the least error of each method."""

EXACT = 1e-2
"""Distance of distribution functions below which a distribution is that which it should be."""
WORTH_JACCARD = 0.01
WORTH_FVE = 0.01
WORTH_R = 0.02


def exact_distribution(study: Study) -> list[Effect]:
    """1: the distance between draws and the exact distribution is below what matters."""
    return [
        found
        for group in linear(study) or study.groups
        for method in ("laplacian_thresh", "laplacian_thresh_gamma")
        for found in effect(
            study,
            f"{study.labels.get(method)}: {EXACT:g} less the distance",
            group,
            EXACT - study.of(group, "spike_slab_distance", method),
        )
    ]


def lower_lasso(study: Study) -> list[Effect]:
    """2: thresholded below its dense base and below the spike-and-slab."""
    return [
        found
        for group in linear(study)
        for method, dense in DENSE.items()
        for worse in (dense, SPIKE_SLAB)
        for found in against(study, group, "lasso20_best", method, worse, percent_lower)
    ]


def at_equal_density(study: Study, rivals: dict[str, str]) -> list[Effect]:
    """Variance explained by each method beyond its rival, at equal density of one draw, on every frontier."""
    return [
        found
        for name, place in frontiers(study).items()
        for method, rival in rivals.items()
        for found in effect(
            study,
            f"{study.labels.get(method)} against {study.labels.get(rival)}, FVE at equal density",
            name,
            place.difference(method, rival),
            unit="of the variance",
            margin=WORTH_FVE,
        )
    ]


def nearer_frontier(study: Study) -> list[Effect]:
    """2, at matched density: more variance explained than by the spike-and-slab."""
    return at_equal_density(study, dict.fromkeys(DENSE, SPIKE_SLAB))


def fista_lowest(study: Study) -> list[Effect]:
    """3: FISTA below every other method."""
    return [
        found
        for group in linear(study)
        for method in study.methods(group)
        if method != "fista"
        for found in against(study, group, "lasso20_best", "fista", method, percent_lower)
    ]


def fewer_dependences(metric: str, study: Study) -> list[Effect]:
    """4: sparse posteriors with fewer bits than the dense ones."""
    return [
        found
        for group in linear(study)
        for method, dense in {**DENSE, SPIKE_SLAB: "gaussian"}.items()
        for found in against(study, group, metric, method, dense, fewer_bits)
    ]


def less_noise(metric: str, study: Study) -> list[Effect]:
    """5: thresholded with a higher ratio than the spike-and-slab, both networks, J = 1 and 20."""
    return [
        found._replace(what=f"{found.what}: {part}, J = {samples}")
        for group in linear(study)
        for part in ("inference", "generator")
        for samples in (1, 20)
        for method in ("gaussian_thresh", "laplacian_thresh")
        for found in against(study, group, f"{metric}_{part}_j{samples}", method, SPIKE_SLAB, ratio_higher)
    ]


def steadier_estimator(study: Study) -> list[Effect]:
    """6: the straight-through estimator ends lower, and its gradients vary less, than the sub-gradient's."""
    found: list[Effect] = []
    for group, other in pairs(study, "estimator", "straight_through", "subgradient"):
        for method in study.methods(group):
            for metric, name, how in (
                ("elbo", "bound", nats_higher),
                ("gradient_snr_unbiased_inference_j20", "gradient SNR", ratio_higher),
            ):
                values, unit, margin = how(study.of(group, metric, method), study.of(other, metric, method))
                what = f"{study.labels[method]}, {name}: straight-through against sub-gradient"
                found += effect(study, what, study.experiment[group], values, unit=unit, margin=margin)
    return found


def agreeing_supports(metric: str, study: Study) -> list[Effect]:
    """7: max-ELBO sampling with a higher Jaccard index, beyond its null, than averaging."""
    found: list[Effect] = []
    for group, other in pairs(study, "sampling", "max_elbo", "average"):
        if study.points[group].get("samples") == "1":  # one sample is its own average
            continue
        for method in study.methods(group):
            one, two = (
                study.of(g, metric, method) - study.of(g, "jaccard_null", method) * (metric == "jaccard_draw")
                for g in (group, other)
            )
            what = f"{study.labels[method]}, J = {study.points[group].get('samples')}: max-ELBO against average"
            found += effect(study, what, study.experiment[group], one - two, margin=WORTH_JACCARD)
    return found


def lower_with_samples(metric: str, how: Compare, study: Study) -> list[Effect]:
    """7: the loss of max-ELBO at the largest J lower than at J = 1."""
    found: list[Effect] = []
    for few, many in ends(study, "samples"):
        if study.points[few].get("sampling", "max_elbo") != "max_elbo":
            continue
        for method in study.methods(few):
            values, unit, margin = how(study.of(many, metric, method), study.of(few, metric, method))
            what = f"{study.labels[method]}: J = {study.points[many]['samples']} against {study.points[few]['samples']}"
            found += effect(study, what, study.experiment[few], values, unit=unit, margin=margin)
    return found


def better_threshold(study: Study) -> list[Effect]:
    """8: more variance explained by a learned threshold than by a fixed one at equal density."""
    return at_equal_density(study, FIXED)


def learned_lower(study: Study) -> list[Effect]:
    """8, as published: a lower lasso objective, whatever the density."""
    return [
        found
        for group in linear(study)
        for learned, fixed in FIXED.items()
        for found in against(study, group, "lasso20_best", learned, fixed, percent_lower)
    ]


def crossing(metric: str, study: Study) -> list[Effect]:
    """9: from the smallest to the largest code the dense error rises, the thresholded falls."""
    found: list[Effect] = []
    for small, large in ends(study, "latents"):
        for method, sign in (("gaussian", 1), ("gaussian_thresh", -1)):
            values, unit, margin = percent_higher(study.of(large, metric, method), study.of(small, metric, method))
            sizes = f"{study.points[small]['latents']} to {study.points[large]['latents']} latents"
            what = f"{study.labels.get(method)}, error {'up' if sign > 0 else 'down'} from {sizes}"
            found += effect(study, what, study.experiment[small], sign * values, unit=unit, margin=margin)
    return found


def largest(study: Study) -> list[str]:
    """The last point of each experiment with a network: that of the largest code, where sizes are swept."""
    return list({study.experiment[group]: group for group in deep(study)}.values())


def as_well(metric: str, study: Study) -> list[Effect]:
    """10: an error at most 5 % above that of the dense Gaussian, for codes of the largest size."""
    return [
        found
        for group in largest(study)
        for method in SPARSE
        for found in against(study, group, metric, method, "gaussian", no_worse)
    ]


def best_density(metric: str, study: Study) -> list[Effect]:
    """11: the error at the paper's best density lower than at every other one."""
    found: list[Effect] = []
    for group in deep(study):
        if "density" not in study.points[group]:
            continue
        here = float(study.points[group]["density"])
        by_density = {float(study.points[g]["density"]): g for g in beside(study, group, "density")}
        for method, best in BEST_DENSITY.items():
            chosen = [study.of(by_density[d], metric, method) for d in best if d in by_density]
            if here in best or not chosen:
                continue
            lowest = pd.concat(chosen, axis=1).min(axis=1)
            values, unit, margin = percent_lower(lowest, study.of(group, metric, method))
            wanted = " or ".join(f"{100 * d:g}" for d in best)
            what = f"{study.labels.get(method)}: {wanted} against {100 * here:g} % non-zeros"
            found += effect(study, what, study.experiment[group], values, unit=unit, margin=margin)
    return found


def own_latents(study: Study) -> list[Effect]:
    """12: more attributes with a latent of their own, beyond chance, than the dense Gaussian."""
    return _attributes(study, "attributes_found", "attributes", 0.5)


def correlated_latents(study: Study) -> list[Effect]:
    """12, nearly as published: a stronger correlation of the best latent, mean over attributes."""
    return _attributes(study, "attribute_r_mean", "|r|", WORTH_R)


def _attributes(study: Study, metric: str, unit: str, margin: float) -> list[Effect]:
    def more(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
        return better - worse, unit, margin

    return [
        found
        for group in largest(study)
        for method in SPARSE
        for found in against(study, group, metric, method, "gaussian", more)
    ]


def together(*parts: Callable[[Study], list[Effect]]) -> Callable[[Study], list[Effect]]:
    """Comparisons of several kinds that a claim needs all of; none where one kind was not measured."""

    def effects(study: Study) -> list[Effect]:
        found = [part(study) for part in parts]
        return [each for part in found for each in part] if all(found) else []

    return effects
