"""How J posterior samples make one loss per data point: `average` and `max_elbo`."""

from vscbench.objectives.sampling import Loss, Objective, squared_error

__all__ = ["Loss", "Objective", "squared_error"]
