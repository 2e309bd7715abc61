"""The stationary bootstrap against arch's, index by index."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from btkit.validation.resampling import (
    block_length,
    runs_of,
    sharpe_of_resample,
    stationary_resamples,
)
from btkit.validation.superiority_loop import in_stretches


@pytest.mark.parametrize(
    ("periods", "block"), [(30, 3), (300, 7), (5_031, 17), (31, 40), (50, 1), (2, 1)]
)
def test_the_resamples_are_archs(periods, block):
    runs = runs_of(periods, block, stationary_resamples(periods, repetitions=20, seed=5))
    theirs = StationaryBootstrap(block, np.arange(periods), seed=5).bootstrap(20)
    for place, ((index,), _) in enumerate(theirs):
        part = slice(*runs.offsets[place : place + 2])
        ends = zip(runs.starts[part], runs.stops[part], strict=True)
        ours = np.concatenate([np.arange(start, stop) for start, stop in ends])
        np.testing.assert_array_equal(ours, index)


@pytest.mark.parametrize("periods", [30, 77, 1_000])
@pytest.mark.parametrize("carried", [-0.6, 0.0, 0.3, 0.9])
def test_the_length_of_a_block_is_archs(periods, carried):
    random = np.random.default_rng(periods)
    for _ in range(20):
        series = random.standard_t(4, periods)
        for period in range(1, periods):
            series[period] += carried * series[period - 1]
        expected = optimal_block_length(series)["stationary"].iloc[0]
        assert block_length(series) == pytest.approx(expected, rel=1e-12)


def test_a_series_that_does_not_move_has_no_length_of_a_block():
    assert math.isnan(block_length(np.zeros(50)))


@pytest.mark.parametrize("block", [1, 2, 9])
def test_sharpe_ratios_are_those_of_the_resampled_series(block):
    returns = np.random.default_rng(3).normal(0.4, 0.01, 200)
    resamples = list(stationary_resamples(200, repetitions=30, seed=1))
    found = [sharpe_of_resample(returns, resample, block) for resample in resamples]
    theirs = StationaryBootstrap(block, returns, seed=1).bootstrap(30)
    expected = [sample.mean() / sample.std(ddof=1) for (sample,), _ in theirs]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert sharpe_of_resample(np.full(200, 0.25), resamples[0], block) == 0.0


def test_in_stretches_a_resample_has_the_same_periods():
    runs = runs_of(1_100, 9, stationary_resamples(1_100, repetitions=3, seed=1))
    found = in_stretches(runs, 1_100, 9)
    for place in range(3):
        part = slice(*runs.offsets[place : place + 2])
        expected = _counted(1_100, runs.starts[part], runs.stops[part])
        parts = [slice(*found.offsets[stretch, place : place + 2]) for stretch in range(3)]
        counts = [_counted(1_100, found.starts[part], found.stops[part]) for part in parts]
        np.testing.assert_array_equal(np.sum(counts, axis=0), expected)
        for stretch, count in enumerate(counts):
            drawn = np.flatnonzero(count)
            assert (drawn // 512 == stretch).all()
            assert drawn.size


def _counted(periods, starts, stops):
    steps = np.zeros(periods + 1)
    np.add.at(steps, starts, 1)
    np.add.at(steps, stops, -1)
    return np.cumsum(steps)[:-1]
