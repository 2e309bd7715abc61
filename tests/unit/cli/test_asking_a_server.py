"""`backtest submit`, `status` and `cancel` of what a server does."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from support.served import Served
from support.service import STRATEGY, settings_in

from btkit.errors import ServerError
from btkit.jobs.asking import read_job
from btkit.service.client import Client
from btkit.service.following import Remote
from btkit.service.work import work

RANGE = ("SPX", "2010-01-04", "2012-12-31")


@pytest.fixture
def server(tmp_path):
    served = Served.of(settings_in(tmp_path / "server").model_copy(update={"minio_endpoint": None}))
    served.start()
    yield served
    served.stop()


def test_the_command_asks_a_server(server, backtest, monkeypatch, tmp_path):
    monkeypatch.setenv("BT_SERVER_URL", f"http://127.0.0.1:{server.port}")
    path = tmp_path / "crossing.json"
    path.write_text(json.dumps(STRATEGY))
    symbol, start, end = RANGE
    asked = ["run", "--strategy", str(path), "--symbol", symbol, "--start", start, "--end", end]
    code, document, _ = backtest("submit", *asked, "--source", "sample")
    assert (code, document["status"]) == (0, "queued")
    known = document["operation_id"]
    code, listed, _ = backtest("status")
    assert known in [one["operation_id"] for one in listed["operations"]]
    assert len(listed["workers"]) == 2
    code, document, _ = backtest("cancel", "--operation-id", known)
    assert (code, document["operation_id"]) == (0, known)
    assert server.store.operations.get(known).status == "cancelled"
    code, document, _ = backtest("status", "--operation-id", known)
    assert (code, document["status"]) == (0, "cancelled")
    with server.working(work):
        code, document, _ = backtest("submit", *asked, "--source", "sample", "--follow")
    assert code == (0 if document["passed"] else 1)
    assert document["run"]["strategy_name"] == "crossing"
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(
        f"- {{spec: {path}, symbol: SPX, start: 2010-01-04, end: 2010-12-31, source: sample}}\n"
    )
    code, document, _ = backtest("submit", "batch", str(jobs))
    assert (code, document["kind"]) == (0, "batch")
    backtest("cancel", "--operation-id", document["operation_id"])


def test_who_follows_is_told_that_no_worker_is_there(server, backtest, monkeypatch, tmp_path):
    monkeypatch.setenv("BT_SERVER_URL", f"http://127.0.0.1:{server.port}")
    path = tmp_path / "crossing.json"
    path.write_text(json.dumps(STRATEGY))
    symbol, start, end = RANGE
    asked = ["run", "--strategy", str(path), "--symbol", symbol, "--start", start, "--end", end]
    asked = ["submit", *asked, "--source", "sample", "--follow", "--operation-id"]
    with server.working(work):
        _, _, said = backtest(*asked, "one")
        assert "waits for workers" not in said
        server.app.app.state.service.dispatcher.present.clear()
        _, _, said = backtest(*asked, "two")
        assert said.startswith(
            "Operation two waits for workers: none is there. `backtest worker` starts one.\n"
        )
        _, _, said = backtest(*asked, "three", "--quiet")
        assert said == ""


def test_cancel_takes_one_id(backtest):
    for given in ([], ["--run-id", "0" * 16, "--operation-id", "a"]):
        code, document, _ = backtest("cancel", *given)
        assert (code, document["error"]["type"]) == (2, "UsageError")


class _CtrlC:
    """Someone at a terminal who waits no longer, once the server has said how far it is."""

    def __init__(self, *_, **__):
        pass

    @contextmanager
    def stage(self, _name):
        yield lambda _text: None
        raise AssertionError("it was not stopped")

    def count(self, *_):
        raise KeyboardInterrupt


def test_ctrl_c_says_which_operation_was_stopped_and_how_it_goes_on(
    server, answer, monkeypatch, tmp_path
):
    monkeypatch.setenv("BT_SERVER_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setattr("btkit.cli.progress.open_progress", _CtrlC)
    monkeypatch.setattr(Remote, "_last_event", lambda _, watched, *__: watched.count(1, 2, "bars"))
    path = tmp_path / "crossing.json"
    path.write_text(json.dumps(STRATEGY))
    symbol, start, end = RANGE
    asked = ["run", "--strategy", str(path), "--symbol", symbol, "--start", start, "--end", end]
    code, document, err = answer("submit", *asked, "--operation-id", "mine", "--follow")
    error = document["error"]
    assert (code, error["type"]) == (2, "InterruptedRunError")
    assert error["details"]["operation_id"] == "mine"
    assert "operation mine" in error["message"]
    assert "resume --operation-id mine" in error["hint"]
    assert "operation mine was asked to stop" in err
    assert "resume --operation-id mine" in err
    assert document["next"][0]["command"] == "backtest resume --operation-id mine"
    assert server.store.operations.get("mine").status == "cancelled"
    code, document, _ = answer("resume", "--operation-id", "mine")
    assert (code, document["status"]) == (0, "queued")
    with server.working(work):
        monkeypatch.undo()
        with Client(f"http://127.0.0.1:{server.port}") as client:
            assert client.operation("mine").result().report.run.strategy_name == "crossing"


def test_an_operation_that_cannot_be_asked_to_stop_is_said_to_go_on(server, monkeypatch):
    job = read_job(
        {"kind": "run", "spec": STRATEGY, "symbol": "SPX", "start": "2010-01-04",
         "end": "2012-12-31", "source": "sample"}
    )  # fmt: skip
    monkeypatch.setattr(Remote, "_last_event", lambda _, watched, *__: watched.count(1, 2, "bars"))
    with Client(f"http://127.0.0.1:{server.port}") as client:
        operation = client.submit(job, operation_id="mine")
        server.stop()
        with pytest.raises(ServerError, match="operation mine goes on") as refused:
            operation.follow(_CtrlC())
    assert refused.value.details == {"operation_id": "mine"}


def test_resume_takes_one_id(backtest):
    for given in ([], ["--run-id", "0" * 16, "--operation-id", "a"]):
        code, document, _ = backtest("resume", *given)
        assert (code, document["error"]["type"]) == (2, "UsageError")
