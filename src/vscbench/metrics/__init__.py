"""Metrics: one file each, a function `measure(e, *, settings)` of an `Evaluation` that measures its nulls too.

A metric is registered by its line in `METRICS`. The annotated keyword arguments of its `measure` are its settings: in
the `evaluation` section of an experiment `NAME: {settings}` changes them, and `NAME: false` leaves the metric out.
Those of `ON_REQUEST` are left out where it does not name them.
"""

__all__ = ["METRICS", "ON_REQUEST"]

METRICS = {
    "reconstruction": "vscbench.metrics.reconstruction:measure",
    "standard_errors": "vscbench.metrics.standard_errors:measure",
    "floors": "vscbench.metrics.floors:measure",
    "lasso": "vscbench.metrics.lasso:measure",
    "optimality": "vscbench.metrics.optimality:measure",
    "sparsity": "vscbench.metrics.sparsity:measure",
    "units": "vscbench.metrics.units:measure",
    "collapse": "vscbench.metrics.collapse:measure",
    "bounds": "vscbench.metrics.bounds:measure",
    "convergence": "vscbench.metrics.convergence:measure",
    "amortisation": "vscbench.metrics.amortisation:measure",
    "dependence": "vscbench.metrics.dependence:measure",
    "pairwise": "vscbench.metrics.pairwise:measure",
    "two_sample": "vscbench.metrics.two_sample:measure",
    "dependence_controls": "vscbench.metrics.dependence_controls:measure",
    "support": "vscbench.metrics.support:measure",
    "saturation": "vscbench.metrics.saturation:measure",
    "gradients": "vscbench.metrics.gradients:measure",
    "stability": "vscbench.metrics.stability:measure",
    "exactness": "vscbench.metrics.exactness:measure",
    "recovery": "vscbench.metrics.recovery:measure",
    "hierarchy": "vscbench.metrics.hierarchy:measure",
    "cost": "vscbench.metrics.cost:measure",
    "atoms": "vscbench.metrics.atoms:measure",
    "generation": "vscbench.metrics.generation:measure",
    "attributes": "vscbench.metrics.attributes:measure",
    "pictures": "vscbench.metrics.pictures:measure",
}
"""Where each metric stands, in the order in which they are measured."""

ON_REQUEST = frozenset({"amortisation", "cost"})
"""Measured only where they are asked for: they take long, and numbers of `cost` are of the machine."""
