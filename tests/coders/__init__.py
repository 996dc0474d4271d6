"""Tests of vscbench.coders."""
