"""The compiled sums: in their stated order, right to the last digits, and the same part by part."""

from __future__ import annotations

import math

import numpy as np
import pytest

from btkit.metrics import MEASURED, bar_returns, drawdown_series
from btkit.metrics.measure import (
    PART,
    add_drawdowns,
    add_returns,
    conclude,
    measure,
    new_meter,
    restart_meter,
)

SIZES = [1, 2, 3, 7, 8, 9, 511, 512, 513, PART - 1, PART, PART + 1, 5031]
NONE = np.empty(0)
EVERY_BAR = np.empty(0, np.int64)


def measured(worth, days):
    row = np.full(len(MEASURED) + 1, math.nan)
    measure(
        worth, 1.0, NONE, EVERY_BAR, days, False, NONE, NONE, NONE, new_meter(), np.empty(1), row
    )
    return dict(zip([*MEASURED, "finite"], row.tolist(), strict=True))


def in_eight_sums(values):
    """The order of the module's docstring, in plain Python."""
    lanes = [0.0] * 8
    for part in range(0, len(values), PART):
        sums = [0.0] * 8
        piece = values[part : part + PART].tolist()
        whole = len(piece) - len(piece) % 8
        for at, value in enumerate(piece[:whole]):
            sums[at % 8] += value
        lanes = [lane + more for lane, more in zip(lanes, sums, strict=True)]
        for at, value in enumerate(piece[whole:]):
            lanes[at] += value
    total = 0.0
    for lane in lanes:
        total += lane
    return total


def grown(returns):
    return 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + returns]))


@pytest.fixture(params=SIZES)
def worth(request):
    return grown(np.random.default_rng(request.param).normal(0.0005, 0.01, request.param))


def test_order(worth):
    meter, returns = new_meter(), bar_returns(worth[1:], worth[0])
    restart_meter(meter, worth[0], 0)
    add_returns(meter, worth, 0, returns.size)
    away = returns - in_eight_sums(returns[:512]) / min(512, returns.size)
    falls = np.minimum(returns, 0.0)
    for lanes, values in zip(
        meter.lanes, (returns, away, away * away, falls * falls), strict=False
    ):
        assert np.add.accumulate(lanes)[-1] == in_eight_sums(values)


def test_against_exact_sums(worth):
    returns = bar_returns(worth[1:], worth[0])
    found = measured(worth, np.arange(returns.size))
    mean = math.fsum(returns) / returns.size
    if returns.size > 1:
        squares = math.fsum((returns - mean) ** 2)
        deviation = math.sqrt(squares / (returns.size - 1))
        assert found["volatility"] == pytest.approx(deviation, rel=1e-14)
        assert found["sharpe_ratio"] == pytest.approx(mean / deviation, rel=1e-13)
    falls = math.sqrt(math.fsum(np.minimum(returns, 0.0) ** 2) / returns.size)
    if falls:
        assert found["sortino_ratio"] == pytest.approx(mean / falls, rel=1e-13)


def test_part_by_part_is_the_same(worth):
    count, meter, row = worth.size - 1, new_meter(), np.full(len(MEASURED) + 1, math.nan)
    days = np.arange(count)
    restart_meter(meter, worth[0], 0)
    for first in range(0, count, PART):
        last = min(first + PART, count)
        add_returns(meter, worth, first, last)
        add_drawdowns(meter, worth, days, first, last)
    conclude(meter, worth, 1.0, NONE, EVERY_BAR, days, False, np.empty(1), row)
    whole = measured(worth, days)
    done = np.isfinite(row)
    assert done.sum() > 5  # the trades' metrics are not worked out
    assert [whole[name] for name, there in zip(MEASURED, done, strict=False) if there] == row[:-1][
        done[:-1]
    ].tolist()


def test_steady_growth_has_no_deviation():
    found = measured(grown(np.full(5000, 0.01)), np.arange(5000))
    assert found["volatility"] == 0.0
    assert found["sharpe_ratio"] == math.inf


def curves():
    """Curves that fall, stay, rise again, touch their peak but for rounding, and end in debt."""
    for seed in range(60):
        random = np.random.default_rng(seed)
        count = int(random.integers(1, 700))
        returns = random.normal(0.0003, 0.01, count)
        returns[random.random(count) < random.choice([0.0, 0.5, 0.95])] = 0.0
        if seed % 3 == 0:
            returns = np.where(np.arange(count) % 2, 1e-15, -1e-15) * random.integers(0, 4)
        if seed % 5 == 0:
            returns = np.abs(returns)
        worth = grown(returns)
        if seed % 7 == 0:
            worth[count // 2 + 1 :] = -5.0
        yield worth, np.cumsum(random.integers(0, 4, count))


@pytest.mark.parametrize(("worth", "days"), list(curves()))
def test_drawdowns(worth, days):
    equity, found = worth[1:], measured(worth, days)
    drawdown = drawdown_series(equity, worth[0])
    peaks = np.maximum.accumulate(worth)[1:]
    assert found["max_drawdown_pct"] == drawdown.min()
    assert found["max_drawdown"] == np.where(drawdown < 0.0, equity - peaks, 0.0).min()
    at_peak = np.flatnonzero(drawdown == 0.0).tolist()
    longest, last, day = 0, -1, days[0]
    for bar in at_peak:
        longest = max(longest, days[bar] - day) if bar - last > 1 else longest
        last, day = bar, days[bar]
    if last != equity.size - 1:
        longest = max(longest, days[-1] - day)
    assert found["max_drawdown_duration_days"] == longest


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [1, 3, 600, 700])
def test_what_is_no_number_is_noticed(bad, place):
    worth = grown(np.random.default_rng(0).normal(0.0005, 0.01, 700))
    assert measured(worth, np.arange(700))["finite"] == 1.0
    worth[place] = bad
    assert measured(worth, np.arange(700))["finite"] == 0.0
