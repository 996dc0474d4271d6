"""How J posterior samples make one loss per data point: the sampling rules, one file each."""

from vscbench.objectives.loss import Loss, squared_error
from vscbench.objectives.rule import Objective, Outcome, Rule

__all__ = ["RULES", "Loss", "Objective", "Outcome", "Rule", "squared_error"]

RULES = {
    "max_elbo": "vscbench.objectives.max_elbo:MaxElbo",
    "average": "vscbench.objectives.average:Average",
    "iwae": "vscbench.objectives.iwae:Iwae",
    "iwae_published": "vscbench.objectives.published_iwae:PublishedIwae",
    "rejection": "vscbench.objectives.rejection:Rejection",
}
"""Where each sampling rule stands."""
