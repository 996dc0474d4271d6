"""How J posterior samples make one loss per data point: the sampling rules, one file each but the first two."""

from vscbench.objectives.loss import Loss, squared_error
from vscbench.objectives.sampling import Objective

__all__ = ["Loss", "Objective", "squared_error"]
