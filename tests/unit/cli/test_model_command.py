"""Model specs and v3 strategies on the command line."""

import json

import pytest
import yaml
from support.small_models import DEFINITION, write_bundle

from btkit.cli.main import main
from btkit.cli.progress import PlainLines

DAYS = ("--start", "2012-01-10", "--end", "2014-12-31")
V3 = {
    "name": "small",
    "version": "3.0",
    **DEFINITION,
    "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}},
    "decisions": {
        "output_format": "classification",
        "confidence_threshold": 0.4,
        "filters": {"min_signal_separation": 24},
    },
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SPX"},
        "timeframes": {"mode": "single", "timeframe": "1d", "base_timeframe": "1d"},
    },
}


@pytest.fixture
def strategy(tmp_path):
    write_bundle(tmp_path / "models" / "small" / "SPX_1d")
    (tmp_path / "v3.yaml").write_text(yaml.safe_dump(V3, sort_keys=False))
    return "v3.yaml"


def test_a_v3_strategy_says_what_it_runs_on_and_where_its_bundle_is(strategy, backtest):
    code, document, told = backtest("run", "--strategy", strategy, *DAYS, "--no-report")
    assert code in (0, 1)
    assert document["kind"] == "model"
    assert (document["run"]["symbol"], document["data"]["interval"]) == ("SPX", "1d")
    (bundle,) = document["model"]["bundles"]
    assert bundle["path"] == "models/small/SPX_1d"
    assert bundle["settings"]["min_signal_separation"] == 24
    assert document["trade_count"] > 3
    assert "simulate" in told
    again, same, _ = backtest(*document["provenance"]["command"][1:], "--no-report")
    assert (again, same["metrics"]["total_return"]) == (code, document["metrics"]["total_return"])


def test_a_bundle_elsewhere_and_an_account_in_short_flags(strategy, backtest, tmp_path):
    write_bundle(tmp_path / "other", seed=3)
    flags = ("-m", "other", "-c", "50000", "-f", "--no-report")
    code, document, _ = backtest("run", "--strategy", strategy, *DAYS, *flags)
    assert code in (0, 1)
    assert document["model"]["bundles"][0]["path"] == "other"
    assert document["run"]["initial_capital"] == 50_000
    command = document["provenance"]["command"]
    assert command[command.index("--model-path") + 1] == "other"
    _, same, _ = backtest(*command[1:], "--no-report")
    assert same["model"]["bundles"] == document["model"]["bundles"]


def test_what_is_followed_cannot_be_quiet_and_says_more(strategy, backtest, capsys):
    code, document, _ = backtest("run", "--strategy", strategy, *DAYS, "--follow", "--quiet")
    assert code == 2
    assert document["error"]["details"]["option"] == "--follow"
    usual, followed = PlainLines(), PlainLines(every=0.0)
    for lines in (usual, followed):
        with lines.stage("simulate"):
            lines.count(10, 100, "bars")
    assert capsys.readouterr().err.count("10 of 100 bars") == 1


def test_a_model_elsewhere_is_none_of_a_rule(backtest):
    code, document, _ = backtest(
        "run", "--strategy", "tiny.json", "--symbol", "SPX", *DAYS, "-m", "other"
    )
    assert code == 2
    assert "is a rule spec, and has no model" in document["error"]["message"]


def test_a_symbol_that_nobody_says_is_missed(backtest):
    code, document, _ = backtest("run", "--strategy", "tiny.json", *DAYS)
    assert code == 2
    assert document["error"]["message"].startswith("symbol is missing, and the spec says none;")
    assert "model strategy" in document["error"]["hint"]


def test_a_strategy_of_another_output_is_refused(strategy, backtest, tmp_path):
    changed = {**V3, "decisions": {"output_format": "regression"}}
    (tmp_path / strategy).write_text(yaml.safe_dump(changed))
    code, document, _ = backtest("run", "--strategy", strategy, *DAYS)
    assert code == 2
    assert (
        "is a classification, and the output_format of small is regression"
        in (document["error"]["message"])
    )


def test_a_home_that_is_nobodys_is_no_folder(strategy, backtest):
    code, document, _ = backtest("run", "--strategy", strategy, *DAYS, "-m", "~nobody-there/x")
    assert (code, document["error"]["type"]) == (2, "BundleError")
    assert "no folder that exists" in document["error"]["message"]


def test_validate_says_what_it_is(strategy, backtest):
    code, document, _ = backtest("validate", "--strategy", strategy)
    assert (code, document["kind"]) == (0, "model")
    assert document["why"].startswith("It has nn_inputs")
    assert document["spec"]["features"] == {**DEFINITION, "output_format": "classification"}


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"volume_filter": 3}, "decisions.volume_filter"),
        ({"filters": {"volume": 3}}, "decisions.filters.volume"),
        ({"cost_model": {"spread": 0.1}}, "decisions.cost_model.spread"),
        ({"filters": 5}, "decisions.filters"),
    ],
)
def test_what_would_decide_otherwise_is_refused(strategy, backtest, tmp_path, section, path):
    changed = {**V3, "decisions": {**V3["decisions"], **section}}
    (tmp_path / "v3.yaml").write_text(yaml.safe_dump(changed))
    code, document, _ = backtest("validate", "--strategy", strategy)
    assert code == 2
    assert [problem["path"] for problem in document["error"]["details"]["problems"]] == [path]


def test_no_bar_out_of_sample_is_a_soft_failure(strategy, backtest):
    code, document, _ = backtest(
        "run", "--strategy", strategy, "--start", "2010-01-04", "--end", "2011-12-30", "--no-report"
    )
    assert code == 1
    assert document["error"]["type"] == "NoDataError"


def test_a_batch_takes_it_as_any_other(strategy, tmp_path, capfd):
    jobs = [
        {"spec": strategy, "symbol": "SPX", "start": "2012-01-10", "end": "2013-12-31"},
        {"spec": "tiny.json", "symbol": "SPX", "start": "2012-01-10", "end": "2013-12-31"},
    ]
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    assert main(["batch", "jobs.json", "--no-report", "--quiet"]) in (0, 1)
    *lines, _ = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {line["exit_code"] for line in lines} <= {0, 1}
    assert len(lines) == len(jobs)
