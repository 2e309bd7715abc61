import asyncio
import json
import threading
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from support.cells import run_again
from support.loops import PATIENCE_S, until, until_idle

import btkit as bt
from btkit.errors import InterruptedRunError, UsageError
from btkit.spec import load_spec
from btkit.validation import with_parameters
from btkit.widgets import SweepExplorer, coalesce, market

RANGE = {"start": "2012-01-03", "end": "2014-12-31"}
VALUES = {"fast": [10, 20, 30], "slow": [20, 50, 100]}


@pytest.fixture
def made(spec, settings):
    explorer = SweepExplorer(
        spec, **RANGE, parameters=VALUES, constraint="fast < slow", settings=settings
    )
    yield explorer
    explorer.close()


@pytest.fixture
def swept(spec, settings):
    return bt.sweep(
        spec, "SPX", *RANGE.values(), parameters=VALUES, constraint="fast < slow",
        settings=settings,
    )  # fmt: skip


def click(explorer, x, y):
    """Click a cell as plotly tells of it."""
    explorer.map._on_click(None, SimpleNamespace(xs=[x], ys=[y]), None)


def test_the_sets_are_those_of_sweep_and_each_is_in_its_cell(made, swept):
    assert made.result.table.equals(swept.table)
    assert made.values == swept.best
    heat = made.map.figure.data[0]
    cells = np.asarray(heat.z, dtype=float)
    assert (list(heat.x), list(heat.y)) == (["10", "20", "30"], ["20", "50", "100"])
    seen = 0
    for row in swept.table.itertuples():
        assert cells[VALUES["slow"].index(row.slow), VALUES["fast"].index(row.fast)] == (
            row.sharpe_ratio
        )
        seen += 1
    assert (seen, int(np.isnan(cells).sum())) == (7, 2)
    json.dumps(made.map.figure.get_state()["_widget_data"][0]["z"], allow_nan=False)


def test_a_click_loads_the_set_its_equity_metrics_and_spec(made, spec, settings, swept):
    click(made, "10", "100")
    assert made.values == {"fast": 10, "slow": 100}
    assert {name: field.value for name, field in made.sliders.items()} == made.values
    stored = bt.run(made.spec, "SPX", *RANGE.values(), settings=settings)
    assert made.run.metrics == stored.metrics
    row = swept.table.set_index(["fast", "slow"]).loc[(10, 100)]
    assert made.run.metrics.sharpe_ratio == row["sharpe_ratio"]
    drawn = [float(value) for value in made._picture.widget.data[1].y]
    assert drawn == pytest.approx(stored.equity.tolist(), rel=1e-6)
    assert made.spec == with_parameters(load_spec(spec), {"fast": 10, "slow": 100})
    assert "slow: 100" in made._text.value
    assert list(made.map.figure.data[2].x) == ["10"]
    assert list(made.map.figure.data[2].y) == ["100"]


def test_sliders_load_a_set_without_a_mouse(made):
    made.sliders["slow"].control.value = 50
    made.sliders["fast"].control.value = 30
    assert made.values == {"fast": 30, "slow": 50}
    assert made.run.spec.parameters == made.values
    made._best.click()
    assert made.values == made.result.best
    made.select(fast=20)
    assert made.values["fast"] == 20


def test_a_set_that_was_not_tried_says_why_and_the_last_one_is_dimmed(made):
    made.select(fast=10, slow=50)
    before = made.run
    click(made, "30", "20")
    assert "fast 30, slow 20" in made._no_set.value
    assert "bt-stale" in made._set._dom_classes
    assert made.run is before
    assert made.values == {"fast": 10, "slow": 50}
    made.sliders["slow"].control.value = 50
    assert made._no_set.value == ""
    assert "bt-stale" not in made._set._dom_classes
    assert made.values == {"fast": 30, "slow": 50}
    with pytest.raises(UsageError, match="slow 20"):
        made.select(slow=20)


