"""Half a million minute bars: drawn with few points, and every chart says so."""

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs
from support.pages import page

import btkit as bt
from btkit.render.figures import equity_chart
from btkit.render.inline import as_document
from btkit.render.series import DISPLAY_LIMIT
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
    assert len(html) - len(get_plotlyjs()) < 2_500_000


def test_no_extreme_of_the_account_is_lost(document):
    view = RunView.of(document)
    strategy = next(t for t in equity_chart(view).figure.data if t.name == "Strategy")
    drawn = np.asarray(strategy.y)
    assert len(drawn) <= DISPLAY_LIMIT
    equity = np.asarray(view.equity)
    assert drawn.max() == np.float32(equity.max())
    assert drawn.min() == np.float32(equity.min())
