from __future__ import annotations

import json

import pytest
from support.random_bars import crossover

from btkit.cli.main import main

RANGE = ["--symbol", "SPX", "--start", "2012-01-03", "--end", "2013-12-31", "--source", "sample"]


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "BT_DB_PATH": "results.db",
        "BT_CURVE_DIR": "curves",
        "BT_REPORT_DIR": "reports",
        "BT_MIN_TRADES_REQUIRED": "3",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "cross.json").write_text(json.dumps(crossover()), encoding="utf-8")

    def run(*arguments, strategy="cross.json"):
        code = main([*arguments[:1], "--strategy", strategy, *RANGE, *arguments[1:]])
        written = capsys.readouterr()
        return code, json.loads(written.out), written.err

    return run


def test_sweep_prints_its_document_and_leaves_its_files(ask, tmp_path):
    code, document, people = ask("sweep", "--param", "fast=3:9:2", "--param", "slow=10,21")
    assert code == (0 if document["passed"] else 1)
    assert document["sets"] == 8
    for prefix in ("", "holding_"):
        lower, consistent, upper = (
            document["overfitting"][f"{prefix}spa_p{bound}"] for bound in ("_lower", "", "_upper")
        )
        assert 0.0 <= lower <= consistent <= upper <= 1.0
        assert 0.0 <= document["overfitting"][f"{prefix}reality_check_p"] <= 1.0
    name = document["sweep_id"]
    files = {path.name for path in (tmp_path / "reports").iterdir()}
    assert {f"{name}.{kind}" for kind in ("json", "parquet", "ipynb", "html")} <= files
    page = (tmp_path / "reports" / f"{name}.html").read_text(encoding="utf-8")
    assert "Deflated Sharpe" in page
    assert "Is the best set on a plateau" in page
    assert "by chance" in people
    assert "beats nothing: SPA p" in people
    assert "beats buy-and-hold: SPA p" in people


def test_the_best_set_is_run_again_by_its_command(ask):
    _, document, _ = ask("sweep", "--param", "fast=3:9:2", "--no-report", "--quiet")
    command = document["best"]["command"]
    strategy = command[command.index("--strategy") + 1]
    _, run, _ = ask("run", "--no-report", "--quiet", strategy=strategy)
    undefined = run["metrics"]["undefined"]
    for name, value in document["best"]["metrics"].items():
        assert name in {"undefined", *undefined} or run["metrics"][name] == value


def test_walk_forward_prints_its_document_and_leaves_its_files(ask, tmp_path):
    code, document, people = ask("walk-forward", "--windows", "2", "--optimize", "fast=3:9:2")
    assert code == (0 if document["passed"] else 1)
    assert len(document["windows"]) == 2
    name = document["walk_forward_id"]
    page = (tmp_path / "reports" / f"{name}.html").read_text(encoding="utf-8")
    assert "Walk-forward validation" in page
    assert document["conclusion"] in people


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep", "--param", "fsat=1:3:1"), "fsat"),
        (("sweep", "--param", "fast"), "which values"),
        (("sweep", "--param", "fast=9:3:1"), "empty"),
        (("sweep", "--param", "fast=3:9:1", "--param", "fast=4"), "twice"),
        (("sweep", "--param", "fast=3:9:1", "--max-sets", "3"), "7 parameter sets"),
        (("sweep", "--param", "fast=3:9:1", "--constraint", "fast < slwo"), "slwo"),
        (("walk-forward", "--windows", "40"), "fewer than 30"),
        (("walk-forward", "--scheme", "odd"), "odd"),
    ],
)
def test_bad_input_is_one_error_document(ask, arguments, message):
    code, document, _ = ask(*arguments)
    assert code == 2
    assert message in document["error"]["message"]
