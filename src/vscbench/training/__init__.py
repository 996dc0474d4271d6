"""One training loop for every method, with schedules that are functions of the step alone."""
