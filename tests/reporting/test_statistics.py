"""The bootstrap interval, against scipy and by definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reporting.planted import samples
from vscbench.reporting.statistics import bootstrap_interval


def test_interval_is_that_of_scipys_bootstrap() -> None:
    values = samples(0, 12)
    expected = stats.bootstrap((values,), np.mean, n_resamples=100_000, method="percentile", rng=0).confidence_interval
    assert bootstrap_interval(tuple(values)) == pytest.approx(tuple(expected), abs=0.02)


def test_interval_of_few() -> None:
    """Of three numbers the extreme means are 1/27 each, more than 2.5 %: the interval is their range."""
    assert bootstrap_interval((1.0, 2.0, 4.0)) == (1.0, 4.0)
    assert bootstrap_interval((2.0, 2.0)) == (2.0, 2.0)
    assert np.isnan(bootstrap_interval((3.0,))).all()


def test_interval_of_three_covers_three_of_four_times() -> None:
    """What the page says of it: too narrow, so that it does not decide."""
    intervals = np.array([bootstrap_interval(tuple(values)) for values in samples(0, 500, 3)])
    assert 0.70 < ((intervals[:, 0] < 0) & (intervals[:, 1] > 0)).mean() < 0.80
