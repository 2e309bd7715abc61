from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from support.broken_off import SPEC, numbers, write_bars
from support.deep import sized

from btkit.errors import InterruptedRunError, RunNotFoundError, StoreError
from btkit.jobs import (
    cancel,
    list_runs,
    load_document,
    load_run,
    loading,
    options_sim,
    resume,
    run,
    run_watch,
    watching,
)
from btkit.owner import Owner, this_process
from btkit.storage import JobTable, Store, job_rows, new_run_id

SHORT = 20


class Crash(BaseException):
    """Stands for a kill: nothing after it is written."""


class StopAt:
    """Progress that acts when so many bars are done."""

    def __init__(self, bar, act):
        self.bar, self.act, self.done = bar, act, []

    @contextmanager
    def stage(self, _name):
        yield lambda _text: None

    def count(self, done, _total, _unit):
        self.done.append(done)
        if done == self.bar:
            self.act()


def throw(error):
    raise error


@pytest.fixture
def place(settings, tmp_path):
    """Give settings with checkpoints at every bar, and the range of the bars."""
    days = write_bars(tmp_path / "bars", count=SHORT)
    changes = {"data_source": "files", "data_dir": tmp_path / "bars", "checkpoint_bars": 1}
    return settings.model_copy(update=changes), days


@pytest.fixture
def crash(place, monkeypatch):
    """Run until some bar, as a process that is gone by now; give the run's id."""
    settings, days = place
    dead = Owner(this_process().host, this_process().pid, "another start")

    def crash_at(bar, *, spec=SPEC, verb=run, settings=settings):
        progress = StopAt(bar, lambda: throw(Crash()))
        with monkeypatch.context() as patch:
            patch.setattr(JobTable, "end", lambda *_, **__: False)
            patch.setattr(job_rows, "this_process", lambda: dead)
            with pytest.raises(Crash):
                verb(spec, "TINY", *days, settings=settings, progress=progress)
        return list_runs(settings=settings)[0]["run_id"]

    return crash_at


def query(settings, sql, *values):
    with closing(sqlite3.connect(settings.db_path)) as connection:
        return connection.execute(sql, values).fetchall()


def counted(settings):
    owned = query(settings, "SELECT count(*) FROM btkit_jobs WHERE host IS NOT NULL")
    tables = ("checkpoints", "checkpoint_parts")
    left = [query(settings, f"SELECT count(*) FROM backtest_{table}") for table in tables]  # noqa: S608 - literals
    return [found[0][0] for found in (owned, *left)]


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_a_run_that_dies_at_any_bar_is_resumed_to_the_same_bits(place, crash, fill, steps):
    settings, days = place
    spec = SPEC | {"fill": fill}
    whole = numbers(run(spec, "TINY", *days, settings=settings).run_id, settings)
    assert len(whole[0]["trades"]) > 3
    every = 1 if fill == "next_open" else sized(4, 1)
    step = steps(len(range(1, SHORT, every)), f"stops of {fill}")
    for bar in range(1, SHORT, every):
        run_id = crash(bar, spec=spec)
        (row,) = list_runs(status="interrupted", settings=settings)
        assert (row["run_id"], row["resumable"]) == (run_id, True)
        assert load_document(run_id, settings=settings)["run"]["status"] == "interrupted"
        progress = StopAt(0, lambda: None)
        resume(run_id, settings=settings, progress=progress)
        # It went on at the next bar, not at the first.
        assert progress.done == list(range(bar + 1, SHORT))
        assert numbers(run_id, settings) == whole
        assert counted(settings) == [0, 0, 0]
        step()


SPREADS = {
    "name": "broken off spreads",
    "spread_type": "short_put_spread",
    "entry_conditions": ["close > open or close < open"],
    "exit_conditions": ["bars_held >= 2"],
    "target_dte": 7,
    "profit_target_pct": 0.3,
    "max_holding_bars": 4,
    "max_concurrent_positions": 3,
}


