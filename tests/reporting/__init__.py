"""Tests of tables, figures and verdicts."""
