from __future__ import annotations

import json

import pytest
from support.specs import rules

SPREADS = {
    "name": "condors",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
}
RANGE = ("--symbol", "SPX", "--start", "2016-01-04", "--end", "2016-12-30")


@pytest.fixture
def condors(workplace):
    path = workplace / "condors.json"
    path.write_text(json.dumps(SPREADS))
    return path


def test_a_run_prints_its_document_and_can_be_asked_for_again(backtest, condors):
    code, document, _ = backtest(
        "options-sim", "--strategy", condors, *RANGE, "--capital", "1000000", "--no-report"
    )
    assert code == (0 if document["passed"] else 1)
    assert document["trade_count"] == len(document["spreads"]) > 5
    assert document["provenance"]["command"][:2] == ["backtest", "options-sim"]
    run_id = document["run"]["run_id"]
    code, again, _ = backtest("report", "--run-id", run_id)
    assert code == 0
    assert again["spreads"] == document["spreads"]
    assert len(again["trades"]) == len(document["spreads"])


def test_the_report_files_are_left(backtest, condors, workplace):
    _, document, _ = backtest("options-sim", "--strategy", condors, *RANGE, "--capital", "1e6")
    run_id = document["run"]["run_id"]
    folder = workplace / "reports"
    assert json.loads((folder / f"{run_id}.json").read_text()) == document
    page = (folder / f"{run_id}.html").read_text(encoding="utf-8")
    for name in (
        "equity",
        "spreads",
        "credit-kept",
        "pnl-by-reason",
        "iv-rank",
        "greeks",
        "payoff",
    ):
        assert f'data-name="{name}"' in page
    assert "flat-volatility model" in page
    assert (folder / f"{run_id}.ipynb").exists()


@pytest.mark.parametrize(
    ("spec", "flags", "kind"),
    [
        (SPREADS | {"long_delta": 0.5, "target_dte": 0}, (), "SpecError"),
        (rules(position_sizing_formula="1"), (), "SpecKindError"),
        (SPREADS, ("--slippage", "2"), "UsageError"),
    ],
)
def test_bad_input_is_an_error_document(backtest, workplace, spec, flags, kind):
    (workplace / "bad.json").write_text(json.dumps(spec))
    code, document, _ = backtest("options-sim", "--strategy", "bad.json", *RANGE, *flags)
    assert code == 2
    assert document["error"]["type"] == kind


def test_no_spread_sold_is_a_soft_failure_that_explains_itself(backtest, condors):
    code, document, _ = backtest(
        "options-sim", "--strategy", condors, *RANGE, "--capital", "1000", "--no-report"
    )
    assert (code, document["spreads"]) == (1, [])
    assert "one contract" in document["diagnostics"]["explanation"][0]
