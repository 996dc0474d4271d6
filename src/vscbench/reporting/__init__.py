"""Tables and figures, all from one tidy file of metrics and the folders of the runs."""
