"""Tests of `vscbench.metrics`."""
