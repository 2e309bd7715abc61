"""A worker and a server over real HTTP: what comes back has the bits of a local job."""

from __future__ import annotations

import errno
import io
import json
import sqlite3
import tempfile
import threading
import time
import zipfile
from functools import partial

import pandas as pd
import pytest
from support.classifiers import reading, regime_bundle
from support.divided import prepared, without_names
from support.served import Served
from support.service import STRATEGY, settings_in
from support.small_models import write_bundle

from btkit.errors import DataError, ServerError, StoreError, UsageError
from btkit.jobs import execute, load_document, load_run
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.job import BatchJob
from btkit.service import beats, lease_client, leaving
from btkit.service import work as module
from btkit.service.beats import Beats
from btkit.service.lease_client import LeaseClient
from btkit.service.orders import OrderSettings
from btkit.service.work import work

RANGE = {"symbol": "SPX", "start": "2010-01-04", "end": "2012-12-31", "source": "sample"}
OPTIONS = {
    "kind": "options-sim",
    "spec": {
        "name": "puts",
        "spread_type": "short_put_spread",
        "entry_conditions": ["not in_position"],
        "per_trade_risk_pct": 0.02,
    },
    "start": "2016-01-04",
    "end": "2016-12-30",
    "capital": 1e6,
}
SEARCH = {"n": [10, 20, 30, 40, 50]}


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """Give one server for all tests, and the settings of a local store beside it."""
    folder = tmp_path_factory.mktemp("served")
    plain = {"minio_endpoint": None}
    served = Served.of(settings_in(folder / "server").model_copy(update=plain))
    served.start()
    yield served, settings_in(folder / "local").model_copy(update=plain)
    served.stop()


@pytest.fixture(autouse=True)
def _far_away(tmp_path, monkeypatch):
    """Let the worker be on another machine: nothing of the server's is in its working folder."""
    monkeypatch.chdir(tmp_path)
    module._kept_bars.cache_clear()
    monkeypatch.setattr(beats, "BEAT_S", 0.01)
    monkeypatch.setattr(lease_client, "FIRST_PAUSE_S", 0.01)


@pytest.fixture
def server(everywhere):
    return everywhere[0]


@pytest.fixture
def local(everywhere):
    return everywhere[1]


def run_job(server, **changes):
    return prepared(server.settings, **{"kind": "run", "spec": STRATEGY, **RANGE, **changes})


def stored(settings, job, job_id):
    """Return what is stored of a job, its folders called the same everywhere."""
    document = load_document(job_id, trades=job.kind == "run", settings=settings)
    text = json.dumps(document).replace(str(settings.db_path.parent), "/somewhere")
    return without_names(json.loads(text))


def local_document(job, local):
    return stored(local, job, HANDLERS[job.kind].id_of(execute(job, settings=local)))


def brought_document(server, job, known):
    return stored(server.settings, job, server.merged(known))


@pytest.mark.parametrize(
    "fields",
    [
        {"benchmark": "IXIC"},
        {"kind": "sweep", "parameters": SEARCH},
        {"kind": "sweep", "parameters": SEARCH, "constraint": "n > 15", "method": "random",
         "samples": 4, "seed": 1},
        OPTIONS,
        {"kind": "walk-forward", "windows": 2},
        {"kind": "walk-forward", "windows": 2, "optimize": SEARCH},
    ],
    ids=["run", "grid", "draw", "options", "validation", "optimised"],
)  # fmt: skip
def test_what_workers_bring_back_is_what_a_local_job_stores(server, local, fields):
    job = run_job(server, **fields)
    known = server.submit(job)
    server.app.paths.clear()
    server.work_off(known, work, size=2)
    assert brought_document(server, job, known) == local_document(job, local)
    # However many pieces there were.
    assert sum(path.startswith("GET /data/") for path in server.app.paths) == 1


def test_a_batch_comes_back_job_by_job(server, local, tmp_path):
    path = write_bundle(tmp_path / "models" / "small" / "SPX_1d")
    specs = [
        STRATEGY,
        {**STRATEGY, "parameters": {"n": 50}},
        {"name": "m", "model_path": str(path)},
    ]
    jobs = [{"kind": "run", "spec": spec, **RANGE} for spec in specs]
    job = BatchJob.model_validate({"jobs": jobs})
    known = server.submit(job)
    server.work_off(known, work, size=1)
    assert brought_document(server, job, known) == local_document(job, local)


