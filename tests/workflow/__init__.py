"""Tests of the plans of the workflow; a package, as other folders of tests have files of the same names."""