@pytest.fixture
def implied(place):
    """Give the bars a volatility, so that spreads are sold from the first bar on."""
    settings, days = place
    path = settings.data_dir / "TINY.csv"
    head, *lines = path.read_text().splitlines()
    rows = [f"{line},{0.2 + 0.01 * (step % 5)},50" for step, line in enumerate(lines)]
    path.write_text("\n".join([f"{head},current_iv,iv_rank", *rows]) + "\n")
    # An account that pays for several contracts at a time.
    return settings.model_copy(update={"initial_capital": 1_000_000.0}), days


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_an_option_run_that_dies_at_any_bar_is_resumed_to_the_same_bits(
    implied, crash, fill, steps
):
    settings, days = implied
    spec = SPREADS | {"fill": fill}
    whole = numbers(options_sim(spec, "TINY", *days, settings=settings).run_id, settings)
    assert whole[0]["trade_count"] > 5
    assert len({trade["exit_reason"] for trade in whole[0]["trades"]}) > 1
    every = 1 if fill == "next_open" else sized(4, 1)
    step = steps(len(range(1, SHORT, every)), f"stops of {fill}")
    for bar in range(1, SHORT, every):
        run_id = crash(bar, spec=spec, verb=options_sim, settings=settings)
        (row,) = list_runs(status="interrupted", settings=settings)
        assert (row["run_id"], row["resumable"]) == (run_id, True)
        progress = StopAt(0, lambda: None)
        resume(run_id, settings=settings, progress=progress)
        # It went on at the next bar, not at the first.
        assert progress.done == list(range(bar + 1, SHORT))
        assert numbers(run_id, settings) == whole
        assert counted(settings) == [0, 0, 0]
        step()


def test_an_option_run_can_be_cancelled_and_resumed(implied):
    settings, days = implied
    whole = numbers(options_sim(SPREADS, "TINY", *days, settings=settings).run_id, settings)

    def ask():
        (row,) = list_runs(status="running", settings=settings)
        cancel(row["run_id"], settings=settings)

    with pytest.raises(InterruptedRunError) as caught:
        options_sim(SPREADS, "TINY", *days, settings=settings, progress=StopAt(7, ask))
    assert query(settings, "SELECT type, bar_index FROM backtest_checkpoints") == [
        ("cancellation", 7)
    ]
    run_id = caught.value.details["run_id"]
    resume(run_id, settings=settings)
    assert numbers(run_id, settings) == whole


def test_a_run_that_is_stopped_at_any_bar_is_resumed_to_the_same_bits(place):
    settings, days = place
    settings = settings.model_copy(update={"checkpoint_bars": 5})
    whole = numbers(run(SPEC, "TINY", *days, settings=settings).run_id, settings)
    for bar in range(5, SHORT, 5):
        with pytest.raises(KeyboardInterrupt) as caught:
            run(
                SPEC, "TINY", *days, settings=settings,
                progress=StopAt(bar, lambda: throw(KeyboardInterrupt())),
            )  # fmt: skip
        (row,) = list_runs(status="cancelled", settings=settings)
        assert row["run_id"] in caught.value.__notes__[0]
        assert "backtest resume" in caught.value.__notes__[1]
        assert query(settings, "SELECT type, bar_index FROM backtest_checkpoints") == [
            ("cancellation", bar - 1)
        ]
        resume(row["run_id"], settings=settings)
        assert numbers(row["run_id"], settings) == whole


def test_a_checkpoint_holds_what_the_reference_lists(place, crash):
    settings, _ = place
    crash(9)
    (row,) = query(
        settings,
        "SELECT type, bar_index, cash, state IS NOT NULL, fingerprint FROM backtest_checkpoints",
    )
    assert row[:2] == ("periodic", 8)
    assert row[2] > 0
    assert len(row[4]) == 64
    (request,) = query(settings, "SELECT request FROM btkit_jobs")[0]
    assert {"spec", "symbol", "start", "end", "capital"} <= set(json.loads(request))


def test_a_run_can_die_and_be_resumed_several_times(place, crash, monkeypatch):
    settings, days = place
    whole = numbers(run(SPEC, "TINY", *days, settings=settings).run_id, settings)
    run_id = crash(4)
    for bar in (9, 15):
        with pytest.raises(KeyboardInterrupt):
            resume(
                run_id, settings=settings,
                progress=StopAt(bar, lambda: throw(KeyboardInterrupt())),
            )  # fmt: skip
    resume(run_id, settings=settings)
    assert numbers(run_id, settings) == whole


def test_a_run_without_a_checkpoint_is_resumed_from_its_first_bar(place, monkeypatch):
    settings, days = place
    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_from_source", lambda *_, **__: throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            run(SPEC, "TINY", *days, settings=settings)
    (row,) = list_runs(status="cancelled", settings=settings)
    assert query(settings, "SELECT type, bar_index FROM backtest_checkpoints") == [
        ("cancellation", None)
    ]
    resume(row["run_id"], settings=settings)
    assert load_run(row["run_id"], settings=settings).report.run.status == "complete"


