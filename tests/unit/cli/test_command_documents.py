from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from support.market_data import MarketDataStandIn
from support.specs import rules, spread

import btkit
from btkit.cli.app import app
from btkit.cli.main import main
from btkit.conditions import OVER_TIME
from btkit.errors import RenderError
from btkit.jobs import loading
from btkit.render import ReportFiles

RUN = [
    "run", "--strategy", "tiny.json", "--symbol", "SPX",
    "--start", "2010-01-01", "--end", "2010-12-31",
]  # fmt: skip


def changed(option, value):
    place = RUN.index(option) + 1
    return [*RUN[:place], value, *RUN[place + 1 :]]


UNKNOWN = "123e4567-e89b-42d3-a456-426614174000"


@pytest.fixture
def rendered(monkeypatch):
    """Replace papermill, which has its own tests; give the calls."""
    calls = []

    def execute_template(template, parameters, *, out_dir, run_id, **_options):
        calls.append((template, parameters))
        files = ReportFiles(Path(out_dir) / f"{run_id}.ipynb", Path(out_dir) / f"{run_id}.html")
        for path in (files.notebook, files.html):
            path.write_text("made")
        return files

    monkeypatch.setattr("btkit.render.leaving.execute_template", execute_template)
    return calls


def test_run_prints_what_report_prints_but_the_trades(backtest):
    code, document, _ = backtest(*RUN, "--no-report")
    assert code == (0 if document["passed"] else 1)
    asked, again, _ = backtest("report", "--run-id", document["run"]["run_id"])
    trades = again.pop("trades")
    assert (asked, again) == (0, document)
    assert len(trades) == document["trade_count"] > 0
    assert not Path("reports").exists()


def test_run_passes_exactly_when_its_thresholds_do(backtest, monkeypatch):
    code, failing, _ = backtest(*RUN, "--no-report", "--slippage", "0.2")
    assert (code, failing["passed"]) == (1, False)
    assert failing["failures"]
    # By its module: as an attribute of the package, `report` is the verb.
    build = import_module("btkit.documents.build")
    monkeypatch.setattr(build, "check_thresholds", lambda _metrics: [])
    code, passing, _ = backtest(*RUN, "--no-report")
    assert (code, passing["passed"]) == (0, True)


def test_run_leaves_three_files_and_the_same_document(backtest, rendered, workplace):
    _, document, told = backtest(*RUN)
    run_id = document["run"]["run_id"]
    folder = workplace / "reports"
    assert {path.name for path in folder.iterdir()} == {
        f"{run_id}.{kind}" for kind in ("ipynb", "html", "json")
    }
    assert json.loads((folder / f"{run_id}.json").read_text()) == document
    database = str(workplace / "results.db")
    assert rendered == [("run", {"run_id": run_id, "database": database, "request": {}})]
    for path in (*folder.iterdir(), database):
        assert str(path) in told


def test_every_flag_of_the_reference_reaches_the_run(backtest):
    _, document, _ = backtest(
        "run", "--strategy", "tiny.json", "-s", "IXIC", "--start", "2010-01-04", "--end",
        "2010-06-30", "--capital", "5e4", "--commission", "1", "--slippage", "0.001",
        "--interval", "1d", "--source", "sample", "--no-report",
    )  # fmt: skip
    run = document["run"]
    assert (run["symbol"], run["start_date"], run["end_date"]) == (
        "IXIC", "2010-01-04", "2010-06-30",
    )  # fmt: skip
    assert (run["initial_capital"], run["commission_per_contract"], run["slippage_pct"]) == (
        5e4, 1.0, 0.001,
    )  # fmt: skip


def test_progress_and_table_go_to_stderr_and_quiet_silences_them(backtest):
    _, document, told = backtest(*RUN, "--no-report")
    for part in ("load bars", "simulate", "Sharpe ratio", "Needs", document["run"]["run_id"]):
        assert part in told
    assert backtest(*RUN, "--no-report", "--quiet")[2] == ""