def test_a_worker_has_no_bars_but_the_servers(server, local, tmp_path, monkeypatch):
    days = pd.bdate_range(RANGE["start"], RANGE["end"])
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0)
    pd.DataFrame(prices, days).rename_axis("date").to_csv(tmp_path / "HERE.csv")
    monkeypatch.setenv("BT_DATA_DIR", str(tmp_path))
    here = {**RANGE, "symbol": "HERE", "source": "files"}
    search = {"kind": "sweep", "parameters": {"n": [10, 20]}}
    jobs = [{"kind": "run", "spec": STRATEGY, **where} for where in (RANGE, here)]
    job = BatchJob.model_validate({"jobs": [*jobs, {"spec": STRATEGY, **here, **search}]})
    known = server.submit(job)
    server.work_off(known, work, size=1)
    brought = brought_document(server, job, known)
    assert [line["exit_code"] < 2 for line in brought["results"]] == [True, False, False]
    assert brought == local_document(job, local)


def test_an_order_without_bars_is_a_fault(server, capfd):
    known = server.submit(run_job(server))
    work(server.order(known, bars=None).model_dump_json())
    assert server.ending(known).error["type"] == "InternalError"
    assert "neither the bars" in capfd.readouterr().err


def test_a_run_comes_with_its_curve_and_trades(server, local):
    job = run_job(server)
    known = server.submit(job)
    server.work_off(known, work)
    found = load_run(server.merged(known), settings=server.settings)
    expected = load_run(execute(job, settings=local).run_id, settings=local)
    assert found.curve.equals(expected.curve)
    assert found.trades.equals(expected.trades)


def test_bars_of_a_folder_that_is_shared_are_not_fetched(server, monkeypatch):
    monkeypatch.setenv("BT_SERVICE_DIR", str(server.settings.service_dir))
    known = server.submit(run_job(server))
    server.app.paths.clear()
    server.work_off(known, work)
    assert server.ending(known).status == "complete"
    assert not any("/data/" in path for path in server.app.paths)


def test_a_model_is_the_one_that_the_server_has(server, local, tmp_path):
    path = write_bundle(tmp_path / "models" / "small" / "SPX_1d")
    spec = {"name": "small", "model_path": str(path), "confidence_threshold": 0.4}
    job = run_job(server, spec=spec)
    known = server.submit(job)
    server.work_off(known, work)
    assert brought_document(server, job, known) == local_document(job, local)

    known = server.submit(job)
    order = server.order(known)
    write_bundle(path, seed=7)
    work(order.model_dump_json())
    error = server.ending(known).error
    assert error["type"] == "BundleError"
    assert error["details"]["path"] == str(path)
    assert error["details"]["server"] == order.bundles[str(path)]
    assert error["details"]["worker"] not in {None, order.bundles[str(path)]}


def test_a_model_that_is_replaced_while_sets_are_measured_is_noticed(server, tmp_path, monkeypatch):
    path = regime_bundle(tmp_path / "regime", seed=6)
    spec = reading(path, parameters={"n": 10}, exit_conditions=["close < sma_{n}"])
    known = server.submit(run_job(server, kind="sweep", spec=spec, parameters=SEARCH))
    count = Beats.count

    def replaced(self, *reached):
        regime_bundle(path, seed=7)
        count(self, *reached)

    monkeypatch.setattr(Beats, "count", replaced)
    work(server.order(known).model_dump_json())
    assert server.ending(known).error["type"] == "BundleError"
    assert server.store.operations.get(known).done == 0


@pytest.fixture
def at_bar(monkeypatch):
    """Do something when a simulation has come to a bar, and note how far each count is."""
    count, reached = Beats.count, []

    def do_at(bar, act, *, until=lambda beats: beats._why is not None):
        to_do = [act]

        def counted(self, done, total, unit):
            reached.append(done)
            if done >= bar and to_do:
                to_do.pop()()
                while not until(self):
                    threading.Event().wait(0.005)
            count(self, done, total, unit)

        monkeypatch.setattr(Beats, "count", counted)
        return reached

    return do_at


