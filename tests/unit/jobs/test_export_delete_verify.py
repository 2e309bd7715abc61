from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress

import pandas as pd
import pytest
from support.broken_off import SPEC, write_bars
from support.specs import rules

from btkit.errors import RunNotFoundError, StoreError, UsageError
from btkit.jobs import delete, export, list_runs, load_document, load_run, run, verify
from btkit.storage import new_run_id


def read_csv(path):
    # Python reads a double exactly; pandas does so only in some versions.
    frame = pd.read_csv(path, dtype=str)
    for name in frame:
        with suppress(ValueError, TypeError):
            frame[name] = [float(text) for text in frame[name]]
    return frame


READERS = {
    "csv": read_csv,
    "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
    "parquet": pd.read_parquet,
}


@pytest.fixture
def place(settings, tmp_path):
    days = write_bars(tmp_path / "bars")
    known = settings.model_copy(update={"data_source": "files", "data_dir": tmp_path / "bars"})
    return known, days


@pytest.fixture
def two(place):
    """Give settings and the ids of a run with trades and one without."""
    settings, days = place
    still = rules(entry_conditions=["close < 0"])
    return settings, [run(spec, "TINY", *days, settings=settings).run_id for spec in (SPEC, still)]


# Without checksums, as an earlier version stored it; else what changed is refused.
AS_EARLIER = "DELETE FROM backtest_checksums"


def execute(settings, *statements):
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("form", READERS)
def test_every_format_gives_every_bit_back(two, tmp_path, form):
    settings, ids = two
    outcome = export(tmp_path / "out", format=form, settings=settings)
    assert (outcome["format"], outcome["runs"]) == (form, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{table}.{form}" for table in ("curves", "runs", "trades")
    ]
    tables = {
        table: READERS[form](tmp_path / "out" / f"{table}.{form}")
        for table in ("runs", "trades", "curves")
    }
    stored = {run_id: load_run(run_id, settings=settings) for run_id in ids}
    for table, frame in tables.items():
        assert outcome["files"][table]["rows"] == len(frame)
    runs = tables["runs"].set_index("run_id")
    for run_id, document in stored.items():
        assert runs.loc[run_id, "sharpe_ratio"] == document.report.metrics.sharpe_ratio
        assert runs.loc[run_id, "max_drawdown_pct"] == document.report.metrics.max_drawdown_pct
        assert str(runs.loc[run_id, "passed"]) == str(document.report.passed)
        curve = tables["curves"][tables["curves"]["run_id"] == run_id]
        assert curve["equity"].tolist() == document.curve["equity"].tolist()
        assert pd.to_datetime(curve["timestamp"]).tolist() == document.curve.index.tolist()
        trades = tables["trades"][tables["trades"]["run_id"] == run_id]
        assert trades["pnl"].tolist() == document.trades["pnl"].tolist()
        assert trades["exit_reason"].tolist() == document.trades["exit_reason"].tolist()
    assert len(stored[ids[0]].trades) > len(stored[ids[1]].trades) == 0


@pytest.mark.parametrize("form", READERS)
def test_sides_of_trades_are_exported_where_any_run_takes_both(two, place, tmp_path, form):
    settings, days = place
    short = {"entry_conditions": ["close < open"], "exit_conditions": ["close > open"]}
    both = rules(
        direction="both",
        entry_conditions=["close > open"],
        short=short | {"stop_conditions": []},
    )
    run_id = run(both, "TINY", *days, settings=settings).run_id
    export(tmp_path / "out", format=form, tables=["trades"], settings=settings)
    trades = READERS[form](tmp_path / "out" / f"trades.{form}")
    known = load_run(run_id, settings=settings).trades["direction"].tolist()
    own = trades["run_id"] == run_id
    assert trades.loc[own, "direction"].tolist() == known
    assert set(known) == {"long", "short"}
    assert len(trades[~own]) > 0
    assert trades.loc[~own, "direction"].isna().all()
    assert verify(run_id, settings=settings)["reproduced"]