def test_a_failed_rendering_keeps_the_run(backtest, monkeypatch):
    def fail(*_arguments, **_options):
        raise RenderError("A cell failed.", hint="Mend it.", details={"notebook": "x.failed.ipynb"})

    monkeypatch.setattr("btkit.render.leaving.execute_template", fail)
    code, document, _ = backtest(*RUN)
    error = document["error"]
    assert (code, error["type"]) == (2, "RenderError")
    assert error["details"]["notebook"] == "x.failed.ipynb"
    asked, stored, _ = backtest("report", "--run-id", error["details"]["run_id"])
    assert (asked, stored["run"]["status"]) == (0, "complete")
    assert error["details"]["run_id"] in error["hint"]


def test_an_interrupt_while_rendering_names_the_stored_run(backtest, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("btkit.render.leaving.execute_template", interrupt)
    code, document, _ = backtest(*RUN)
    (row,) = backtest("list", "--status", "complete")[1]["runs"]
    assert (code, document["error"]["type"]) == (2, "InterruptedRunError")
    assert row["run_id"] in document["error"]["details"]["notes"][0]


def test_a_hint_is_told_once(backtest):
    code, document, _ = backtest(*RUN[:-1], "2009-12-31")
    error = document["error"]
    assert (code, error["hint"]) == (2, "Swap the two dates.")
    assert error["details"] == {"start": "2010-01-01", "end": "2009-12-31"}


def test_an_unwritable_report_folder_is_found_before_anything_runs(backtest, workplace):
    (workplace / "reports").write_text("in the way")
    code, document, _ = backtest(*RUN)
    assert (code, document["error"]["type"]) == (2, "StoreError")
    assert "BT_REPORT_DIR" in document["error"]["hint"]
    assert not (workplace / "results.db").exists()


def test_list_answers_without_a_database_and_makes_none(backtest, workplace):
    code, document, _ = backtest("list")
    assert (code, document["count"], document["runs"]) == (0, 0, [])
    (warning,) = document["warnings"]
    assert warning["code"] == "no_database"
    assert str(workplace / "results.db") in warning["message"]
    assert backtest("report", "--run-id", UNKNOWN)[0] == 2
    assert [path.name for path in workplace.iterdir()] == ["tiny.json"]


def test_list_filters(backtest):
    backtest(*RUN, "--no-report")
    _, failed, _ = backtest(*RUN[:3], *RUN[3:4], "NOSUCH", *RUN[5:], "--no-report")
    code, document, _ = backtest("list")
    assert (code, document["count"], document["warnings"]) == (0, 2, [])
    assert [row["symbol"] for row in backtest("list", "--symbol", "spx")[1]["runs"]] == ["SPX"]
    assert backtest("list", "--limit", 1)[1]["count"] == 1
    (row,) = backtest("list", "--status", "failed")[1]["runs"]
    assert row["run_id"] == failed["error"]["details"]["run_id"]
    code, document, _ = backtest("report", "--run-id", row["run_id"])
    assert (code, document["run"]["status"], document["trades"]) == (0, "failed", [])


def test_validate(backtest, workplace):
    assert backtest("validate", "--strategy", "tiny.json")[0] == 0
    code, document, _ = backtest("validate", "tiny.json")
    assert (code, document["valid"], document["spec"]["name"]) == (0, True, "tiny")
    (workplace / "option.json").write_text(json.dumps(spread()))
    assert backtest("validate", "option.json")[0] == 0
    (workplace / "bad.json").write_text(
        json.dumps(rules(entry_conditions=["close > sma50"], per_trade_risk_pct=0.5, colour="red"))
    )
    code, document, _ = backtest("validate", "bad.json")
    problems = {problem["path"]: problem for problem in document["error"]["details"]["problems"]}
    assert (code, document["error"]["type"]) == (2, "SpecError")
    assert {"entry_conditions[0]", "per_trade_risk_pct", "colour"} <= set(problems)
    assert "sma_50" in problems["entry_conditions[0]"]["hint"]


def test_indicators(backtest):
    code, document, _ = backtest("indicators")
    entries = {entry["name"]: entry for entry in document["indicators"]}
    assert code == 0
    assert {"rsi_14", "vix", "in_position", "sma_<n>"} <= set(entries)
    assert set(entries["rsi_14"]) == {
        "name", "group", "kind", "lookback", "meaning", "formula", "source",
    }  # fmt: skip
    calls = {entry["name"]: entry for entry in document["calls"]}
    assert list(calls) == [*OVER_TIME, "on", "of"]
    assert calls["mean"] == {
        "name": "mean",
        "call": "mean(x, n)",
        "kind": "float",
        "lookback": 0,
        "meaning": "Arithmetic mean of x over the last n bars, this one included.",
        "formula": "total(x, n) / n",
        "example": "volume > 2 * mean(volume, 20)",
    }
    assert backtest("schema")[1]["calls"] == document["calls"]


def test_indicators_of_events_that_the_user_brings(backtest, workplace, monkeypatch):
    (workplace / "events.csv").write_text("name,date\nhalving,2024-04-20\n", encoding="utf-8")
    monkeypatch.setenv("BT_EVENTS", "events.csv")
    _, document, _ = backtest("indicators")
    names = {entry["name"] for entry in document["indicators"]}
    assert {"halving_day", "days_to_halving", "halving_within_<n>d"} <= names
    (workplace / "own.json").write_text(
        json.dumps(rules(entry_conditions=["halving_within_9d"])), encoding="utf-8"
    )
    assert backtest("validate", "own.json")[0] == 0
    (workplace / "events.csv").write_text("name,date\nfomc,2024-04-20\n", encoding="utf-8")
    code, document, _ = backtest("indicators")
    assert (code, document["error"]["type"]) == (2, "UsageError")


def test_schema(backtest):
    code, document, _ = backtest("schema")
    assert code == 0
    assert set(document) == {
        "spec", "job", "plan", "batch_plan", "report", "options_report", "model_report", "calls",
        "error", "error_types",
    }  # fmt: skip
    assert {"run", "metrics", "passed"} <= set(document["report"]["properties"])
    more = document["options_report"]["properties"].keys() - document["report"]["properties"]
    assert more == {"spreads"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing command"),
        (["nope"], "nope"),
        (["run"], "--strategy"),
        ([*RUN, "--nope"], "--nope"),
        ([*RUN, "--capital", "much"], "--capital"),
        ([*RUN, "--capital", "nan"], "capital is nan"),
        ([*RUN, "--capital"], "--capital"),
        ([*RUN, "stray"], "stray"),
        ([*RUN, "--symbol", "IXIC"], "--symbol is given 2 times"),
        ([*RUN, "-s", "IXIC"], "--symbol is given 2 times"),
        (["list", "--limit=1", "--limit=2", "--limit=3"], "--limit is given 3 times"),
        ([*RUN, "--end", "2010-12-31"], "--end is given 2 times"),
        ([*RUN, "--interval", "2d"], "2d"),
        ([*RUN, "--source", "bloomberg"], "bloomberg"),
        (changed("--start", "2010-13-01"), "2010-13-01"),
        (changed("--end", "2009-01-01"), "after end"),
        (changed("--symbol", ""), "cannot be a symbol"),
        (changed("--strategy", "missing.json"), "missing.json"),
        (changed("--strategy", "."), "."),
        (["list", "--limit", "0"], "limit is 0"),
        (["list", "--limit", "many"], "--limit"),
        (["list", "--status", "done"], "done"),
        (["validate"], "one spec"),
        (["validate", "a", "--strategy", "b"], "once"),
        (["--nope"], "--nope"),
    ],
)
def test_a_command_line_that_makes_no_sense(backtest, workplace, arguments, said):
    code, document, told = backtest(*arguments)
    error = document["error"]
    assert set(error) == {"type", "message", "hint", "retryable", "details"}
    assert (code, error["type"]) == (2, "UsageError")
    assert said in error["message"]
    assert told == ""
    assert [path.name for path in workplace.iterdir() if path.name != "reports"] == ["tiny.json"]


