"""An agent's seven tools: small answers, whole errors, and jobs that go on behind them."""

import json
import threading
import time
from pathlib import Path

import pytest
from support.small_models import write_bundle
from support.specs import rules

from btkit.errors import InterruptedRunError
from btkit.jobs import list_runs, pace
from btkit.service import mcp_agent
from btkit.service.mcp_agent import Agent
from btkit.service.mcp_answers import ANSWER_TOKENS, ASKED_TOKENS, NextCall, tokens, within, written
from btkit.service.mcp_calls import Calls
from btkit.service.mcp_tables import ROWS, address_of, read_page
from btkit.service.mcp_tools import TOOLS, answer
from btkit.settings import Settings

MOST_SCHEMA_TOKENS = 4_000
MOVING = rules(
    entry_conditions=["close > sma_{n}"], exit_conditions=["close < sma_{n}"],
    parameters={"n": 20}, position_sizing_formula="10",
)  # fmt: skip
JOB = {"kind": "run", "spec": MOVING, "symbol": "SPX", "start": "2010-01-04", "end": "2011-12-30"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "SLICE_BARS", 100)
    monkeypatch.setattr(pace, "_REPEATS", 1)
    return Settings(
        _env_file=None,
        db_path=tmp_path / "results.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
        data_source="sample",
    )


@pytest.fixture
def agent(settings):
    made = Agent(settings, threads=2)
    yield made
    made.calls.close()


@pytest.fixture
def call(agent):
    """Give the document of a call that must not fail, small as it is by itself."""

    def called(tool, **arguments):
        document, is_error = answer(agent, tool, arguments)
        assert not is_error, document
        limit = ASKED_TOKENS if "fields" in arguments else ANSWER_TOKENS
        assert tokens(written(document)) <= limit
        for step in document["next"]:
            assert step["tool"] in TOOLS
            assert step["why"].endswith(".")
            assert set(step["arguments"]) <= {*TOOLS[step["tool"]].properties}
        return document

    return called


@pytest.fixture
def refused(agent):
    def called(tool, **arguments):
        document, is_error = answer(agent, tool, arguments)
        assert is_error
        assert document["passed"] is False
        assert tokens(written(document)) <= ANSWER_TOKENS
        assert document["next"]
        return document["error"]

    return called


def test_all_schemas_together_are_small():
    told = [
        {"name": name, "description": tool.what, "inputSchema": tool.schema}
        for name, tool in TOOLS.items()
    ]
    assert list(TOOLS) == ["describe", "validate", "plan", "run", "result", "compare", "cancel"]
    assert tokens(written({"tools": told})) < MOST_SCHEMA_TOKENS


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"topic": "spec"}, {"topic": "spec", "kind": "options"},
        {"topic": "spec", "kind": "model"}, {"topic": "names"},
        {"topic": "names", "search": "e"}, {"topic": "job", "kind": "sweep"},
        {"topic": "metrics"}, {"topic": "errors"},
    ],
)  # fmt: skip
def test_whatever_is_described_is_small(call, asked):
    assert len(written(call("describe", **asked))) > 300


def test_from_nothing_to_a_decision(call, refused, settings):
    example = call("describe")["spec_example"]
    assert call("validate", spec=example)["kind"] == "rules"
    found = call("describe", topic="names", search="rsi")["names"]
    assert "rsi_14" in found
    plan = call("plan", **JOB)
    assert (plan["status"], plan["trials"]["adds"]) == ("planned", 1)
    run = call("run", **JOB, plan_hash=plan["plan_hash"])
    assert (run["status"], run["kind"]) == ("complete", "run")
    assert call("plan", **JOB)["trials"] == {"same_bars": 1, "same_range": 1, "adds": 0}
    windows = call("run", like=run["id"], kind="walk-forward", windows=2)
    assert len(windows["windows"]) == 2
    sweep = call("run", like=run["id"], kind="sweep", parameters={"n": [10, 20, 50]})
    assert sweep["sets"] == 3
    [step] = sweep["next"]
    chosen = call(step["tool"], **step["arguments"])
    assert chosen["kind"] == "walk-forward"
    rows = call("compare", ids=[run["id"], windows["id"], sweep["id"]])
    assert rows["same_bars"]
    assert [row["kind"] for row in rows["rows"]] == ["run", "walk-forward", "sweep"]
    assert [row["run_id"] for row in call("result")["jobs"]] == [
        chosen["id"], sweep["id"], windows["id"], run["id"],
    ]  # fmt: skip
    for document in (run, windows, sweep):
        assert call("result", id=document["id"]) == document
        for name, address in document["tables"].items():
            assert address == address_of(document["id"], name)
            page = read_page(address, settings=settings)
            assert tokens(written(page)) <= ANSWER_TOKENS
            assert len(page["data"]) == min(page["rows"], ROWS)


