"""What may be read and not be written: an archive, another's database, a read-only disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.broken_off import SPEC, write_bars

from btkit.errors import StoreBusyError, StoreError
from btkit.jobs import check, delete, export, list_runs, load_document, load_run, run
from btkit.settings import Settings
from btkit.storage import database, reading

NOBODY = 65534


@pytest.fixture
def place():
    """A folder that other accounts can enter, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="btkit-test-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def without_rights():
    """Be an account that permissions hold for, as they do not for root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def stored(place):
    """Give settings, and the ids of two complete runs."""
    days = write_bars(place / "bars", count=20)
    settings = Settings(
        db_path=place / "db" / "results.db",
        curve_dir=place / "curves",
        report_dir=place / "reports",
        data_source="files",
        data_dir=place / "bars",
    )
    ids = [run(SPEC, "TINY", *days, settings=settings).run_id for _ in range(2)]
    return settings, ids


def close(path, mode):
    for entry in [*path.rglob("*"), path] if path.is_dir() else [path]:
        entry.chmod(mode if entry.is_dir() else mode & 0o444)


def read(settings, ids, target):
    """Return what reading gives."""
    listed = list_runs(settings=settings)
    assert {row["run_id"] for row in listed} == set(ids)
    document = load_document(ids[0], trades=True, settings=settings)
    curve = load_run(ids[0], settings=settings).curve
    exported = export(target, settings=settings)
    return listed, document, curve.to_dict(), exported["runs"]


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_database_that_may_not_be_written_is_read_and_left_as_it_is(stored, closed, tmp_path):
    settings, ids = stored
    expected = read(settings, ids, tmp_path / "first")
    folder = settings.db_path.parent
    close(settings.db_path if closed == "file" else folder, 0o555)
    before = sorted(path.name for path in folder.iterdir())
    target = folder.parent / "exported"
    target.mkdir()
    target.chmod(0o777)
    with without_rights():
        assert read(settings, ids, target) == expected
        assert sorted(path.name for path in folder.iterdir()) == before
        with pytest.raises(StoreError, match="cannot be opened or written"):
            delete(ids[0], settings=settings)


def test_what_may_not_be_written_can_be_checked(stored):
    settings, ids = stored
    close(settings.db_path.parent, 0o555)
    with without_rights():
        document = check(settings=settings)
    assert (document["passed"], document["findings"]) == (True, [])
    assert document["checked"] == {"jobs": len(ids), "files": 2 * len(ids)}


def test_what_only_the_log_has_is_read_too(stored):
    settings, _ = stored
    folder = settings.db_path.parent
    # A reader that is still there keeps the last one who writes from clearing the log away.
    with closing(sqlite3.connect(settings.db_path)) as held:
        held.execute("SELECT count(*) FROM backtest_runs").fetchone()
        held.execute("UPDATE btkit_jobs SET symbol = 'LOGGED'")
        held.commit()
        copy = folder.parent / "copy"
        shutil.copytree(folder, copy)
    (copy / "results.db-shm").unlink()
    assert (copy / "results.db-wal").stat().st_size
    close(copy, 0o555)
    known = settings.model_copy(update={"db_path": copy / "results.db"})
    with without_rights():
        assert {row["symbol"] for row in list_runs(settings=known)} == {"LOGGED"}
        assert sorted(path.name for path in copy.iterdir()) == ["results.db", "results.db-wal"]


def test_an_older_one_is_read_without_being_brought_up_to_date(stored):
    settings, ids = stored
    with closing(sqlite3.connect(settings.db_path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE backtest_checksums")
        connection.execute("DROP TABLE btkit_jobs")
        for _, script in database.migrations()[1:2]:
            connection.executescript(script)
        connection.execute("PRAGMA user_version = 2")
    close(settings.db_path.parent, 0o555)
    before = settings.db_path.read_bytes()
    with without_rights():
        assert [row["run_id"] for row in list_runs(settings=settings)] == ids[::-1]
        assert load_document(ids[1], settings=settings)["run"]["run_id"] == ids[1]
    assert settings.db_path.read_bytes() == before


def test_a_change_meanwhile_is_told(stored, monkeypatch):
    settings, _ = stored
    monkeypatch.setattr(reading, "_is_writable", lambda _path: False)

    def look():
        with reading.Database(settings.db_path, busy_timeout_s=1.0).read():
            make_change(settings.db_path)

    with pytest.raises(StoreBusyError, match="changed by another program") as caught:
        look()
    assert caught.value.retryable


def make_change(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE backtest_runs SET symbol = 'X'")
        other.commit()


def test_a_curve_folder_that_may_not_be_written_is_an_error_that_says_so(stored):
    settings, ids = stored
    days = ("2020-01-01", "2020-01-28")
    settings.db_path.parent.chmod(0o777)
    for path in settings.db_path.parent.iterdir():
        path.chmod(0o666)
    close(settings.curve_dir, 0o555)
    with without_rights():
        with pytest.raises(
            StoreError, match=r"curve cannot be written.*Permission denied"
        ) as caught:
            run(SPEC, "TINY", *days, settings=settings)
        assert "BT_CURVE_DIR" in caught.value.hint
        (failed,) = list_runs(status="failed", settings=settings)
        assert failed["run_id"] == caught.value.run_id
        with pytest.raises(StoreError, match="is deleted, but 1 of its files") as caught:
            delete(ids[0], settings=settings)
        assert caught.value.details["left"] == [str(settings.curve_dir / f"{ids[0]}.parquet")]
        assert ids[0] not in {row["run_id"] for row in list_runs(settings=settings)}
