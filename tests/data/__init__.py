"""Tests of vscbench.data; a package, as other folders of tests have files of the same names."""
