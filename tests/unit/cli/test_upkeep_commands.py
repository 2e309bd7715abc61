from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing

import pytest

from btkit.cli.main import main
from btkit.jobs import loading
from btkit.storage import new_run_id

RUN = [
    "run", "--strategy", "tiny.json", "--symbol", "SPX",
    "--start", "2010-01-01", "--end", "2010-12-31", "--no-report",
]  # fmt: skip


@pytest.fixture
def cancelled(backtest, monkeypatch):
    """Stop a run before its bars are there; give its id."""

    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_from_source", stop)
        code, document, _ = backtest(*RUN)
    assert (code, document["error"]["type"]) == (2, "InterruptedRunError")
    assert any("backtest resume" in note for note in document["error"]["details"]["notes"])
    (row,) = backtest("list", "--status", "cancelled")[1]["runs"]
    return row["run_id"]


def test_resume_prints_what_run_would_have_printed(backtest, cancelled):
    code, document, told = backtest("resume", "--run-id", cancelled, "--no-report")
    assert code == (0 if document["passed"] else 1)
    assert document["run"]["run_id"] == cancelled
    assert "simulate" in told
    _, anew, _ = backtest(*RUN)
    assert document["metrics"]["sharpe_ratio"] == anew["metrics"]["sharpe_ratio"]
    assert document["provenance"]["command"] == anew["provenance"]["command"]
    assert backtest("resume", "--run-id", cancelled)[0] == 2
    assert backtest("cancel", "--run-id", cancelled)[0] == 2


