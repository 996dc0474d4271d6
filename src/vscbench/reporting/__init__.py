"""Tables and figures, all from one tidy file of metrics and the folders of the runs.

An output is one module that declares its name, caption and what it needs, and makes itself. It is registered by its
line in `OUTPUTS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench import registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["OUTPUTS", "available_outputs", "write"]

OUTPUTS = {
    "table1": "vscbench.reporting.tables.table1:TABLE",
    "corrected": "vscbench.reporting.tables.corrected:TABLE",
    "reconstruction_errors": "vscbench.reporting.tables.reconstruction_errors:TABLE",
    "bounds": "vscbench.reporting.tables.bounds:TABLE",
    "amortisation_gap": "vscbench.reporting.tables.amortisation:TABLE",
    "dependence": "vscbench.reporting.tables.dependence:TABLE",
    "support": "vscbench.reporting.tables.support:TABLE",
    "gradients_inference": "vscbench.reporting.tables.gradients_inference:TABLE",
    "gradients_generator": "vscbench.reporting.tables.gradients_generator:TABLE",
    "recovery_scores": "vscbench.reporting.tables.recovery_scores:TABLE",
    "atom_scores": "vscbench.reporting.tables.atom_scores:TABLE",
    "resources": "vscbench.reporting.tables.resources:TABLE",
    "sweep_points": "vscbench.reporting.tables.sweep_points:TABLE",
    "attribute_scores": "vscbench.reporting.tables.attribute_scores:TABLE",
    "matched_density": "vscbench.reporting.tables.matched_density:TABLE",
    "rate_distortion": "vscbench.reporting.tables.rate_distortion:TABLE",
    "trials": "vscbench.reporting.tables.trials:TABLE",
    "parts": "vscbench.reporting.tables.parts:TABLE",
    "claims": "vscbench.reporting.figures.claims:FIGURE",
    "leaderboard": "vscbench.reporting.figures.leaderboard:FIGURE",
    "quality_seconds": "vscbench.reporting.figures.quality_seconds:FIGURE",
    "threshold": "vscbench.reporting.figures.threshold:FIGURE",
    "dictionaries": "vscbench.reporting.figures.dictionaries:FIGURE",
    "atoms": "vscbench.reporting.figures.atoms:FIGURE",
    "gradient_snr": "vscbench.reporting.figures.gradient_snr:FIGURE",
    "training_curves": "vscbench.reporting.figures.training_curves:FIGURE",
    "reconstruction_density": "vscbench.reporting.figures.reconstruction_density:FIGURE",
    "frontier": "vscbench.reporting.figures.frontier:FIGURE",
    "rates": "vscbench.reporting.figures.rates:FIGURE",
    "amortisation": "vscbench.reporting.figures.amortisation:FIGURE",
    "support_agreement": "vscbench.reporting.figures.support_agreement:FIGURE",
    "recovery": "vscbench.reporting.figures.recovery:FIGURE",
    "sweeps": "vscbench.reporting.figures.sweeps:FIGURE",
    "ablation": "vscbench.reporting.figures.ablation:FIGURE",
    "effects": "vscbench.reporting.figures.effects:FIGURE",
    "reconstructions": "vscbench.reporting.figures.reconstructions:FIGURE",
    "prior_samples": "vscbench.reporting.figures.prior_samples:FIGURE",
    "recovered_dictionaries": "vscbench.reporting.figures.recovered_dictionaries:FIGURE",
    "attributes": "vscbench.reporting.figures.attributes:FIGURE",
    "traversals": "vscbench.reporting.figures.traversals:FIGURE",
    "tuning": "vscbench.reporting.figures.trials:FIGURE",
}
"""Where each table and figure stands, in the order of the report."""


def available_outputs(index: Mapping[str, Any]) -> list[str]:
    """Those that a study has something for, by the content of its study.json."""
    return [name for name, where in OUTPUTS.items() if registry.load(where).needs(index)]


def write(name: str, results: Path, out: Path | None = None) -> None:
    """Make the table or figure `name` of the study in `results`.

    Args:
        name: of `OUTPUTS`.
        results: the folder of the study.
        out: where the files go; `results`/tables or `results`/figures where None.

    Raises:
        UserError: there is no such output, or the study has not been assembled.
    """
    from vscbench.reporting.output import Table
    from vscbench.reporting.study import Study

    found = registry.find(OUTPUTS, name, "table or figure")
    study = Study(results)
    if isinstance(found, Table):
        from vscbench.reporting.formats import write_table

        write_table(found, study, out or results / "tables")
    else:
        from vscbench.reporting.drawing import write_figure

        write_figure(found, study, out or results / "figures")
