"""`bt.Client`: the verbs on a server, what they give, and what they say when it goes wrong."""

from __future__ import annotations

import inspect
import json

import httpx
import pandas as pd
import pytest
from support.divided import without_names
from support.served import Served
from support.service import STRATEGY, TOKEN, settings_in

import btkit as bt
from btkit.errors import (
    AccessError,
    BtkitError,
    InterruptedRunError,
    NoDataError,
    OperationNotFoundError,
    RunNotFoundError,
    ServerError,
    SpecError,
    UsageError,
)
from btkit.jobs import Silent, load_document, load_run
from btkit.jobs.job import BatchJob, RunJob
from btkit.service import beats, following, lease_client
from btkit.service.client import Client
from btkit.service.work import work

RANGE = ("SPX", "2010-01-04", "2012-12-31")
SAMPLE = {"source": "sample", "capital": 50_000.0, "commission": 0.5, "slippage": 0.0002}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    plain = {"minio_endpoint": None}
    served = Served.of(settings_in(tmp_path_factory.mktemp("served")).model_copy(update=plain))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def local(tmp_path):
    return settings_in(tmp_path).model_copy(update={"minio_endpoint": None})


@pytest.fixture
def client(server, local):
    with Client(f"http://127.0.0.1:{server.port}", settings=local) as client:
        yield client


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(beats, "BEAT_S", 0.01)
    monkeypatch.setattr(lease_client, "FIRST_PAUSE_S", 0.01)


def nameless(document, settings):
    text = json.dumps(document).replace(str(settings.db_path.parent), "/somewhere")
    return without_names({**json.loads(text), "equity_curve_url": None})


def test_a_run_is_what_it_is_here(server, client, local):
    with server.working(work):
        there = client.run(STRATEGY, *RANGE, **SAMPLE)
    here = bt.run(STRATEGY, *RANGE, **SAMPLE, settings=local)
    known = load_run(here.run_id, settings=local)
    pd.testing.assert_frame_equal(there.trades, known.trades, check_exact=True)
    pd.testing.assert_frame_equal(there.curve, known.curve, check_exact=True)
    said = [json.loads(one.report.to_json()) for one in (there, known)]
    assert nameless(said[0], server.settings) == nameless(said[1], local)
    assert bt.plot(there) is not None


def test_a_sweep_has_its_table_and_a_validation_its_curve(server, client, local):
    axes = {"n": [10, 20, 30, 40]}
    with server.working(work):
        swept = client.sweep(STRATEGY, *RANGE, parameters=axes, **SAMPLE)
        walked = client.walk_forward(STRATEGY, *RANGE, windows=2, **SAMPLE)
    here = bt.sweep(STRATEGY, *RANGE, parameters=axes, **SAMPLE, settings=local)
    pd.testing.assert_frame_equal(swept.table, here.table, check_exact=True)
    assert swept.passed is swept.document["passed"]
    local_walk = bt.walk_forward(STRATEGY, *RANGE, windows=2, **SAMPLE, settings=local)
    pd.testing.assert_frame_equal(
        walked.table, local_walk.curve, check_exact=True, check_freq=False
    )


def test_a_batch_names_its_specs_by_paths_of_this_machine(server, client, tmp_path):
    path = tmp_path / "crossing.json"
    path.write_text(json.dumps(STRATEGY))
    symbol, start, end = RANGE
    job = RunJob.model_validate_json(
        json.dumps(
            {"spec": str(path), "symbol": symbol, "start": start, "end": end, "source": "sample"}
        )
    )
    with server.working(work):
        done = client.submit(BatchJob(jobs=[job])).result()
    assert done.document["batch"]["jobs"] == 1
    assert done.table is None
    stored = done.document["results"][0]["run_id"]
    assert load_document(stored, settings=server.settings)["run"]["strategy_name"] == "crossing"


class Noted(Silent):
    """Notes what it is told."""

    def __init__(self):
        self.counted = []

    def count(self, done, total, unit):
        self.counted.append((done, total, unit))


def test_progress_hears_how_far_it_is(server, client):
    noted = Noted()
    operation = client.submit(run_job())
    server.divide(operation.operation_id)
    server.store.operations.note_progress(operation.operation_id, rate=1.0)
    server.work_off(operation.operation_id, work)
    server.merged(operation.operation_id)
    assert operation.follow(noted)["status"] == "complete"
    assert operation.look()["done"] is True
    assert repr(operation).endswith("run, complete>")


def test_whenever_no_worker_is_left_it_is_said(server, client):
    operation = client.submit(run_job())
    known, table, said = operation.operation_id, server.store.operations, []
    server.order(known)
    table.withdraw(table.leases(known)[0].lease_id)
    table.park()
    server.work_off(known, work)
    server.merged(known)
    assert operation.follow(say=said.append)["status"] == "complete"
    (sentence,) = said
    assert sentence.startswith(f"Operation {known} waits for workers")