def test_fields_are_as_they_are_and_the_sum_is_rounded(call):
    run = call("run", **JOB)
    part = call("result", id=run["id"], fields="metrics.sharpe_ratio,warnings", max_rows=1)
    ratio = part["metrics"]["sharpe_ratio"]
    assert float(f"{ratio:.6g}") == run["metrics"]["sharpe_ratio"] != ratio
    assert set(part) == {"status", "id", "kind", "tables", "metrics", "warnings", "next"}


def test_a_spec_may_be_fields_a_text_or_a_path(call, tmp_path):
    (tmp_path / "moving.json").write_text(json.dumps(MOVING))
    hashes = {
        call("validate", spec=spec)["spec_hash"]
        for spec in (MOVING, json.dumps(MOVING, indent=1), "moving.json")
    }
    assert len(hashes) == 1
    assert call("run", **{**JOB, "spec": json.dumps(MOVING)})["run"]["strategy_name"] == "tiny"


def test_a_batch_is_a_job_like_any(call):
    job = {**JOB, "spec": json.dumps(MOVING)}
    batch = call("run", kind="batch", jobs=[job, {**job, "symbol": "IXIC"}])
    assert [line["symbol"] for line in batch["results"]] == ["SPX", "IXIC"]
    [step] = batch["next"]
    assert len(call(step["tool"], **step["arguments"])["rows"]) == 2
    plan = call("plan", kind="batch", jobs=[job, {**job, "symbol": "NONE"}])
    assert plan["errors"] == 1