def test_another_objective_ranks_the_same_sets_anew(made, spec, settings):
    rows = made.result.rows
    made.objective.control.value = "max_drawdown_pct"
    assert made.result.rows is rows
    other = bt.sweep(
        spec, "SPX", *RANGE.values(), parameters=VALUES, constraint="fast < slow",
        objective="max_drawdown_pct", settings=settings,
    )  # fmt: skip
    assert made.result.best == other.best
    cells = np.asarray(made.map.figure.data[0].z, dtype=float)
    assert np.nanmax(cells) == other.table["max_drawdown_pct"].max()


def test_other_values_are_swept_and_the_set_shown_stays_if_it_can(made):
    made.select(fast=20, slow=50)
    made.axes["fast"].control.value = "20:40:10"
    assert sorted(set(made.result.table["fast"])) == [20, 30, 40]
    assert made.values == {"fast": 20, "slow": 50}
    made.axes["fast"].control.value = "30,40"
    assert made.values == made.result.best
    made.fields["constraint"].control.value = ""
    made.axes["fast"].control.value = ""
    assert list(made.values) == ["slow"]
    assert np.asarray(made.map.figure.data[0].z).shape == (1, 3)
    click(made, "50", "")
    assert made.values == {"slow": 50}


def test_of_three_parameters_two_make_the_map_and_the_third_is_as_in_the_set_shown(spec, settings):
    three = spec | {
        "parameters": {"fast": 20, "slow": 50, "hold": 20},
        "exit_conditions": ["sma_{fast} < sma_{slow} or bars_held > {hold}"],
    }
    values = {"fast": [10, 20], "slow": [30, 50, 70], "hold": [5, 10]}
    made = SweepExplorer(three, **RANGE, parameters=values, settings=settings)
    made.select(fast=10, slow=30, hold=5)
    table = made.result.table.set_index(["fast", "slow", "hold"])["sharpe_ratio"]
    assert np.asarray(made.map.figure.data[0].z)[2, 1] == table[(20, 70, 5)]
    made.sliders["hold"].control.value = 10
    assert np.asarray(made.map.figure.data[0].z)[2, 1] == table[(20, 70, 10)]
    made.across.control.value = "hold"
    assert np.asarray(made.map.figure.data[0].z).shape == (3, 2)
    click(made, "5", "70")
    assert made.values == {"fast": 10, "slow": 70, "hold": 5}
    made.across.control.value = "slow"
    assert made.up.value != "slow"
    made.close()


def test_a_parameter_that_is_called_like_the_metric_is_not_taken_for_it(spec, settings):
    named = spec | {
        "parameters": {"sharpe_ratio": 20, "slow": 50},
        "entry_conditions": ["sma_{sharpe_ratio} > sma_{slow}", "not in_position"],
        "exit_conditions": ["sma_{sharpe_ratio} < sma_{slow}"],
    }
    made = SweepExplorer(
        named, **RANGE, parameters={"sharpe_ratio": [10, 20], "slow": [50, 70]}, settings=settings
    )
    assert np.asarray(made.map.figure.data[0].z).max() < 10
    made.close()


def test_whether_the_best_could_be_chance_is_worked_out_afterwards(made, swept, settings):
    stored = bt.jobs.sweep.describe_sweep(swept, settings=settings)
    assert made.report.overfitting == stored.overfitting
    assert f"{stored.overfitting.expected_maximum_sharpe:.2f}" in made.overfitting.tiles.value


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("fast", "10:", "is no number"),
        ("fast", "0", "sma_0"),
        ("constraint", "fast < nothing", "nothing"),
        ("constraint", "fast > 1000", "leaves no set"),
    ],
)
def test_an_error_stands_by_its_field_and_the_picture_is_dimmed(made, name, wrong, message):
    before = made.result
    made.fields[name].control.value = wrong
    assert message in made._reason.value
    assert message in made.fields[name].problem
    assert "bt-stale" in made._shown._dom_classes
    assert made.result is before
    made.fields[name].control.value = {"fast": "10,20,30", "constraint": "fast < slow"}[name]
    assert made._reason.value == made.fields[name].problem == ""
    assert "bt-stale" not in made._shown._dom_classes


