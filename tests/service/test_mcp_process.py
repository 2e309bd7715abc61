"""`backtest mcp` as a client meets it: a process of its own, spoken to by the official SDK."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters
from support.installed import install
from support.specs import rules

from btkit.jobs import list_runs
from btkit.settings import Settings

BACKTEST = str(Path(sys.executable).with_name("backtest"))
MOVING = rules(
    entry_conditions=["close > sma_{n}"], exit_conditions=["close < sma_{n}"],
    parameters={"n": 20}, position_sizing_formula="10",
)  # fmt: skip
JOB = {"kind": "run", "spec": MOVING, "symbol": "SPX", "start": "2010-01-04", "end": "2011-12-30"}
LOUD = """
    import os
    import subprocess

    import pandas as pd

    import btkit as bt
    from btkit.data.source import Answer, Source


    class Loud(Source):
        def bars(self, request):
            print("printed", flush=True)
            os.write(1, b"written\\n")
            subprocess.run(["echo", "echoed"], check=True)
            days = pd.bdate_range(request.first, request.last)
            close = 100.0 + (days.dayofyear % 20)
            bars = {name: close for name in ("open", "high", "low", "close")}
            return Answer(pd.DataFrame(bars, days).assign(volume=1000.0), "Loud, made up")


    def register():
        bt.register_source("loud", Loud)
"""

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(tmp_path):
    own = {
        "BT_DB_PATH": "r.db", "BT_CURVE_DIR": "c", "BT_REPORT_DIR": "r", "BT_DATA_SOURCE": "sample",
    }  # fmt: skip
    paths = os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])
    return {**os.environ, **own, "PYTHONPATH": paths}


def listed(folder):
    settings = Settings(_env_file=None, db_path=folder / "r.db", curve_dir=folder / "c")
    return list_runs(settings=settings)


def test_a_client_of_the_sdk_drives_all_seven_tools(environment, tmp_path):
    server = StdioServerParameters(
        command=BACKTEST, args=["mcp", "--block", "40"], env=environment, cwd=tmp_path
    )
    wide = {"n": list(range(2, 42)), "k": [1 + step / 1_000 for step in range(500)]}
    swept = {**MOVING, "entry_conditions": ["close > sma_{n} * {k}"]}
    swept["parameters"] = {"n": 20, "k": 1.0}

    async def session():
        async with Client(server) as client:

            async def call(tool, **arguments):
                result = await client.call_tool(tool, arguments)
                [content] = result.content
                return json.loads(content.text), result.is_error

            listing = await client.list_tools()
            assert [tool.name for tool in listing.tools] == [
                "describe", "validate", "plan", "run", "result", "compare", "cancel",
            ]  # fmt: skip
            assert (await call("describe"))[0]["spec_example"]
            document, is_error = await call("validate", spec={**MOVING, "entry_conditions": ["x"]})
            assert (is_error, document["error"]["type"]) == (True, "SpecError")
            plan, is_error = await call("plan", **JOB)
            assert not is_error
            run, is_error = await call("run", **JOB, plan_hash=plan["plan_hash"])
            assert (is_error, run["status"]) == (False, "complete")
            templates = await client.list_resource_templates()
            assert len(templates.resource_templates) == 5
            page = await client.read_resource(run["tables"]["trades"])
            assert json.loads(page.contents[0].text)["rows"] == run["trade_count"]
            with pytest.raises(MCPError, match="no address of a table"):
                await client.read_resource("btkit://runs/x/nothing")
            # A long one is answered at once, and others meanwhile.
            sweep = {**JOB, "kind": "sweep", "spec": swept, "parameters": wide}
            long, is_error = await call("run", **{**sweep, "start": "2000-01-03"}, wait=0)
            assert (is_error, long["status"]) == (False, "running")
            while "-" in long["id"]:  # before it is stored it has a number alone
                long, _ = await call("result", id=long["id"], wait=0.2)
            assert long["status"] == "running"
            again, _ = await call("run", like=run["id"])
            rows, _ = await call("compare", ids=[run["id"], again["id"]])
            assert rows["same_bars"]
            stopping, is_error = await call("cancel", id=long["id"])
            assert (is_error, stopping["status"]) == (False, "cancelling")
            ended, is_error = await call("result", id=long["id"])
            assert is_error or ended["status"] == "cancelled"
            # This one is left at work.
            left, _ = await call("run", **{**sweep, "start": "2000-01-04"}, wait=0)
            while "-" in left["id"]:
                left, _ = await call("result", id=left["id"], wait=0.2)
            return long["id"], left["id"]

    cancelled, left = anyio.run(session)
    known = {row["run_id"]: row for row in listed(tmp_path)}
    for job_id in (cancelled, left):
        assert known[job_id]["status"] in {"cancelled", "interrupted"}
        assert known[job_id]["resumable"]


def test_nothing_but_the_protocol_is_on_stdout(environment, tmp_path, monkeypatch):
    install(
        tmp_path, monkeypatch, module="loud_package", code=LOUD,
        entry_points="[btkit.sources]\nloud_package = loud_package:register\n",
    )  # fmt: skip
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {
        "name": "test", "version": "1",
    }}  # fmt: skip
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "run", "arguments": {**JOB, "symbol": "ANY", "source": "loud"},
        }},
    ]  # fmt: skip
    with subprocess.Popen(
        [BACKTEST, "mcp"], cwd=tmp_path, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        for message in messages:
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.write("this is no message\n")
        process.stdin.flush()
        lines = []
        while not any(line.get("id") == 2 for line in lines):
            lines.append(json.loads(process.stdout.readline()))
        rest, told = process.communicate()
    assert process.returncode == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    [ran] = [line for line in lines if line.get("id") == 2]
    assert not ran["result"]["isError"], ran
    for word in ("printed", "written", "echoed"):
        assert word in told


def test_a_client_that_ends_it_by_a_signal_leaves_a_job_to_resume(environment, tmp_path):
    sweep = {
        **JOB, "kind": "sweep", "start": "2000-01-03", "wait": 0,
        "spec": {**MOVING, "entry_conditions": ["close > sma_{n} * {k}"],
                 "parameters": {"n": 20, "k": 1.0}},
        "parameters": {"n": list(range(2, 42)), "k": [1 + step / 1_000 for step in range(500)]},
    }  # fmt: skip
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {
        "name": "test", "version": "1",
    }}  # fmt: skip
    with subprocess.Popen(
        [BACKTEST, "mcp"], cwd=tmp_path, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        for number, (method, params) in enumerate(
            [("initialize", hello), ("tools/call", {"name": "run", "arguments": sweep})], start=1
        ):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            process.stdout.readline()
        while not [row for row in listed(tmp_path) if row["status"] == "running"]:
            time.sleep(0.2)
        process.terminate()
        rest, _ = process.communicate(timeout=60)
    assert rest == ""
    [row] = listed(tmp_path)
    assert (row["status"], row["resumable"]) == ("cancelled", True)


def test_without_the_extra_it_says_what_to_install(environment, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'mcp' else found(name, *more)\n"
    )
    ran = subprocess.run(
        [BACKTEST, "mcp"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, input="",
    )  # fmt: skip
    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["type"]) == (2, "UsageError")
    assert "btkit[mcp]" in error["hint"]
