import asyncio
import threading

import ipywidgets
import pytest
from support.cells import run_again
from support.loops import PATIENCE_S, until, until_idle

import btkit as bt
from btkit.errors import InterruptedRunError, SpecError, UsageError
from btkit.widgets import WalkForwardLab, coalesce, market

RANGE = {"start": "2010-01-04", "end": "2014-12-31"}
RANGES = {"fast": [10, 20, 30], "slow": [50, 100]}


@pytest.fixture
def lab(spec, settings):
    made = WalkForwardLab(spec, **RANGE, optimize=RANGES, settings=settings)
    yield made
    made.close()


def drawn(lab):
    return [float(value) for value in lab._curve.figure.data[1].y]


def same(shown, stored):
    """Compare what does not name stored runs."""
    runs = {"is_run_id", "oos_run_id", "command"}
    first, second = shown.report.to_dict(), stored.report.to_dict()
    windows = [
        [{k: v for k, v in window.items() if k not in runs} for window in page.pop("windows")]
        for page in (first, second)
    ]
    assert windows[0] == windows[1]
    for name in ("stitched", "avg_efficiency", "avg_oos_sharpe", "avg_is_sharpe", "verdict"):
        assert first[name] == second[name]


def test_it_shows_the_numbers_of_walk_forward_and_stores_nothing(lab, spec, settings):
    shown = lab.result
    assert bt.list_runs(settings=settings) == []
    stored = bt.walk_forward(spec, "SPX", *RANGE.values(), optimize=RANGES, settings=settings)
    same(shown, stored)
    assert drawn(lab) == pytest.approx(stored.curve["equity"].tolist(), rel=1e-6)
    assert f"{stored.report.windows[0].is_sharpe:.2f}".replace("-", "−") in lab._table.value


def test_a_slider_moves_windows_picture_and_tiles_together(lab, spec, settings):
    tiles, before = lab._tiles.value, drawn(lab)
    lab.fields["windows"].control.slider.value = 2
    assert len(lab.result.report.windows) == 2
    assert len(lab._curve.figure.layout.shapes) == 1
    assert drawn(lab) != before
    assert lab._tiles.value != tiles
    lab.fields["scheme"].control.value = "anchored"
    lab.fields["is_ratio"].control.text.value = "50"
    stored = bt.walk_forward(
        spec, "SPX", *RANGE.values(), windows=2, scheme="anchored", is_ratio=0.5, optimize=RANGES,
        settings=settings,
    )  # fmt: skip
    same(lab.result, stored)


def test_only_what_differs_is_sent_so_that_a_date_axis_keeps_its_dates(lab):
    sent = {"_py2js_update": [], "_py2js_relayout": [], "_py2js_removeLayoutProps": []}
    for name, messages in sent.items():
        lab._curve.figure.observe(lambda change, to=messages: to.append(change["new"]), name)
    lab.fields["windows"].control.slider.value = 2
    (update,) = [message for message in sent["_py2js_update"] if message]
    assert "shapes" in update["layout_data"]
    # Told anew with every change, since plotly guesses it anew.
    assert {
        name: value for name, value in update["layout_data"].items() if name.startswith("xaxis")
    } == {"xaxis.type": "date"}
    assert not any(sent["_py2js_removeLayoutProps"])
    assert not any(sent["_py2js_relayout"])


def test_empty_ranges_run_the_spec_as_it_is(lab, spec, settings):
    for name in RANGES:
        lab.fields[name].control.value = ""
    same(lab.result, bt.walk_forward(spec, "SPX", *RANGE.values(), settings=settings))


@pytest.mark.parametrize(
    ("name", "wrong", "message", "right"),
    [
        ("fast", "10:x", "is no number", "10:30:10"),
        ("constraint", "fast < fasst", "fasst", "fast < slow"),
        ("windows", "200", "fewer than 30", "3"),
        ("windows", "many", "is no number", "3"),
        ("is_ratio", "140", "below 1", "70"),
    ],
)
def test_an_error_stands_by_its_field_and_the_picture_is_dimmed(lab, name, wrong, message, right):
    field, before, result = lab.fields[name], drawn(lab), lab.result
    control = getattr(field.control, "text", field.control)
    control.value = wrong
    assert message in field.problem
    assert message in lab._reason.value
    assert [other for other, own in lab.fields.items() if own.problem] == [name]
    assert "bt-stale" in lab._shown._dom_classes
    assert drawn(lab) == before
    assert lab.result is result
    control.value = right
    assert field.problem == lab._reason.value == ""
    assert "bt-stale" not in lab._shown._dom_classes


def test_an_error_in_the_request_stands_beneath_its_line(lab):
    lab._bar.costs[0].value = "nothing"
    assert "must be above 0" in lab._bar_problem.value
    assert "bt-edit-wrong" in lab._bar.costs[0]._dom_classes
    lab._bar.costs[0].value = "50000"
    assert lab._bar_problem.value == ""
    assert lab.result.out_of_sample[0].initial_capital == 50_000


def test_what_the_spec_lacks_or_cannot_be_is_refused(spec, settings):
    lab = WalkForwardLab(spec, **RANGE, optimize={"fasst": [10]}, settings=settings)
    assert "fasst" in lab._reason.value
    with pytest.raises(UsageError, match="fasst"):
        lab.result  # noqa: B018 - asking is what raises
    lab.close()
    with pytest.raises(SpecError):
        WalkForwardLab(spec | {"entry_conditions": ["x >"]}, settings=settings)


def test_changes_in_a_running_loop_are_asked_once_and_the_last_one_wins(lab):
    shown = []
    present = lab._present
    lab._present = lambda answer: (shown.append(answer), present(answer))

    async def drag():
        for windows in range(1, 6):
            lab.fields["windows"].control.slider.value = windows
        await asyncio.sleep(coalesce.PAUSE_S * 3)
        await until_idle(lab._task)

    asyncio.run(drag())
    assert [len(answer.report.windows) for answer in shown] == [5]


def test_cancel_keeps_the_last_answer_and_says_so(lab, monkeypatch):
    before, at_work, go_on = lab.result, threading.Event(), threading.Event()
    honest = market.execute

    def held_up(*arguments, progress, **options):
        at_work.set()
        assert go_on.wait(PATIENCE_S)
        return honest(*arguments, progress=progress, **options)

    monkeypatch.setattr(market, "execute", held_up)

    async def stop():
        lab.fields["windows"].control.slider.value = 4
        await until(at_work.is_set, "the work does not begin")
        lab.progress.cancel_button.click()
        go_on.set()
        await until_idle(lab._task)

    asyncio.run(stop())
    assert lab.progress.state == "cancelled"
    assert isinstance(lab._task.error, InterruptedRunError)
    assert "Stopped" in lab._reason.value
    assert "bt-stale" in lab._shown._dom_classes
    assert lab.result is before


def test_running_the_cell_again_closes_what_it_made_before(spec, settings, monkeypatch):
    def cell():
        return WalkForwardLab(
            spec, start="2015-01-02", end="2016-12-30", windows=1, settings=settings
        )

    opened, kept = run_again(monkeypatch, cell, 4)
    # IPython's history keeps every one, but not what it held.
    assert kept == 1
    assert opened[0] == opened[1] == opened[-1] > 50


def test_closing_lets_go_of_everything(spec, settings):
    before = len(ipywidgets.widgets.widget._instances)
    made = WalkForwardLab(spec, **RANGE, settings=settings)
    made.fields["windows"].control.slider.value = 2
    made.close()
    assert len(ipywidgets.widgets.widget._instances) == before
