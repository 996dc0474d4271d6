"""Tests of vscbench.tracking; a package, as other folders of tests have files of the same names."""
