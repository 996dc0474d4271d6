# ruff: noqa: F401  (modules are collected below: a claim is its module and one line here)
"""The paper's twelve claims, one module each.

They are imported, not named as text, so that the verdicts depend on their code.
"""

from vscbench.reporting.claims.claim import Claim
from vscbench.reporting.claims.twelve import (
    as_dense,
    attributes,
    densities,
    dependence,
    estimator,
    fista,
    gradients,
    learned_threshold,
    objective,
    samples,
    sampling,
    sizes,
)

_FOUND = [getattr(module, "CLAIM", None) for module in tuple(globals().values())]
CLAIMS = tuple(sorted((each for each in _FOUND if isinstance(each, Claim)), key=lambda claim: claim.number))
"""In the order of the paper."""