def test_nothing_varied_is_refused_where_it_can_be_mended(made, spec, settings):
    made.fields["constraint"].control.value = ""
    for field in made.axes.values():
        field.control.value = ""
    assert "No parameter is varied" in made.fields["fast"].problem
    with pytest.raises(UsageError, match="fasst"):
        SweepExplorer(spec, parameters={"fasst": [1]}, settings=settings)


def test_cells_clicked_in_a_running_loop_are_shown_once_and_the_last_one_wins(made):
    shown = []
    show = made._picture.show
    made._picture.show = lambda run, held: (shown.append(run), show(run, held))

    async def wander():
        for fast in ("10", "20", "30", "10"):
            click(made, fast, "100")
        await asyncio.sleep(coalesce.PAUSE_S * 20)

    asyncio.run(wander())
    assert [run.spec.parameters for run in shown] == [{"fast": 10, "slow": 100}]


def test_a_cancelled_sweep_keeps_the_last_one(made, monkeypatch):
    before, at_work, go_on = made.result, threading.Event(), threading.Event()
    honest = market.execute

    def held_up(*arguments, progress, **options):
        at_work.set()
        assert go_on.wait(PATIENCE_S)
        return honest(*arguments, progress=progress, **options)

    monkeypatch.setattr(market, "execute", held_up)

    async def stop():
        made.axes["fast"].control.value = "10:40:5"
        await until(at_work.is_set, "the work does not begin")
        made.progress.cancel_button.click()
        go_on.set()
        await until_idle(made._task)

    asyncio.run(stop())
    assert isinstance(made._task.error, InterruptedRunError)
    assert "bt-stale" in made._shown._dom_classes
    assert made.result is before


def test_running_the_cell_again_closes_what_it_made_before(spec, settings, monkeypatch):
    def cell():
        return SweepExplorer(
            spec,
            start="2015-01-02",
            end="2016-12-30",
            parameters={"fast": [10, 20], "slow": [50, 60]},
            settings=settings,
        )

    opened, kept = run_again(monkeypatch, cell, 4)
    # IPython's history keeps every one, but not what it held.
    assert kept == 1
    assert opened[0] == opened[1] == opened[-1] > 50


def test_closing_lets_go_of_everything(spec, settings):
    before = len(ipywidgets.widgets.widget._instances)
    explorer = SweepExplorer(spec, **RANGE, parameters=VALUES, settings=settings)
    explorer.axes["fast"].control.value = "20,30"
    explorer.close()
    assert len(ipywidgets.widgets.widget._instances) == before


def test_a_number_of_the_orders_inside_the_bar_is_tried_in_a_field_of_its_own(spec, settings):
    stopped = load_spec(spec).replace(trailing_stop={"fraction": 0.1}, stop_loss=0.05)
    explorer = SweepExplorer(
        stopped, **RANGE, parameters={"trailing_stop.fraction": [0.03, 0.1]}, settings=settings
    )
    try:
        assert explorer.axes["trailing_stop_fraction"].value == "0.03,0.1"
        assert explorer.axes["stop_loss"].control.placeholder == "0.05, fixed"
        explorer.axes["stop_loss"].control.value = "0.02,0.05,2"
        assert "must be above 0 and below 1" in explorer.axes["stop_loss"].problem
        explorer.axes["stop_loss"].control.value = "0.02,0.05"
        assert len(explorer.result.table) == 4
        explorer.select(trailing_stop_fraction=0.03, stop_loss=0.05)
        plain = stopped.replace(trailing_stop={"fraction": 0.03})
        held = bt.run(plain, "SPX", *RANGE.values(), settings=settings)
        assert explorer.run.metrics == held.metrics
    finally:
        explorer.close()
