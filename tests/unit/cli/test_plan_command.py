"""`backtest plan`, and what --plan-hash refuses; --fields and --max-rows of any command."""

import json
import shlex
from pathlib import Path

import pytest
from support.specs import rules, spread

from btkit.cli.main import main
from btkit.jobs import pace
from btkit.storage import Store

RANGE = ["--symbol", "SPX", "--start", "2010-01-04", "--end", "2011-12-30"]
SPEC = ["--strategy", "tiny.json", *RANGE]


@pytest.fixture(autouse=True)
def short_slices(monkeypatch, workplace):
    monkeypatch.setattr(pace, "SLICE_BARS", 100)
    monkeypatch.setattr(pace, "_REPEATS", 1)
    spec = rules(entry_conditions=["close > sma_{n}"], parameters={"n": 50})
    (workplace / "swept.json").write_text(json.dumps(spec))
    (workplace / "sold.json").write_text(json.dumps(spread()))
    (workplace / "jobs.yaml").write_text(
        "- {spec: [tiny.json, swept.json], symbol: SPX, start: 2010-01-04, end: 2010-12-30}\n"
    )


SWEPT = ["--strategy", "swept.json", *RANGE]
COMMANDS = {
    "run": ["run", *SPEC],
    "walk-forward": ["walk-forward", *SWEPT, "--windows", "2"],
    "options-sim": ["options-sim", "--strategy", "sold.json", *RANGE],
    "sweep": ["sweep", *SWEPT, "--param", "n=5:20:5"],
    "batch": ["batch", "jobs.yaml", "--quiet"],
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_plan_leads_to_the_command_that_it_holds(answer, kind, monkeypatch, capsys):
    code, plan, _ = answer("plan", *COMMANDS[kind], "--no-report")
    assert (code, plan["kind"]) == (0, kind)
    assert not Path("results.db").exists()
    [step] = plan["next"]
    held = shlex.split(step["command"])[1:]
    assert held[-2:] == ["--plan-hash", plan["plan_hash"]]
    assert "--no-report" in held
    assert main(held) in {0, 1}
    out = capsys.readouterr().out
    # All that it did is stored, and what was planned is what ran.
    assert json.loads(out if kind != "batch" else out.splitlines()[-1])["passed"] in {True, False}
    Path("results.db").unlink()
    other = [*held[:-1], "0" * 64]
    assert main(other) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["type"] == "PlanChangedError"
    assert document["error"]["details"]["changed"] == ["spec", "data", "arguments", "code"]
    [again] = document["next"]
    assert shlex.split(again["command"]) == ["backtest", "plan", *held[:-2]]
    assert not Path("results.db").exists()


def test_it_says_the_sum_to_people_and_nothing_when_quiet(answer):
    _, _, told = answer("plan", *COMMANDS["run"])
    for word in ("504 of SPX", "on these bars", "adds      1", "takes     about"):
        assert word in told
    assert answer("plan", *COMMANDS["run"], "--quiet")[2] == ""
    _, _, told = answer("plan", "batch", "jobs.yaml")
    assert "jobs      2, 0 of them in error" in told


def test_pages_that_are_asked_for_are_asked_for_again(answer):
    _, plan, _ = answer("plan", *COMMANDS["run"], "--engine", "nbclient", "--upload-reports")
    [step] = plan["next"]
    assert "--upload-reports --engine nbclient --plan-hash" in step["command"]


def test_an_unknown_name_is_the_answer_of_a_plan(answer, workplace):
    (workplace / "tiny.json").write_text(json.dumps(rules(entry_conditions=["clse > 1"])))
    code, document, _ = answer("plan", *COMMANDS["run"])
    assert (code, document["error"]["type"]) == (2, "SpecError")
    assert shlex.split(document["next"][0]["command"])[1] == "validate"
    code, document, _ = answer("plan", "run", "--strategy", "tiny.json")
    assert (code, document["error"]["details"]["command"]) == (2, "backtest plan run")


def test_no_data_leads_to_the_range_that_there_is(answer):
    early = ["--symbol", "SPX", "--start", "1980-01-01", "--end", "1981-01-01"]
    code, document, _ = answer("plan", "run", "--strategy", "tiny.json", *early)
    assert (code, document["error"]["type"]) == (1, "NoDataError")


def test_fields_cut_the_document_of_any_command(backtest, capsys):
    def printed(*arguments):
        code = main([*arguments])
        return code, json.loads(capsys.readouterr().out)

    whole = backtest(*COMMANDS["run"], "--no-report")[1]
    code, part = printed(
        *COMMANDS["run"], "--no-report", "--fields", "metrics.sharpe_ratio,warnings.code,passed"
    )
    assert part == {
        "metrics": {"sharpe_ratio": whole["metrics"]["sharpe_ratio"]},
        "warnings": [{"code": one["code"]} for one in whole["warnings"]],
        "passed": whole["passed"],
    }
    assert code == (0 if whole["passed"] else 1)
    run_id = whole["run"]["run_id"]
    code, part = printed(
        "report", "--run-id", run_id, "--fields", "trades.pnl,next", "--max-rows", "1"
    )
    assert (code, len(part["trades"]), list(part["trades"][0])) == (0, 1, ["pnl"])
    assert part["left_out"]["trades"] == whole["trade_count"] - 1
    assert printed("list", "--fields", "count") == (0, {"count": 2})
    assert printed("model", "inspect", "nowhere", "--fields", "x")[1]["error"]["type"] != "x"
    assert printed("indicators", "--max-rows", "0")[1]["indicators"] == []


def test_a_field_that_is_not_there_leads_to_what_was_stored(answer, monkeypatch):
    code, document, _ = answer(*COMMANDS["run"], "--no-report", "--fields", "metrics.sharp_ratio")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert "'sharpe_ratio'" in document["error"]["hint"]
    assert document["next"][0]["command"] == f"backtest report --run-id {document['run_id']}"
    # Nothing is run for a list of fields that cannot be read.
    calls = []
    monkeypatch.setattr(Store, "begin", lambda *_, **__: calls.append(1))
    assert answer(*COMMANDS["run"], "--fields", "a,,b")[0] == 2
    assert answer(*COMMANDS["run"], "--max-rows", "-1")[0] == 2
    assert calls == []


def test_an_error_stays_whole(answer):
    code, document, _ = answer("report", "--run-id", "nothing", "--fields", "passed")
    assert code == 2
    assert {"error", "next", "passed"} <= document.keys()


def test_a_plan_has_the_form_that_the_schema_says(answer):
    _, schema, _ = answer("schema", "--fields", "plan,batch_plan,next")
    for name, arguments in (("plan", COMMANDS["run"]), ("batch_plan", COMMANDS["batch"])):
        _, plan, _ = answer("plan", *arguments)
        assert set(schema[name]["required"]) | {"next"} == set(plan)
