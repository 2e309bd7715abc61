import asyncio

import ipywidgets
import pytest

import btkit as bt
from btkit.errors import SpecError
from btkit.render.shell import InProcessShell
from btkit.spec import StrategySpec, load_spec
from btkit.widgets import SpecEditor, coalesce
from btkit.widgets.controls import completions
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


def test_every_field_has_a_control(editor):
    assert set(editor.controls) == set(StrategySpec.model_fields)
    assert not editor._document.can_undo


def test_a_wrong_name_is_marked_and_the_picture_dimmed_until_it_is_mended(editor):
    before = drawn(editor)
    conditions = editor.controls["entry_conditions"]
    row = conditions._rows[0]
    row.text.value = "close > smaa_50"
    (problem,) = editor.problems
    assert (problem.path, problem.column) == ("entry_conditions[0]", 8)
    assert "<mark>smaa_50</mark>" in row.problem.value
    assert "sma_50" in row.problem.value
    assert "bt-stale" in editor._shown._dom_classes
    assert "smaa_50" in editor._reason.value
    assert drawn(editor) == before
    row.text.value = "sma_{fast} > sma_{slow}"
    assert editor.problems == []
    assert "bt-stale" not in editor._shown._dom_classes
    assert editor._reason.value == row.problem.value == ""


def test_conditions_are_added_moved_and_removed(editor):
    conditions = editor.controls["entry_conditions"]
    first, second = conditions.texts
    conditions.move(conditions._rows[1], -1)
    assert editor.spec.entry_conditions == (second, first)
    conditions._add()
    assert editor.spec.entry_conditions == (second, first, "close > sma_50")
    conditions.remove(conditions._rows[1])
    assert list(editor._document.fields["entry_conditions"]) == [second, "close > sma_50"]
    for _ in range(3):
        editor.undo()
    assert conditions.texts == [first, second]


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


def test_names_are_completed_as_one_types():
    assert completions("close > sma_2")[0].startswith("close > sma_2")
    assert "rsi_14" in completions("rsi_1")
    assert completions("close > ") == []


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


CELL = """
from btkit.widgets import SpecEditor
editor = SpecEditor({spec!r}, source="sample", start="2016-01-04", end="2016-12-30")
editor
"""


def test_running_the_cell_again_closes_what_it_made_before(spec):
    counts = []
    messages = []
    shell = InProcessShell(messages.append)
    with shell.started():
        for _ in range(50):
            shell.run(CELL.format(spec=spec))
            counts.append(len(shell.comms.comms))
            messages.clear()
    assert counts[0] == counts[10] == counts[-1] > 50


def test_closing_lets_go_of_everything(spec, settings):
    before = len(ipywidgets.widgets.widget._instances)
    SpecEditor(spec, start="2016-01-04", end="2016-12-30", settings=settings).close()
    assert len(ipywidgets.widgets.widget._instances) == before