@pytest.fixture
def stepping(server):
    """Let simulations be looked at each few bars."""
    stated = OrderSettings.of(server.settings).model_copy(update={"checkpoint_bars": 50})
    return {"settings": stated}


@pytest.mark.parametrize(("has_model", "bar"), [(False, 1), (False, 700), (True, 300)])
def test_what_was_cancelled_at_a_bar_goes_on_to_the_bits_of_an_unbroken_run(
    server, local, stepping, at_bar, tmp_path, has_model, bar
):
    job = run_job(server)
    if has_model:
        path = write_bundle(tmp_path / "models" / "small" / "SPX_1d")
        job = run_job(server, spec={"name": "small", "model_path": str(path)}, end="2013-12-31")
    known = server.submit(job)
    reached = at_bar(bar, partial(server.store.operations.request_cancel, known))
    work(server.order(known, **stepping).model_dump_json())
    stopped_at = reached[-1]
    ending = server.ending(known)
    assert ending.status == "cancelled"
    server.store.operations.end(known, ending.status, job_id=ending.job_id)
    server.store.operations.requeue(known)
    order = server.order(known, **stepping)
    assert order.resumes
    reached.clear()
    work(order.model_dump_json())
    assert stopped_at < reached[0] <= stopped_at + 50
    assert brought_document(server, job, known) == local_document(job, local)


def test_a_worker_whose_lease_is_lost_hands_nothing_in(server, stepping, at_bar):
    known = server.submit(run_job(server))
    order = server.order(known, **stepping)
    (lease,) = server.store.operations.leases(known)
    at_bar(300, partial(server.store.operations.withdraw, lease.lease_id))
    server.app.paths.clear()
    work(order.model_dump_json())
    assert not [path for path in server.app.paths if path.startswith("PUT")]
    assert server.order(known).piece == order.piece


def test_a_server_that_was_away_for_a_while_has_the_result_in_the_end(
    server, local, stepping, at_bar
):
    job = run_job(server)
    known = server.submit(job)
    back = threading.Timer(0.5, server.start)

    def go_away():
        server.stop()
        back.start()

    at_bar(300, go_away, until=lambda _: True)
    work(server.order(known, **stepping).model_dump_json())
    back.join()
    assert brought_document(server, job, known) == local_document(job, local)


def test_who_tries_for_too_long_gives_up_and_says_so(server, stepping, at_bar, monkeypatch):
    known = server.submit(run_job(server))
    order = server.order(known, **stepping)
    monkeypatch.setattr(module, "persist", partial(lease_client.persist, seconds=0.05))
    at_bar(300, server.stop, until=lambda _: True)
    try:
        with pytest.raises(ServerError, match="does not answer PUT /lease/result"):
            work(order.model_dump_json())
    finally:
        server.start()


class Killed(BaseException):
    """Stands for a kill: nothing is handed in after it."""


def test_what_a_killed_worker_had_kept_is_gone_on_with(server, local, at_bar, stepping):
    job = run_job(server)
    known = server.submit(job)
    stated = stepping["settings"].model_copy(update={"checkpoint_seconds": 0.01})
    server.app.paths.clear()

    def die():
        while "PUT /lease/parcel" not in server.app.paths:
            threading.Event().wait(0.005)
        raise Killed

    reached = at_bar(300, die)
    with pytest.raises(Killed):
        work(server.order(known, settings=stated).model_dump_json())
    server.store.operations.expire(now=time.time() + 3600)
    order = server.order(known, **stepping)
    assert order.resumes
    reached.clear()
    work(order.model_dump_json())
    assert reached[0] > 50
    assert brought_document(server, job, known) == local_document(job, local)


def test_what_was_complete_when_its_worker_was_killed_is_the_outcome(
    server, local, stepping, monkeypatch
):
    job = run_job(server)
    known = server.submit(job)
    order = server.order(known, **stepping)

    def killed(self, path):
        self.put_parcel(path)
        raise Killed

    with monkeypatch.context() as at_the_end:
        at_the_end.setattr(LeaseClient, "put_result", killed)
        with pytest.raises(Killed):
            work(order.model_dump_json())
    server.store.operations.expire(now=time.time() + 3600)
    work(server.order(known, **stepping).model_dump_json())
    assert server.ending(known).status == "complete"
    assert brought_document(server, job, known) == local_document(job, local)


