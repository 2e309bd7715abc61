import threading

import pytest
from support.loops import PATIENCE_S
from support.random_bars import crossover

import btkit as bt
from btkit.errors import InterruptedRunError
from btkit.jobs.sweep import describe_sweep
from btkit.widgets import Progress, RunBrowser


@pytest.fixture
def runs(spec, settings):
    dates = {"symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30", "settings": settings}
    return [bt.run(spec | {"name": name}, **dates).run_id for name in ("one", "two", "three")]


def test_runs_are_listed_selected_compared_and_deleted(runs, settings, capsys):
    browser = RunBrowser(settings=settings)
    assert {row["id"] for row in browser.table.rows} == set(runs)
    assert all(len(row["shown"]) == len(browser.table.columns) for row in browser.table.rows)
    assert browser._open.disabled
    browser.select(runs[0])
    assert not browser._open.disabled
    browser.select(*runs[:2])
    shown = capsys.readouterr().out
    assert "2 runs" in shown
    assert browser._sure.layout.display == "none"
    browser._delete.click()
    assert "There is no way back" in browser._note.value
    browser._keep.click()
    assert len(bt.list_runs(settings=settings)) == 3
    browser._delete.click()
    browser._sure.click()
    assert [run["run_id"] for run in bt.list_runs(settings=settings)] == [runs[2]]
    assert [row["id"] for row in browser.table.rows] == [runs[2]]
    browser.close()


def test_the_notebook_of_a_run_is_rendered_when_it_is_asked_for(runs, settings):
    browser = RunBrowser(settings=settings)
    browser.select(runs[0])
    place = browser.report()
    assert place.exists()
    assert place.with_suffix(".html").exists()
    browser.close()


def test_a_sweep_and_a_walk_forward_have_one_row_each_and_their_pages(spec, settings, capsys):
    dates = {"symbol": "SPX", "start": "2012-01-03", "end": "2016-12-30", "settings": settings}
    walk = bt.walk_forward(spec, **dates, windows=2).report.walk_forward_id
    swept = bt.sweep(crossover(), **dates, parameters={"fast": [3, 5], "slow": [20, 30]})
    describe_sweep(swept, start=dates["start"], end=dates["end"], settings=settings)
    browser = RunBrowser(settings=settings)
    assert {row["id"] for row in browser.table.rows} == {walk, swept.sweep_id}
    browser.select(walk)
    assert "Walk-forward validation" in capsys.readouterr().out
    browser.select(swept.sweep_id)
    assert "Parameter sweep" in capsys.readouterr().out
    assert not browser._open.disabled
    assert browser._note.value == ""
    browser.select(walk, swept.sweep_id)
    assert "is a walk-forward and no run" in browser._note.value
    browser.delete()
    assert bt.list_runs(settings=settings, everything=True) == []
    browser.close()


def test_an_empty_store_says_so(settings):
    browser = RunBrowser(settings=settings)
    assert "No run is stored" in browser._note.value
    browser.close()


def test_work_goes_on_in_a_thread_and_its_answer_is_kept(spec, settings):
    progress = Progress(
        lambda told: bt.run(
            spec, "SPX", "2015-01-02", "2016-12-30", settings=settings, progress=told
        )
    )
    assert progress.result.run_id
    assert progress.state == "done"
    assert progress.bar.value == 1.0


def test_cancel_ends_the_work_at_its_next_step():
    at_work, go_on = threading.Event(), threading.Event()

    def work(progress):
        progress.update(1, 10, "one of ten")
        at_work.set()
        assert go_on.wait(PATIENCE_S)
        progress.update(2, 10)
        raise AssertionError("it went on")

    progress = Progress(work)
    assert at_work.wait(PATIENCE_S)
    assert progress.state == "running"
    assert progress.bar.value == pytest.approx(0.1)
    progress.cancel_button.click()
    go_on.set()
    assert progress.wait(PATIENCE_S)
    assert progress.state == "cancelled"
    with pytest.raises(InterruptedRunError):
        progress.result  # noqa: B018 - asking is what raises


def test_what_the_work_raises_is_raised_where_its_answer_is_asked_for():
    progress = Progress(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        progress.result  # noqa: B018 - asking is what raises
    assert progress.state == "failed"
    assert "ZeroDivisionError" in progress.label.value
