"""Half a million minute bars: drawn with few points, and every chart says so."""

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs
from support.pages import page

import btkit as bt
from btkit.metrics import drawdown_series
from btkit.render.figures import equity_chart
from btkit.render.inline import as_document
from btkit.render.series import DRAWN
from btkit.render.view import RunView

BARS = 500_000
SPEC = {
    "name": "minutes",
    "entry_conditions": ["sma_100 > sma_500", "rsi_14 < 25", "not in_position"],
    "exit_conditions": ["sma_100 < sma_500"],
    "stop_conditions": [],
    "max_holding_bars": 5_000,
}


@pytest.fixture(scope="module")
def document():
    days = pd.bdate_range("2019-01-02", periods=BARS // 390 + 1).to_numpy()
    minutes = np.timedelta64(14 * 60 + 30, "m") + np.arange(390) * np.timedelta64(1, "m")
    times = pd.DatetimeIndex((days[:, None] + minutes).ravel()[:BARS], tz="UTC")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 2e-4, BARS)))
    before = np.concatenate([[100.0], close[:-1]])
    bars = pd.DataFrame(
        {
            "open": before,
            "high": np.maximum(before, close),
            "low": np.minimum(before, close),
            "close": close,
            "volume": 1_000.0,
        },
        index=times,
    )
    return as_document(bt.simulate(SPEC, bars, slippage=0.00002))


def test_every_chart_of_the_bars_is_thinned_and_says_so(document):
    html = page(document)
    assert html.count("of 500,000 bars, highs and lows kept; all numbers use every bar") == 3
    assert len(html) - len(get_plotlyjs()) < 1_800_000


def test_no_extreme_of_account_benchmark_or_drawdown_is_lost(document):
    view = RunView.of(document)
    whole = {}
    for name, curve in (("Strategy", view.equity), ("Buy-and-hold", view.held)):
        whole[name, "y"] = np.asarray(curve)
        whole[name, "y2"] = np.asarray(drawdown_series(curve, view.initial)) * 100
    for trace in equity_chart(view).figure.data:
        drawn = np.asarray(trace.y)
        assert len(drawn) <= DRAWN
        every = whole.pop((trace.name, trace.yaxis or "y"))
        assert drawn.max() == np.float32(every.max())
        assert drawn.min() == np.float32(every.min())
    assert whole == {}
