"""Tests of vscbench.objectives."""
