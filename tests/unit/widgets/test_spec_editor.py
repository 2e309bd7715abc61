import asyncio
import json

import ipywidgets
import numpy as np
import pytest
from support.cells import run_again

import btkit as bt
from btkit.errors import SpecError
from btkit.spec import StrategySpec, load_spec
from btkit.widgets import SpecEditor, coalesce
from btkit.widgets.document import SpecDocument


@pytest.fixture
def editor(spec, settings):
    made = SpecEditor(spec, start="2010-01-04", end="2014-12-31", settings=settings)
    yield made
    made.close()


def drawn(editor):
    return [float(value) for value in editor._picture.widget.data[1].y]


def test_a_slider_moves_result_picture_and_tiles_together(editor, settings):
    before, tiles = drawn(editor), editor._summary.value
    editor.controls["parameters"].sliders["fast"].value = 30
    assert editor.spec.parameters == {"fast": 30, "slow": 50}
    stored = bt.run(editor.spec, "SPX", "2010-01-04", "2014-12-31", settings=settings)
    assert editor.result.metrics == stored.metrics
    assert drawn(editor) == pytest.approx(stored.equity.tolist(), rel=1e-6)
    assert drawn(editor) != before
    assert editor._summary.value != tiles


def test_events_of_ones_own_are_known_and_completed(spec, settings, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("name,date\nhalving,2016-07-09\n", encoding="utf-8")
    own = load_spec(spec, events=file)
    for given, known in ((own, settings), (spec, settings.model_copy(update={"events": file}))):
        made = SpecEditor(given, start="2010-01-04", end="2014-12-31", settings=known)
        try:
            conditions = made.controls["entry_conditions"]
            assert {"halving_day", "days_to_halving"} <= dict(conditions.list.words).keys()
            conditions.texts = ["not halving_within_30d"]
            assert made.problems == []
            assert made.spec.events.knows("halving_day")
            assert len(made.result.trades)
        finally:
            made.close()


def test_a_short_side_is_edited_as_json(editor):
    editor.set("direction", "both")
    (problem,) = editor.problems
    assert problem.path == "short"
    side = {"entry_conditions": ["close < sma_{fast}"], "exit_conditions": ["close > sma_{fast}"]}
    control = editor.controls["short"]
    control.control.value = json.dumps(side)
    (problem,) = editor.problems
    assert (problem.path, problem.message) == ("short.stop_conditions", "this field is missing")
    editor.set("short", side | {"stop_conditions": []})
    assert editor.problems == []
    assert json.loads(control.value) == side | {"stop_conditions": []}
    assert set(editor.result.trades["direction"]) == {"long", "short"}
    entries = editor._picture.widget.data[5]
    assert set(entries.marker.symbol) == {"triangle-up", "triangle-down"}
    assert {text.partition(",")[0] for text in entries.text} == {"Long entry", "Short entry"}


def test_levels_are_drawn_while_their_lots_stood(editor):
    stop, target, trailing = editor._picture.widget.data[7:]
    assert [len(line.y) for line in (stop, target, trailing)] == [0, 0, 0]
    editor.set("stop_loss", 0.05)
    editor.set("trailing_stop", {"fraction": 0.08})
    lots = editor.result.trades
    assert np.isnan(stop.y).sum() == len(lots)
    assert stop.y[0] == pytest.approx(lots["entry_price"].iloc[0] * 0.95, rel=1e-6)
    assert (len(target.y), len(trailing.y) > len(stop.y)) == (0, True)
    editor.set("stop_loss", None)
    assert len(stop.y) == 0
    assert np.isnan(trailing.y).sum() == len(editor.result.trades)


def test_every_field_has_a_control(editor):
    assert set(editor.controls) == set(StrategySpec.model_fields)
    assert not editor._document.can_undo


def test_a_wrong_name_is_marked_and_the_picture_dimmed_until_it_is_mended(editor):
    before = drawn(editor)
    conditions = editor.controls["entry_conditions"]
    conditions.texts = ["close > smaa_50", "not in_position"]
    (problem,) = editor.problems
    assert (problem.path, problem.column) == ("entry_conditions[0]", 8)
    marked, fine = conditions.list.problems
    assert "<mark>smaa_50</mark>" in marked
    assert "did you mean &#39;sma_50&#39;?" in marked
    assert fine == ""
    assert "bt-stale" in editor._shown._dom_classes
    assert "Enter when, condition 1: unknown name &#39;smaa_50&#39;." in editor._reason.value
    assert drawn(editor) == before
    conditions.texts = ["sma_{fast} > sma_{slow}", "not in_position"]
    assert editor.problems == []
    assert "bt-stale" not in editor._shown._dom_classes
    assert editor._reason.value == ""
    assert conditions.list.problems == ["", ""]


def test_lists_change_as_a_whole_and_undo_brings_them_back(editor, monkeypatch):
    monkeypatch.setattr("btkit.widgets.document.MERGE_S", 0.0)
    conditions = editor.controls["entry_conditions"]
    first, second = conditions.texts
    for texts in ([second, first], [second, first, "close > sma_50"], [second, "close > sma_50"]):
        conditions.texts = texts
        assert list(editor.spec.entry_conditions) == texts
    for _ in range(3):
        editor.undo()
    assert conditions.texts == [first, second]
    conditions.texts = []
    assert "entry_conditions" in editor.problems[0].path
    assert conditions.list.problem


def test_undo_and_redo_walk_through_the_edits(editor):
    editor.set("max_holding_bars", 20)
    editor.set("direction", "short")
    editor.undo()
    assert (editor.spec.max_holding_bars, editor.spec.direction) == (20, "long")
    assert editor.controls["direction"].control.value == "long"
    editor.undo()
    assert editor.spec.max_holding_bars == 10
    editor.redo()
    editor.redo()
    assert (editor.spec.max_holding_bars, editor.spec.direction) == (20, "short")


def test_edits_of_one_field_in_one_breath_are_one_step(spec, settings):
    now = [0.0]
    document = SpecDocument(load_spec(spec), settings=settings, clock=lambda: now[0])
    for value in (11, 12, 13):
        document.edit("max_holding_bars", value)
        now[0] += 0.2
    now[0] += 2
    document.edit("max_holding_bars", 14)
    document.undo()
    assert document.spec.max_holding_bars == 13
    document.undo()
    assert document.spec.max_holding_bars == 10
    assert not document.can_undo


@pytest.mark.parametrize("name", ["mine.json", "mine.yaml"])
def test_what_is_saved_loads_again(editor, tmp_path, name):
    editor.set("max_holding_bars", 33)
    place = editor.save(tmp_path / name)
    assert load_spec(place) == editor.spec
    editor.set("max_holding_bars", 44)
    editor.load(place)
    assert editor.spec.max_holding_bars == 33
    editor.undo()
    assert editor.spec.max_holding_bars == 44
    editor._file.value = str(tmp_path / "no" / "such" / "folder.json")
    editor._save.click()
    assert "No such file or directory" in editor._note.value


def test_nothing_invalid_is_saved_or_stored(editor, tmp_path):
    editor.set("entry_conditions", ["nonsense > 1"])
    for work in (lambda: editor.save(tmp_path / "x.json"), editor.run_and_store):
        with pytest.raises(SpecError, match="nonsense"):
            work()
    assert not (tmp_path / "x.json").exists()


def test_run_and_store_keeps_the_run(editor, settings):
    editor._store.click()
    (run,) = bt.list_runs(settings=settings)
    assert run["run_id"] in editor._note.value
    assert run["sharpe_ratio"] == editor.result.metrics.sharpe_ratio


def test_the_command_names_what_the_editor_shows(editor):
    editor._file.value = "my strategy.json"
    words = "--strategy 'my strategy.json' --symbol SPX --start 2010-01-04 --end 2014-12-31"
    assert editor.command() == f"backtest run {words}"
    editor._bar.costs[0].value = "5000"
    assert editor.command().endswith("--capital 5000.0")
    assert editor.result.initial_capital == 5_000


def test_every_name_can_be_completed_and_parameters_as_they_come_and_go(editor):
    conditions = editor.controls["entry_conditions"]
    known = dict(conditions.list.words)
    assert {"close", "rsi_14", "sma_20", "{fast}", "sma_{fast}", "in_position"} <= set(known)
    assert "Wilder" in known["rsi_14"]
    assert "risk_pct" in dict(editor.controls["position_sizing_formula"].list.words)
    editor.controls["parameters"].add("deep")
    assert "sma_{deep}" in dict(conditions.list.words)
    editor.controls["parameters"].remove("deep")
    assert "sma_{deep}" not in dict(conditions.list.words)


def snapped(slider, value):
    """What a browser says as soon as it has drawn a slider: the nearest of its steps."""
    return slider.min + round((value - slider.min) / slider.step) * slider.step


@pytest.mark.parametrize("risk", [0.01, 0.0123, 0.02, 0.0005])
def test_a_slider_that_is_drawn_changes_no_number(spec, settings, risk):
    spec |= {"per_trade_risk_pct": risk, "parameters": {"fast": 20, "slow": 50, "low": 1.2345}}
    spec["exit_conditions"] = ["close < {low} * sma_{slow}"]
    editor = SpecEditor(spec, start="2016-01-04", end="2016-12-30", settings=settings)
    before = editor.spec
    numbers = [editor.controls["per_trade_risk_pct"].control]
    numbers += editor.controls["parameters"].numbers.values()
    for number in numbers:
        number.slider.value = snapped(number.slider, number.value)
    assert editor.spec == before
    assert not editor._document.can_undo
    numbers[0].slider.value = numbers[0].slider.min + 5 * numbers[0].slider.step
    assert editor.spec.per_trade_risk_pct == 0.003
    assert numbers[0].text.value == "0.3"
    editor.close()


def test_a_number_can_be_typed_beyond_its_slider_and_keeps_its_kind(editor):
    number = editor.controls["parameters"].numbers["slow"]
    number.text.value = "275"
    assert editor.spec.parameters["slow"] == 275
    assert number.slider.value == number.slider.max == 275
    number.text.value = "27x"
    assert "parameters" in editor.problems[0].path
    assert "bt-stale" in editor._shown._dom_classes
    number.text.value = "120"
    assert editor.spec.parameters == {"fast": 20, "slow": 120}
    editor.controls["per_trade_risk_pct"].control.text.value = "1.23"
    assert editor.spec.per_trade_risk_pct == 0.0123
    editor.controls["parameters"].add("level")
    number = editor.controls["parameters"].numbers["level"]
    number.text.value = "1.5"
    assert editor._document.fields["parameters"]["level"] == 1.5
    assert editor.controls["parameters"].numbers["level"].slider.value == 1.5


def test_a_choice_that_is_left_out_shows_what_that_means(editor):
    control = editor.controls["commission_model"].control
    assert control.label == "by asset class"
    control.value = "rate"
    assert editor.spec.commission_model == "rate"
    control.value = ""
    assert editor.spec.commission_model is None


def test_changes_in_a_running_loop_are_drawn_once_and_the_last_one_wins(editor):
    redraws = []
    show = editor._picture.show
    editor._picture.show = lambda result, held: (redraws.append(result), show(result, held))
    slider = editor.controls["parameters"].sliders["fast"]

    async def drag():
        for value in range(10, 40):
            slider.value = value
        await asyncio.sleep(coalesce.PAUSE_S * 20)

    asyncio.run(drag())
    assert len(redraws) == 1
    assert redraws[0].spec.parameters["fast"] == 39


def test_running_the_cell_again_closes_what_it_made_before_and_keeps_none_of_it(
    spec, settings, monkeypatch
):
    def cell():
        return SpecEditor(spec, settings=settings)

    opened, kept = run_again(monkeypatch, cell, 4)
    # IPython's history keeps every one, but not the twenty years that it held.
    assert kept == 1
    assert opened[0] == opened[1] == opened[-1] > 50


def test_closing_lets_go_of_everything(spec, settings):
    before = len(ipywidgets.widgets.widget._instances)
    SpecEditor(spec, start="2016-01-04", end="2016-12-30", settings=settings).close()
    assert len(ipywidgets.widgets.widget._instances) == before
