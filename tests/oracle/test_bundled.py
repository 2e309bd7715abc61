"""Every bundled spec of rules on the bundled S&P 500 history: engine and plain simulation agree."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.crosscheck import differences
from btkit.crosscheck.inputs import BOOKS
from btkit.data import load_from_source
from btkit.markets import schedule
from btkit.settings import Settings

FILES = sorted(
    path
    for path in (Path(__file__).resolve().parents[2] / "strategies").iterdir()
    if path.suffix in {".json", ".yaml", ".yml"}
    # What a network says the plain simulation does not know.
    and bt.load_spec(path).kind in BOOKS
)


@cache
def history():
    return load_from_source(
        "SPX",
        "2004-01-02",
        "2018-12-31",
        settings=Settings(_env_file=None),
        source="sample",
        needs_iv=True,
    )


@cache
def beside(symbol):
    return bt.load_bars(symbol, "2004-01-02", "2018-12-31", source="sample", warmup=600)


@cache
def quarter_hours():
    """Bars of half a year of New York's sessions, half days among them, with a gap each morning."""
    times = pd.DatetimeIndex(
        [
            moment
            for opened, closed in schedule(
                "XNYS", pd.Timestamp("2024-06-03"), pd.Timestamp("2024-12-31")
            ).itertuples(index=False)
            for moment in pd.date_range(opened, closed, freq="15min", inclusive="left")
        ]
    )
    opens = np.append(True, np.diff(times) > pd.Timedelta(hours=1))
    rng = np.random.default_rng(8)
    moves = rng.normal(0.0, np.where(opens, 0.008, 0.0015))
    close = 400.0 * np.exp(moves.cumsum())
    opened = np.append(400.0, close[:-1]) * np.exp(np.where(opens, moves, 0.0))
    spread = 1 + rng.uniform(0, 0.001, len(times))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * spread,
            "low": np.minimum(opened, close) / spread,
            "close": close,
            "volume": 1e6,
        },
        index=times,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bundled_spec(path):
    spec = bt.load_spec(path)
    loaded = history()
    bars, start = loaded.bars, loaded.start
    if spec.timeframe == "intraday":
        bars, start = quarter_hours(), None
    frames = {"SPX": bars, **{symbol: beside(symbol) for symbol in spec.others_read}}
    result = bt.simulate(spec, frames, symbol="SPX", capital=1_000_000, start=start)
    assert len(result.trades) >= 5
    assert "other_calendar_assumed" not in {warning["code"] for warning in result.warnings}
    assert differences(result) == []


def test_the_turn_of_the_month_is_held_from_its_last_session_to_the_third_of_the_next():
    spec = bt.load_spec(FILES[0].parent / "turn_of_month.yaml")
    trades = bt.simulate(spec, history().bars, capital=1_000_000).trades
    left = trades[trades["exit_reason"] == "exit"]
    listed = history().bars.index
    assert len(left) > 100
    for trade in left.itertuples():
        month = listed[(listed.year == trade.entry_date.year)
                       & (listed.month == trade.entry_date.month)]  # fmt: skip
        following = listed[listed > month[-1]]
        assert (trade.entry_date, trade.exit_date) == (month[-1], following[3])


def test_an_opening_range_breakout_is_out_before_the_session_ends():
    spec = bt.load_spec(FILES[0].parent / "opening_range_breakout.yaml")
    bars = quarter_hours()
    trades = bt.simulate(spec, bars, capital=1_000_000).trades
    assert len(trades) > 50
    zone = "America/New_York"
    for trade in trades.itertuples():
        day = bars[bars.index.tz_convert(zone).date == trade.entry_date.tz_convert(zone).date()]
        decided = day.index[day.index < trade.entry_date][-1]
        assert day.loc[decided, "close"] > day["high"].iloc[:2].max()
        assert trade.exit_date <= day.index[-1]


def test_a_chandelier_hangs_from_the_highest_high_and_waits_after_three_losses():
    spec = bt.load_spec(FILES[0].parent / "chandelier_trend.yaml")
    bars = history().bars
    result = bt.simulate(spec, bars, capital=1_000_000, start="2005-01-03")
    trades, lost = result.trades, (result.trades["pnl"] < 0).tolist()
    atr = bt.compute_indicators(bars)["atr_14"]
    places = [
        (bars.index.get_loc(trade.entry_date), bars.index.get_loc(trade.exit_date))
        for trade in trades.itertuples()
    ]
    for entry, left in places:
        high = bars["high"].iloc[entry:left].cummax()
        below = bars["close"].iloc[entry:left] < high - 3 * atr.iloc[entry:left]
        # Decided at the last close before the exit's open, and at none before.
        assert below.tolist() == [False] * (left - entry - 1) + [True]
    waited = [
        places[at][0] - places[at - 1][1] > 21
        for at in range(3, len(lost))
        if all(lost[at - 3 : at])
    ]
    assert waited
    assert all(waited)


def test_half_leaves_at_three_percent_and_a_quarter_at_six():
    spec = bt.load_spec(FILES[0].parent / "half_off_at_a_gain.yaml")
    bars = history().bars
    result = bt.simulate(spec, bars, capital=1_000_000)
    trades, parts = result.trades, {3: 0.5, 6: 0.25}
    assert result.metrics.total_trades == trades["lot"].nunique() < len(trades)
    seen = 0
    for _, rows in trades.groupby("lot"):
        entered, fill = rows["shares"].sum(), rows["entry_price"].iloc[0]
        left = rows[rows["exit_reason"] == "scale_out"]
        for (gain, fraction), row in zip(parts.items(), left.itertuples(), strict=False):
            decided = bars.index[bars.index.get_loc(row.exit_date) - 1]
            assert bars.loc[decided, "close"] / fill - 1 > gain / 100
            assert row.shares == np.floor(fraction * entered)
            seen += 1
    assert seen == (trades["exit_reason"] == "scale_out").sum() > 20
