from __future__ import annotations

import json
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.market_data import MarketDataStandIn
from support.small_models import write_bundle
from support.specs import rules, spread

from btkit.cli.next_steps import after_error
from btkit.errors import InterruptedRunError, error_types
from btkit.jobs import loading

RANGE = ["--symbol", "SPX", "--start", "2010-01-01", "--end", "2010-12-31"]
RUN = ["run", "--strategy", "tiny.json", *RANGE, "--no-report"]
UNKNOWN = "123e4567-e89b-42d3-a456-426614174000"


def commands(document):
    return [shlex.split(step["command"])[1:] for step in document["next"]]


def test_an_unknown_id_leads_to_the_list(answer):
    code, document, _ = answer("report", "--run-id", UNKNOWN)
    assert (code, document["passed"], commands(document)) == (2, False, [["list"]])
    assert "run_id" not in document


def test_damage_leads_to_repair(answer, workplace):
    (workplace / "tiny.json").write_text(json.dumps(rules()))
    _, document, _ = answer(*RUN)
    run_id = document["run"]["run_id"]
    (curve,) = workplace.rglob(f"{run_id}.parquet")
    curve.write_bytes(curve.read_bytes()[:-1])
    code, document, _ = answer("verify", "--run-id", run_id)
    assert (code, document["error"]["type"]) == (2, "CorruptFileError")
    assert commands(document) == [["check", "--repair"]]


def test_a_refused_spec_leads_to_validate(answer, workplace):
    path = workplace / "it's a spec.json"
    path.write_text(json.dumps(rules(entry_conditions=["clse > 1"], colour="red")))
    _, document, _ = answer("run", "--strategy", path, *RANGE)
    assert commands(document) == [
        ["validate", "--strategy", str(path)], ["indicators"], ["schema"],
    ]  # fmt: skip
    _, refused, _ = answer(*commands(document)[0])
    assert commands(refused)[0] == ["validate", "--strategy", str(path)]
    problems = {problem["pointer"] for problem in refused["error"]["details"]["problems"]}
    assert problems == {"/entry_conditions/0", "/colour"}


def test_a_pointer_leads_to_what_was_refused(answer, workplace):
    spec = rules(
        entry_conditions=["close > 1", "clse > 1"],
        parameters={"a/b": 1, "fast": "x"},
        **{"x~y/z": 1, "spec": 2},
    )
    (workplace / "bad.json").write_text(json.dumps(spec))
    _, document, _ = answer("validate", "bad.json")
    problems = document["error"]["details"]["problems"]
    assert {problem["pointer"] for problem in problems} >= {
        "/entry_conditions/1", "/parameters/a~1b", "/parameters/fast", "/x~0y~1z", "/spec",
    }  # fmt: skip
    for problem in problems:
        value = spec
        for part in problem["pointer"].split("/")[1:]:
            step = part.replace("~1", "/").replace("~0", "~")
            value = value[int(step)] if isinstance(value, list) else value[step]


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "a: 1\na: 2"])
def test_a_pointer_to_the_whole_document_is_empty(answer, workplace, text):
    (workplace / "bad.yaml").write_text(text)
    _, document, _ = answer("validate", "bad.yaml")
    (problem,) = document["error"]["details"]["problems"]
    assert problem["pointer"] == ""


