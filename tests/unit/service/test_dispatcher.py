from __future__ import annotations

import io
import threading
import time
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest
from support.fake_crew import FakeCrew, Killed, ToldError, error_of
from support.random_bars import crossover
from support.waiting import until

from btkit.errors import CorruptFileError, StoreBusyError, StoreFullError
from btkit.jobs import list_runs, load_document
from btkit.jobs.dispatch import execute
from btkit.jobs.job import BatchJob, RunJob, SweepJob
from btkit.jobs.pieces import DIVISIONS, Division, Summary
from btkit.jobs.prepare import prepare
from btkit.jobs.single_run import begin
from btkit.service import dispatcher, merging
from btkit.service.bar_store import BarStore
from btkit.service.dispatcher import Dispatcher
from btkit.service.pace import Pace
from btkit.settings import Settings
from btkit.storage import FINISH, WHOLE, Store, new_run_id
from btkit.storage.parcels import pack_job

RANGE = {"symbol": "SPX", "start": date(2014, 1, 2), "end": date(2014, 6, 30), "source": "sample"}
SWEEP = SweepJob(spec=crossover(), parameters={"fast": [3, 5], "slow": [10, 21]}, **RANGE)


def make_settings(folder):
    return Settings(
        db_path=folder / "results.db",
        curve_dir=folder / "curves",
        report_dir=folder / "reports",
        service_dir=folder / "service",
        minio_endpoint=None,
        lease_seconds=5.0,
    )


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env of the project
    return make_settings(tmp_path)


