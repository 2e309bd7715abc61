from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd
import pytest

from btkit.errors import CorruptFileError, RunNotFoundError, StoreError
from btkit.metrics.model import MeasuredMetrics
from btkit.storage import LocalCurves, Store, job_rows, new_run_id

REFERENCE_QUERY = (
    "SELECT run_id, strategy_name, symbol, status, sharpe_ratio "
    "FROM backtest_runs r "
    "JOIN backtest_metrics m USING (run_id) "
    "ORDER BY created_at DESC LIMIT 10;"
)


def query(store, sql, *values):
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(sql, values).fetchall()


@pytest.mark.parametrize(
    "index",
    [
        pd.bdate_range("2020-01-01", periods=40),
        pd.date_range("2020-01-02 14:30", periods=26, freq="15min", tz="UTC"),
    ],
    ids=["daily", "intraday"],
)
def test_a_run_comes_back_as_it_was(store, make_run, index):
    info, document = make_run(index=index)
    store.begin(info, interval="1d")
    kept = store.complete(document)
    loaded = store.load(info.run_id)
    assert loaded.report == kept.report
    pd.testing.assert_frame_equal(loaded.trades, document.trades, check_exact=True)
    pd.testing.assert_frame_equal(
        loaded.curve, document.curve, check_exact=True, check_names=False, check_freq=False
    )
    assert len(loaded.trades) > 3


def test_a_run_without_trades_comes_back(store, make_run):
    info, document = make_run(entry_conditions=["close < 0"])
    store.begin(info, interval="1d")
    store.complete(document)
    loaded = store.load(info.run_id)
    pd.testing.assert_frame_equal(loaded.trades, document.trades, check_dtype=False)
    assert loaded.report.metrics.undefined


def test_a_run_of_both_sides_comes_back_with_the_side_of_each_trade(store, make_run):
    lists = ("entry_conditions", "exit_conditions", "stop_conditions")
    short = {name: ["close < open"] if name != "stop_conditions" else [] for name in lists}
    info, document = make_run(
        direction="both",
        entry_conditions=["close > open"],
        short=short | {"exit_conditions": ["close > open"]},
    )
    store.begin(info, interval="1d")
    store.complete(document)
    loaded = store.load(info.run_id)
    assert set(loaded.trades["direction"]) == {"long", "short"}
    pd.testing.assert_frame_equal(loaded.trades, document.trades, check_exact=True)
    rows = store.document_with_trades(info.run_id)["trades"]
    assert [row["direction"] for row in rows] == loaded.trades["direction"].tolist()


def test_a_run_of_both_sides_without_trades_comes_back(store, make_run):
    nothing = {"entry_conditions": ["close < 0"], "exit_conditions": [], "stop_conditions": []}
    info, document = make_run(direction="both", short=nothing, entry_conditions=["close < 0"])
    store.begin(info, interval="1d")
    store.complete(document)
    assert list(store.load(info.run_id).trades) == list(document.trades)


def test_the_stored_document_is_the_report_and_its_trades(store, stored):
    document = store.document_with_trades(stored.report.run.run_id)
    trades = document.pop("trades")
    assert document == stored.report.to_dict() == store.document(stored.report.run.run_id)
    assert list(trades[0]) == list(stored.trades.columns)
    assert trades[0]["entry_date"] == stored.trades["entry_date"][0].date().isoformat()
    assert [trade["pnl"] for trade in trades] == stored.trades["pnl"].tolist()


def test_the_query_of_the_reference_runs_as_printed(store, stored):
    run = stored.report.run
    expected = (run.run_id, "zigzag", "SPX", "complete", stored.report.metrics.sharpe_ratio)
    assert query(store, REFERENCE_QUERY) == [expected]


def test_every_documented_metric_has_a_typed_column(store, stored):
    columns = {row[1]: row[2] for row in query(store, "PRAGMA table_info(backtest_metrics)")}
    assert set(columns) == {"run_id", "undefined", *MeasuredMetrics.model_fields}
    assert {columns[name] for name in MeasuredMetrics.model_fields} == {"INTEGER", "REAL"}
    names = ", ".join(MeasuredMetrics.model_fields)
    (row,) = query(store, f"SELECT {names} FROM backtest_metrics")  # noqa: S608 - names of our own
    expected = stored.report.metrics.model_dump()
    assert dict(zip(MeasuredMetrics.model_fields, row, strict=True)) == {
        name: expected[name] for name in MeasuredMetrics.model_fields
    }


def test_the_curve_is_parquet_at_a_file_url(store, stored):
    url = urlsplit(stored.report.equity_curve_url)
    path = Path(url2pathname(url.path))
    assert url.scheme == "file"
    assert path == store.curves.folder / f"{stored.report.run.run_id}.parquet"
    assert list(pd.read_parquet(path).columns) == [
        "timestamp", "equity", "cash", "invested", "open", "high", "low", "close",
    ]  # fmt: skip
    assert [entry.name for entry in store.curves.folder.iterdir()] == [path.name]


def test_a_curve_in_a_folder_with_odd_characters(tmp_path, make_run):
    store = Store(tmp_path / "r.db", curves=LocalCurves(tmp_path / "a b%20#?ü"))
    info, document = make_run()
    store.begin(info, interval="1d")
    store.complete(document)
    assert len(store.load(info.run_id).curve) == 40


def test_a_moved_curve_folder_is_found(store, stored, tmp_path):
    store.curves.folder.rename(tmp_path / "moved")
    moved = Store(store.path, curves=LocalCurves(tmp_path / "moved"))
    assert len(moved.load(stored.report.run.run_id).curve) == 40
    with pytest.raises(StoreError, match=r"curve of run .* is missing"):
        store.load(stored.report.run.run_id)


