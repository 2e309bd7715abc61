from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.crosscheck import crosscheck, differences
from btkit.errors import NoDataError, SpecError, UsageError
from btkit.settings import Settings

PUTS = {
    "name": "puts",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
}


class Changed:
    """A result of which something else is told."""

    def __init__(self, result, **changes):
        self._result, self._changes = result, changes

    def __getattr__(self, name):
        return self._changes.get(name, getattr(self._result, name))


@pytest.fixture(scope="module")
def result():
    bars = make_bars(200)
    return bt.simulate(crossover(), bars, start=bars.index[30])


@pytest.fixture(scope="module")
def stopped():
    levels = {"stop_loss": 0.02, "take_profit": 0.03, "trailing_stop": {"atr": 2}}
    return bt.simulate(crossover() | levels, make_bars(200))


@pytest.fixture(scope="module")
def spreads():
    return bt.simulate(PUTS, make_bars(200).assign(current_iv=0.2), capital=1e6)


def told(result, **changes):
    return differences(Changed(result, **changes))


def test_a_true_result_has_none(result, spreads):
    assert len(result.trades) > 3
    assert len(spreads.trades) > 3
    assert differences(result) == differences(spreads) == []


@pytest.mark.parametrize("curve", ["equity", "cash"])
def test_a_curve_is_told_by_its_first_bar(result, curve):
    values = getattr(result, curve).copy()
    values.iloc[40:] += 0.01
    (found,) = told(result, **{curve: values})
    assert (found.time, found.what) == (values.index[40], curve)
    assert found.ours == pytest.approx(found.plain + 0.01)


@pytest.mark.parametrize("field", ["entry_price", "exit_price", "pnl", "commission", "return_pct"])
def test_one_bit_of_a_trade_is_told(result, field):
    trades = result.trades.copy()
    trades.loc[2, field] *= 1 + 2**-52
    (found,) = told(result, trades=trades)
    assert (found.time, found.what) == (trades["exit_date"][2], f"trade 2 {field}")


def test_a_reason_and_a_time_are_told(result):
    trades = result.trades.copy()
    trades.loc[0, "exit_reason"], trades.loc[1, "entry_date"] = "stop", trades["entry_date"][0]
    assert [found.what for found in told(result, trades=trades)] == [
        "trade 0 exit_reason",
        "trade 1 entry_date",
    ]


def test_orders_inside_the_bar_have_none(stopped):
    assert set(stopped.trades["fill_kind"]) >= {"level", "open"}
    assert differences(stopped) == []


@pytest.mark.parametrize(("field", "value"), [("fill_kind", "gap"), ("certain", None)])
def test_where_and_how_surely_a_trade_was_filled_is_told(stopped, field, value):
    trades = stopped.trades.copy()
    place = trades.index[trades["fill_kind"] == "level"][0]
    trades.loc[place, field] = not trades.loc[place, field] if value is None else value
    (found,) = told(stopped, trades=trades)
    assert found.what == f"trade {place} {field}"


@pytest.mark.parametrize("field", ["mae_pct", "mfe_pct"])
def test_how_far_a_trade_went_is_told(result, field):
    trades = result.trades.copy()
    trades.loc[2, field] += 0.01
    (found,) = told(result, trades=trades)
    assert found.what == f"trade 2 {field}"


def test_a_missing_trade_is_told_first(result):
    first = told(result, trades=result.trades.iloc[:-1])[0]
    assert (first.what, first.ours, first.plain) == (
        "number of trades",
        len(result.trades) - 1,
        len(result.trades),
    )


def test_a_strike_is_told(spreads):
    first = spreads.spreads[0]
    moved = first.model_copy(update={"legs": [*first.legs[1:], first.legs[0]]})
    (found,) = told(spreads, spreads=[moved, *spreads.spreads[1:]])
    assert found.what == "trade 0 legs"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"skipped_entries": {"size_missing": 1}}, "skipped entries"),
        ({"unfilled_orders": 3}, "unfilled orders"),
    ],
)
def test_counts_are_told(result, change, what):
    (found,) = told(result, diagnostics=result.diagnostics.model_copy(update=change))
    assert (found.time, found.what) == (None, what)


def test_a_conditions_count_is_told(result):
    counts = result.diagnostics.conditions
    changed = [counts[0].model_copy(update={"held": 1}), *counts[1:]]
    (found,) = told(
        result, diagnostics=result.diagnostics.model_copy(update={"conditions": changed})
    )
    assert found.what == "entry_conditions[0] (held, raised)"
    assert found.ours == (1, 0)


def test_ruin_is_told(result):
    assert [found.what for found in told(result, ruined=True)] == ["ruined"]


def test_a_metric_is_told_beyond_rounding(result):
    def with_sharpe(factor):
        values = result.metrics.model_dump()
        return SimpleNamespace(**values | {"sharpe_ratio": values["sharpe_ratio"] * factor})

    assert told(result, metrics=with_sharpe(1 + 1e-12)) == []
    (found,) = told(result, metrics=with_sharpe(1 + 1e-6))
    assert found.what == "sharpe_ratio"


def test_the_first_ones_in_order_of_time(result):
    equity, trades = result.equity.copy(), result.trades.copy()
    equity.iloc[100:] += 1
    trades["pnl"] += 1
    found = differences(Changed(result, equity=equity, trades=trades), most=4)
    assert len(found) == 4
    assert [one.time for one in found] == sorted(one.time for one in found)


def test_a_difference_is_one_line(result):
    equity = result.equity.copy()
    equity.iloc[5] = 7.0
    line = str(told(result, equity=equity)[0])
    assert line == f"{equity.index[5]}: equity is 7.0, the plain simulation has 100000.0"


def test_a_stored_run_has_none(tmp_path):
    known = Settings(
        _env_file=None, db_path=tmp_path / "runs.db", curve_dir=tmp_path, report_dir=tmp_path
    )
    run = bt.run(crossover(), "SPX", "2012-01-03", "2014-12-31", source="sample", settings=known)
    assert run.run_id is not None
    assert differences(run) == []


def test_the_plain_simulation_takes_what_simulate_takes():
    bars = make_bars(120).iloc[::-1]
    bars["adj_close"] = bars["close"] / 2
    spec = crossover(price_adjustment="splits_dividends")
    plain = crosscheck(spec, bars, capital=5_000, commission=1, slippage=0.001, start="2012-03-01")
    result = bt.simulate(
        spec, bars, capital=5_000, commission=1, slippage=0.001, start="2012-03-01"
    )
    assert plain.equity == result.equity.tolist()
    assert [trade.pnl for trade in plain.trades] == result.trades["pnl"].tolist()
    assert plain.times.equals(pd.DatetimeIndex(result.equity.index))


@pytest.mark.parametrize(
    ("spec", "arguments", "error"),
    [
        ({}, {"start": "2030-01-01"}, NoDataError),
        ({}, {"capital": 0}, UsageError),
        ({"entry_conditions": ["__import__('os')"]}, {}, SpecError),
    ],
)
def test_what_makes_no_sense_is_refused(spec, arguments, error):
    with pytest.raises(error) as caught:
        crosscheck(crossover(**spec), make_bars(60), **arguments)
    assert caught.value.hint
