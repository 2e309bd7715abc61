"""`check` finds whatever is not as it was written, and mends what can be proved."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from contextlib import closing

import pytest
from support.broken_off import SPEC, write_bars

from btkit.jobs import check, load_run, run
from btkit.storage import Store, new_run_id


@pytest.fixture
def settings(settings, tmp_path):
    write_bars(tmp_path / "bars")
    return settings.model_copy(update={"data_source": "files", "data_dir": tmp_path / "bars"})


@pytest.fixture
def run_id(settings, tmp_path):
    days = write_bars(tmp_path / "bars")
    return run(SPEC, "TINY", *days, settings=settings).run_id


def execute(settings, *statements):
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def kinds(document):
    return [finding["kind"] for finding in document["findings"]]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def curve_of(settings, run_id):
    return settings.curve_dir / f"{run_id}.parquet"


def test_nothing_stored_is_nothing_wrong(settings):
    document = check(settings=settings)
    assert document["passed"]
    assert document["checked"] == {"jobs": 0, "files": 0}
    assert not settings.db_path.exists()


@pytest.mark.usefixtures("run_id")
def test_a_sound_store_passes(settings):
    document = check(settings=settings)
    assert document["passed"]
    assert (document["findings"], document["unverified"]["count"]) == ([], 0)
    assert document["checked"] == {"jobs": 1, "files": 2}


@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink()], ids=["flipped", "missing"])
def test_a_curve_comes_back_from_the_same_bars(settings, run_id, damage):
    before = load_run(run_id, settings=settings)
    content = curve_of(settings, run_id).read_bytes()
    damage(curve_of(settings, run_id))
    found = check(settings=settings)
    assert (found["passed"], found["left"], found["mended"]) == (False, 1, 0)
    assert found["findings"][0]["job_id"] == run_id
    mended = check(settings=settings, repair=True)
    assert (mended["passed"], mended["left"], mended["mended"]) == (True, 0, 1)
    assert curve_of(settings, run_id).read_bytes() == content
    assert load_run(run_id, settings=settings).curve.equals(before.curve)
    assert check(settings=settings)["findings"] == []


def test_a_curve_does_not_come_back_from_other_bars(settings, run_id, tmp_path):
    flip(curve_of(settings, run_id))
    damaged = curve_of(settings, run_id).read_bytes()
    (path,) = (tmp_path / "bars").iterdir()
    path.write_text(path.read_text().replace("10", "11"))
    document = check(settings=settings, repair=True)
    assert (document["passed"], kinds(document)) == (False, ["damaged"])
    assert curve_of(settings, run_id).read_bytes() == damaged


def test_trades_come_back_from_the_same_bars(settings, run_id):
    before = load_run(run_id, settings=settings)
    execute(settings, "UPDATE backtest_trades SET pnl = pnl + 1 WHERE trade_index = 1")
    assert kinds(check(settings=settings)) == ["damaged"]
    assert check(settings=settings, repair=True)["passed"]
    assert load_run(run_id, settings=settings).trades.equals(before.trades)


def test_trades_of_an_earlier_version_are_whole_and_come_back(settings, run_id):
    # Then there were eleven columns, and a checksum of them.
    columns = (
        "entry_date, exit_date, entry_price, exit_price, shares, pnl, return_pct, exit_reason,"
        " bars_held, commission, slippage_cost"
    )
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        former = connection.execute(
            f"SELECT {columns} FROM backtest_trades ORDER BY trade_index"  # noqa: S608 - as above
        ).fetchall()
        connection.execute(
            "UPDATE backtest_trades SET mae_pct = NULL, mfe_pct = NULL, fill_kind = NULL,"
            " certain = NULL"
        )
        content = json.dumps([list(row) for row in former]).encode()
        connection.execute(
            "UPDATE backtest_checksums SET sha256 = ?, size = ? WHERE name = 'trades'",
            (hashlib.sha256(content).hexdigest(), len(content)),
        )
    assert check(settings=settings)["findings"] == []
    before = load_run(run_id, settings=settings).trades
    assert len(before) == len(former) > 0
    assert before[["mae_pct", "mfe_pct"]].isna().all(axis=None)
    execute(settings, "UPDATE backtest_trades SET pnl = pnl + 1 WHERE trade_index = 1")
    assert check(settings=settings, repair=True)["passed"]
    assert load_run(run_id, settings=settings).trades.equals(before)


def test_a_report_that_changed_is_not_guessed(settings, run_id):
    execute(settings, "UPDATE backtest_runs SET report = replace(report, '1', '2')")
    document = check(settings=settings, repair=True)
    assert (document["passed"], document["left"]) == (False, 1)
    (finding,) = document["findings"]
    assert (finding["kind"], finding["job_id"], finding["mended"]) == ("damaged", run_id, False)
    assert "backup" in finding["advice"]


@pytest.mark.usefixtures("run_id")
def test_metrics_come_back_from_the_report(settings):
    execute(settings, "UPDATE backtest_metrics SET sharpe_ratio = sharpe_ratio + 1")
    assert kinds(check(settings=settings)) == ["damaged"]
    assert check(settings=settings, repair=True)["mended"] == 1
    assert check(settings=settings)["passed"]


@pytest.mark.parametrize(
    ("column", "changed"),
    [("passed", "1 - passed"), ("symbol", "'TINZ'"), ("initial_capital", "2"), ("end_date", "''")],
)
def test_what_the_list_shows_comes_back_from_the_report(settings, run_id, column, changed):
    (before,) = Store.from_settings(settings).runs()
    execute(settings, f"UPDATE backtest_runs SET {column} = {changed}")  # noqa: S608 - as above
    (finding,) = check(settings=settings)["findings"]
    assert (finding["kind"], finding["job_id"]) == ("damaged", run_id)
    assert column in finding["what"]
    assert check(settings=settings, repair=True)["mended"] == 1
    assert check(settings=settings)["findings"] == []
    assert Store.from_settings(settings).runs() == [before]


def test_what_was_asked_for_has_a_checksum(settings, run_id):
    execute(settings, "UPDATE btkit_jobs SET request = replace(request, '0', '1')")
    document = check(settings=settings, repair=True)
    (finding,) = document["findings"]
    assert (finding["job_id"], finding["mended"]) == (run_id, False)
    assert "What was asked of run" in finding["what"]


@pytest.mark.usefixtures("run_id")
def test_indexes_are_rebuilt(settings):
    execute(
        settings,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX backtest_runs_by_time ON backtest_runs"
        " (strategy_name)' WHERE name = 'backtest_runs_by_time'",
    )
    document = check(settings=settings)
    assert set(kinds(document)) == {"database"}
    assert check(settings=settings, repair=True)["passed"]
    assert check(settings=settings)["findings"] == []


def test_report_files_are_made_again(settings, run_id):
    store, folder = Store.from_settings(settings), settings.report_dir

    def render(job_id):
        store.files.write(job_id, folder, f"{job_id}.json", b"{}", kind="json")
        store.files.write(job_id, folder, f"{job_id}.html", b"<html>", kind="html")

    render(run_id)
    assert check(settings=settings)["passed"]
    flip(folder / f"{run_id}.json")
    (folder / f"{run_id}.html").unlink()
    assert sorted(kinds(check(settings=settings))) == ["damaged", "missing"]
    # Whatever one makes again oneself is no repair.
    assert check(settings=settings, repair=True)["left"] == 2
    assert check(settings=settings, repair=True, render=render)["mended"] == 2
    assert check(settings=settings)["passed"]


def test_what_no_run_knows_is_named_and_kept(settings, run_id):
    orphan = curve_of(settings, new_run_id())
    orphan.write_bytes(curve_of(settings, run_id).read_bytes())
    settings.report_dir.mkdir()
    (settings.report_dir / f"{new_run_id()}.html").write_text("<html>")
    (settings.report_dir / "notes.txt").write_text("mine")
    document = check(settings=settings, repair=True)
    assert (kinds(document), document["left"]) == (["orphan", "orphan"], 2)
    assert orphan.exists()


@pytest.mark.usefixtures("run_id")
def test_what_processes_that_are_gone_were_writing_is_removed(settings):
    left = settings.curve_dir / ".x.parquet.4711-1-00000000-abcdef01.partial"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 90_000,) * 2)
    assert kinds(check(settings=settings)) == ["temporary"]
    assert left.exists()
    assert check(settings=settings, repair=True)["mended"] == 1
    assert not left.exists()


def test_the_queue_is_looked_at(settings, run_id):
    insert = (
        "INSERT INTO backtest_uploads (object_key, run_id, action, kind, path, queued_at) "
        "VALUES ('reports/{0}.html', '{0}', 'upload', 'html', '/nowhere/{0}.html', '2026')"
    )
    gone = new_run_id()
    execute(settings, insert.format(run_id), insert.format(gone))
    assert kinds(check(settings=settings)) == ["upload", "upload"]
    document = check(settings=settings, repair=True)
    # What nobody can ever deliver is let go; what may come back is not.
    assert [finding["job_id"] for finding in document["findings"] if finding["mended"]] == [gone]
    assert document["left"] == 1


def test_a_private_store_is_closed_to_others(settings, run_id):
    settings.db_path.chmod(0o600)
    curve_of(settings, run_id).chmod(0o644)
    assert check(settings=settings)["passed"]
    private = settings.model_copy(update={"private": True})
    assert kinds(check(settings=private)) == ["open"]
    assert check(settings=private, repair=True)["passed"]
    assert curve_of(settings, run_id).stat().st_mode & 0o777 == 0o600


def test_what_an_earlier_version_stored_is_counted(settings, run_id):
    execute(settings, "DELETE FROM backtest_checksums")
    document = check(settings=settings)
    assert document["passed"]
    assert document["unverified"]["count"] == 2
    assert run_id in document["unverified"]["first"]
