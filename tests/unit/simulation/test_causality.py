"""Decisions never depend on the future: a shorter history gives the same trades."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.data import load_from_source
from btkit.settings import Settings
from btkit.spec import StrategySpec

STRATEGIES = Path(__file__).resolve().parents[3] / "strategies"
RULES = [
    path
    for path in sorted(STRATEGIES.iterdir())
    if path.suffix in {".json", ".yaml"} and isinstance(bt.load_spec(path), StrategySpec)
]
WARM_UP = 260


def load(symbol):
    settings = Settings.model_construct()
    bars = load_from_source(
        symbol, "2015-01-02", "2018-12-31", settings=settings, source="sample"
    ).bars
    return bars[bars.index >= "2014-01-02"].copy()


@pytest.fixture(scope="module")
def history():
    return load("SPX")


def simulate(spec, bars, start):
    # Another instrument's bars are all there: none that closes later may count.
    others = {symbol: load(symbol) for symbol in spec.others_read}
    return bt.simulate(spec, {"SPX": bars, **others}, symbol="SPX", start=start)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_trades_are_those_of_a_shorter_history(path, history):
    spec = bt.load_spec(path)
    start = history.index[WARM_UP]
    whole = simulate(spec, history, start)
    # Where bars end, lots that are open end with them.
    for size in (WARM_UP + 150, len(history) // 2, len(history) - 37):
        part = simulate(spec, history.iloc[:size], start)
        last = history.index[size - 1]
        told = part.trades[part.trades["exit_reason"] != "end_of_data"]
        known = whole.trades[whole.trades["exit_date"] <= last]
        pd.testing.assert_frame_equal(
            told.reset_index(drop=True), known.reset_index(drop=True), check_exact=True
        )
        pd.testing.assert_series_equal(
            part.equity.iloc[:-1], whole.equity.iloc[: size - WARM_UP - 1],
            check_exact=True, check_freq=False,
        )  # fmt: skip
        pd.testing.assert_frame_equal(
            part.features, whole.features.iloc[: len(part.features)],
            check_exact=True, check_freq=False,
        )  # fmt: skip


def test_most_bundled_specs_trade_on_that_history(history):
    start = history.index[WARM_UP]
    idle = [
        path.stem for path in RULES if not len(simulate(bt.load_spec(path), history, start).trades)
    ]
    assert len(idle) <= 2, idle


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_another_future_changes_nothing_before_it(path, history):
    spec, cut = bt.load_spec(path), 700
    start = history.index[WARM_UP]
    other = history.copy()
    factor = np.where(np.arange(len(other)) >= cut, 1.7, 1.0)
    for name in ("open", "high", "low", "close", "adj_close"):
        if name in other:
            other[name] *= factor
    first, second = (simulate(spec, bars, start) for bars in (history, other))
    edge = history.index[cut]
    pd.testing.assert_frame_equal(
        first.trades[first.trades["exit_date"] < edge],
        second.trades[second.trades["exit_date"] < edge],
        check_exact=True,
    )
    pd.testing.assert_series_equal(
        first.equity[first.equity.index < edge], second.equity[second.equity.index < edge],
        check_exact=True,
    )  # fmt: skip