@pytest.fixture
def store(settings):
    return Store.from_settings(settings)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Give what makes the parcel of a complete run, each time under another id."""
    folder = tmp_path_factory.mktemp("scratch")
    settings = make_settings(folder)
    run_id = execute(RunJob(spec=crossover(), **RANGE), settings=settings).run_id
    path = pack_job(Store.from_settings(settings), run_id, settings, folder / "parcel")
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}

    def make():
        buffer, again = io.BytesIO(), new_run_id()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in entries.items():
                changed = name.replace(run_id, again)
                file.writestr(changed, content.replace(run_id.encode(), again.encode()))
        return buffer.getvalue()

    return make


def sets_of(count, **changes):
    """Return divisions by which a sweep has so many sets, and a run is whole."""

    def never(*_given):
        raise AssertionError("workers do this")

    def own(job, _piece):
        return job

    crashed = lambda _job, piece, _why: f"crashed {piece.lo}".encode()  # noqa: E731
    sweep = Division("sets", lambda _job: [count], own, never, never, crashed=crashed)
    run = Division("bars", lambda _job: [], own, never, never)
    return MappingProxyType({"sweep": sweep, "run": run, **changes})


class Bench:
    """A dispatcher with a crew of threads, and what they did."""

    def __init__(self, store, settings, outcome):
        self.store, self.settings, self.outcome = store, settings, outcome
        self.done, self.act = [], lambda _order: None
        self.crew = self.dispatcher = None

    def start(self, count=0, *, divisions=None, **crew):
        self.crew = self.crew or FakeCrew(self.store, self.work, **crew)
        self.dispatcher = Dispatcher(
            self.store, self.crew, self.settings, divisions=divisions or sets_of(count)
        )
        self.dispatcher.start()

    def work(self, order):
        self.act(order)
        self.done.append(order.piece)
        return self.outcome() if order.piece.group < 0 else b"content"

    def submit(self, job=SWEEP, **given):
        known = prepare(job, settings=self.settings)
        operation, _ = self.store.operations.submit(known.to_json(), kind=job.kind, **given)
        return operation.operation_id

    def ended(self, operation_id, status="complete"):
        def look():
            known = self.store.operations.get(operation_id)
            return known if known.has_ended else None

        known = until(look, what="the end")
        assert known.status == status, known.error
        return known

    def stop(self):
        if self.dispatcher is not None:
            self.dispatcher.stop()
            self.crew.close()


@pytest.fixture
def bench(store, settings, outcome):
    made = Bench(store, settings, outcome)
    yield made
    made.stop()


def places(pieces):
    return sorted(place for piece in pieces for place in range(piece.lo, piece.hi))


def test_a_run_goes_to_a_worker_and_comes_into_the_store(bench):
    bench.start()
    known = bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)))
    assert bench.done == [WHOLE]
    (order,) = bench.crew.orders
    assert order.bars is not None
    assert bench.dispatcher.is_alive()
    (entry,) = list_runs(settings=bench.settings)
    assert (entry["run_id"], entry["status"]) == (known.job_id, "complete")
    assert load_document(known.job_id, settings=bench.settings)["run"]["run_id"] == known.job_id
    kinds = [event.kind for event in bench.store.operations.events(known.operation_id)]
    assert (kinds[:2], kinds[-1]) == (["queued", "started"], "complete")


def test_every_set_is_given_out_once_and_then_the_finishing(bench):
    bench.start(1_000)
    known = bench.ended(bench.submit())
    assert bench.done[-1] == FINISH
    assert places(bench.done[:-1]) == list(range(1_000))
    assert (known.done, known.total, known.unit) == (1_000, 1_000, "sets")
    assert bench.crew.orders[-1].contents == len(bench.done) - 1
    assert len({order.bars for order in bench.crew.orders}) == 1
    assert not (bench.settings.service_dir / "operations" / known.operation_id).exists()


def test_the_last_pieces_shrink_by_what_is_in_none_yet(bench, monkeypatch):
    heard, size = [], Pace.size

    def listening(self, left, *, threads):
        heard.append(left)
        return size(self, left, threads=threads)

    monkeypatch.setattr(Pace, "size", listening)
    bench.start(1_000)
    bench.ended(bench.submit())
    begins = [order.piece.lo for order in bench.crew.orders if order.piece != FINISH]
    assert list(dict.fromkeys(heard)) == [*(1_000 - lo for lo in begins), 0]


def test_ten_million_sets_need_no_more_memory_than_a_few(bench):
    bench.start(10_000_000)
    operation_id = bench.submit()
    until(lambda: len(bench.done) > 5, what="some pieces")
    # As if it were this fast.
    undertaking = bench.dispatcher._known[operation_id]
    undertaking.pace.size = lambda _left, threads: 200_000 * min(threads, 1)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    known = bench.ended(operation_id)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert known.done == 10_000_000
    assert len(places(bench.done[:-1])) == 10_000_000
    assert now - before < 2_000_000
    assert peak - before < 20_000_000


def test_workers_that_die_cost_no_set(bench):
    killed = []

    def act(order):
        if order.piece.group >= 0 and order.piece.lo % 5 == 0 and order.piece not in killed:
            killed.append(order.piece)
            raise Killed

    bench.act = act
    bench.start(500)
    bench.ended(bench.submit())
    assert killed
    assert places(bench.done[:-1]) == list(range(500))


def test_a_poisonous_set_is_found_and_the_rest_goes_on(bench):
    def act(order):
        if order.piece.lo <= 77 < order.piece.hi:
            raise Killed

    bench.act = act
    bench.start(200)
    known = bench.ended(bench.submit())
    assert places(bench.done[:-1]) == [place for place in range(200) if place != 77]
    assert (known.crashed, known.done) == (1, 200)
    assert bench.crew.orders[-1].contents == len(bench.done)


def test_what_crashed_while_the_disk_was_full_is_written_later(bench, monkeypatch):
    monkeypatch.setattr(dispatcher, "_AGAIN_AFTER_S", 0.05)
    table, tried = bench.store.operations, []
    fill = table.fill

    def full(*given):
        tried.append(given)
        if len(tried) == 1:
            raise StoreFullError("Full.", hint="Make space.")
        fill(*given)

    def act(order):
        if order.piece.group == 0:
            raise Killed

    monkeypatch.setattr(table, "fill", full)
    bench.act = act
    bench.start(1)
    assert bench.ended(bench.submit()).crashed == 1
    assert len(tried) == 2


def test_a_run_that_kills_three_workers_fails(bench):
    def act(_order):
        raise Killed

    bench.act = act
    bench.start()
    known = bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)), "failed")
    assert known.error["type"] == "WorkerUnavailableError"
    assert len(bench.crew.orders) == 3


def test_what_is_cancelled_stops_and_goes_on_later(bench):
    goes, began = threading.Event(), threading.Event()

    def act(order):
        began.set()
        while not goes.is_set():
            if bench.store.operations.beat(order.token, seconds=5.0):
                raise ToldError(error_of("InterruptedRunError"))
            time.sleep(0.01)

    bench.act = act
    bench.start(300)
    operation_id = bench.submit()
    began.wait(20)
    bench.store.operations.request_cancel(operation_id)
    bench.ended(operation_id, "cancelled")
    goes.set()
    bench.store.operations.requeue(operation_id)
    known = bench.ended(operation_id)
    assert places(bench.done[:-1]) == list(range(300))
    assert known.attempt == 2


def test_a_cancelled_run_is_in_the_store_where_it_stopped(bench, tmp_path):
    scratch = make_settings(tmp_path / "scratch")

    def act(order):
        if order.resumes:
            return
        job = prepare(RunJob(spec=crossover(), **RANGE), settings=scratch)
        inside = Store.from_settings(scratch)
        begun = begin(inside, job)
        pack_job(inside, str(begun.run_id), scratch, tmp_path / "half")
        bench.store.operations.keep_parcel(order.token, tmp_path / "half")
        bench.store.operations.request_cancel(order.operation_id)
        raise ToldError(error_of("InterruptedRunError"))

    bench.act = act
    bench.start()
    operation_id = bench.submit(RunJob(spec=crossover(), **RANGE))
    known = bench.ended(operation_id, "cancelled")
    (entry,) = list_runs(settings=bench.settings)
    assert (entry["run_id"], entry["status"], entry["resumable"]) == (
        known.job_id, "cancelled", True,
    )  # fmt: skip
    with bench.store.database.open() as connection:
        (row,) = connection.execute("SELECT type FROM backtest_checkpoints").fetchall()
    assert row["type"] == "cancellation"


def test_an_error_of_the_job_is_the_operations(bench):
    def act(_order):
        raise ToldError(error_of("DataError"))

    bench.act = act
    bench.start(100)
    known = bench.ended(bench.submit(), "failed")
    assert known.error == error_of("DataError")


def test_bars_that_cannot_be_had_fail_the_operation(bench):
    bench.start(100)
    job = SWEEP.model_copy(update={"symbol": "NOSUCH"})
    known = bench.ended(bench.submit(job), "failed")
    assert known.error["type"] in {"NoDataError", "SourceError", "UsageError"}
    assert bench.crew.orders == []


def test_bars_that_find_no_room_are_loaded_again(bench, monkeypatch):
    monkeypatch.setattr(dispatcher, "_AGAIN_AFTER_S", 0.05)
    keep, tried = BarStore.keep, []

    def full(self, job):
        tried.append(job)
        if len(tried) == 1:
            raise StoreFullError("Full.", hint="Make space.")
        return keep(self, job)

    monkeypatch.setattr(BarStore, "keep", full)
    bench.start(divisions=sets_of(0, batch=DIVISIONS["batch"]))
    batch = BatchJob(jobs=[RunJob(spec=crossover(), **RANGE)])
    operation, _ = bench.store.operations.submit(batch.to_json(), kind="batch")
    bench.ended(operation.operation_id)
    assert [order.no_bars for order in bench.crew.orders] == [None, None]
    assert bench.crew.orders[0].bars is not None


def test_without_workers_all_wait_and_nothing_is_lost(bench):
    bench.start(100, names=())
    operation_id = bench.submit()
    time.sleep(0.3)
    assert bench.store.operations.get(operation_id).status == "queued"
    bench.crew.join("ann")
    bench.dispatcher.wake()
    bench.ended(operation_id)


def test_the_next_server_goes_on(bench):
    holds = threading.Event()
    bench.act = lambda order: holds.wait(20) if order.piece.group >= 0 else None
    bench.start(200)
    operation_id = bench.submit()
    until(lambda: bench.store.operations.leases(operation_id), what="a lease")
    bench.dispatcher.stop()
    held = bench.store.operations.leases(operation_id)
    holds.set()
    # Those that were out bring what they have, whether or not somebody gives more out.
    until(lambda: not bench.store.operations.leases(operation_id), what="the last content")
    bench.start(200)
    bench.ended(operation_id)
    assert places(bench.done[:-1]) == list(range(200))
    assert {lease.piece for lease in held} <= set(bench.done)


def test_an_operation_that_is_deleted_and_asked_for_anew_is_the_new_one(bench, monkeypatch):
    table, keep = bench.store.operations, BarStore.keep
    unended, no_look = table.unended, threading.Lock()
    holds, began = threading.Event(), threading.Event()

    def slow(self, job):
        began.set()
        holds.wait(20)
        return keep(self, job)

    def looked(**given):
        with no_look:
            return unended(**given)

    monkeypatch.setattr(BarStore, "keep", slow)
    monkeypatch.setattr(table, "unended", looked)
    bench.start(200)
    bench.submit(operation_id="one")
    began.wait(20)
    with no_look:
        table.request_cancel("one")
        table.delete("one")
        bench.submit(SWEEP.model_copy(update={"capital": 777.0}), operation_id="one")
    holds.set()
    bench.ended("one")
    assert {order.job["capital"] for order in bench.crew.orders} == {777.0}


def counted(_job, piece, content):
    """Summarise a content of so many sets."""
    if content != b"content":
        raise CorruptFileError("It is no content.", hint="Have it done again.")
    return Summary(
        "sharpe_ratio", 0, (), count=len(piece), crashed=0, defined=0, total=0.0, squares=0.0,
        histogram={},
    )  # fmt: skip


def counting(count):
    divisions = sets_of(count)
    return {**divisions, "sweep": replace(divisions["sweep"], summarise=counted)}


def test_what_is_no_content_is_told_once_and_done_again(bench, caplog):
    brought = []

    def work(order):
        time.sleep(0.02)
        if order.piece.group < 0:
            until(lambda: summarised(order) == 300, what="the summary")
            return bench.outcome()
        brought.append(order.piece)
        return b"garbage" if len(brought) == 2 else b"content"

    def summarised(order):
        return (bench.store.operations.get(order.operation_id).best or {}).get("count")

    bench.crew = FakeCrew(bench.store, work)
    bench.start(divisions=counting(300))
    bench.ended(bench.submit())
    assert brought.count(brought[1]) == 2
    assert caplog.text.count("It is no content.") == 1


def test_a_summary_that_cannot_be_written_is_told_once_and_made_later(bench, monkeypatch, caplog):
    monkeypatch.setattr(dispatcher, "_SUMMARY_AGAIN_AFTER_S", 0.5)
    add, tried = bench.store.operations.add_to_summary, []

    def full(*given):
        tried.append(given)
        if len(tried) == 1:
            raise StoreFullError("Full.", hint="Make space.")
        add(*given)

    monkeypatch.setattr(bench.store.operations, "add_to_summary", full)

    def act(order):
        if order.piece == FINISH:
            until(
                lambda: bench.store.operations.unsummarised(order.operation_id) is None,
                what="the summary",
            )

    bench.act = act
    bench.start(divisions=counting(300))
    bench.ended(bench.submit())
    assert caplog.text.count("No summary") == 1


def test_two_operations_take_turns(bench):
    # However large its pieces become, the sweep takes seconds.
    bench.act = lambda order: time.sleep(0.005 * len(order.piece))
    bench.start(2_000, names=("ann",))
    first = bench.submit()
    until(lambda: len(bench.done) > 2, what="some pieces")
    run = bench.submit(RunJob(spec=crossover(), **RANGE))
    bench.ended(run)
    assert not bench.store.operations.get(first).has_ended


def test_another_server_is_refused(bench, monkeypatch):
    bench.start()
    with bench.store.database.change() as connection:
        connection.execute("UPDATE btkit_server SET pid = 1, process_started = '0', host = 'x'")
    other = Dispatcher(bench.store, bench.crew, bench.settings, divisions=sets_of(1))
    with pytest.raises(StoreBusyError, match="Another server"):
        other.start()


def test_a_full_disk_at_the_end_is_waited_for(bench, monkeypatch):
    tried = []

    def full(*given, **named):
        tried.append(given)
        if len(tried) < 2:
            raise StoreFullError("Full.", hint="Make space.")
        return merge(*given, **named)

    merge = merging.unpack_job
    monkeypatch.setattr(merging, "unpack_job", full)
    bench.start()
    bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)))
    assert len(tried) == 2


def test_what_is_no_parcel_fails_the_operation(bench):
    bench.outcome = lambda: b"no zip"
    bench.start()
    known = bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)), "failed")
    assert known.error["type"] == "CorruptFileError"
    assert list_runs(settings=bench.settings) == []


def test_a_job_that_the_store_has_is_not_replaced(bench, outcome):
    parcel = outcome()
    bench.outcome = lambda: parcel
    bench.start()
    bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)))
    known = bench.ended(bench.submit(RunJob(spec=crossover(), **RANGE)), "failed")
    assert known.error["type"] == "ConflictError"