def test_a_damaged_curve_is_said_to_be(store, stored):
    path = store.curves.folder / f"{stored.report.run.run_id}.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CorruptFileError, match="damaged"):
        store.load(stored.report.run.run_id)


def test_a_running_and_a_failed_run(store, make_run, monkeypatch):
    monkeypatch.setattr(job_rows, "second_text", lambda: "2026-01-05T12:00:00")
    info, _ = make_run()
    store.begin(info, interval="1d")
    assert store.document(info.run_id)["run"]["status"] == "running"
    store.jobs.end(info.run_id, "failed", error_message="NoDataError: nothing")
    document = store.document_with_trades(info.run_id)
    assert document["run"]["status"] == "failed"
    assert document["run"]["error_message"] == "NoDataError: nothing"
    assert document["run"]["completed_at"] == "2026-01-05T12:00:00"
    assert (document["metrics"], document["passed"], document["trades"]) == (None, False, [])
    with pytest.raises(StoreError, match="is failed and has no report: NoDataError: nothing"):
        store.load(info.run_id)


def test_an_outcome_is_stored_whole_or_not_at_all(store, make_run):
    info, document = make_run()
    store.begin(info, interval="1d")
    broken = document.trades.assign(pnl=None)
    with pytest.raises(StoreError, match="NOT NULL"):
        store.complete(type(document)(document.report, broken, document.curve))
    assert query(store, "SELECT status, report FROM backtest_runs") == [("running", None)]
    assert query(store, "SELECT count(*) FROM backtest_metrics") == [(0,)]
    assert query(store, "SELECT count(*) FROM backtest_trades") == [(0,)]
    assert list(store.curves.folder.iterdir()) == []


def test_a_run_that_is_not_running_cannot_be_completed(store, stored):
    with pytest.raises(StoreError, match="is not running"):
        store.complete(stored)


def test_an_unwritable_curve_folder(tmp_path, make_run):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "r.db", curves=LocalCurves(tmp_path / "file"))
    info, document = make_run()
    store.begin(info, interval="1d")
    with pytest.raises(StoreError, match="curve cannot be written") as caught:
        store.complete(document)
    assert "BT_CURVE_DIR" in caught.value.hint


def test_listing_is_newest_first_filtered_and_limited(store, make_run):
    ids = []
    for symbol in ("SPX", "IXIC", "SPX"):
        info, document = make_run(symbol=symbol)
        store.begin(info, interval="1d")
        ids.append(info.run_id)
    store.jobs.end(ids[1], "failed", error_message="x")
    store.complete(document)
    assert [row["run_id"] for row in store.runs()] == ids[::-1]
    assert [row["run_id"] for row in store.runs(symbol="spx")] == [ids[2], ids[0]]
    assert [row["run_id"] for row in store.runs(limit=1)] == [ids[2]]
    assert [row["run_id"] for row in store.runs(status="failed")] == [ids[1]]
    newest, failed, _ = store.runs()
    assert newest["passed"] is False
    assert newest["total_trades"] == len(document.trades)
    assert (failed["passed"], failed["sharpe_ratio"]) == (None, None)


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "x",
        "../../etc/passwd",
        "a97c55f7-cfa7-49b4-991f-6c97a8f9a0cf/..",
        "' OR 1=1 --",
        "\x00" * 36,
    ],
)
def test_what_is_no_run_id_reaches_no_path(store, stored, run_id):
    for ask in (store.load, store.document, store.curves.delete):
        with pytest.raises(RunNotFoundError, match="is not a run id"):
            ask(run_id)


def test_an_unknown_run(store, stored):
    with pytest.raises(RunNotFoundError, match="There is no run"):
        store.document(new_run_id())


def test_an_id_may_be_in_upper_case(store, stored):
    run_id = stored.report.run.run_id
    assert store.document(run_id.upper())["run"]["run_id"] == run_id


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE backtest_runs SET report = '{'",
        "UPDATE backtest_runs SET report = '[1]'",
        "UPDATE backtest_runs SET report = 'null'",
        "UPDATE backtest_runs SET report = x'ff00'",
        """UPDATE backtest_runs SET report = replace(report, '"metrics"', '"metrix"')""",
    ],
)
def test_a_damaged_report_is_named(store, stored, damage):
    run_id = stored.report.run.run_id
    query_and_commit(store, damage)
    for read in (store.document, store.document_with_trades, store.load):
        with pytest.raises(CorruptFileError, match=f"The report of run {run_id} .* is damaged"):
            read(run_id)
    # As an earlier version left it.
    query_and_commit(store, "DELETE FROM backtest_checksums")
    for read in (store.document, store.document_with_trades, store.load):
        with pytest.raises(StoreError, match=f"stored of run {run_id} .* is damaged"):
            read(run_id)
    # What is whole of it can still be listed, and it can be removed.
    assert [row["run_id"] for row in store.runs()] == [run_id]
    store.delete(run_id)
    assert store.runs() == []


@pytest.mark.parametrize("change", ["entry_date = 'someday'", "pnl = 'much'"])
def test_damaged_trades_are_named(store, stored, change):
    query_and_commit(store, f"UPDATE backtest_trades SET {change}")  # noqa: S608 - literals
    with pytest.raises(StoreError, match="is damaged"):
        store.load(stored.report.run.run_id)


def query_and_commit(store, sql):
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute(sql)
