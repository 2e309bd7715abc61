"""Operations from their submission to the store: dispatcher, HTTP and what workers really do."""

from __future__ import annotations

import json

import pytest
from support.divided import prepared, without_names
from support.fake_crew import FakeCrew, Killed
from support.served import Served
from support.service import STRATEGY, settings_in
from support.waiting import until

from btkit.jobs import execute, load_document
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.pieces import bounds
from btkit.service import beats
from btkit.service.dispatcher import Dispatcher
from btkit.service.work import work

RANGE = {"symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "source": "sample"}
SEARCH = {"n": [10, 20, 30, 40, 50]}
RUN = {"kind": "run", "spec": STRATEGY, **RANGE}
JOBS = {
    "run": RUN,
    "sweep": {**RUN, "kind": "sweep", "parameters": SEARCH},
    "walk-forward": {**RUN, "kind": "walk-forward", "windows": 2, "optimize": SEARCH},
    "batch": {"kind": "batch", "jobs": [RUN, {**RUN, "capital": 5e4}, {**RUN, "symbol": "IXIC"}]},
}


class Crew(FakeCrew):
    """Threads that do what a worker does, over HTTP; `act` may kill one before it begins."""

    act = staticmethod(lambda _order: None)

    def _do(self, worker, order, _lease_id):
        try:
            # As if it had begun: only then its death counts.
            self.store.operations.beat(order.token, seconds=self.seconds)
            self.act(order)
        except Killed:
            self.leave(worker)
            self.join(f"{worker}'")
            return
        work(order.model_dump_json())


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dispatched")
    plain = {"minio_endpoint": None}
    settings = settings_in(folder / "server").model_copy(update=plain)
    served = Served.of(settings)
    settings = settings.model_copy(update={"server_url": f"http://127.0.0.1:{served.port}"})
    served.start()
    crew = Crew(served.store, None)
    dispatcher = Dispatcher(served.store, crew, settings)
    dispatcher.start()
    yield served.store, crew, settings, settings_in(folder / "local").model_copy(update=plain)
    dispatcher.stop()
    crew.close()
    served.stop()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(beats, "BEAT_S", 0.05)


def stored(settings, job_id):
    text = json.dumps(load_document(job_id, settings=settings))
    return without_names(json.loads(text.replace(str(settings.db_path.parent), "/somewhere")))


def job_of(kind, settings):
    if kind == "batch":
        from btkit.jobs.job import JOB  # noqa: PLC0415 - used here alone

        return JOB.validate_json(json.dumps(JOBS[kind]))
    return prepared(settings, **JOBS[kind])


@pytest.mark.parametrize("kind", JOBS)
def test_an_operation_comes_to_what_a_local_job_does_though_a_worker_dies(everywhere, kind):
    store, crew, settings, local = everywhere
    job = job_of(kind, settings)
    killed = []

    def act(order):
        if not killed:
            killed.append(order.piece)
            raise Killed

    crew.act = act
    operation, _ = store.operations.submit(job.to_json(), kind=kind)
    operation_id = operation.operation_id
    until(lambda: store.operations.get(operation_id).has_ended, what="the end")
    known = store.operations.get(operation_id)
    assert known.status == "complete", known.error
    assert len(killed) == 1
    expected = HANDLERS[kind].id_of(execute(job, settings=local))
    assert stored(settings, known.job_id) == stored(local, expected)
    if kind == "sweep":
        assert (known.best["count"], known.done) == (5, 5)
        assert known.best["leaders"][0]["parameters"].keys() == {"n"}


def test_the_statistics_of_a_large_sweep_take_a_sample_and_say_so(everywhere, monkeypatch):
    store, crew, settings, local = everywhere
    monkeypatch.setattr(bounds, "MOST_SETS_OF_STATISTICS", 13)
    monkeypatch.setattr(bounds, "OVERFITTING_SAMPLE", 12)
    crew.act = lambda _order: None
    asked = {**JOBS["sweep"], "parameters": {"n": list(range(10, 24))}}
    job = prepared(settings, **asked)
    operation, _ = store.operations.submit(job.to_json(), kind="sweep")
    operation_id = operation.operation_id
    until(lambda: store.operations.get(operation_id).has_ended, what="the end")
    known = store.operations.get(operation_id)
    assert known.status == "complete", known.error
    document = load_document(known.job_id, settings=settings)
    assert (document["overfitting"]["sampled"], document["overfitting"]["trials"]) == (12, 14)
    assert any("returns of 12 of 14" in one["message"] for one in document["warnings"])
    same = execute(prepared(settings, **asked, overfitting_sample=12), settings=local)
    assert same.sweep_id == known.job_id
    assert stored(settings, known.job_id) == stored(local, same.sweep_id)