def test_what_is_sent_last_is_what_has_most(server, at_bar, stepping, monkeypatch):
    known = server.submit(run_job(server))
    stated = stepping["settings"].model_copy(update={"checkpoint_seconds": 0.01})
    put, sending, sent = LeaseClient.put_parcel, threading.Event(), threading.Event()

    def slow(self, path):
        if threading.current_thread() is threading.main_thread():
            put(self, path)
            sent.set()
            return
        content = path.read_bytes()
        sending.set()
        sent.wait(0.3)
        path.write_bytes(content)
        put(self, path)

    monkeypatch.setattr(LeaseClient, "put_parcel", slow)

    def stop():
        sending.wait(20)
        server.store.operations.request_cancel(known)

    at_bar(300, stop)
    work(server.order(known, settings=stated).model_dump_json())
    kept = server.store.operations.files.parcel_of(known).read_bytes()
    with zipfile.ZipFile(io.BytesIO(kept)) as file:
        row = json.loads(file.read("rows/backtest_checkpoints.jsonl"))
    assert row["type"] == "cancellation"


def test_a_worker_that_leaves_gives_its_work_back_and_that_is_no_attempt(
    server, local, stepping, at_bar, monkeypatch
):
    monkeypatch.setattr(leaving, "_LEAVING", threading.Event())
    job = run_job(server)
    known = server.submit(job)
    reached = at_bar(300, leaving.leave)
    work(server.order(known, **stepping).model_dump_json())
    monkeypatch.setattr(leaving, "_LEAVING", threading.Event())
    order = server.order(known, **stepping)
    (lease,) = server.store.operations.leases(known)
    assert (lease.attempt, order.resumes) == (1, True)
    reached.clear()
    work(order.model_dump_json())
    assert reached[0] > 300
    assert brought_document(server, job, known) == local_document(job, local)


def failing(monkeypatch, error):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr("btkit.jobs.single_run.simulate_checked", fail)


def test_what_is_wrong_with_a_run_is_handed_in_with_its_row(server, monkeypatch):
    failing(monkeypatch, DataError("The bars are broken.", hint="Mend them."))
    job = run_job(server)
    known = server.submit(job)
    work(server.order(known).model_dump_json())
    ending = server.ending(known)
    assert (ending.status, ending.error["message"]) == ("failed", "The bars are broken.")
    row = stored(server.settings, job, server.merged(known))
    assert row["run"]["status"] == "failed"
    assert row["error"]["message"] == "The bars are broken."


def test_a_fault_is_told_without_its_text_and_logged_with_it(server, monkeypatch, capfd):
    failing(monkeypatch, RuntimeError("/secret/place"))
    known = server.submit(run_job(server))
    work(server.order(known).model_dump_json())
    error = server.ending(known).error
    assert error["type"] == "InternalError"
    assert "secret" not in json.dumps(error)
    logged = capfd.readouterr().err
    assert error["details"]["incident"] in logged
    assert "RuntimeError: /secret/place" in logged


def full():
    error = StoreError("It cannot be written.", hint="Make space.")
    error.__cause__ = OSError(errno.ENOSPC, "full")
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "full"), "StoreFullError"),
        (full(), "StoreFullError"),
        (sqlite3.OperationalError("database or disk is full"), "StoreFullError"),
        (MemoryError(), "OutOfMemoryError"),
    ],
)
def test_what_another_machine_may_do_is_worth_another_try(error, kind):
    told = module._told(error)
    assert (type(told).__name__, told.retryable) == (kind, True)
    assert told.hint


def test_what_another_worker_may_do_is_given_to_another_three_times(server, monkeypatch):
    known = server.submit(run_job(server))
    failing(monkeypatch, MemoryError())
    for worker in ("one", "two", "three"):
        assert server.store.operations.get(known).error is None
        work(server.order(known, worker=worker).model_dump_json())
    assert server.ending(known).error["type"] == "OutOfMemoryError"


def test_nothing_of_a_piece_is_left_on_the_worker(server, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    known = server.submit(run_job(server))
    server.work_off(known, work)
    assert server.ending(known).status == "complete"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_order_is_refused():
    with pytest.raises(UsageError, match="The order cannot be read"):
        work("{}")
