"""One training loop for every method, with schedules that are functions of the step alone."""

OPTIMIZERS = {
    "two_rates": "vscbench.training.two_rates:TwoRates",
    "adam": "vscbench.training.adam:Adam",
    "online": "vscbench.training.online:Online",
}
"""Where each kind of optimiser stands."""
