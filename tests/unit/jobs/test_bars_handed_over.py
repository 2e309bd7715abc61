"""Bars that were loaded elsewhere, and what is stored of them."""

from __future__ import annotations

import copy

import pytest
from support.random_bars import crossover, make_bars

from btkit.errors import UsageError
from btkit.jobs import Silent, delete, execute, list_runs, load_document, resume
from btkit.jobs.execution import Execution
from btkit.jobs.job import JOB
from btkit.jobs.loading import bars_of
from btkit.jobs.prepare import prepare
from btkit.storage import Store

SEARCH = {"fast": [3, 5], "slow": [10, 21]}
KINDS = {
    "run": {},
    "walk-forward": {"windows": 2, "optimize": SEARCH},
    "sweep": {"parameters": SEARCH},
}
# When and under which names something was made.
OWN = {"created_at", "completed_at", "run_id", "walk_forward_id", "is_run_id", "oos_run_id",
       "curve_url", "equity_curve_url", "command"}  # fmt: skip


def job_of(kind, settings, **changes):
    fields = {
        "kind": kind, "spec": crossover(), "symbol": "SPX", "benchmark": "IXIC",
        "start": "2012-01-03", "end": "2013-12-31", **KINDS.get(kind, {}), **changes,
    }  # fmt: skip
    return prepare(JOB.validate_python(fields), settings=settings)


def without_names(document):
    found = copy.deepcopy(document)
    if isinstance(found, dict):
        return {key: without_names(value) for key, value in found.items() if key not in OWN}
    return [without_names(one) for one in found] if isinstance(found, list) else found


def stored_document(settings):
    (row,) = list_runs(settings=settings)
    document = load_document(row["run_id"], settings=settings)
    delete(row["run_id"], settings=settings)
    return without_names(document)


def loaded(job, settings):
    return bars_of(job, Execution(settings, Silent()))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_of_loaded_bars_is_what_loading_them_here_would_store(kind, settings):
    job = job_of(kind, settings)
    execute(job, settings=settings)
    expected = stored_document(settings)
    bars = loaded(job, settings)
    nowhere = settings.model_copy(update={"data_source": "files", "data_dir": None})
    execute(job, settings=nowhere, bars=bars)
    assert list_runs(settings=settings) == []
    execute(job, settings=nowhere, bars=bars, store=True)
    assert stored_document(settings) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_what_broke_off_goes_on_with_bars_that_are_handed_over(kind, settings, monkeypatch):
    job = job_of(kind, settings)
    execute(job, settings=settings)
    expected, bars = stored_document(settings), loaded(job, settings)

    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("btkit.jobs.single_run.simulate_checked", stop)
        patch.setattr("btkit.jobs.walk_forward_parts.simulate_checked", stop)
        patch.setattr("btkit.validation.Sweeper.measure", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(job, settings=settings, bars=bars, store=True)
    (row,) = list_runs(settings=settings)
    assert row["status"] == "cancelled"

    def none(*_arguments, **_options):
        pytest.fail("bars were loaded")

    monkeypatch.setattr("btkit.jobs.loading.load_from_source", none)
    resume(row["run_id"], settings=settings, bars=bars)
    assert stored_document(settings) == expected


def test_a_frame_that_says_nothing_of_itself_is_not_stored(settings):
    job = job_of("run", settings)
    with pytest.raises(UsageError, match="a frame does not say it") as caught:
        execute(job, settings=settings, bars=make_bars(300), store=True)
    assert caught.value.hint
    assert Store.from_settings(settings).runs() == []
