"""5: thresholded posteriors have a better gradient signal-to-noise ratio than the spike-and-slab."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import DENSE, SPIKE_SLAB, Quantity, linear, measured, side_by_side
from vscbench.reporting.inference import INCONCLUSIVE, Verdict

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

SAMPLES = (1, 20)
PARTS = ("inference", "generator")


def trained_with(study: Study, group: str) -> int | None:
    """J of the objective of a group's runs; None where their folders are not there."""
    if "samples" in study.points[group]:
        return int(study.points[group]["samples"])
    runs = study.runs(group, SPIKE_SLAB)
    return int(study.spec(runs[0])["objective"]["samples"]) if runs else None


def higher(metric: str, study: Study) -> list[Comparison]:
    """Fixed thresholds above the spike-and-slab, both networks, at each J, on runs that were trained with that J."""
    wanted = (*DENSE, SPIKE_SLAB)
    groups = linear(study) + [
        group for group in study.groups if study.linear(group) and "samples" in study.points[group]
    ]
    by_samples: dict[int, list[Comparison]] = {samples: [] for samples in SAMPLES}
    for samples in SAMPLES:
        trained = [group for group in dict.fromkeys(groups) if trained_with(study, group) == samples]
        for part in PARTS:
            quantity = Quantity(f"{metric}_{part}_j{samples}", margin=0.01, higher=True)
            for group in measured(study, trained, quantity.metric, wanted):
                by_samples[samples] += [
                    side_by_side(study, quantity, group, method, "above", SPIKE_SLAB, f": {part}, J = {samples}")
                    for method in DENSE
                ]
    found = [each for made in by_samples.values() for each in made]
    if found:
        groups_found = tuple(dict.fromkeys(group for each in found for group in each.groups))
        for samples, made in by_samples.items():
            if not made:
                missing = Verdict(INCONCLUSIVE, 1.0, f"no runs were trained with J = {samples}")
                found.append(Comparison(f"at J = {samples}", missing, 0.01, "% of the rival's", groups_found))
    return found


CLAIM = Claim(
    number=5,
    statement="Thresholded posteriors have a better gradient SNR than the concrete spike-and-slab.",
    published="2.9 times (inference) and 1.43 (generator) at J = 1, 2.3 and 1.02 at J = 20",
    figure="gradient_snr",
    stated=Reading(
        "as published",
        "Mean over parameters of |mean|/(std + 1e-9) is higher with a fixed threshold, of inference network and "
        "generator, at J = 1 and 20, each of runs trained with that J",
        "1 % of the rival's, half of the least that the authors print",
        partial(higher, "gradient_snr_published"),
    ),
    beside=(
        Reading(
            "freed of bias",
            "The ratio freed of the bias of its estimate, √(‖E g‖²/E‖g - E g‖²), is higher, where it is above zero",
            "1 % of the rival's",
            partial(higher, "gradient_snr_unbiased"),
        ),
    ),
)
