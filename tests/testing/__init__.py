"""Tests of vscbench.testing, the battery: that it tells a right coder from a wrong one."""
