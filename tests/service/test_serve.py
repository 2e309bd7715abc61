"""The server as a process: it says where it is, has backtests done, and ends in good order."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from support.service import BACKTEST, TOKEN, settings_in
from support.waiting import until

from btkit.jobs import execute, load_document
from btkit.jobs.asking import make_job
from btkit.jobs.job import RunJob
from btkit.jobs.warming import warm_up

COMMAND = [sys.executable, "-m", "btkit.cli.main", "serve"]


def environment(folder, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BT_")}
    return kept | {
        "BT_DB_PATH": str(folder / "results.db"),
        "BT_CURVE_DIR": str(folder / "curves"),
        "BT_REPORT_DIR": str(folder / "reports"),
        "BT_SERVICE_DIR": str(folder / "service"),
        "BT_KEEP_LOCAL": "1",
        "BT_MINIO_ENDPOINT": "127.0.0.1:1",
        **more,
    }


@contextmanager
def serving(folder, *arguments, **more):
    """Run a server, and give it with what it printed."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=folder,
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said = json.loads(process.stdout.readline())
            yield process, said
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_it_says_where_it_is_and_ends_in_good_order(tmp_path):
    token = {"BT_API_TOKEN": TOKEN}
    with ExitStack() as stack:
        process, said = stack.enter_context(serving(tmp_path, "--workers", "0", **token))
        assert said["passed"] is True
        assert said["needs_token"] is True
        assert httpx.get(f"{said['url']}/health").json() == {"status": "ok"}
        assert httpx.get(f"{said['url']}/operations").status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client = stack.enter_context(httpx.Client(base_url=said["url"], headers=headers))
        asked = client.post("/backtests/start", json=BACKTEST).json()
        assert (asked["status"], asked["workers"]) == ("queued", 0)
        assert another(tmp_path)["type"] == "StoreBusyError"
        assert "server" not in client.get("/").headers
        # Whoever follows is let go, and does not keep it from ending.
        with client.stream("GET", f"/operations/{asked['operation_id']}/events") as followed:
            lines = followed.iter_lines()
            assert next(lines) == "event: queued"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        # The one document was all.
        assert process.stdout.read() == ""
        assert "btkit serves at" in process.stderr.read()
    with serving(tmp_path, "--workers", "0") as (process, said):
        known = httpx.get(f"{said['url']}/operations").json()["operations"]
        assert [each["operation_id"] for each in known] == [asked["operation_id"]]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def another(folder):
    """Start a second server, and return why it does not begin."""
    done = subprocess.run(
        [*COMMAND, "--port", "0", "--workers", "0"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 2
    return json.loads(done.stdout)["error"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    # Compiled before, so that the worker need not.
    warm_up()
    with (
        serving(folder, "--workers", "1") as (_, said),
        httpx.Client(base_url=said["url"], timeout=120) as client,
    ):
        until(lambda: client.get("/workers").json()["count"], what="a worker")
        yield client, folder


def events(client, operation_id):
    with client.stream("GET", f"/operations/{operation_id}/events") as followed:
        name = None
        for line in followed.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


def test_a_backtest_is_followed_to_the_bits_of_a_local_run(served, tmp_path):
    client, _ = served
    asked = client.post("/backtests/start", json=BACKTEST)
    assert asked.status_code == 202
    followed = list(events(client, asked.json()["operation_id"]))
    assert followed[0][0] == "queued"
    name, said = followed[-1]
    assert (name, said["status"]) == ("done", "complete")
    settings = settings_in(tmp_path)
    values = {
        "spec": BACKTEST["spec"],
        "symbol": "SPX",
        "start": BACKTEST["start_date"],
        "end": BACKTEST["end_date"],
        "capital": BACKTEST["initial_capital"],
        "source": "sample",
    }
    local = execute(make_job(RunJob, values, settings=settings), settings=settings)
    here = load_document(local.run_id, trades=True, settings=settings)
    there = client.get(f"/runs/{said['run_id']}", params={"trades": "true"}).json()
    assert said["result"] == {name: there[name] for name in there if name != "trades"}
    for document in (here, there):
        del document["metrics"]["run_id"]
    for part in ("metrics", "trades", "data", "diagnostics", "warnings", "failures"):
        assert there[part] == here[part], part


def test_waiting_gives_the_document(served):
    client, _ = served
    answer = client.post("/backtests/start", json=BACKTEST, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200
    assert answer.json()["result"]["metrics"]["total_trades"] > 0


def test_a_failure_says_why(served):
    client, folder = served
    body = {**BACKTEST, "start_date": "2030-01-02", "end_date": "2030-12-31"}
    said = client.post("/backtests/start", json=body, headers={"Prefer": "wait=60"}).json()
    assert (said["status"], said["error"]["type"]) == ("failed", "NoDataError")
    assert str(folder) not in json.dumps(said)