def test_other_bars_than_the_checkpoints_start_the_run_again(place, crash):
    settings, days = place
    run_id = crash(12)
    path = settings.data_dir / "TINY.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], *lines[4:]]) + "\n")
    resume(run_id, settings=settings)
    anew = run(SPEC, "TINY", *days, settings=settings)
    assert numbers(run_id, settings) == numbers(anew.run_id, settings)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE backtest_checkpoints SET state = x'00ff'",
        "UPDATE backtest_checkpoint_parts SET content = substr(content, 1, 60)",
        "DELETE FROM backtest_checkpoint_parts WHERE part = 3",
        "UPDATE backtest_checkpoints SET bar_index = 3",
        "UPDATE backtest_checkpoints SET bar_index = -70000",
    ],
)
def test_a_damaged_checkpoint_costs_time_not_correctness(place, crash, damage):
    settings, days = place
    whole = numbers(run(SPEC, "TINY", *days, settings=settings).run_id, settings)
    run_id = crash(12)
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute(damage)
    resume(run_id, settings=settings)
    assert numbers(run_id, settings) == whole


def test_a_running_run_can_be_cancelled_and_resumed(place):
    settings, days = place

    def ask():
        (row,) = list_runs(status="running", settings=settings)
        assert cancel(row["run_id"], settings=settings)["status"] == "cancelling"

    with pytest.raises(InterruptedRunError) as caught:
        run(SPEC, "TINY", *days, settings=settings, progress=StopAt(7, ask))
    run_id = caught.value.details["run_id"]
    (row,) = list_runs(settings=settings)
    assert (row["run_id"], row["status"]) == (run_id, "cancelled")
    assert query(settings, "SELECT type, bar_index FROM backtest_checkpoints") == [
        ("cancellation", 7)
    ]
    assert resume(run_id, settings=settings).run_id == run_id
    assert list_runs(status="complete", settings=settings)[0]["run_id"] == run_id


def test_cancelling_what_was_interrupted_marks_it(place, crash):
    settings, _ = place
    run_id = crash(7)
    assert cancel(run_id, settings=settings) == {"run_id": run_id, "status": "cancelled"}
    assert [row["run_id"] for row in list_runs(status="cancelled", settings=settings)] == [run_id]
    with pytest.raises(StoreError, match="is cancelled, so there is nothing to cancel"):
        cancel(run_id, settings=settings)
    assert resume(run_id, settings=settings).run_id == run_id


def test_what_runs_or_is_complete_cannot_be_resumed(place):
    settings, days = place
    refused = []

    def meanwhile():
        (row,) = list_runs(settings=settings)
        with pytest.raises(StoreError, match="is running") as caught:
            resume(row["run_id"], settings=settings)
        refused.append(caught.value)

    run_id = run(SPEC, "TINY", *days, settings=settings, progress=StopAt(3, meanwhile)).run_id
    assert refused
    with pytest.raises(StoreError, match="is complete"):
        resume(run_id, settings=settings)
    with pytest.raises(StoreError, match="is complete"):
        cancel(run_id, settings=settings)
    for verb in (resume, cancel):
        with pytest.raises(RunNotFoundError):
            verb(new_run_id(), settings=settings)


def test_an_owner_that_lost_its_run_does_not_write(place, crash):
    settings, days = place
    other = Owner("another machine", 1, "1")

    def lose():
        with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
            connection.execute(
                "UPDATE btkit_jobs SET host = ?, pid = ?, process_started = ?", other
            )

    with pytest.raises(StoreError, match="taken over"):
        run(SPEC, "TINY", *days, settings=settings, progress=StopAt(6, lose))
    # The other machine was heard of just now.
    assert [row["status"] for row in list_runs(settings=settings)] == ["running"]
    assert not settings.curve_dir.exists()
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute("UPDATE btkit_jobs SET heartbeat_at = '2020-01-01T00:00:00+00:00'")
    assert [row["status"] for row in list_runs(settings=settings)] == ["interrupted"]