def run_job(**changes):
    symbol, start, end = RANGE
    asked = {"spec": STRATEGY, "symbol": symbol, "start": start, "end": end, **changes}
    return RunJob.model_validate_json(json.dumps({"source": "sample", **asked}))


def test_what_stops_the_waiting_stops_the_operation(server, client):
    class Impatient(Silent):
        def count(self, *_said):
            raise InterruptedRunError("Enough.", hint="Wait.")

    operation = client.submit(run_job())
    table = server.store.operations
    with table._changing(operation.operation_id) as connection:
        connection.execute(
            "INSERT INTO btkit_operation_events VALUES (?, 1000, '', 'progress', ?)",
            (operation.operation_id, json.dumps({"done": 1, "total": 9, "unit": "bars"})),
        )
    with pytest.raises(InterruptedRunError):
        operation.result(Impatient())
    assert operation.look()["status"] == "cancelled"
    with pytest.raises(InterruptedRunError, match="was cancelled") as caught:
        operation.result()
    assert caught.value.details["operation_id"] == operation.operation_id
    assert operation.resume()["status"] == "queued"
    operation.cancel()


def test_an_operation_that_fails_raises_what_the_command_would(server, client):
    with server.working(work), pytest.raises(NoDataError, match="has no 1d bars") as caught:
        client.run(STRATEGY, "SPX", "2030-01-04", "2031-01-04", source="sample")
    assert caught.value.hint
    assert "operation_id" in caught.value.details


def test_what_the_server_refuses_is_the_error_of_the_command(client):
    with pytest.raises(SpecError) as caught:
        client.submit(run_job(spec={**STRATEGY, "entry_conditions": ["clse > 1"]}))
    assert caught.value.problems[0].path == "spec.entry_conditions[0]"
    with pytest.raises(OperationNotFoundError):
        client.operation("nothing")
    with pytest.raises(RunNotFoundError):
        client.fetch("0" * 16, "run")
    with pytest.raises(UsageError, match="symbol"):
        client.run(STRATEGY, pd.DataFrame({"close": [1.0]}))
    with pytest.raises(UsageError, match="settings"):
        client.run(STRATEGY, *RANGE, settings=client.settings)
    with pytest.raises(BtkitError):
        client.run(None, *RANGE)
    with pytest.raises(TypeError, match="capitol"):
        client.run(STRATEGY, *RANGE, capitol=1.0)
    # No id leads to another path.
    with pytest.raises(UsageError, match="not found"):
        client.operation("../runs")


def test_the_verbs_take_what_they_take_here():
    for name in ("run", "options_sim", "sweep", "walk_forward"):
        there, here = (inspect.signature(getattr(one, name)) for one in (Client, bt))
        assert list(there.parameters) == ["self", *here.parameters]
        assert f"btkit.{name}" in getattr(Client, name).__doc__


def test_without_the_token_nothing_is_answered(tmp_path):
    guarded = Served.of(settings_in(tmp_path, api_token=TOKEN))
    guarded.start()
    url = f"http://127.0.0.1:{guarded.port}"
    try:
        with Client(url, settings=settings_in(tmp_path)) as stranger, pytest.raises(AccessError):
            stranger.operations()
        with Client(url, token=TOKEN, settings=settings_in(tmp_path)) as friend:
            assert friend.operations() == []
            assert [one["name"] for one in friend.workers()] == ["w1", "w2"]
    finally:
        guarded.stop()


def answering(*answers):
    waiting = iter(answers)
    return httpx.MockTransport(lambda _request: next(waiting))


def test_answers_that_no_server_of_btkit_gives(local, monkeypatch):
    monkeypatch.setattr(following, "PATIENCE_S", 0.0)
    proxy = httpx.Response(502, text="<html>Bad gateway</html>")
    for answer in (proxy, httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])):
        with Client(settings=local, transport=answering(answer)) as client:
            with pytest.raises(ServerError) as caught:
                client.operations()
            assert caught.value.hint


def test_events_that_break_off_are_taken_up_where_they_broke(local):
    asked = []

    def answer(request):
        if request.method == "POST":
            return httpx.Response(
                202, json={"operation_id": "a", "kind": "run", "status": "queued"}
            )
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 1:
            return httpx.Response(200, text='event: progress\ndata: {"done": 1}\nid: 7\n\n')
        ended = {"status": "cancelled", "error": None}
        return httpx.Response(200, text=f": ping\n\nevent: done\ndata: {json.dumps(ended)}\n\n")

    with Client(settings=local, transport=httpx.MockTransport(answer)) as client:
        assert client.submit(run_job()).follow()["status"] == "cancelled"
    assert asked == [None, "7"]


def test_a_server_that_is_not_there(local):
    with Client("http://127.0.0.1:9", settings=local) as client, pytest.raises(ServerError):
        client.operations()