@pytest.mark.parametrize("name", ["BT_INITIAL_CAPITAL", "BT_MIN_TRADES_REQUIRED"])
def test_a_bad_variable_is_named(backtest, monkeypatch, name):
    monkeypatch.setenv(name, "-1")
    code, document, _ = backtest(*RUN)
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert name in document["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("no_rows", 1), ("exit_1", 2), ("truncated", 2), ("nan_literal", 2), ("empty_stdout", 2)],
)
def test_a_failing_market_data_command(backtest, monkeypatch, workplace, fault, code):
    stand_in = MarketDataStandIn(workplace / "stand-in").fail(fault)
    stand_in.add_bars(
        "SPX",
        [
            {
                "timestamp": "2010-01-04T00:00:00+00:00",
                "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1,
            }
        ],
    )  # fmt: skip
    monkeypatch.setenv("BT_MARKET_DATA_CMD", stand_in.command)
    got, document, _ = backtest(*RUN, "--source", "market-data")
    assert got == code, document
    assert backtest("list", "--status", "failed")[1]["count"] == 1


def test_a_market_data_command_that_is_not_there(backtest, monkeypatch):
    monkeypatch.setenv("BT_MARKET_DATA_CMD", "no-such-command-anywhere")
    code, document, _ = backtest(*RUN, "--source", "market-data")
    assert (code, document["error"]["type"]) == (2, "SourceError")
    assert "no-such-command-anywhere" in document["error"]["message"]


