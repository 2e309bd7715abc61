"""Few trades: `passed` stays as it is, and the verdict says that nothing was proved."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from support.specs import rules

from btkit.metrics import VERDICT_WORDS

RANGE = ["--symbol", "SPX", "--start", "2010-01-01", "--end", "2011-12-31"]
RUN = ["run", "--strategy", "tiny.json", *RANGE, "--no-report"]


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("least", ["1", "1000"])
def test_run_report_list_and_export_have_the_verdict(backtest, monkeypatch, passes, least):
    build = import_module("btkit.documents.build")
    if passes:
        monkeypatch.setattr(build, "check_thresholds", lambda _metrics: [])
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", least)
    code, document, told = backtest(*RUN, *([] if passes else ["--slippage", "0.2"]))
    verdict = "too_few_trades" if least == "1000" else "pass" if passes else "fail"
    assert (code, document["passed"]) == (0 if passes else 1, passes)
    assert (document["verdict"], document["min_trades_required"]) == (verdict, int(least))
    # The first line beneath the stages.
    first = told.split("\n\n", 1)[1].splitlines()[0]
    assert first.startswith(f"{VERDICT_WORDS[verdict]}  tiny on SPX")
    run_id = document["run"]["run_id"]
    assert backtest("report", "--run-id", run_id)[1]["verdict"] == verdict
    assert backtest("list")[1]["runs"][0]["verdict"] == verdict
    backtest("export", "--format", "json", "--table", "runs")
    (row,) = json.loads(Path("data/export/runs.json").read_text(encoding="utf-8"))
    assert row["verdict"] == verdict


def test_verify_judges_by_the_minimum_of_the_run(backtest, monkeypatch):
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", "1000")
    _, document, _ = backtest(*RUN)
    assert document["verdict"] == "too_few_trades"
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", "1")
    code, verified, _ = backtest("verify", "--run-id", document["run"]["run_id"])
    assert (code, verified["reproduced"], verified["differences"]) == (0, True, [])


def test_walk_forwards_sweeps_and_batches_have_one(answer, monkeypatch, workplace, capsys):
    monkeypatch.setenv("BT_MIN_TRADES_REQUIRED", "1000")
    spec = rules(
        entry_conditions=["close > sma_{fast}"], exit_conditions=["close < sma_50"],
        parameters={"fast": 10}, position_sizing_formula="10",
    )  # fmt: skip
    (workplace / "swept.json").write_text(json.dumps(spec))
    more = ["--strategy", "swept.json", *RANGE, "--no-report"]
    for command in (["walk-forward", *more], ["sweep", *more, "--param", "fast=5:15:5"]):
        _, document, told = answer(*command)
        assert document["verdict"] == "too_few_trades"
        assert "\nTOO FEW TRADES  tiny on SPX" in told
    assert {row["verdict"] for row in answer("list")[1]["runs"]} == {"too_few_trades"}
    (workplace / "jobs.yaml").write_text(
        "- {spec: tiny.json, symbol: SPX, start: 2010-01-01, end: 2010-12-31}\n"
    )
    main = import_module("btkit.cli.main").main
    main(["batch", "jobs.yaml", "--no-report"])
    out, told = capsys.readouterr()
    line, last = [json.loads(line) for line in out.splitlines()]
    assert line["verdict"] == "too_few_trades"
    assert last["batch"]["too_few_trades"] == 1
    assert "TOO FEW TRADES" in told


def test_a_job_that_ended_early_has_none(backtest, monkeypatch):
    loading = import_module("btkit.jobs.loading")

    def crash(*_arguments, **_options):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(loading, "load_from_source", crash)
    _, document, _ = backtest(*RUN)
    (row,) = backtest("list")[1]["runs"]
    assert row["verdict"] is None
    _, told, _ = backtest("report", "--run-id", document["run_id"])
    assert (told["passed"], told["verdict"]) == (False, None)
    # A fault has a type from the list of `backtest schema` here, too.
    assert (told["error"]["type"], told["error"]["retryable"]) == ("InternalError", False)
    assert told["error"]["details"]["exception"] == "ZeroDivisionError"