def test_a_run_says_that_it_lives_and_hears_that_it_is_to_stop(place, monkeypatch):
    settings, days = place
    known = settings.model_copy(update={"checkpoint_bars": None})
    monkeypatch.setattr(watching, "HEARTBEAT_S", 0.002)
    monkeypatch.setattr(run_watch, "CHUNK_BARS", 3)
    # Only the heartbeat is to hear it here.
    monkeypatch.setattr(watching, "LOOK_S", 1e9)
    monkeypatch.setattr(watching, "_STORE_S", 1e9)
    ordinary = loading.load_from_source

    def slowly(*arguments, **options):
        first = query(known, "SELECT heartbeat_at FROM btkit_jobs")
        while query(known, "SELECT heartbeat_at FROM btkit_jobs") == first:
            pass
        return ordinary(*arguments, **options)

    def ask():
        (row,) = list_runs(settings=known)
        cancel(row["run_id"], settings=known)
        (watched,) = [thread for thread in threading.enumerate() if row["run_id"] in thread.name]
        keeper = watched._target.__self__
        assert keeper._is_cancelled.wait(60)

    monkeypatch.setattr(loading, "load_from_source", slowly)
    with pytest.raises(InterruptedRunError):
        run(SPEC, "TINY", *days, settings=known, progress=StopAt(6, ask))
    assert query(known, "SELECT type, bar_index FROM backtest_checkpoints") == [("cancellation", 8)]
    assert not [thread for thread in threading.enumerate() if "heartbeat" in thread.name]


def test_a_run_is_saved_by_seconds_as_well(place):
    settings, days = place
    seen = []

    def look():
        seen.extend(query(settings, "SELECT bar_index FROM backtest_checkpoints"))

    known = settings.model_copy(update={"checkpoint_bars": None, "checkpoint_seconds": 1e-9})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_watch, "CHUNK_BARS", 4)
        run(SPEC, "TINY", *days, settings=known, progress=StopAt(8, look))
    assert seen == [(7,)]


def test_a_failed_run_can_be_tried_again(place):
    settings, days = place
    (settings.data_dir / "TINY.csv").rename(settings.data_dir / "away.csv")
    with pytest.raises(Exception, match="TINY"):
        run(SPEC, "TINY", *days, settings=settings)
    (row,) = list_runs(status="failed", settings=settings)
    assert row["resumable"]
    (settings.data_dir / "away.csv").rename(settings.data_dir / "TINY.csv")
    resume(row["run_id"], settings=settings)
    (row,) = list_runs(settings=settings)
    assert (row["status"], row["error_message"], row["resumable"]) == ("complete", None, False)


def test_a_run_that_an_older_btkit_left_is_shown_but_not_resumed(place):
    settings, days = place
    run_id = run(SPEC, "TINY", *days, settings=settings).run_id
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE backtest_runs SET status = 'running', report = NULL, completed_at = NULL"
        )
        connection.execute("UPDATE btkit_jobs SET status = 'running', request = NULL")
    (row,) = list_runs(status="interrupted", settings=settings)
    assert not row["resumable"]
    with pytest.raises(StoreError, match="what was asked of it is not stored"):
        resume(run_id, settings=settings)


def test_a_request_of_another_kind_is_refused_and_stays(place, crash):
    settings, _ = place
    run_id = crash(5)
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute("""UPDATE btkit_jobs SET request = '{"kind": "model"}'""")
        # As another version wrote it, and nothing that changed since.
        connection.execute("DELETE FROM backtest_checksums WHERE name = 'request'")
    with pytest.raises(StoreError, match="does not know"):
        resume(run_id, settings=settings)
    assert [row["status"] for row in list_runs(settings=settings)] == ["failed"]


def test_a_resumed_run_keeps_what_it_was_asked_with(place, crash):
    settings, _ = place
    run_id = crash(5)
    created = Store.from_settings(settings).document(run_id)["run"]["created_at"]
    changed = settings.model_copy(update={"initial_capital": 5.0, "min_trades_required": 0})
    report = load_run(resume(run_id, settings=changed).run_id or "", settings=settings).report
    assert report.run.initial_capital == 100_000
    assert report.run.created_at == created
    assert "few_trades" in {warning.code for warning in report.warnings}


def test_what_fails_once_a_run_is_stored_leaves_it_complete(place):
    class Loud(StopAt):
        @contextmanager
        def stage(self, name):
            yield lambda _text: throw(ValueError("no more")) if name == "report and store" else None

    settings, days = place
    with pytest.raises(ValueError, match="no more"):
        run(SPEC, "TINY", *days, settings=settings, progress=Loud(0, lambda: None))
    (row,) = list_runs(settings=settings)
    assert (row["status"], row["error_message"]) == ("complete", None)
    assert query(settings, "SELECT status FROM backtest_runs") == [("complete",)]
