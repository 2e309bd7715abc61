"""Operations on real workers that are killed, frozen and told to stop: every set is done once."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pytest
from support.divided import prepared, without_names
from support.served import Served
from support.service import STRATEGY, settings_in
from support.waiting import until

from btkit.jobs import execute, load_document
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.warming import warm_up
from btkit.service.dask_crew import DaskCrew
from btkit.service.dispatcher import Dispatcher

RANGE = {"symbol": "SPX", "start": "2010-01-04", "end": "2018-12-31", "source": "sample"}
SWEEP = {"kind": "sweep", "spec": STRATEGY, "parameters": {"n": list(range(2, 302))}}
RUN = {"kind": "run", "spec": STRATEGY, **RANGE}


class Server:
    """A server with real workers, all of it but the command."""

    def __init__(self, folder):
        plain = {"minio_endpoint": None, "lease_seconds": 2.0, "local_workers": 2}
        self.settings = settings_in(folder / "server").model_copy(update=plain)
        self.local = settings_in(folder / "local").model_copy(update=plain)
        self.served = Served.of(self.settings)
        url = {"server_url": f"http://127.0.0.1:{self.served.port}"}
        self.settings = self.settings.model_copy(update=url)
        self.operations = self.served.store.operations
        self.crew = DaskCrew(self.settings)
        self.dispatcher = None

    def start(self):
        self.dispatcher = Dispatcher(self.served.store, self.crew, self.settings)
        self.dispatcher.start()

    def close(self):
        self.dispatcher.stop()
        self.crew.close()
        self.served.stop()

    def submit(self, **fields):
        job = prepared(self.settings, **fields)
        operation, _ = self.operations.submit(job.to_json(), kind=job.kind)
        return job, operation.operation_id

    def ended(self, operation_id):
        until(lambda: self.operations.get(operation_id).has_ended, what="the end")
        return self.operations.get(operation_id)

    def events(self, operation_id):
        return [event.kind for event in self.operations.events(operation_id)]

    def worker_of(self, operation_id):
        """Return a worker that has begun with an operation."""

        def begun():
            known = self.operations.get(operation_id)
            return known.status == "running" and self.operations.leases(operation_id)

        until(begun, what="a lease")
        lease = self.operations.leases(operation_id)[0]
        return next(worker for worker in self.crew.workers() if worker.name == lease.worker)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Compiled once, and not by each worker at the same time.
    warm_up()
    made = Server(tmp_path_factory.mktemp("processes"))
    made.served.start()
    made.start()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _whole(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = lambda: sum(worker.admitted for worker in server.crew.workers()) == 2  # noqa: E731
    until(whole, what="two workers")


def stored(settings, job_id):
    text = json.dumps(load_document(job_id, settings=settings))
    return without_names(json.loads(text.replace(str(settings.db_path.parent), "/somewhere")))


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_sweep_whose_worker_dies_or_freezes_has_every_set_once_with_the_bits_of_a_local_one(
    server, harm
):
    first = "2010-01-04" if harm == signal.SIGKILL else "2011-01-03"
    job, operation_id = server.submit(**SWEEP, **{**RANGE, "start": first})
    worker = server.worker_of(operation_id)
    os.kill(worker.pid, harm)
    known = server.ended(operation_id)
    assert (known.status, known.done, known.total, known.crashed) == ("complete", 300, 300, 0)
    assert "lost" in server.events(operation_id)
    expected = HANDLERS["sweep"].id_of(execute(job, settings=server.local))
    assert stored(server.settings, known.job_id) == stored(server.local, expected)
    if harm == signal.SIGSTOP and psutil.pid_exists(worker.pid):
        os.kill(worker.pid, signal.SIGCONT)


def test_what_is_cancelled_makes_way_and_goes_on_later_under_the_next_server(server):
    job, operation_id = server.submit(**SWEEP, **{**RANGE, "start": "2012-01-03"})
    server.worker_of(operation_id)
    server.operations.request_cancel(operation_id)
    assert server.ended(operation_id).status == "cancelled"
    _, run_id = server.submit(**RUN)
    assert server.ended(run_id).status == "complete"
    server.operations.requeue(operation_id)
    server.worker_of(operation_id)
    server.dispatcher.stop()
    server.start()
    known = server.ended(operation_id)
    assert (known.status, known.done, known.attempt) == ("complete", 300, 2)
    assert known.best["count"] == 300
    expected = HANDLERS["sweep"].id_of(execute(job, settings=server.local))
    assert stored(server.settings, known.job_id) == stored(server.local, expected)
