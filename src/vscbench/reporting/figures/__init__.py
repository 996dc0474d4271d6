"""Figures: one file each, drawn from a finished study."""
