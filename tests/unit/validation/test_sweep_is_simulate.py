"""A row of a sweep is what a run of that set reports, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.conditions import over_time
from btkit.engine import sweep as engine_sweep
from btkit.engine.sweep_loop import copy_finite, run_sets
from btkit.errors import SpecError
from btkit.metrics import MEASURED
from btkit.spec import load_spec
from btkit.validation import make_grid, prepare, with_parameters

BASE = {
    "name": "case",
    "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
    "exit_conditions": ["sma_{fast} < sma_{slow}"],
    "stop_conditions": [],
    "position_sizing_formula": "0.95 * capital / close",
    "max_holding_bars": 60,
    "parameters": {"fast": 3, "slow": 9},
}
AXES = {"fast": [3, 5, 8], "slow": [6, 13, 21]}
CASES = {
    "a plain crossover": ({}, AXES),
    "a crossover upside down": (
        {
            "entry_conditions": ["sma_{fast} < sma_{slow}"],
            "exit_conditions": ["sma_{fast} > sma_{slow}"],
        },
        AXES,
    ),
    "a crossover told from either side": (
        {"exit_conditions": ["sma_{slow} > sma_{fast}"]},
        AXES,
    ),
    "crossovers that meet where the averages do": (
        {
            "entry_conditions": ["sma_{fast} >= sma_{slow}"],
            "exit_conditions": ["sma_{fast} <= sma_{slow}"],
        },
        AXES,
    ),
    "a crossover of what is often equal": (
        {
            "entry_conditions": ["lowest_{fast} > lowest_{slow}"],
            "exit_conditions": ["lowest_{fast} < lowest_{slow}"],
        },
        AXES,
    ),
    "averages that are both to rise": (
        {"exit_conditions": ["sma_{fast} > sma_{slow}", "close < sma_{slow}"]},
        AXES,
    ),
    "both sides of a crossover": (
        {
            "direction": "both",
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "short": {
                "entry_conditions": ["sma_{fast} < sma_{slow}", "rsi_14 < {weak}"],
                "exit_conditions": ["sma_{fast} > sma_{slow}"],
                "stop_conditions": ["bars_held > {fast}", "position_pnl_pct < 0"],
                "position_sizing_formula": "{weak} * capital / close / 100",
            },
            "filter_conditions": ["bars_held < 40"],
            "parameters": {"fast": 3, "slow": 9, "weak": 45},
        },
        AXES | {"weak": [45, 55]},
    ),
    "what is remembered of lots, trades and the account": (
        {
            "entry_conditions": ["sma_{fast} > sma_{slow}", "losing_streak < {most}"],
            "exit_conditions": ["close < highest_since_entry * {keep}"],
            "stop_conditions": ["close > sma_{slow}", "close > lowest_since_entry / {keep}"],
            "filter_conditions": ["bars_since_exit is None or bars_since_exit >= {most}"],
            "position_sizing_formula": "equity / close / 3 if last_pnl is None else 5 + open_lots",
            "max_concurrent_positions": 2,
            "parameters": {"fast": 3, "slow": 9, "most": 2, "keep": 0.97},
        },
        AXES | {"most": [1, 4], "keep": [0.95, 0.98]},
    ),
    "what is remembered on both sides": (
        {
            "direction": "both",
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "exit_conditions": ["close < highest_since_entry * {keep}"],
            "short": {
                "entry_conditions": ["sma_{fast} < sma_{slow}", "losing_streak < 3"],
                "exit_conditions": ["close > lowest_since_entry / {keep}"],
                "stop_conditions": ["last_return_pct < 0 and open_lots > 0"],
            },
            "parameters": {"fast": 3, "slow": 9, "keep": 0.97},
        },
        AXES | {"keep": [0.95, 0.98]},
    ),
    "lots that leave in parts": (
        {
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "max_concurrent_positions": 3,
            "position_sizing_formula": "0.3 * capital / close",
            "commission_model": "per_share",
            "scale_out": [
                {"when": "position_pnl_pct > {gain}", "fraction": "{share}"},
                {"when": "close < sma_{fast}", "fraction": 0.4},
            ],
            "parameters": {"fast": 3, "slow": 9, "gain": 0.01, "share": 0.5},
        },
        {"fast": [3, 5], "gain": [0.005, 0.03], "share": [0.2, 0.9], "slow": [9]},
    ),
    "lots of both sides that leave in parts": (
        {
            "direction": "both",
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "scale_out": [{"when": "bars_held >= {fast}", "fraction": 0.5}],
            "short": {
                "entry_conditions": ["sma_{fast} < sma_{slow}"],
                "exit_conditions": ["sma_{fast} > sma_{slow}"],
                "stop_conditions": [],
                "scale_out": [
                    {"when": "position_pnl_pct > 0.01", "fraction": 1.0},
                    {"when": "position_pnl_pct < 0", "fraction": "{share}"},
                ],
            },
            "parameters": {"fast": 3, "slow": 9, "share": 0.5},
        },
        AXES | {"share": [0.25, 1.0]},
    ),
    "stops and targets that parameters move": (
        {
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "stop_loss": "{stop}",
            "take_profit": {"price": "close + {far} * atr_14"},
            "trailing_stop": {"atr": "{far}", "after": "{stop}"},
            "max_concurrent_positions": 2,
            "parameters": {"fast": 3, "slow": 9, "stop": 0.03, "far": 2},
        },
        AXES | {"stop": [0.01, 0.04], "far": [1, 2.5]},
    ),
    "entries that rest for a swept number of bars": (
        {
            "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
            "entry_order": {"limit": "close * {below}", "valid_bars": "{wait}"},
            "trailing_stop": {"fraction": 0.02},
            "intrabar": "path",
            "max_concurrent_positions": 3,
            "parameters": {"fast": 3, "slow": 9, "below": 0.99, "wait": 2},
        },
        AXES | {"below": [0.98, 0.995], "wait": [1, 4]},
    ),
    "orders inside the bar on both sides": (
        {
            "direction": "both",
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "stop_loss": "{stop}",
            "take_profit": 0.05,
            "entry_order": {"stop": "high", "valid_bars": 2},
            "short": {
                "entry_conditions": ["sma_{fast} < sma_{slow}"],
                "exit_conditions": [],
                "stop_conditions": [],
                "entry_order": {"limit": "close * (1 + {stop})", "valid_bars": 3},
            },
            "parameters": {"fast": 3, "slow": 9, "stop": 0.02},
        },
        AXES | {"stop": [0.01, 0.03]},
    ),
    "a crossover among other conditions": (
        {
            "filter_conditions": ["vix < 30"],
            "filter_scope": "all",
            "entry_conditions": ["close > sma_{slow}", "sma_{fast} > sma_{slow}"],
            "exit_conditions": ["rsi_14 < 60", "sma_{fast} < sma_{slow}"],
            "stop_conditions": ["close < sma_{fast}"],
        },
        AXES,
    ),
    "a number against a column": (
        {
            "entry_conditions": ["rsi_{n} < {level}", "{floor} <= close"],
            "exit_conditions": ["rsi_{n} > 60"],
            "parameters": {"n": 5, "level": 40, "floor": 1},
        },
        {"n": [4, 9], "level": [30, 45.5], "floor": [0.5, 101]},
    ),
    "arithmetic, and a parameter in the size": (
        {
            "entry_conditions": ["close > sma_{fast} * {ratio}", "vix < 35"],
            "exit_conditions": ["close < sma_{fast} - {ratio} * atr_14"],
            "position_sizing_formula": "{share} * capital / close",
            "parameters": {"fast": 5, "ratio": 1.01, "share": 0.5},
        },
        {"fast": [5, 9], "ratio": [0.99, 1.0, 1.02], "share": [0.3, 2]},
    ),
    "programs on the position": (
        {
            "exit_conditions": ["bars_held >= {wait} or position_pnl_pct > {gain}"],
            "stop_conditions": ["position_pnl_pct < -{loss}"],
            "parameters": {"fast": 3, "slow": 9, "wait": 5, "gain": 0.02, "loss": 0.03},
        },
        {"wait": [2, 7], "gain": [0.01, 0.05], "loss": [0.01, 0.04], "fast": [3]},
    ),
    "several lots, short, filters on everything": (
        {
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "filter_conditions": ["close > sma_{slow}", "bars_held < {most}"],
            "filter_scope": "all",
            "max_concurrent_positions": 3,
            "direction": "short",
            "commission_model": "per_share",
            "position_sizing_formula": "0.3 * capital / close",
            "parameters": {"fast": 3, "slow": 9, "most": 5},
        },
        {**AXES, "most": [3, 30]},
    ),
    "fills at the close, fractions, an empty exit": (
        {
            "exit_conditions": [],
            "fill": "close",
            "allow_fractional": True,
            "max_holding_bars": 7,
        },
        AXES,
    ),
    "what folds differently for each value": (
        {
            "entry_conditions": [
                "sma_{fast} > sma_{slow} and {use} or close > 1e9",
                "round(close, {digits}) > {low} if {use} else close > 0",
            ],
            "parameters": {"fast": 3, "slow": 9, "use": 1, "digits": 1, "low": -5},
        },
        {"fast": [3, 5], "use": [0, 1], "digits": [0, 1], "low": [-5, 120.25]},
    ),
    "missing values": (
        {
            "entry_conditions": ["iv_rank is None or iv_rank > {low}", "sma_{fast} != sma_{slow}"],
            "exit_conditions": ["not (sma_{fast} > sma_{slow})"],
            "parameters": {"fast": 3, "slow": 9, "low": 30},
        },
        {**AXES, "low": [20]},
    ),
    "averages of a slower interval": (
        {
            "entry_conditions": ["on('1w', sma_{fast}) > on('1w', sma_{slow})", "not in_position"],
            "exit_conditions": ["close < on('1w', sma_{fast}) * {near}"],
            "stop_conditions": ["on('1mo', close < sma_{fast} and rsi_2 < {level})"],
            "position_sizing_formula": "0.5 * capital / on('1w', close)",
            "parameters": {"fast": 2, "slow": 4, "near": 0.98, "level": 60},
        },
        {"fast": [2, 3], "slow": [4, 6], "near": [0.98, 1.0], "level": [30, 80]},
    ),
    "calls over time": (
        {
            "entry_conditions": [
                "mean(close, {fast}) > mean(close, {slow})",
                "count(close > lag(close, 1), {slow}) >= {few} and volume > 0.5 * mean(volume, 3)",
                "on('1w', close > lowest(close, {few}))",
            ],
            "exit_conditions": ["crossed_below(mean(close, {fast}), mean(close, {slow}))"],
            "stop_conditions": ["position_pnl_pct < -2 * std(change(close, 1), {slow}) / close"],
            "filter_conditions": [
                "percentile(iv_rank, {fast}) is None or bars_since(vix > 20) < 9"
            ],
            "position_sizing_formula": "0.5 * capital / highest(close, {fast})",
            "parameters": {"fast": 3, "slow": 9, "few": 2},
        },
        AXES | {"few": [1, 2]},
    ),
    "contracts": (
        {
            "asset_class": "futures",
            "multiplier": 20,
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "position_sizing_formula": "{share} * capital / (close * multiplier)",
            "commission_model": "rate",
            "parameters": {"fast": 3, "slow": 9, "share": 0.3},
        },
        AXES | {"share": [0.3, 2]},
    ),
    "margined contracts, called": (
        {
            "multiplier": 20,
            "initial_margin": 110,
            "max_concurrent_positions": 2,
            "position_sizing_formula": "{share} * capital / 110",
            "exit_conditions": ["bars_held > {slow}"],
            "parameters": {"fast": 3, "slow": 9, "share": 0.5},
        },
        AXES | {"share": [0.1, 0.9]},
    ),
    "margined contracts of both sides": (
        {
            "direction": "both",
            "multiplier": 20,
            "initial_margin": 110,
            "entry_conditions": ["sma_{fast} > sma_{slow}"],
            "exit_conditions": ["sma_{fast} < sma_{slow}"],
            "short": {
                "entry_conditions": ["sma_{fast} < sma_{slow}"],
                "exit_conditions": ["sma_{fast} > sma_{slow}"],
                "stop_conditions": [],
            },
            "position_sizing_formula": "0.8 * capital / 110",
        },
        AXES,
    ),
    "carry": (
        {
            "cash_rate": 0.05,
            "dividends": "cash",
            "position_sizing_formula": "0.5 * capital / close",
        },
        AXES,
    ),
    "carry of shorts at rates that the sets vary": (
        {
            "direction": "short",
            "cash_rate": "{cash}",
            "borrow_rate": "{borrow}",
            "sharpe_risk_free": 0.01,
            "dividends": "cash",
            "stop_loss": 0.03,
            "position_sizing_formula": "0.5 * capital / close",
            "parameters": {"fast": 3, "slow": 9, "cash": 0.0, "borrow": 0.1},
        },
        {"fast": [3, 5], "slow": [9, 13], "cash": [0.0, 0.06], "borrow": [0.0, 0.4]},
    ),
    "both sides by calls over time": (
        {
            "direction": "both",
            "entry_conditions": ["crossed_above(close, mean(close, {fast}))"],
            "exit_conditions": ["crossed_below(close, mean(close, {fast}))"],
            "short": {
                "entry_conditions": ["crossed_below(close, mean(close, {slow}))"],
                "exit_conditions": ["close > mean(close, {slow})"],
                "stop_conditions": [],
            },
        },
        AXES,
    ),
    "ruin": (
        {
            "direction": "short",
            "entry_conditions": ["close > sma_{fast}"],
            "exit_conditions": [],
            "position_sizing_formula": "{times} * capital / close",
            "max_holding_bars": 1000,
            "commission_model": "rate",
            "parameters": {"fast": 3, "times": 1},
        },
        {"fast": [3, 5], "times": [0.5, 1]},
    ),
}


def rows_of(spec, bars, axes, *, threads=1, start=None):
    loaded = load_spec({**BASE, **spec})
    sets = make_grid(axes, max_sets=10_000)
    sweeper = prepare(
        loaded,
        bars,
        sets,
        capital=50_000,
        commission=0.002,
        slippage=0.001,
        start=start,
        threads=threads,
    )
    return loaded, sets, sweeper.measure(sets)


def bars_of(case, count, seed):
    bars = make_bars(count, seed=seed)
    if case.startswith("carry"):
        bars["dividends"] = np.where(np.arange(count) % 21 == 9, 0.6, 0.0)
    return bars


def same(left, right):
    return np.array_equal(left, right, equal_nan=True)


@pytest.mark.parametrize("case", CASES)
def test_every_row_is_what_simulate_reports(case):
    spec, axes = CASES[case]
    bars = bars_of(case, 300, seed=3)
    if case == "ruin":
        bars.iloc[150:, :4] *= 4.0
    loaded, sets, rows = rows_of(spec, bars, axes, start=bars.index[40])
    for index in range(len(sets)):
        run = bt.simulate(
            with_parameters(loaded, sets.at(index)),
            bars,
            capital=50_000,
            commission=0.002,
            slippage=0.001,
            start=bars.index[40],
        )
        expected = [getattr(run.metrics, name) for name in MEASURED]
        assert same(rows[index], np.array(expected, float)), sets.at(index)


INTRADAY = {
    "by session": {},
    "at all hours": {"calendar": "24/7"},
    "across midnight": {"calendar": "CMES"},
    "by bar, in a year of one's own": {"bars_per_year": 6_000},
    "short, to the ruin": {
        "direction": "short",
        "exit_conditions": [],
        "position_sizing_formula": "3 * capital / close",
        "max_holding_bars": 1_000,
    },
}


def thin_quarter_hours():
    index = pd.date_range("2024-03-01 14:30", periods=96 * 30, freq="15min", tz="UTC", name="time")
    kept = np.random.default_rng(6).random(len(index)) < 0.3
    bars = make_bars(int(kept.sum()), seed=5, index=index[kept])
    bars.iloc[len(bars) // 2 :, :4] *= 4.0
    return bars


@pytest.mark.parametrize("case", INTRADAY)
def test_intraday_rows_are_what_simulate_reports(case):
    bars = thin_quarter_hours()
    loaded, sets, rows = rows_of(INTRADAY[case], bars, AXES, start=bars.index[50])
    for place in range(len(sets)):
        run = bt.simulate(
            with_parameters(loaded, sets.at(place)),
            bars,
            capital=50_000,
            commission=0.002,
            slippage=0.001,
            start=bars.index[50],
        )
        assert same(rows[place], np.array([getattr(run.metrics, n) for n in MEASURED], float))
    assert run.ruined == case.startswith("short")


@pytest.mark.parametrize("case", [case for case in INTRADAY if not case.startswith("short")])
def test_the_statistics_take_the_returns_of_the_metrics(case):
    bars = thin_quarter_hours()
    found = bt.sweep({**BASE, **INTRADAY[case]}, bars, parameters=AXES)
    truth = found.overfitting(repetitions=20)
    run = found.run()
    ends = run.annualisation.period_ends(bars.index)
    expected = ("bar", len(bars)) if ends is None else ("session", len(ends))
    assert (truth.period, truth.periods) == expected
    assert truth.sharpe_ratio == pytest.approx(run.metrics.sharpe_ratio, rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_threads_and_chunks_change_no_bit(case, monkeypatch):
    spec, axes = CASES[case]
    bars = bars_of(case, 250, seed=4)
    _, _, alone = rows_of(spec, bars, axes)
    monkeypatch.setattr(engine_sweep, "_BLOCK_BARS", 500)
    _, _, together = rows_of(spec, bars, axes, threads=2)
    monkeypatch.setattr(engine_sweep, "MOST_SETS", 3)
    _, _, chunked = rows_of(spec, bars, axes, threads=2)
    monkeypatch.setattr(engine_sweep, "CHUNK_BYTES", 1)
    _, _, single = rows_of(spec, bars, axes)
    assert same(alone, together)
    assert same(alone, chunked)
    assert same(alone, single)


@pytest.mark.parametrize(
    ("spec", "axes", "message"),
    [
        ({}, {"fast": [3, 1], "slow": [9]}, "sma_1"),
        ({}, {"fast": [3, 2.5], "slow": [9]}, "fast=2.5"),
        (
            {
                "entry_conditions": ["close > 1 / {x}"],
                "exit_conditions": [],
                "parameters": {"x": 1},
            },
            {"x": [1, 0]},
            "x=0",
        ),
        *(
            (
                {"scale_out": [part], "parameters": {"fast": 3, "slow": 9, "x": 0.5}},
                {"x": [0.5, bad]},
                rf"x={bad}.*scale_out\[0\].{field}",
            )
            for field, part, bad in (
                ("fraction", {"when": "close > 1", "fraction": "{x}"}, 1.5),
                ("when", {"when": "close > 1 / {x}", "fraction": 0.5}, 0),
            )
        ),
        (
            {
                "borrow_rate": "{fee}",
                "parameters": {"fast": 3, "slow": 9, "fee": 0.1},
            },
            {"fee": [0.1, -1]},
            r"fee=-1.*borrow_rate: must be from 0 to 10, and \{fee\} is -1",
        ),
        *(
            (
                {
                    "entry_conditions": ["close > std(close, {n})"],
                    "exit_conditions": [],
                    "parameters": {"n": 5},
                },
                {"n": [5, bad]},
                rf"n={bad}.*\[0\]: std\(\) takes a whole number of bars from 2 to 500",
            )
            for bad in (1, 501, 2.5)
        ),
    ],
)
def test_a_value_that_a_run_would_refuse_is_refused(spec, axes, message):
    with pytest.raises(SpecError, match=message):
        rows_of(spec, make_bars(60), axes)


def test_the_run_of_a_set_is_carried_at_its_own_rate():
    spec, axes = CASES["carry of shorts at rates that the sets vary"]
    found = bt.sweep(BASE | spec, bars_of("carry", 120, seed=2), parameters=axes)
    for rank, ratio in enumerate(found.top(5)["sharpe_ratio"], 1):
        assert found.run(rank).metrics.sharpe_ratio == ratio


def test_sharpe_ratios_less_another_rate_in_each_set_are_refused():
    varied = {"cash_rate": "{cash}", "parameters": {"fast": 3, "slow": 9, "cash": 0.0}}
    with pytest.raises(SpecError, match=r"cash_rate: is \{cash\}, which the sweep varies"):
        rows_of(varied, make_bars(60), {"cash": [0.0, 0.05]})
    rows_of(varied, make_bars(60), {"fast": [3, 5]})


def test_calls_within_something_else_are_worked_out_once(monkeypatch):
    made = []
    mean = over_time._OF_WINDOWS["mean"]

    def counted(values, bars):
        made.append(bars)
        return mean(values, bars)

    monkeypatch.setitem(over_time._OF_WINDOWS, "mean", counted)
    spec = {
        "entry_conditions": ["crossed_above(mean(close, {fast}), mean(close, {slow}))"],
        "exit_conditions": ["on('1w', close < mean(close, {fast}) * 0.99 * {slow} / {slow})"],
    }
    rows_of(spec, make_bars(250), AXES)
    daily, weekly = {3, 5, 8, 6, 13, 21}, {3, 5, 8}
    assert sorted(made) == sorted([*daily, *weekly])


def test_the_copies_that_a_sweep_keeps_are_the_columns():
    loaded = load_spec(BASE)
    sets = make_grid(AXES, max_sets=10)
    costs = {"capital": 1e5, "commission": 0.0, "slippage": 0.0, "start": None}
    bars = make_bars(60)
    sweeper = prepare(loaded, bars, sets, **costs, threads=1)
    columns = sweeper.first.feature_set
    before = {f"sma_{window}": columns.column(f"sma_{window}").copy() for window in (3, 6, 21)}
    sweeper.measure(sets)
    for name, values in before.items():
        assert same(columns.column(name), values)
        assert not columns.column(name).flags.writeable
        assert not columns.column(name).flags.owndata


def test_an_infinite_value_is_missing_in_a_comparison_and_stays_in_its_column():
    source = np.array([1.0, np.inf, np.nan, -np.inf, 2.0])
    target = np.empty(5)
    assert not copy_finite(source, target)
    assert same(target, np.array([1.0, np.nan, np.nan, np.nan, 2.0]))
    assert copy_finite(target.copy(), target)


def test_a_chunk_is_small_enough_to_show_progress(monkeypatch):
    monkeypatch.setattr(engine_sweep, "MOST_SET_BARS", 60 * 4)
    sets = make_grid(AXES, max_sets=10)
    costs = {"capital": 1e5, "commission": 0.0, "slippage": 0.0}
    sweeper = prepare(load_spec(BASE), make_bars(60), sets, **costs, start=None, threads=1)
    engine = sweeper.engine(sets)
    assert list(engine.chunks()) == [(0, 4), (4, 8), (8, 9)]
    assert list(replace(engine, threads=5).chunks()) == [(0, 5), (5, 9)]


def test_with_more_lots_fewer_sets_are_simulated_before_anything_can_stop(monkeypatch):
    blocks = []

    def watched(levels, begin, end, *rest):
        blocks.append(end - begin)
        return run_sets(levels, begin, end, *rest)

    monkeypatch.setattr(engine_sweep, "run_sets", watched)
    monkeypatch.setattr(engine_sweep, "MOST_SET_BARS", 60 * 8)
    monkeypatch.setattr(engine_sweep, "_BLOCK_BARS", 60 * 4)
    sets = make_grid({"wait": list(range(1, 33))}, max_sets=100)
    costs = {"capital": 1e5, "commission": 0.0, "slippage": 0.0}
    longest = {}
    for lots in (1, 2, 4, 8):
        spec = {
            **BASE,
            "entry_conditions": ["close > 0"],
            "exit_conditions": ["bars_held >= {wait}"],
            "position_sizing_formula": "1",
            "max_concurrent_positions": lots,
            "parameters": {"wait": 1},
        }
        sweeper = prepare(load_spec(spec), make_bars(60), sets, **costs, start=None, threads=1)
        blocks.clear()
        sweeper.measure(sets)
        first_chunk = next(sweeper.engine(sets).chunks())
        longest[lots] = first_chunk[1], max(blocks), sum(blocks)
    assert longest == {1: (8, 2, 32), 2: (4, 1, 32), 4: (2, 1, 32), 8: (1, 1, 32)}


def test_nothing_of_size_sets_times_bars_is_kept():
    import tracemalloc  # noqa: PLC0415 - for this test alone

    bars = make_bars(4_000)
    axes = {"fast": list(range(2, 42)), "slow": list(range(42, 92))}
    rows_of({}, bars, {"fast": [2], "slow": [50]})
    tracemalloc.start()
    rows_of({}, bars, axes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000 * 4_000 * 8 / 4  # equity curves alone would be four times as much
