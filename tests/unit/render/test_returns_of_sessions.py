"""An hourly run on the page: what is annualised there is annualised as its metrics are."""

import math

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.markets import schedule
from btkit.render.figures.through_time import through_time_chart
from btkit.render.inline import as_document
from btkit.render.verdict import NORMAL_95, interval
from btkit.render.view import RunView


@pytest.fixture(scope="module")
def result():
    listed = schedule("XNYS", pd.Timestamp("2021-01-04"), pd.Timestamp("2023-06-30"))
    hours = np.concatenate(
        [
            pd.date_range(day.open, day.close, freq="h", inclusive="left").tz_localize(None)
            for day in listed.itertuples()
        ]
    )
    kept = np.random.default_rng(8).random(len(hours)) < 0.8
    index = pd.DatetimeIndex(hours[kept]).tz_localize("UTC").rename("time")
    return bt.simulate(crossover(), make_bars(len(index), seed=2, index=index), slippage=0.0001)


@pytest.fixture(scope="module")
def view(result):
    return RunView.of(as_document(result))


@pytest.fixture(scope="module")
def returns(result):
    equity = result.equity
    days = equity.groupby(equity.index.tz_convert("America/New_York").date).last()
    return days / days.shift(fill_value=result.initial_capital) - 1.0


def test_the_rolling_ratio_is_of_the_last_252_sessions(view, returns):
    figure = through_time_chart(view).figure
    assert "Sharpe ratio of a year" in figure.layout.title.text
    drawn = next(t for t in figure.data if t.name == "Strategy" and t.yaxis == "y2")
    last = returns.iloc[-252:]
    expected = last.mean() / last.std() * math.sqrt(252)
    assert np.asarray(drawn.y)[-1] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(np.asarray(drawn.y, dtype=float)[:200]).all()


def test_the_confidence_interval_counts_returns_not_bars(view, result, returns):
    low, high = interval(view, "sharpe_ratio")
    single = result.metrics.sharpe_ratio / math.sqrt(252)
    error = math.sqrt((1 + single**2 / 2) / len(returns) * 252)
    assert high - low == pytest.approx(2 * NORMAL_95 * error, rel=1e-9)
    assert low + high == pytest.approx(2 * result.metrics.sharpe_ratio, rel=1e-9)