@pytest.mark.parametrize("form", READERS)
def test_an_empty_store_exports_empty_tables(settings, tmp_path, form):
    outcome = export(tmp_path / "out", format=form, settings=settings)
    assert {entry["rows"] for entry in outcome["files"].values()} == {0}
    assert not settings.db_path.exists()


def test_exported_texts_are_not_run_by_a_spreadsheet(place, tmp_path):
    settings, days = place
    run(rules(name="-dip", version="-0.5"), "TINY", *days, settings=settings)
    export(tmp_path / "out", format="csv", tables=["runs"], settings=settings)
    (row,) = pd.read_csv(tmp_path / "out" / "runs.csv", dtype=str).to_dict("records")
    assert (row["strategy_name"], row["strategy_version"]) == ("'-dip", "-0.5")


def test_exports_are_private_and_follow_no_link(two, tmp_path):
    settings, _ = two
    victim = tmp_path / "victim"
    victim.write_bytes(b"somebody else's")
    for form in READERS:
        folder = tmp_path / form
        folder.mkdir()
        (folder / f"runs.{form}").symlink_to(victim)
        known = settings.model_copy(update={"private": True})
        export(folder, format=form, settings=known)
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    export(tmp_path / "deep" / "er", settings=known)
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    assert victim.read_bytes() == b"somebody else's"


def test_some_runs_and_some_tables(two, tmp_path):
    settings, ids = two
    outcome = export(
        tmp_path, format="csv", tables=["trades"], run_ids=[ids[1].upper()], settings=settings
    )
    assert list(outcome["files"]) == ["trades"]
    assert outcome["runs"] == 1


def test_daily_and_intraday_times_share_a_file(two, tmp_path):
    settings, _ = two
    times = pd.date_range("2020-01-02 14:30", periods=26, freq="15min", tz="UTC")
    frame = pd.DataFrame(
        {"timestamp": times, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 1e3}
    )
    (settings.data_dir / "TINY_15m.csv").write_text(frame.to_csv(index=False))
    run(SPEC, "TINY", "2020-01-02", "2020-01-02", interval="15m", settings=settings)
    outcome = export(tmp_path / "out", settings=settings)
    curves = pd.read_parquet(outcome["files"]["curves"]["path"])
    assert len(curves) == outcome["files"]["curves"]["rows"] == 2 * 60 + 26
    assert str(curves["timestamp"].dt.tz) == "UTC"


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"format": "xlsx"}, UsageError, "There is no format 'xlsx'"),
        ({"tables": ["metrics"]}, UsageError, "There is no table 'metrics'"),
        ({"run_ids": [new_run_id()]}, RunNotFoundError, "There is no run"),
        ({"run_ids": ["../x"]}, RunNotFoundError, "is not a run id"),
    ],
)
def test_what_cannot_be_exported(two, tmp_path, changes, kind, message):
    settings, _ = two
    with pytest.raises(kind, match=message):
        export(tmp_path / "out", settings=settings, **changes)
    assert list(tmp_path.glob("out/*")) == []


def test_a_lost_curve_or_a_blocked_folder_leaves_nothing_half_written(two, tmp_path):
    settings, ids = two
    (settings.curve_dir / f"{ids[0]}.parquet").unlink()
    with pytest.raises(StoreError, match="is missing"):
        export(tmp_path / "out", tables=["curves"], settings=settings)
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "blocked").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        export(tmp_path / "blocked", tables=["runs"], settings=settings)


def test_a_failed_run_is_not_exported(two, tmp_path):
    settings, _ = two
    with pytest.raises(Exception, match="NOSUCH"):
        run(SPEC, "NOSUCH", "2020-01-01", "2020-02-01", settings=settings)
    (failed,) = list_runs(status="failed", settings=settings)
    assert export(tmp_path / "out", format="csv", settings=settings)["runs"] == 2
    with pytest.raises(StoreError, match="only what is complete"):
        export(tmp_path / "out", run_ids=[failed["run_id"]], settings=settings)