def test_an_interrupted_run_can_be_resumed(answer, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    ordinary = loading.load_from_source
    monkeypatch.setattr(loading, "load_from_source", interrupt)
    _, document, _ = answer(*RUN)
    assert (document["error"]["type"], document["error"]["retryable"]) == (
        "InterruptedRunError", True,
    )  # fmt: skip
    assert commands(document) == [["resume", "--run-id", document["run_id"]]]
    monkeypatch.setattr(loading, "load_from_source", ordinary)
    _, resumed, _ = answer(*commands(document)[0], "--no-report")
    assert resumed["run"]["run_id"] == document["run_id"]


def test_a_run_whose_report_failed_can_be_printed(answer, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("btkit.render.leaving.execute_template", interrupt)
    _, document, _ = answer(*RUN[:-1])
    assert commands(document) == [["report", "--run-id", document["run_id"]]]
    assert answer(*commands(document)[0])[1]["run"]["status"] == "complete"


def test_a_failed_run_has_its_id(answer, monkeypatch):
    def crash(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(loading, "load_from_source", crash)
    _, document, _ = answer(*RUN)
    assert (document["error"]["type"], document["error"]["retryable"]) == ("InternalError", False)
    assert commands(document) == [["resume", "--run-id", document["run_id"]]]
    (row,) = answer("list")[1]["runs"]
    assert row["run_id"] == document["run_id"]


def test_a_wrong_bundle_leads_to_what_it_is(answer, workplace):
    write_bundle(workplace / "good")
    (workplace / "model.yaml").write_text("{name: m, model_path: good}")
    days = ["--start", "2012-01-10", "--end", "2014-12-31", "--no-report"]
    ran = ["run", "--strategy", "model.yaml", *days]
    _, document, _ = answer(*ran, "--symbol", "SPX", "--model-path", "none")
    assert document["error"]["type"] == "BundleError"
    inspect, resume = commands(document)
    assert inspect == ["model", "inspect", "none"]
    assert resume == ["resume", "--run-id", document["run_id"]]
    assert commands(answer(*inspect)[1]) == [inspect]
    # Taken up, it would be on the same symbol.
    _, document, _ = answer(*ran, "--symbol", "IXIC")
    assert document["error"]["type"] == "BundleError"
    assert commands(document) == [["model", "inspect", "good"]]


def test_a_source_that_is_not_there_is_not_asked_again(answer):
    again = [*RUN, "--source", "market-data"]
    _, document, _ = answer(*again)
    assert document["error"]["type"] == "SourceError"
    assert document["error"]["retryable"] is False
    assert commands(document) == [["run", "--help"]]


def test_what_is_stored_of_a_failed_run_has_its_id_where_errors_have_it(answer, monkeypatch):
    def crash(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(loading, "load_from_source", crash)
    failed = answer(*RUN)[1]["run_id"]
    code, document, _ = answer("report", "--run-id", failed)
    assert (code, document["passed"], document["run_id"]) == (0, False, failed)


def test_what_is_no_run_leads_to_what_can_be_verified(answer, workplace):
    spec = rules(entry_conditions=["close > sma_{fast}"], parameters={"fast": 10})
    (workplace / "swept.json").write_text(json.dumps(spec))
    more = ["--strategy", "swept.json", *RANGE, "--no-report"]
    validation = answer("walk-forward", *more)[1]["walk_forward_id"]
    _, document, _ = answer("verify", "--run-id", validation)
    assert commands(document) == [["list", "--parent", validation]]
    part = answer(*commands(document)[0])[1]["runs"][0]["run_id"]
    assert answer("verify", "--run-id", part)[1]["reproduced"]
    # A sweep has no runs among its parts, but the commands of them.
    sweep = answer("sweep", *more, "--param", "fast=5:15:5")[1]["sweep_id"]
    _, document, _ = answer("verify", "--run-id", sweep)
    assert commands(document) == [["report", "--run-id", sweep]]
    best = answer(*commands(document)[0])[1]["best"]["command"]
    run_id = answer(*best[1:], "--no-report")[1]["run"]["run_id"]
    assert answer("verify", "--run-id", run_id)[1]["reproduced"]


def test_no_data_leads_to_the_range_that_is_there(answer):
    early = [*RUN[:6], "1970-01-01", "--end=1970-12-31", "--no-report"]
    _, document, _ = answer(*early)
    assert document["error"]["type"] == "NoDataError"
    assert document["run_id"]
    (step,) = commands(document)
    assert answer(*step)[1]["run"]["status"] == "complete"


def test_a_passed_run_leads_to_a_validation_out_of_sample(answer, monkeypatch):
    build = import_module("btkit.documents.build")
    _, failing, _ = answer(*RUN, "--slippage", "0.2")
    run_id = failing["run"]["run_id"]
    assert commands(failing) == [["report", "--run-id", run_id]]
    monkeypatch.setattr(build, "check_thresholds", lambda _metrics: [])
    _, passing, _ = answer(*RUN)
    validation, report = commands(passing)
    assert validation[:3] == ["walk-forward", "--strategy", "tiny.json"]
    assert report == ["report", "--run-id", passing["run"]["run_id"]]
    _, walked, _ = answer(*validation, "--no-report")
    ((shown, _, oos_run_id),) = commands(walked)
    assert shown == "report"
    assert oos_run_id in {window["oos_run_id"] for window in walked["windows"]}


def test_a_sweep_leads_to_a_validation_and_to_its_best_set(answer, workplace):
    spec = rules(
        entry_conditions=["close > sma_{fast}"], exit_conditions=["close < sma_50"],
        parameters={"fast": 10}, position_sizing_formula="10",
    )  # fmt: skip
    (workplace / "swept.json").write_text(json.dumps(spec))
    sweep = ["sweep", "--strategy", "swept.json", *RANGE, "--param", "fast=5:20:5", "--no-report"]
    _, swept, _ = answer(*sweep, "--method", "random", "--samples", "3")
    validation, best = commands(swept)
    assert validation[0] == "walk-forward"
    assert validation[-2:] == ["--optimize", "fast=5:20:5"]
    assert answer(*validation, "--no-report")[1]["windows"]
    assert answer(*best, "--no-report")[1]["metrics"]["sharpe_ratio"] == pytest.approx(
        swept["metrics"]["sharpe_ratio"], abs=0
    )


TREND = rules(
    exit_conditions=["close < sma_50"], position_sizing_formula="0.5 * capital / close",
    commission_model="per_order",
)  # fmt: skip


def test_a_rule_is_never_run_as_a_spread(answer, workplace):
    path = workplace / "trend.json"
    path.write_text(json.dumps(TREND))
    arguments = ["options-sim", "--strategy", "trend.json", *RANGE, "--no-report"]
    code, document, _ = answer(*arguments)
    error = document["error"]
    assert (code, error["type"], error["details"]["kind"]) == (2, "SpecKindError", "rules")
    assert "backtest run" in error["hint"]
    (step,) = commands(document)
    assert step == ["run", *arguments[1:]]
    assert answer(*step)[1]["trade_count"] > 0
    # Whatever is left out of it, it never becomes a spread.
    for fields in (("position_sizing_formula",), ("position_sizing_formula", "commission_model")):
        path.write_text(json.dumps({k: v for k, v in TREND.items() if k not in fields}))
        assert answer(*arguments)[1]["error"]["type"] == "SpecKindError"
    path.write_text(json.dumps(TREND | {"stop_loss_pct": 0.05}))
    assert answer(*arguments)[1]["error"]["type"] == "SpecKindError"


@pytest.mark.parametrize("field", [{"target_dte": 30}, {"short_delta": 0.3}])
def test_a_stray_field_makes_no_spread_of_a_rule(answer, workplace, field):
    kept = {k: v for k, v in TREND.items() if k in rules() and k != "position_sizing_formula"}
    (workplace / "trend.json").write_text(json.dumps(kept | field))
    _, document, _ = answer("run", "--strategy", "trend.json", *RANGE)
    assert document["error"]["type"] == "SpecKindError"
    assert document["error"]["hint"].startswith(f"Leave {next(iter(field))} out if it is a rule")
    assert commands(document) == [["validate", "--strategy", "trend.json"]]


@pytest.mark.parametrize("word", ["none", "None", "", "N/A"])
def test_a_spread_type_of_none_makes_no_spread_of_a_rule(answer, workplace, word):
    (workplace / "trend.json").write_text(json.dumps(TREND | {"spread_type": word}))
    for command in ("validate", "run"):
        more = [] if command == "validate" else RANGE
        error = answer(command, "--strategy", "trend.json", *more)[1]["error"]
        (problem,) = error["details"]["problems"]
        assert problem["pointer"] == "/spread_type"
        assert problem["hint"].startswith("leave it out")
    _, document, _ = answer("options-sim", "--strategy", "trend.json", *RANGE)
    assert document["error"]["details"]["kind"] == "rules"


@pytest.mark.parametrize("command", ["run", "walk-forward", "sweep"])
def test_an_option_spec_is_never_run_as_a_rule(answer, workplace, command):
    (workplace / "spread.json").write_text(json.dumps(spread()))
    more = ["--param", "a=1:2:1"] if command == "sweep" else []
    _, document, _ = answer(command, "--strategy", "spread.json", *RANGE, *more)
    assert document["error"]["type"] == "SpecKindError"
    assert "options-sim" in document["error"]["hint"]
    (step,) = commands(document)
    assert step[0] == ("options-sim" if command == "run" else "validate")


def test_validate_says_what_it_took_the_file_for(answer, workplace):
    for name, spec, kind in (("rule", TREND, "rules"), ("spread", spread(), "options")):
        (workplace / f"{name}.json").write_text(json.dumps(spec))
        _, document, _ = answer("validate", f"{name}.json")
        assert document["kind"] == kind
        assert document["why"].startswith("It has ")
    (workplace / "bad.json").write_text(json.dumps(spread(short_delta=2)))
    _, document, _ = answer("validate", "bad.json")
    assert document["error"]["details"]["kind"] == "options"
    assert document["error"]["details"]["why"] == "has a spread_type"


@pytest.mark.parametrize("spec", [rules(), spread()])
def test_a_valid_spec_can_be_tried_at_once(answer, workplace, spec):
    (workplace / "spec.json").write_text(json.dumps(spec))
    _, document, _ = answer("validate", "spec.json")
    (step,) = commands(document)
    assert answer(*step, "--no-report")[1]["run"]["status"] == "complete"


def test_a_time_out_is_worth_another_try(answer, monkeypatch, workplace):
    stand_in = MarketDataStandIn(workplace / "stand-in").fail("hang")
    monkeypatch.setenv("BT_MARKET_DATA_CMD", stand_in.command)
    monkeypatch.setenv("BT_MARKET_DATA_TIMEOUT_S", "0.2")
    _, document, _ = answer(*RUN, "--source", "market-data")
    error = document["error"]
    assert (error["type"], error["retryable"]) == ("SourceUnavailableError", True)


def test_a_job_of_a_batch_says_what_may_be_done_about_it(workplace, capsys):
    main = import_module("btkit.cli.main").main
    (workplace / "jobs.yaml").write_text(
        "- {spec: tiny.json, symbol: SPX, start: 2010-01-01, end: 2010-12-31}\n"
        "- {spec: tiny.json, symbol: NOSUCH, start: 2010-01-01, end: 2010-12-31}\n"
        "- {spec: missing.json, symbol: SPX, start: 2010-01-01, end: 2010-12-31}\n"
    )
    assert main(["batch", "jobs.yaml", "--no-report", "--quiet"]) == 2
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line["next"] for line in (*lines, last))
    assert [line["passed"] for line in lines[1:]] == [False, False]
    assert lines[1]["run_id"]
    assert main(["batch", "missing.yaml"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["error"]["type"] == "UsageError"


def test_schema_lists_the_types_that_errors_have(answer):
    _, document, _ = answer("schema")
    assert document["error_types"] == error_types()
    assert "next" in document["report"]["properties"]
    assert document["error"]["required"] == ["passed", "error", "next"]


def test_what_is_stored_has_no_next(answer):
    _, document, _ = answer(*RUN)
    run_id = document["run"]["run_id"]
    del document["next"]
    store = import_module("btkit.jobs").load_document(run_id)
    assert store == document
    assert Path("results.db").exists()
    assert "next" not in sys.modules["btkit.documents"].report_schema()["properties"]


def test_an_operation_that_is_yet_to_stop_goes_on_where_it_was_asked_for():
    stopped = InterruptedRunError(
        "It was stopped.", hint="Go on.", details={"operation_id": "mine", "status": "running"}
    )
    steps = after_error(stopped, ["submit", "run", "--server", "http://there:8432"])
    assert [one.command for one in steps] == [
        f"backtest {verb} --operation-id mine --server http://there:8432"
        for verb in ("resume", "status")
    ]
