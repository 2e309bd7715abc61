"""Numbers of orders inside the bar are axes like parameters, and each set is a run of its own."""

from __future__ import annotations

import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.conditions import parameter_names
from btkit.errors import UsageError
from btkit.jobs.asking import read_job
from btkit.jobs.commands import command_of
from btkit.jobs.prepare import prepare
from btkit.settings import Settings
from btkit.spec import load_spec
from btkit.spec.varied import with_varied_fields
from btkit.validation import check_axes

SPEC = {
    "name": "case",
    "direction": "both",
    "entry_conditions": ["sma_3 > sma_{slow}", "not in_position"],
    "exit_conditions": [],
    "stop_conditions": ["position_pnl_pct < -0.3"],
    "position_sizing_formula": "0.95 * capital / close",
    "parameters": {"slow": 9},
    "sharpe_risk_free": 0.01,
    "cash_rate": 0.02,
    "stop_loss": 0.05,
    "trailing_stop": {"atr": 3, "after": 0.01},
    "scale_out": [
        {"when": "position_pnl_pct > 0.01", "fraction": 0.5},
        {"when": "bars_held > 5", "fraction": 0.2},
    ],
    "short": {
        "entry_conditions": ["sma_3 < sma_{slow}"],
        "exit_conditions": [],
        "stop_conditions": [],
        "take_profit": 0.03,
        "entry_order": {"limit": "close * 1.001", "valid_bars": 2},
    },
}
AXES = {
    "stop_loss": [0.01, 0.03],
    "trailing_stop.atr": [1.5, 4],
    "scale_out[1].fraction": [0.2, 0.7],
    "short.take_profit": [0.01, 0.05],
    "short.entry_order.valid_bars": [1, 3],
    "cash_rate": [0.0, 0.05],
    "slow": [6],
}
COLUMNS = [
    "stop_loss",
    "trailing_stop_atr",
    "scale_out_1_fraction",
    "short_take_profit",
    "short_entry_order_valid_bars",
    "cash_rate",
    "slow",
]


def stated(values):
    """Return the spec with the numbers written where they belong."""
    first, second = SPEC["scale_out"]
    short = {
        **SPEC["short"],
        "take_profit": values["short_take_profit"],
        "entry_order": {
            **SPEC["short"]["entry_order"],
            "valid_bars": values["short_entry_order_valid_bars"],
        },
    }
    return {
        **SPEC,
        "stop_loss": values["stop_loss"],
        "cash_rate": values["cash_rate"],
        "trailing_stop": {**SPEC["trailing_stop"], "atr": values["trailing_stop_atr"]},
        "scale_out": [first, {**second, "fraction": values["scale_out_1_fraction"]}],
        "short": short,
        "parameters": {"slow": values["slow"]},
    }


def test_each_set_is_the_run_of_the_spec_with_its_numbers_written_out():
    bars = make_bars(260, seed=5)
    table = bt.sweep(SPEC, bars, parameters=AXES).table
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    for row in table.to_dict("records"):
        values = {name: row[name] for name in COLUMNS}
        values["short_entry_order_valid_bars"] = int(values["short_entry_order_valid_bars"])
        values["slow"] = int(values["slow"])
        metrics = bt.simulate(stated(values), bars).metrics
        assert (row["sharpe_ratio"], row["total_trades"], row["total_return"]) == (
            metrics.sharpe_ratio,
            metrics.total_trades,
            metrics.total_return,
        )
    assert table["total_return"].nunique() > len(table) / 2


def test_the_best_spec_holds_its_numbers_as_parameters():
    bars = make_bars(120, seed=5)
    best = bt.sweep(SPEC, bars, parameters={"stop_loss": [0.01, 0.03]}).best_spec
    assert best.stop_loss == "{stop_loss}"
    assert best.levels_of(short=True).stop_loss == best.parameters["stop_loss"]