def test_a_corrupt_database(backtest, workplace):
    (workplace / "results.db").write_bytes(b"not a database" * 100)
    for arguments in (["list"], ["report", "--run-id", UNKNOWN], [*RUN, "--no-report"]):
        code, document, _ = backtest(*arguments)
        assert (code, document["error"]["type"]) == (2, "StoreError")
    assert (workplace / "results.db").read_bytes() == b"not a database" * 100


def test_a_locked_database(backtest, workplace, monkeypatch):
    backtest(*RUN, "--no-report")
    monkeypatch.setattr("btkit.storage.Store.__init__.__kwdefaults__", {"busy_timeout_s": 0.01})
    with closing(sqlite3.connect(workplace / "results.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, document, _ = backtest(*RUN, "--no-report")
    assert (code, document["error"]["type"]) == (2, "StoreBusyError")
    assert document["error"]["retryable"]
    assert "locked" in document["error"]["message"]


def test_a_crash_is_a_document_and_its_traceback_is_for_debug(backtest, monkeypatch):
    def crash(*_arguments, **_options):
        raise ZeroDivisionError("float \udcff division", float("nan"))

    monkeypatch.setattr(loading, "load_from_source", crash)
    code, document, told = backtest(*RUN, "--no-report")
    assert (code, document["error"]["type"]) == (2, "InternalError")
    assert document["error"]["details"]["exception"] == "ZeroDivisionError"
    assert "Traceback" not in told
    assert "Traceback" in backtest(*RUN, "--no-report", "--debug")[2]
    assert backtest("list", "--status", "failed")[1]["count"] == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_a_document(backtest, monkeypatch, stop):
    def interrupt(*_arguments, **_options):
        raise stop

    monkeypatch.setattr(loading, "load_from_source", interrupt)
    code, document, _ = backtest(*RUN, "--no-report")
    kind = "InterruptedRunError" if stop is KeyboardInterrupt else "InternalError"
    assert (code, document["error"]["type"]) == (2, kind)
    ended = "cancelled" if stop is KeyboardInterrupt else "failed"
    assert backtest("list")[1]["runs"][0]["status"] == ended


def test_what_a_library_prints_does_not_reach_stdout(backtest, monkeypatch):
    ordinary = loading.load_from_source

    def chatty(*arguments, **options):
        sys.stdout.write("look at me\n")
        return ordinary(*arguments, **options)

    monkeypatch.setattr(loading, "load_from_source", chatty)
    _, document, told = backtest(*RUN, "--no-report")
    assert document["run"]["status"] == "complete"
    assert "look at me" in told


def test_help_and_version_are_text(capsys):
    names = [command.name for command in app.registered_commands]
    assert {"run", "report", "list", "validate", "indicators", "schema"} <= set(names)
    for arguments in ([], *([name] for name in names)):
        assert main([*arguments, "--help"]) == 0
        text = capsys.readouterr().out
        assert "Example:" in text
        assert f"backtest {' '.join(arguments)}".strip() in text
    assert main(["--version"]) == 0
    assert btkit.__version__ in capsys.readouterr().out


def test_what_there_is_not_the_memory_for_says_how_much_was_asked(backtest, monkeypatch):
    def greedy(*_arguments, **_options):
        np.empty((2**30, 2**20))

    monkeypatch.setattr(loading, "load_from_source", greedy)
    code, document, _ = backtest(*RUN, "--no-report")
    error = document["error"]
    assert (code, error["type"]) == (2, "OutOfMemoryError")
    assert error["message"] == "There is not the memory for this: 8.00 PiB more were asked for."
    assert error["details"]["asked"] == "8.00 PiB"
    assert "fewer bars" in error["hint"]
