"""Tests of vscbench.networks."""
