"""Metrics that users register: in results, documents, sweeps; refused where they make no sense."""

from __future__ import annotations

import json
import math

import numba
import numpy as np
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.cli.commands.schema import command
from btkit.errors import PluginError, UsageError
from btkit.metrics import METRICS
from btkit.metrics.registering import REGISTERED
from btkit.render.words import LABELS

SPEC = {
    "name": "cross",
    "entry_conditions": ["sma_{fast} > sma_{slow}"],
    "exit_conditions": ["sma_{fast} < sma_{slow}"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "parameters": {"fast": 3, "slow": 8},
}


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(REGISTERED, "_entries", dict(REGISTERED._entries))


def longest(hours):
    return hours.max(initial=0.0)


def register(**changes):
    bt.register_metric(
        **{
            "name": "longest_trade",
            "function": longest,
            "format": "hours",
            "meaning": "Calendar time of the longest trade",
            **changes,
        }
    )


def test_it_is_a_metric_like_any_other():
    register()
    result = bt.simulate(SPEC, make_bars(200))
    held = result.trades["exit_date"] - result.trades["entry_date"]
    assert result.metrics.longest_trade == held.max().total_seconds() / 3600
    document = json.loads(json.dumps(bt.report(result), allow_nan=False))
    assert document["metrics"]["longest_trade"] == result.metrics.longest_trade
    [plugin] = document["provenance"]["plugins"]
    assert (plugin["kind"], plugin["name"]) == ("metric", "longest_trade")
    assert len(plugin["code_hash"]) == 64
    assert LABELS["longest_trade"].name == "Longest trade"


def test_numba_functions_are_taken():
    register(name="twice", function=numba.njit(lambda returns, pnl: 2.0 * returns[-1] + pnl.size))
    result = bt.simulate(SPEC, make_bars(200))
    equity = result.equity.to_numpy()
    last = equity[-1] / equity[-2] - 1.0
    assert result.metrics.twice == 2.0 * last + len(result.trades)


def test_nan_is_undefined_and_infinity_infinite():
    register(name="nothing", function=lambda pnl: math.nan)  # noqa: ARG005 - reads something
    register(name="much", function=lambda: np.inf)
    values = bt.simulate(SPEC, make_bars(200)).metrics.to_json_values()
    assert (values["nothing"], values["much"]) == (0.0, 999_999.0)
    assert {"nothing", "much"} <= set(values["undefined"])


@pytest.mark.parametrize("objective", ["longest_trade", "expected_shortfall_95", "skew"])
def test_a_sweep_ranks_by_it_and_has_what_a_run_has(objective):
    register()
    bars = make_bars(300)
    swept = bt.sweep(SPEC, bars, parameters={"fast": [2, 4], "slow": [6, 9]}, objective=objective)
    for place, row in swept.table.iterrows():
        sizes = {"fast": int(row["fast"]), "slow": int(row["slow"])}
        run = bt.simulate({**SPEC, "parameters": sizes}, bars)
        value = getattr(run.metrics, objective)
        assert row[objective] == value or math.isnan(value), place
    best = swept.table.loc[swept.order[0], objective]
    lowest = METRICS[objective].direction == "lower" if objective in METRICS else False
    assert best == (swept.table[objective].min() if lowest else swept.table[objective].max())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "sharpe_ratio"}, "that is btkit's own"),
        ({"name": "undefined"}, "that is btkit's own"),
        ({"name": "Longest"}, "lower-case letters"),
        ({"function": 3}, "a function that returns a number"),
        ({"function": lambda retuns: retuns}, "returns"),
        ({"format": "percentage"}, "percent"),
        ({"direction": "up"}, "higher"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(changes, said):
    with pytest.raises(UsageError) as refused:
        register(**changes)
    assert said in f"{refused.value.message} {refused.value.hint}"
    assert refused.value.hint


def test_the_name_of_another_is_refused():
    register()
    register()
    with pytest.raises(UsageError, match="another metric is registered"):
        register(function=lambda hours: hours.min(initial=0.0))


def test_a_function_that_fails_says_which():
    register(function=lambda pnl: 1 / 0)  # noqa: ARG005 - reads something
    with pytest.raises(PluginError, match=r"longest_trade failed: ZeroDivisionError"):
        bt.simulate(SPEC, make_bars(200))


@pytest.mark.parametrize("kind", ["SweepJob", "WalkForwardJob"])
def test_the_schema_lists_it_among_the_objectives(kind):
    register()
    objective = command().document["job"]["$defs"][kind]["properties"]["objective"]
    assert {"sharpe_ratio", "information_ratio", "longest_trade"} <= set(objective["enum"])
    assert "is_sharpe" not in objective["enum"]


@pytest.mark.parametrize("report", ["report", "options_report"])
def test_the_schema_of_a_report_has_it_like_the_others(report):
    register(direction="lower")
    metrics = command().document[report]["$defs"]["MetricsSection"]["properties"]
    assert set(metrics) > {*METRICS, "longest_trade"}
    assert metrics["longest_trade"] == {
        "type": "number",
        "title": "Longest trade",
        "description": "Calendar time of the longest trade.",
        "unit": "hours",
        "direction": "lower",
    }


def test_it_may_read_the_benchmark():
    register(function=lambda benchmark_returns: benchmark_returns.max(), format="percent")
    bars = make_bars(100)
    held = bars["close"].pct_change().max()
    assert bt.simulate(SPEC, bars).metrics.longest_trade == pytest.approx(held, rel=1e-12)