def test_deleting_leaves_nothing_of_the_run_and_all_of_the_others(two):
    settings, ids = two
    settings.report_dir.mkdir()
    for ending in ("json", "ipynb", "html"):
        for run_id in ids:
            (settings.report_dir / f"{run_id}.{ending}").write_text("made")
    (settings.curve_dir / f".{ids[0]}.parquet.77.partial").write_text("left by a kill")
    outcome = delete(ids[0], settings=settings)
    assert len(outcome["files"]) == 4
    with pytest.raises(RunNotFoundError):
        load_document(ids[0], settings=settings)
    left = [*settings.curve_dir.iterdir(), *settings.report_dir.iterdir()]
    assert {path.stem for path in left} == {ids[1]}
    with closing(sqlite3.connect(settings.db_path)) as connection:
        for table in ("backtest_runs", "backtest_metrics", "backtest_trades", "btkit_jobs"):
            found = connection.execute(f"SELECT run_id FROM {table}").fetchall()  # noqa: S608 - literals
            assert ids[0] not in {row[0] for row in found}
    with pytest.raises(RunNotFoundError):
        delete(ids[0], settings=settings)


def test_deleting_where_there_is_no_database(settings):
    with pytest.raises(RunNotFoundError):
        delete(new_run_id(), settings=settings)
    assert not settings.db_path.exists()


def test_a_stored_run_reproduces_to_the_bit(two):
    settings, ids = two
    before = len(list_runs(settings=settings))
    for run_id in ids:
        outcome = verify(run_id, settings=settings)
        assert outcome["reproduced"]
        assert set(outcome["same"]) == {"bars", "trades", "equity_curve", "report"}
        assert outcome["differences"] == []
    assert len(list_runs(settings=settings)) == before


def test_a_run_of_an_earlier_version_is_reproduced(two):
    # Which knew no worst and best of a trade, no list of drawdowns, and did not call a run short.
    settings, ids = two
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        for run_id, text in connection.execute("SELECT run_id, report FROM backtest_runs"):
            report = json.loads(text)
            del report["drawdowns"], report["metrics"]["turnover"]
            kept = [entry for entry in report["warnings"] if entry["code"] != "short_range"]
            former = json.dumps(report | {"warnings": kept})
            connection.execute(
                "UPDATE backtest_runs SET report = ? WHERE run_id = ?", (former, run_id)
            )
    execute(settings, "UPDATE backtest_trades SET mae_pct = NULL, mfe_pct = NULL", AS_EARLIER)
    for run_id in ids:
        assert verify(run_id, settings=settings)["differences"] == []


def test_other_bars_do_not_reproduce_it(two):
    settings, ids = two
    path = settings.data_dir / "TINY.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:9], *lines[10:]]) + "\n")
    outcome = verify(ids[0], settings=settings)
    assert not outcome["reproduced"]
    assert not outcome["same"]["bars"]
    assert outcome["differences"][0]["path"] == "provenance.bars_hash"


@pytest.mark.parametrize(
    ("statement", "what", "path"),
    [
        (
            "UPDATE backtest_trades SET pnl = pnl + 1e-9 WHERE trade_index = 2",
            "trades",
            "trades[2].pnl",
        ),
        (
            """UPDATE backtest_runs SET report = replace(report, 'e_count": ', 'e_count": 1')""",
            "report",
            "trade_count",
        ),
    ],
)
def test_a_changed_number_is_found(two, statement, what, path):
    settings, ids = two
    execute(settings, statement, AS_EARLIER)
    outcome = verify(ids[0], settings=settings)
    assert [name for name, same in outcome["same"].items() if not same] == [what]
    assert outcome["differences"][0]["path"] == path


def test_what_cannot_be_verified(two, place):
    settings, ids = two
    with pytest.raises(RunNotFoundError):
        verify(new_run_id(), settings=settings)
    execute(
        settings,
        """UPDATE backtest_runs SET report = replace(report, '"files"', '"dataframe"')""",
        AS_EARLIER,
    )
    with pytest.raises(UsageError, match="were handed over"):
        verify(ids[0], settings=settings)
