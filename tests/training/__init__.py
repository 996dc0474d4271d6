"""Tests of vscbench.training."""