def test_errors_are_those_of_the_command_and_stay_whole(refused, call):
    error = refused(
        "validate", spec={**MOVING, "entry_conditions": ["clse > 1", "close > sma_{n}"]}
    )
    [problem] = error["details"]["problems"]
    assert (error["type"], problem["pointer"], problem["hint"]) == (
        "SpecError", "/entry_conditions/0", "did you mean 'close'?",
    )  # fmt: skip
    assert refused("run", **{**JOB, "start": "1980-01-01", "end": "1981-01-01"})["type"] == (
        "NoDataError"
    )
    plan = call("plan", **JOB)["plan_hash"]
    error = refused("run", **{**JOB, "capital": 5_000}, plan_hash=plan)
    assert (error["type"], error["details"]["changed"]) == ("PlanChangedError", ["arguments"])
    assert refused("result", id="00000000-0000-4000-8000-000000000000")["type"] == (
        "RunNotFoundError"
    )
    run = call("run", **JOB)["id"]
    assert "'sharpe_ratio'" in refused("result", id=run, fields="metrics.sharp_ratio")["hint"]
    assert "metric" in refused("compare", ids=[run, run], metrics=["sharp"])["message"]


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("rnu", {}, "no tool 'rnu'"),
        ("run", {**JOB, "symbl": "SPX"}, "no argument 'symbl'"),
        ("validate", {}, "lacks spec"),
        ("validate", {"spec": 7}, "spec"),
        ("run", {**JOB, "capital": "much"}, "capital"),
        ("run", {**JOB, "capital": True}, "capital"),
        ("run", {**JOB, "kind": "walk"}, "kind"),
        ("run", {**JOB, "wait": -1}, "wait"),
        ("describe", {"topic": "all"}, "topic"),
        ("compare", {"ids": ["a"]}, "ids"),
        ("result", {"max_rows": -1}, "limit"),
        ("run", {**JOB, "jobs": []}, "jobs"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused_by_name(refused, tool, arguments, message):
    error = refused(tool, **arguments)
    assert error["type"] == "UsageError"
    assert message in error["message"]


def test_a_fault_is_a_document_too(refused, monkeypatch, capsys):
    monkeypatch.setattr(mcp_agent, "load_spec", lambda *_, **__: 1 / 0)
    error = refused("validate", spec=MOVING)
    assert (error["type"], error["details"]) == (
        "InternalError",
        {"exception": "ZeroDivisionError"},
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" in err


class Slow:
    """Stands in for `execute`: it takes until it is let go, and counts meanwhile."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, _job, *, progress, **_options):
        progress.identify("0123456789abcdef")
        with progress.stage("simulate"):
            for done in range(10_000):
                progress.count(done, 10_000, "bars")
                if self.go_on.wait(0.01):
                    break
        raise InterruptedRunError("It was let go.", hint="No matter.")


def test_what_takes_longer_than_a_call_may_block_goes_on(settings, monkeypatch):
    slow = Slow()
    monkeypatch.setattr(mcp_agent, "execute", slow)
    agent = Agent(settings, block_s=0.2)
    began = time.monotonic()
    document, is_error = answer(agent, "run", JOB)
    assert not is_error
    assert time.monotonic() - began < 10
    assert (document["status"], document["id"], document["stage"]) == (
        "running", "0123456789abcdef", "simulate",
    )  # fmt: skip
    again, _ = answer(agent, "result", {"id": document["id"]})
    assert again["status"] == "running"
    assert again["progress"]["done"] >= document["progress"]["done"]
    assert answer(agent, "result", {})[0]["running"] == [{"id": document["id"], "tool": "run"}]
    # Whoever wants no wait need not.
    assert answer(agent, "result", {"id": document["id"], "wait": 0})[0]["status"] == "running"
    slow.go_on.set()
    agent.calls.close()
    ended, is_error = answer(agent, "result", {"id": document["id"]})
    assert is_error
    assert ended["error"]["type"] in {"InterruptedRunError", "RunNotFoundError"}


def test_a_call_that_is_cancelled_stops(settings, monkeypatch):
    monkeypatch.setattr(mcp_agent, "execute", Slow())
    agent = Agent(settings, block_s=0.2)
    document, _ = answer(agent, "run", JOB)
    stopping, is_error = answer(agent, "cancel", {"id": document["id"]})
    assert (is_error, stopping["status"]) == (False, "cancelling")
    call = agent.calls.find(document["id"])
    assert agent.calls.wait(call, 10)
    assert isinstance(call.future.exception(), InterruptedRunError)
    assert answer(agent, "cancel", {"id": document["id"]})[1]
    agent.calls.close()


def test_a_job_that_its_client_leaves_can_be_gone_on_with(settings):
    agent = Agent(settings, threads=1)
    wide = {"n": list(range(2, 42))}
    more = {**MOVING, "entry_conditions": ["close > sma_{n} * {k}"]}
    more["parameters"] = {"n": 20, "k": 1.0}
    axes = {**wide, "k": [1 + step / 1_000 for step in range(500)]}
    job = {**JOB, "kind": "sweep", "spec": more, "parameters": axes, "start": "2000-01-03"}
    document, _ = answer(agent, "run", {**job, "wait": 0})
    assert document["status"] == "running"
    waiting, _ = answer(agent, "run", {**JOB, "wait": 0})
    call = agent.calls.find(document["id"])
    while call.progress.counted is None or call.progress.stage_name != "sweep":
        assert not call.is_done, "it is too fast for this test"
        time.sleep(0.01)
    agent.calls.close()  # as when the client goes
    [row] = list_runs(settings=settings)
    assert (row["status"], row["resumable"], row["kind"]) == ("cancelled", True, "sweep")
    assert answer(agent, "result", {"id": waiting["id"]})[0]["error"]["type"] == (
        "InterruptedRunError"
    )


def test_paths_stay_in_the_folders_that_are_allowed(settings, tmp_path):
    inside, outside = tmp_path / "mine", tmp_path / "secret"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "moving.json").write_text(json.dumps(MOVING))
    bundle = write_bundle(outside / "small")
    model = {"name": "small", "model_path": str(bundle)}
    (inside / "model.json").write_text(json.dumps(model))
    confined = Agent(settings.model_copy(update={"allowed_dirs": str(inside)}))
    free = Agent(settings)
    for spec in (str(outside / "moving.json"), model, str(inside / "model.json")):
        for tool, arguments in (("validate", {"spec": spec}), ("plan", {**JOB, "spec": spec})):
            document, is_error = answer(confined, tool, arguments)
            assert is_error
            assert document["error"]["type"] == "AccessError"
    for tool in ("validate", "plan"):
        arguments = {**JOB, "spec": str(inside / "moving.json")} if tool == "plan" else {
            "spec": str(inside / "moving.json")
        }  # fmt: skip
        assert not answer(confined, tool, arguments)[1]
    assert not answer(free, "validate", {"spec": model})[1]
    outside_format = {**JOB, "format": str(Path(outside, "f.yaml"))}
    assert answer(confined, "run", outside_format)[0]["error"]["type"] == "AccessError"
    for agent in (confined, free):
        agent.calls.close()


def test_too_many_calls_are_refused_and_old_ones_forgotten(settings, monkeypatch):
    monkeypatch.setattr("btkit.service.mcp_calls._IN_FLIGHT", 2)
    monkeypatch.setattr("btkit.service.mcp_calls._MOST", 3)
    calls, hold = Calls(settings, threads=1), threading.Event()

    def work(_progress):
        hold.wait()
        return {}

    first, second = (calls.start("run", work) for _ in range(2))
    with pytest.raises(Exception, match="2 calls are not done"):
        calls.start("run", work)
    hold.set()
    assert calls.wait(second, 10)
    for _ in range(5):
        assert calls.wait(calls.start("run", lambda _progress: {}), 10)
    calls.start("run", lambda _progress: {})
    assert calls.find(first.id) is None
    calls.close()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("btkit://runs/x/trades/y", "no address"),
        ("btkit://runs/x/nothing?page=1", "no address"),
        ("file:///etc/passwd", "no address"),
        ("btkit://runs/../trades", "no address"),
        ("btkit://runs/ID/trades?page=9999", "no page 9999"),
        ("btkit://runs/ID/trades?page=0", "no page 0"),
        ("btkit://runs/00000000-0000-4000-8000-000000000000/trades", "no run"),
        ("btkit://runs/ID/sets", "not the id of a sweep"),
    ],
)
def test_pages_that_are_not_there_are_refused(call, settings, address, message):
    known = call("run", **JOB)["id"]
    with pytest.raises(Exception, match=message):
        read_page(address.replace("ID", known), settings=settings)


def test_pages_are_the_whole_table(call, settings):
    known = call("run", **JOB)["id"]
    address, rows, seen = address_of(known, "trades"), [], 0
    while address is not None:
        page = read_page(address, settings=settings)
        rows += page["data"]
        address, seen = page["next"], seen + 1
    assert (len(rows), seen) == (page["rows"], page["pages"])
    assert page["columns"][0] == "entry_date"


def test_an_answer_is_cut_until_it_fits():
    long = {
        "rows": [{"text": "x" * 3_000, "number": number} for number in range(500)],
        "next": [NextCall("result", "Again.").to_document()],
    }
    short = within(long, ANSWER_TOKENS)
    assert tokens(written(short)) <= ANSWER_TOKENS
    assert short["left_out"]["rows"] == 500 - len(short["rows"])
    assert short["next"] == long["next"]
    wide = {**{f"field_{number}": number for number in range(10)}, "other": {
        f"name_{number}": "y" * 70 for number in range(500)
    }, "next": []}  # fmt: skip
    told = within(wide, ANSWER_TOKENS)
    assert told["too_long"] == ["other"]
    assert told["field_3"] == 3