def test_verify_export_and_delete(backtest, workplace):
    run_id = backtest(*RUN)[1]["run"]["run_id"]
    code, document, _ = backtest("verify", "--run-id", run_id)
    assert (code, document["reproduced"]) == (0, True)
    code, document, _ = backtest(
        "export", "--format", "json", "--table", "runs", "--run-id", run_id, "-o", "out"
    )
    assert (code, document["runs"]) == (0, 1)
    assert json.loads((workplace / "out" / "runs.json").read_text())[0]["run_id"] == run_id
    with closing(sqlite3.connect("results.db", isolation_level=None)) as connection:
        connection.execute("UPDATE backtest_trades SET shares = shares + 1 WHERE trade_index = 0")
    code, document, _ = backtest("verify", "--run-id", run_id)
    assert (code, document["error"]["type"]) == (2, "CorruptFileError")
    with closing(sqlite3.connect("results.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM backtest_checksums")
    code, document, _ = backtest("verify", "--run-id", run_id)
    assert (code, document["reproduced"]) == (1, False)
    code, document, _ = backtest("delete", "--run-id", run_id)
    assert code == 0
    assert not list((workplace / "curves").iterdir())
    assert backtest("list")[1]["count"] == 0


def test_sync_without_anything_to_deliver(backtest, workplace):
    code, document, _ = backtest("sync")
    assert (code, document["waiting"], document["failures"]) == (0, 0, [])
    assert not (workplace / "results.db").exists()


def test_sync_says_what_still_waits(backtest, monkeypatch):
    monkeypatch.setenv("BT_MINIO_ENDPOINT", "127.0.0.1:1")
    code, document, told = backtest(*RUN)
    assert code in (0, 1)
    assert document["equity_curve_url"].startswith("file://")
    assert "1 queued for later: the server does not answer" in told
    code, document, _ = backtest("sync")
    assert (code, document["waiting"]) == (1, 1)


def test_a_wrong_endpoint_is_named(backtest, monkeypatch):
    monkeypatch.setenv("BT_MINIO_ENDPOINT", "nowhere/at/all")
    code, document, _ = backtest("list")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert "BT_MINIO_ENDPOINT" in document["error"]["message"]


@pytest.mark.parametrize("command", ["resume", "cancel", "verify", "delete", "report"])
def test_an_unknown_run(backtest, command):
    code, document, _ = backtest(command, "--run-id", new_run_id())
    assert (code, document["error"]["type"]) == (2, "RunNotFoundError")


def test_check_finds_and_mends_every_file_of_a_run(backtest, workplace):
    assert backtest("check")[:2] == (0, backtest("check")[1])
    run_id = backtest(*RUN[:-1])[1]["run"]["run_id"]
    files = [workplace / "reports" / f"{run_id}.{kind}" for kind in ("json", "ipynb", "html")]
    files.append(workplace / "curves" / f"{run_id}.parquet")
    before = json.loads(files[0].read_text())
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    code, document, _ = backtest("report", "--run-id", run_id)
    assert code == 0  # the report itself is in the database, and sound
    code, document, _ = backtest("export", "-o", "out")
    assert (code, document["error"]["type"]) == (2, "CorruptFileError")
    code, document, _ = backtest("check")
    assert (code, document["left"], document["mended"]) == (1, 4, 0)
    assert {finding["where"] for finding in document["findings"]} == {
        *(str(path) for path in files[:3]),
        files[3].as_uri(),
    }
    code, document, _ = backtest("check", "--repair")
    assert (code, document["left"], document["mended"]) == (0, 0, 4)
    assert json.loads(files[0].read_text()) == before
    assert backtest("check")[1]["findings"] == []


def test_all_trades_lie_beside_a_page_that_shows_some(backtest, workplace, monkeypatch):
    monkeypatch.setattr("btkit.render.view.LATEST", 1)
    monkeypatch.setattr("btkit.render.view.LARGEST", 1)
    run_id = backtest(*RUN[:-1])[1]["run"]["run_id"]
    trades = backtest("report", "--run-id", run_id)[1]["trades"]
    assert len(trades) > 2
    path = workplace / "reports" / f"{run_id}.trades.csv"
    with path.open(newline="") as file:
        listed = list(csv.DictReader(file))
    for name, kind in (("pnl", float), ("entry_date", str), ("shares", float)):
        assert [kind(row[name]) for row in listed] == [trade[name] for trade in trades]
    page = path.with_name(f"{run_id}.html").read_text()
    assert f'href="{path.name}"' in page
    assert f"2 of {len(trades)} trades" in page
    path.unlink()
    (finding,) = backtest("check")[1]["findings"]
    assert finding["where"] == str(path)
    assert backtest("check", "--repair")[0] == 0
    assert str(path) in backtest("delete", "--run-id", run_id)[1]["files"]
    assert not path.exists()


def test_check_knows_the_files_of_sweeps_and_batches(backtest, workplace, capsys):
    sweep = [
        "sweep", "--strategy", "grid.json", "--symbol", "SPX", "--start", "2010-01-01",
        "--end", "2010-12-31", "--param", "bars=2:4:1", "--no-report",
    ]  # fmt: skip
    spec = json.loads((workplace / "tiny.json").read_text())
    spec |= {"exit_conditions": ["bars_held >= {bars}"], "parameters": {"bars": 2}}
    (workplace / "grid.json").write_text(json.dumps(spec))
    sweep_id = backtest(*sweep)[1]["sweep_id"]
    (workplace / "jobs.yaml").write_text(
        "- {spec: tiny.json, symbol: SPX, start: 2010-01-01, end: 2010-12-31}\n"
    )
    assert main(["batch", "jobs.yaml", "-q"]) in (0, 1)
    batch_id = json.loads(capsys.readouterr().out.splitlines()[-1])["run_id"]
    reports = workplace / "reports"
    assert backtest("check")[1]["findings"] == []
    assert backtest("check")[1]["unverified"]["count"] == 0
    made = [reports / f"{sweep_id}.json", reports / f"{batch_id}.html"]
    not_made = [reports / f"{sweep_id}.parquet", reports / f"{sweep_id}-top" / "rank-01.json"]
    for path in (*made, *not_made):
        path.write_bytes(path.read_bytes() + b" ")
    code, document, _ = backtest("check", "--repair")
    # What is made from the table is not made from a table that changed.
    mended = {finding["where"] for finding in document["findings"] if finding["mended"]}
    left = {finding["where"] for finding in document["findings"] if not finding["mended"]}
    assert (code, mended, left) == (1, {str(path) for path in made}, {str(p) for p in not_made})
    for job_id in (sweep_id, batch_id):
        assert backtest("delete", "--run-id", job_id)[0] == 0
    assert backtest("check")[1]["findings"] == []
