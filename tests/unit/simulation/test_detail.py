"""Finer bars that say what came first inside a bar: worked by hand (SEMANTICS 9.8)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.errors import DataError, NoDataError, SpecError, UsageError
from btkit.simulation import check_inputs, simulate_inputs

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])
SPEC = {
    "name": "detailed",
    "entry_conditions": ["not in_position"],
    "exit_conditions": [],
    "stop_conditions": [],
    "stop_loss": 0.05,
    "take_profit": 0.05,
    "position_sizing_formula": "1",
    "detail": "1h",
}
CALM = [(100.0, 101.0, 99.0, 100.0)]
# Both 5 % away from an entry at 100 are reached, one after the other.
UP, DOWN = (100.0, 106.0, 99.0, 100.0), (100.0, 101.0, 94.0, 100.0)


def hours(day, rows):
    index = pd.date_range(f"{day.date()} 14:30", periods=len(rows), freq="1h", tz="UTC")
    frame = pd.DataFrame(rows, index, columns=["open", "high", "low", "close"])
    return frame.assign(volume=1.0)


def daily(rows):
    opens, highs, lows, closes = zip(*rows, strict=True)
    return opens[0], max(highs), min(lows), closes[-1]


def frames(*days):
    """The bars that some days of hours make, and these."""
    bars = pd.DataFrame(
        [daily(rows) for rows in days], DAYS[: len(days)], columns=["open", "high", "low", "close"]
    )
    detail = pd.concat([hours(day, rows) for day, rows in zip(DAYS, days, strict=False)])
    return bars.assign(volume=1e6), detail


def simulate(bars, finer, /, **changes):
    account = {"capital": 10_000.0, "commission": 0.0, "slippage": 0.0}
    account |= {name: changes.pop(name) for name in ("capital", "slippage") if name in changes}
    return bt.simulate(SPEC | changes, bars, detail=finer, **account)


def run(*days, **changes):
    return simulate(*frames(CALM, *days), **changes)


def told(result):
    names = ["entry_price", "exit_price", "exit_reason", "fill_kind", "certain"]
    return [tuple(row) for row in result.trades[names].itertuples(index=False)]


@pytest.mark.parametrize("intrabar", ["pessimistic", "path", "optimistic"])
@pytest.mark.parametrize(
    ("rows", "left"),
    [([UP, DOWN], (105.0, "take_profit")), ([DOWN, UP], (95.0, "stop_loss"))],
)
def test_what_came_first_in_finer_bars_is_known(rows, left, intrabar):
    result = run(rows, CALM, intrabar=intrabar)
    assert told(result)[0] == (100.0, *left, "level", True)
    assert (result.ambiguity.trades, result.detail_mismatch) == (0, 0)
    assert len({each.metrics.total_return for each in result.ambiguity.passes}) == 1


@pytest.mark.parametrize(
    ("intrabar", "left"),
    [
        ("pessimistic", (95.0, "stop_loss")),
        ("optimistic", (105.0, "take_profit")),
        # From the open of that hour on its high is nearer.
        ("path", (105.0, "take_profit")),
    ],
)
def test_what_one_finer_bar_does_not_tell_is_answered_as_of_any_bar(intrabar, left):
    both = (101.0, 106.0, 94.0, 100.0)
    result = run([CALM[0], both], intrabar=intrabar)
    assert told(result) == [(100.0, *left, "level", False)]


@pytest.mark.parametrize(("change", "mismatches"), [(0.9e-6, 0), (1.1e-6, 1)])
@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_bars_that_do_not_make_up_the_bar_do_not_count(name, change, mismatches):
    bars, detail = frames(CALM, [UP, DOWN])
    place = {"open": 1, "high": 1, "low": 2, "close": 2}[name]
    outwards = 1.0 if name != "low" else -1.0
    detail.iloc[place, detail.columns.get_loc(name)] *= 1.0 + outwards * change
    result = simulate(bars, detail)
    assert result.detail_mismatch == result.diagnostics.detail_mismatch == mismatches
    expected = (95.0, "stop_loss") if mismatches else (105.0, "take_profit")
    assert told(result)[0][1:3] == expected
    assert result.trades["certain"].tolist() == [not mismatches]


def test_bars_without_finer_ones_are_judged_alone_and_counted():
    bars, detail = frames(CALM, [UP, DOWN], [UP, DOWN])
    result = simulate(bars, detail.iloc[:-2])
    assert [row[2:] for row in told(result)] == [
        ("take_profit", "level", True),
        ("stop_loss", "level", False),
    ]
    assert result.detail_mismatch == 1
    [warned] = [entry for entry in result.warnings if entry["code"] == "detail_mismatch"]
    assert warned["message"].startswith("1 of 3 bars (33%) are not made up by bars of 1h")


def test_an_hour_that_opens_beyond_a_level_fills_there():
    fell = [CALM[0], (93.0, 94.0, 92.0, 93.0)]
    assert told(run(fell)) == [(100.0, 93.0, "stop_loss", "gap", True)]
    rose = [CALM[0], (107.0, 108.0, 107.0, 107.0)]
    assert told(run(rose)) == [(100.0, 107.0, "take_profit", "gap", True)]


def test_a_lot_held_overnight_is_judged_from_the_first_hour_on():
    result = run(CALM, [DOWN, UP])
    assert told(result) == [(100.0, 95.0, "stop_loss", "level", True)]
    assert result.trades["bars_held"].tolist() == [1]


def test_levels_of_before_an_entry_inside_the_day_do_not_count():
    # 94 is reached before the entry at 102, 107.1 after it; of the day alone nobody knows.
    rows = [DOWN, (101.0, 103.0, 100.0, 103.0), (103.0, 108.0, 103.0, 104.0)]
    order = {"entry_order": {"stop": "102"}, "take_profit": 0.05}
    [known] = told(run(rows, **order))
    assert known == (102.0, pytest.approx(107.1), "take_profit", "level", True)
    [unknown] = told(simulate(frames(CALM, rows)[0], None, **order, detail=None))
    assert unknown == (102.0, pytest.approx(96.9), "stop_loss", "level", False)


def test_within_the_hour_of_an_entry_the_rules_are_those_of_any_bar():
    # The hour reaches 102 and then may have fallen to 96.9, or did before.
    rows = [CALM[0], (100.0, 103.0, 96.0, 102.5), (102.5, 102.6, 102.4, 102.5)]
    order = {"entry_order": {"stop": "102"}, "take_profit": None}
    assert told(run(rows, **order)) == [(102.0, pytest.approx(96.9), "stop_loss", "level", False)]
    [kept] = told(run(rows, **order, intrabar="optimistic"))
    assert kept == (102.0, 102.5, "end_of_data", "close", False)


def test_an_order_that_the_open_of_an_hour_has_passed_fills_there():
    rows = [CALM[0], (97.0, 98.0, 96.5, 97.5), (97.5, 98.0, 96.0, 97.0)]
    result = run(rows, CALM, entry_order={"limit": "98"}, stop_loss=0.2, take_profit=0.2)
    [trade] = told(result)
    assert trade[:2] == (97.0, 100.0)
    # The bar of a fill inside it counts by fill and close: 96 was no excursion that is counted.
    assert result.trades["mae_pct"].tolist() == [0.0]
    stop = run(
        [CALM[0], (104.0, 105.0, 103.0, 104.0)], entry_order={"stop": "102"}, slippage=0.01,
        stop_loss=0.5, take_profit=0.5,
    )  # fmt: skip
    assert told(stop)[0][0] == pytest.approx(104.0 * 1.01)


def test_an_hour_held_from_its_open_is_judged_from_it_on():
    # Filled at 97 by its open; the rest of that hour falls to the stop, and rises after.
    rows = [CALM[0], (97.0, 98.0, 91.0, 97.5), (97.5, 104.0, 97.0, 97.0)]
    result = run(rows, entry_order={"limit": "98"})
    assert told(result) == [(97.0, pytest.approx(92.15), "stop_loss", "level", True)]


def test_an_entry_beyond_its_stop_leaves_at_once():
    rows = [CALM[0], (90.0, 95.0, 89.0, 94.0)]
    result = run(rows, entry_order={"limit": "98"}, stop_loss={"price": "92"})
    assert told(result) == [(90.0, 90.0, "crossed_at_entry", "level", True)]


def test_entries_fill_in_the_order_of_the_hours():
    # The newer order, at 99, is reached first and takes the cash of the older one at 95.
    changes = {
        "entry_conditions": ["close > 0"],
        "entry_order": {"limit": "lag(close, 1) - 5 if day == 3 else 99", "valid_bars": 2},
        "max_concurrent_positions": 5,
        "stop_loss": 0.5,
        "take_profit": None,
        "capital": 150.0,
    }
    calm = [(100.0, 100.5, 99.5, 100.0)]
    falls = [(100.0, 100.0, 98.0, 98.5), (98.5, 98.6, 94.0, 96.0)]
    result = simulate(*frames(calm, calm, calm, falls), **changes)
    assert result.trades["entry_price"].tolist() == [99.0]
    alone = simulate(frames(calm, calm, calm, falls)[0], None, **changes, detail=None)
    assert alone.trades["entry_price"].tolist() == [95.0]


def test_trailing_stops_move_at_daily_closes_alone():
    rises = [(100.0, 120.0, 100.0, 120.0), (120.0, 120.0, 101.0, 102.0)]
    falls = [(102.0, 115.0, 101.0, 114.0), (114.0, 114.0, 107.0, 108.0)]
    changes = {"stop_loss": None, "take_profit": None, "trailing_stop": {"fraction": 0.1}}
    result = run(rises, falls, **changes)
    # 90 on the day of the fill, whatever it rose to meanwhile; 108 on the next, from its open.
    assert told(result) == [(100.0, 102.0, "trailing_stop", "gap", True)]


def test_a_short_is_mirrored():
    changes = {"direction": "short"}
    assert told(run([UP, DOWN], **changes)) == [(100.0, 105.0, "stop_loss", "level", True)]
    assert told(run([DOWN, UP], **changes)) == [(100.0, 95.0, "take_profit", "level", True)]


@pytest.mark.parametrize("adjustment", ["splits", "splits_dividends"])
def test_finer_bars_are_adjusted_by_the_factor_of_their_bar(adjustment):
    halved = [tuple(price / 2 for price in row) for row in (UP, DOWN)]
    bars, detail = frames(CALM, [UP, DOWN], halved)
    bars["splits"] = [1.0, 1.0, 2.0]
    bars["adj_close"] = bars["close"] * [0.5, 0.5, 1.0]
    result = simulate(bars, detail, price_adjustment=adjustment)
    assert result.detail_mismatch == 0
    assert [row[:3] for row in told(result)] == [(50.0, 52.5, "take_profit")] * 2


def test_a_run_in_parts_is_the_run_in_one_piece():
    bars, detail = frames(CALM, [UP, DOWN], CALM, [DOWN, UP])
    account = {"capital": 10_000.0, "commission": 0.0, "slippage": 0.0}
    for changes in ({}, {"entry_order": {"limit": "99.5", "valid_bars": 2}}):
        spec = SPEC | changes

        def resumed(run):
            again = type(run)(
                *run.inputs, capital=run.capital, start=run.start, finer=run._finer
            )  # fmt: skip
            assert again.fingerprint() == run.fingerprint()
            bare = type(run)(*run.inputs, capital=run.capital, start=run.start)
            assert bare.fingerprint() != run.fingerprint()
            run.advance(2)
            again.restore(run.snapshot())
            return again.finish(chunk_bars=1)

        inputs = check_inputs(resumed, spec, bars, detail=detail, **account)
        parts, whole = simulate_inputs(inputs), simulate(bars, detail, **changes)
        assert told(parts) == told(whole)
        assert parts.equity.equals(whole.equity)


def walk(bars, detail, stop, target):
    """Stops and targets of entries at each open, hour by hour, in a few lines."""
    trades, entry = [], None
    for place, day in enumerate(bars.index):
        rows = detail[detail.index.date == day.date()].to_numpy()
        for number, (opened, high, low, *_) in enumerate(rows):
            if place and not number and entry is None:
                entry = opened
                held = False
            elif entry is not None:
                held = True
            if entry is None:
                continue
            s, t = entry * (1 - stop), entry * (1 + target)
            if (held and opened <= s) or (held and opened > t):
                price = opened
            elif low <= s:
                price = s
            elif high > t:
                price = t
            else:
                continue
            trades.append((day, entry, price))
            entry = None
            break
    return trades


def test_a_year_of_hours_is_what_a_plain_walk_gives():
    days = pd.date_range("2024-01-01", "2024-12-31")
    steps = np.random.default_rng(7).normal(0, 0.01, len(days) * 6 * 4)
    prices = 100 * np.exp(np.cumsum(steps)).reshape(-1, 6, 4)
    extremes = prices.max(axis=2), prices.min(axis=2)
    rows = np.stack([prices[:, :, 0], *extremes, prices[:, :, 3]], axis=2)
    detail = pd.concat([hours(day, one) for day, one in zip(days, rows, strict=True)])
    bars = pd.DataFrame(
        [daily(one) for one in rows], days, columns=["open", "high", "low", "close"]
    )
    always = {"calendar": "24/7", "max_holding_bars": 10_000}
    result = simulate(bars.assign(volume=1e6), detail, **always)
    assert result.detail_mismatch == 0
    whole = result.trades[result.trades["exit_reason"] != "end_of_data"]
    mine = [tuple(row) for row in whole[["exit_date", "entry_price", "exit_price"]].to_numpy()]
    assert mine == walk(bars, detail, 0.05, 0.05)
    assert len(mine) > 100


@pytest.mark.parametrize(
    ("interval", "hint"),
    [("1w", "below a day"), ("1d", "below a day"), ("nonsense", "such as")],
)
def test_an_interval_that_is_no_finer_one_is_refused(interval, hint):
    with pytest.raises(SpecError) as refused:
        run([UP, DOWN], detail=interval)
    [problem] = refused.value.problems
    assert problem.path == "detail"
    assert hint in problem.message + problem.hint


def test_bars_that_are_missing_or_not_asked_for_are_refused():
    bars, detail = frames(CALM, [UP, DOWN])
    with pytest.raises(UsageError, match="were not handed over") as missing:
        simulate(bars, None)
    assert missing.value.details["argument"] == "detail"
    with pytest.raises(UsageError, match="names no interval"):
        simulate(bars, detail, detail=None)
    with pytest.raises(UsageError, match="are of 1h"):
        simulate(bars, detail, detail="30m")
    with pytest.raises(NoDataError, match="lies inside"):
        simulate(bars, detail.set_axis(detail.index + pd.Timedelta("700D")))
    with pytest.raises(NoDataError):
        simulate(bars, detail.iloc[:0])
    with pytest.raises(DataError, match="finer bars"):
        simulate(bars, detail.assign(high=1.0))


def test_without_orders_inside_the_bar_finer_bars_are_refused():
    with pytest.raises(SpecError, match="no orders inside the bar"):
        run([UP, DOWN], stop_loss=None, take_profit=None)
