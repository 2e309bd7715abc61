"""The JSON document of one run."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from pydantic import ValidationError

from btkit.data import Finding
from btkit.documents import (
    Provenance,
    Report,
    RunDocument,
    RunInfo,
    describe_run,
    report_schema,
)

# The reference's BacktestReport: every key, and the type that JSON gives it.
REFERENCE = {
    "run": {
        "run_id": str,
        "strategy_name": str,
        "strategy_version": str,
        "symbol": str,
        "start_date": str,
        "end_date": str,
        "initial_capital": float,
        "commission_per_contract": float,
        "slippage_pct": float,
        "created_at": str,
        "completed_at": str,
        "status": str,
        "error_message": type(None),
    },
    "metrics": {
        "run_id": str,
        "total_trades": int,
        "winning_trades": int,
        "losing_trades": int,
        "win_rate": float,
        "profit_factor": float,
        "expectancy_per_trade": float,
        "avg_win_pct": float,
        "avg_loss_pct": float,
        "largest_win": float,
        "largest_loss": float,
        "consecutive_losses_max": int,
        "cagr": float,
        "max_drawdown_pct": float,
        "max_drawdown_duration_days": int,
        "sharpe_ratio": float,
        "sortino_ratio": float,
        "calmar_ratio": float,
        "recovery_factor": float,
        "is_sharpe": type(None),
        "oos_sharpe": type(None),
        "walk_forward_efficiency": type(None),
    },
    "equity_curve_url": type(None),
    "trade_count": int,
    "passed": bool,
    "failures": list,
}


def refuse_constant(name):
    pytest.fail(f"{name} is not JSON")


def parse(report):
    return json.loads(report.to_json(), parse_constant=refuse_constant)


def test_it_has_every_key_of_the_reference_with_the_same_type(result, report_on):
    document = parse(report_on(result))
    for key, expected in REFERENCE.items():
        if isinstance(expected, dict):
            assert {name: type(document[key][name]) for name in expected} == expected
        else:
            assert type(document[key]) is expected
    assert set(document["run"]) == set(REFERENCE["run"])


def test_it_has_the_sections_beyond_the_reference(result, report_on):
    document = parse(report_on(result))
    assert set(document) - set(REFERENCE) == {
        "kind",
        "verdict",
        "lookahead",
        "min_trades_required",
        "ruined",
        "warnings",
        "data",
        "diagnostics",
        "benchmark",
        "drawdowns",
        "intrabar",
        "carry",
        "provenance",
    }


def test_numbers_are_unrounded(result, report_on):
    document = parse(report_on(result))
    assert document["metrics"]["sharpe_ratio"] == result.metrics.sharpe_ratio
    assert document["metrics"]["cagr"] == result.metrics.cagr


def test_it_survives_a_round_trip(result, report_on):
    report = report_on(result, equity_curve_url="file:///curves/0f4c.parquet")
    assert Report.model_validate_json(report.to_json()) == report
    assert report.equity_curve_url == "file:///curves/0f4c.parquet"


def test_a_run_without_trades_is_strict_json_and_fails(result, report_on):
    empty = replace(
        result,
        metrics=result.metrics.model_copy(
            update={"total_trades": 0, "win_rate": math.nan, "profit_factor": math.inf}
        ),
    )
    document = parse(report_on(empty, min_trades_required=10))
    assert document["metrics"]["win_rate"] == 0.0
    assert document["metrics"]["profit_factor"] == 999999.0
    assert document["metrics"]["undefined"] == ["win_rate", "profit_factor"]
    assert document["passed"] is False
    failed = {entry["metric"]: entry for entry in document["failures"]}
    assert failed["win_rate"] == {"metric": "win_rate", "value": 0.0, "threshold": 0.5}
    assert "profit_factor" not in failed
    assert document["warnings"] == [
        {
            "code": "few_trades",
            "message": "No trade was made, fewer than the 10 that a verdict needs.",
        }
    ]


def test_passed_needs_every_threshold(result, report_on):
    good = {
        "win_rate": 0.5,
        "profit_factor": 1.5,
        "max_drawdown_pct": -0.25,
        "sharpe_ratio": 1.0,
        "consecutive_losses_max": 8,
    }
    passing = replace(result, metrics=result.metrics.model_copy(update=good))
    assert report_on(passing).passed
    assert report_on(passing).failures == []
    deep = replace(result, metrics=passing.metrics.model_copy(update={"max_drawdown_pct": -0.3}))
    report = report_on(deep)
    assert not report.passed
    assert report.to_dict()["failures"] == [
        {"metric": "max_drawdown_pct", "value": -0.3, "threshold": -0.25}
    ]


@pytest.mark.parametrize(("required", "warned"), [(2, False), (3, True)])
def test_few_trades_are_a_warning_and_never_a_failure(result, report_on, required, warned):
    report = report_on(result, min_trades_required=required)
    assert [w.code for w in report.warnings] == (["few_trades"] if warned else [])
    assert "total_trades" not in [failure.metric for failure in report.failures]
    if warned:
        assert report.warnings[0].message.startswith("Only 2 trades were made")


def test_warnings_of_the_result_come_along_once(result, report_on):
    own = [{"code": "few_trades", "message": "Mine."}, {"code": "iv_missing", "message": "Also."}]
    report = report_on(replace(result, warnings=own), min_trades_required=10)
    assert [warning.model_dump() for warning in report.warnings] == own


def test_ruin_is_the_first_warning_and_says_when(ruined, report_on):
    report = report_on(replace(ruined, warnings=[{"code": "x", "message": "y"}]))
    assert [warning.code for warning in report.warnings] == ["ruined", "x"]
    assert report.warnings[0].message.startswith("The account was lost at the close of 2024-01-03;")
    assert report.metrics.cagr == -1.0
    assert not report.passed


def test_data_of_bars_handed_over(result, report_on):
    data = parse(report_on(replace(result, symbol=None)))["data"]
    assert data["source"] == "dataframe"
    assert data["symbol"] is None
    assert data["coverage"] == "complete"
    assert (data["rows"], data["first"], data["last"]) == (5, "2024-01-02", "2024-01-08")
    assert data["fallbacks"] == {"vix": 5}
    assert data["warmup"] == {
        "bars": 3,
        "missing_until": {"sma_20": "2024-01-04", "vix": None},
        "drift": {"rsi_14": 0.25},
    }


def test_data_of_a_source(result, report_on):
    repaired = Finding(code="sorted", message="Bars were sorted.", count=2, dates=[])
    jump = Finding(code="jump", message="Looks like a split.", count=1, dates=["2024-01-04"])
    known = result.data.model_copy(
        update={
            "source": "files",
            "description": "A CSV file.",
            "coverage": "partial",
            "gaps": [{"start": "2023-03-01", "end": "2023-03-05"}],
            "quality": [repaired, jump],
            "notes": ["Prices are unadjusted."],
        }
    )
    data = parse(report_on(replace(result, data=known)))["data"]
    assert data["source"] == "files"
    assert data["description"] == "A CSV file."
    assert data["coverage"] == "partial"
    assert data["gaps"] == [{"start": "2023-03-01", "end": "2023-03-05"}]
    assert [finding["code"] for finding in data["quality"]] == ["sorted", "jump"]
    assert data["notes"] == ["Prices are unadjusted."]
    assert (data["rows"], data["first"]) == (5, "2024-01-02")


def test_intraday_bars_are_moments_with_their_zone(result, report_on):
    times = pd.date_range("2024-01-02 14:30", periods=5, freq="15min", tz="UTC")
    intraday = replace(
        result,
        interval="15m",
        bars=result.bars.set_axis(times),
        equity=result.equity.set_axis(times),
    )
    data = parse(report_on(intraday))["data"]
    assert data["first"] == "2024-01-02T14:30:00+00:00"
    assert data["last"] == "2024-01-02T15:30:00+00:00"


def test_diagnostics_come_along_with_the_keys_of_their_kind(result, report_on):
    diagnostics = parse(report_on(result))["diagnostics"]
    assert diagnostics["conditions"] == [
        {"list": "entry_conditions", "index": 0, "text": "close > sma_20", "held": 3, "raised": 1}
    ]
    assert diagnostics["skipped_entries"] == {"size": 2}
    assert diagnostics["unfilled_orders"] == 1
    assert diagnostics["condition_errors"] == {"entry_conditions[0]": 1}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-04-19T10:00:05", "2026-04-19T10:00:05"),
        ("2026-04-19T10:00:05.987654", "2026-04-19T10:00:05"),
        ("2026-04-19T12:00:05+02:00", "2026-04-19T10:00:05"),
        (datetime(2026, 4, 19, 10, 0, 5, 123, tzinfo=UTC), "2026-04-19T10:00:05"),
        (datetime(2026, 4, 19, 5, tzinfo=timezone(timedelta(hours=-5))), "2026-04-19T10:00:00"),
    ],
)
def test_times_of_a_run_are_utc_to_the_second(run, given, shown):
    assert RunInfo(**(run.model_dump() | {"created_at": given})).created_at == shown


@pytest.mark.parametrize(
    "given", [date(2024, 1, 1), "2024-01-01", pd.Timestamp("2024-01-01 15:30")]
)
def test_dates_of_a_run_are_iso(run, given):
    assert RunInfo(**(run.model_dump() | {"start_date": given})).start_date == "2024-01-01"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "done"},
        {"start_date": "soon"},
        {"created_at": 5},
        {"initial_capital": math.inf},
        {"colour": "blue"},
    ],
)
def test_a_run_that_makes_no_sense_is_refused(run, wrong):
    with pytest.raises(ValidationError):
        RunInfo(**(run.model_dump() | wrong))


def test_a_run_is_described_from_its_result(result):
    info = describe_run(result, created_at="2024-02-01T10:00:00")
    assert info.run_id is None
    assert (info.strategy_name, info.strategy_version) == ("cross_v1", "1.0")
    assert (info.start_date, info.end_date) == ("2024-01-02", "2024-01-08")
    assert info.commission_per_contract == 0.65
    asked = describe_run(result, start_date="2024-01-01", created_at="2024-02-01T10:00:00")
    assert asked.start_date == "2024-01-01"


def test_nothing_that_json_lacks_gets_in(result, report_on):
    provenance = report_on(result).provenance.model_dump()
    with pytest.raises(ValidationError, match="finite"):
        Provenance(**(provenance | {"settings": {"commission": math.nan}}))


def test_the_schema_names_every_part():
    schema = report_schema()
    # A report of an earlier version has no list of drawdowns, and was not checked.
    named = {*schema["required"], "drawdowns", "lookahead", "intrabar", "carry"}
    assert named == set(schema["properties"]) == set(Report.model_fields)
    assert {"RunInfo", "MetricsSection", "DataSection", "Benchmark"} <= set(schema["$defs"])
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema


def test_a_run_document_holds_the_report_and_both_tables(result, report_on):
    report = report_on(result)
    document = RunDocument.from_result(result, report)
    assert document.report is report
    assert list(document.curve.columns) == [
        "equity",
        "cash",
        "invested",
        "open",
        "high",
        "low",
        "close",
    ]
    assert document.curve.index.name == "time"
    assert list(document.curve.index) == list(result.bars.index)
    assert (document.curve["equity"] == document.curve["cash"] + document.curve["invested"]).all()
    document.trades["pnl"] = 0.0
    assert result.trades["pnl"].tolist() == [200.0, -50.0]