def test_walk_forward_chooses_among_them():
    bars = make_bars(320, seed=5)
    report = bt.walk_forward(
        SPEC,
        bars,
        windows=2,
        optimize={"trailing_stop.atr": [1, 5]},
        constraint="trailing_stop_atr > 1",
    ).report
    assert [window.parameters["trailing_stop_atr"] for window in report.windows] == [5, 5]


def test_a_job_from_json_has_them_too_and_its_command_asks_for_the_same(tmp_path):
    path = tmp_path / "case.json"
    path.write_text(load_spec(SPEC).model_dump_json())
    asked = read_job(
        {
            "kind": "sweep", "spec": str(path), "symbol": "SPX", "start": "2005-01-03",
            "end": "2006-12-29", "source": "sample", "parameters": {"trailing_stop.atr": [2, 4]},
        }
    )  # fmt: skip
    job = prepare(asked, settings=Settings.model_construct())
    assert job.spec["trailing_stop"]["atr"] == "{trailing_stop_atr}"
    assert job.spec["parameters"] == {"slow": 9, "trailing_stop_atr": 3}
    command = command_of(job)
    assert command[-2:] == ["--param", "trailing_stop_atr=2,4"]
    again = read_job(
        asked.model_copy(update={"parameters": {"trailing_stop_atr": [2, 4]}}).model_dump()
    )
    assert prepare(again, settings=Settings.model_construct()).spec == job.spec
    # A prepared job goes on as it stands.
    assert prepare(job, settings=Settings.model_construct()).spec == job.spec


def test_what_nothing_varies_stays_the_spec():
    spec = load_spec(SPEC)
    assert with_varied_fields(spec, ["slow", "take_profit", "nothing"]) is spec
    opened = with_varied_fields(spec, ["stop_loss"])
    assert parameter_names(str(opened.stop_loss)) == {"stop_loss"}
    assert opened.trailing_stop == spec.trailing_stop


REFUSED = [
    ({}, {"stop_los": [1]}, "It has slow. Its fields cash_rate, stop_loss, ", "'stop_loss'"),
    ({}, {"take_profit": [0.1]}, "parameter 'take_profit'", "no take_profit: write a number"),
    ({}, {"max_holding_bars": [5]}, "no parameter 'max_holding_bars'", "takes no parameter"),
    ({}, {"trailing_stop.atrs": [5]}, "no parameter 'trailing_stop.atrs'", "'trailing_stop.atr'"),
    (
        {"take_profit": {"price": "close * 1.1"}}, {"take_profit": [0.1]}, "no parameter",
        "is an expression: write {name} in it",
    ),
    (
        {"stop_loss": "{stop}", "parameters": {"slow": 9, "stop": 0.1}}, {"stop_loss": [0.1]},
        "no parameter 'stop_loss'", "stop_loss is {stop}: vary that parameter.",
    ),
    (
        {"cash_rate": "tbill", "sharpe_risk_free": 0.01}, {"cash_rate": [0.01]}, "no parameter",
        "cash_rate is a column of the bars",
    ),
    (
        {"filter_conditions": ["close > {stop_loss}"], "parameters": {"slow": 9, "stop_loss": 1}},
        {"stop_loss": [0.1]}, "'stop_loss' is a parameter of the spec, and its field stop_loss is",
        "Write {stop_loss} at stop_loss",
    ),
    (
        {}, {"trailing_stop.atr": [1], "trailing_stop_atr": [2]},
        "'trailing_stop_atr' is given twice", "one flag",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "axes", "message", "hint"), REFUSED)
def test_what_is_no_number_of_the_spec_is_refused(changes, axes, message, hint):
    with pytest.raises(UsageError) as caught:
        check_axes(load_spec({**SPEC, **changes}), axes)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_values_that_a_field_may_not_have_are_refused():
    with pytest.raises(bt.errors.SpecError, match=r"stop_loss=2 was refused: stop_loss: must be"):
        bt.sweep(SPEC, make_bars(60), parameters={"stop_loss": [0.1, 2]})
