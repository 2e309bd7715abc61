from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from btkit.errors import RunNotFoundError, StoreError
from btkit.storage import LocalCurves, Store, database, migrate, new_run_id, open_database, rows

STEPS = database.migrations()
LATEST = STEPS[-1][0]


def state(path):
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        schema = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return version, mode, schema


def make_database(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.db"


def store_at(path, **options):
    return Store(path, curves=LocalCurves(path.parent / "curves"), **options)


def test_a_fresh_database_has_the_three_tables_in_wal(path):
    with open_database(path, create=True):
        pass
    version, mode, schema = state(path)
    assert (version, mode) == (LATEST, "wal")
    assert {"backtest_runs", "backtest_metrics", "backtest_trades"} <= {row[0] for row in schema}


def test_migrating_twice_is_harmless(path):
    with open_database(path, create=True) as connection:
        before = state(path)
        migrate(connection, path)
        connection.execute("PRAGMA user_version = 0")
        migrate(connection, path)
    assert state(path) == before


READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM backtest_runs").fetchone()
connection.close()
"""


@pytest.mark.parametrize("private", [False, True])
def test_nothing_takes_away_the_locks_of_another_thread(path, make_run, private):
    # Closing a database file that SQLite did not open does; another process would then think
    # itself the last one, and remove the log that this one still writes to.
    store = store_at(path, private=private)
    store.begin(make_run()[0], interval="1d")
    with open_database(path, create=False, private=private) as held:
        held.execute("SELECT count(*) FROM backtest_runs").fetchone()
        store.begin(make_run()[0], interval="1d")
        assert len(store.runs()) == 2
        subprocess.run([sys.executable, "-c", READ, str(path)], check=True)
        assert path.with_name(f"{path.name}-wal").exists()


def test_a_failing_migration_leaves_nothing(path, monkeypatch):
    twice = "CREATE TABLE extra (x);\n" * 2
    steps = [*database.migrations(), (LATEST + 1, twice)]
    monkeypatch.setattr(database, "migrations", lambda: steps)
    with pytest.raises(StoreError), open_database(path, create=True):
        pass
    version, _, schema = state(path)
    assert (version, schema) == (0, [])


def test_a_later_migration_is_applied_to_an_older_database(path, monkeypatch):
    with open_database(path, create=True):
        pass
    steps = [*database.migrations(), (LATEST + 1, "CREATE TABLE extra (x);\n")]
    monkeypatch.setattr(database, "migrations", lambda: steps)
    with open_database(path, create=False):
        pass
    version, _, schema = state(path)
    assert version == LATEST + 1
    assert "extra" in {row[0] for row in schema}


def test_a_database_of_the_first_version_keeps_its_runs(path, make_run):
    store = store_at(path)
    info, document = make_run()
    first = database.migrations()[:1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrations", lambda: first)
        with open_database(path, create=True) as connection:
            row = rows.run_row(info, interval="1d")
            connection.execute(rows.INSERT_RUN, row)
            other = row | {"run_id": new_run_id(), "status": "failed", "error_message": "gone"}
            connection.execute(rows.INSERT_RUN, other)
    assert state(path)[0] == 1
    assert {row["status"] for row in store.runs()} == {"interrupted", "failed"}
    assert state(path)[0] == LATEST
    # A btkit of that version may be at work on it still: its run can be finished.
    store.complete(document)
    assert store.load(info.run_id).report.run.status == "complete"


def test_many_migrate_at_once(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrations", lambda: STEPS[:1])
        with open_database(path, create=True):
            pass
    errors = []

    def look():
        try:
            store_at(path).runs()
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert state(path)[0] == LATEST


def test_a_database_from_the_future_is_refused_unharmed(path):
    make_database(path, "CREATE TABLE backtest_runs (x)", "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="schema version 99") as caught:
        store_at(path).runs()
    assert caught.value.details["supported"] == LATEST
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_unharmed(path):
    make_database(path, "CREATE TABLE bookmarks (x)")
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StoreError, match="another program"), open_database(path, create=create):
            pass
    assert path.read_bytes() == before


# The schema of another program that chose the same names.
SAME_NAMES = """
CREATE TABLE backtest_runs (run_id TEXT PRIMARY KEY, strategy_name TEXT, status TEXT, symbol TEXT);
CREATE TABLE backtest_metrics (run_id TEXT, sharpe_ratio REAL);
CREATE TABLE backtest_trades (id INTEGER PRIMARY KEY, run_id TEXT);
INSERT INTO backtest_runs VALUES ('1', 'a', 'complete', 'SPY');
"""


@pytest.mark.parametrize(
    "script",
    [
        SAME_NAMES,
        SAME_NAMES + "PRAGMA user_version = 1;",
        SAME_NAMES + f"PRAGMA user_version = {LATEST};",
        SAME_NAMES + "PRAGMA user_version = -5;",
        "CREATE TABLE backtest_runs (run_id TEXT); PRAGMA user_version = 1;",
        "CREATE VIEW backtest_runs AS SELECT 1;",
        "CREATE VIEW anything AS SELECT 1;",
        "PRAGMA user_version = 2;",
        "PRAGMA application_id = 77; CREATE TABLE t (x); DROP TABLE t;",
    ],
)
def test_a_database_of_another_program_with_names_like_ours_is_refused_unharmed(path, script):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StoreError, match="another program"), open_database(path, create=create):
            pass
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_database_that_was_dumped_and_read_back_is_still_ours(path, make_run):
    store = store_at(path)
    store.begin(make_run()[0], interval="1d")
    again = path.with_name("again.db")
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(again)) as new:
        new.executescript("\n".join(old.iterdump()))
    assert state(again)[0] == 0  # a dump does not hold the version
    assert store_at(again).runs() == store.runs()
    assert state(again)[0] == LATEST


@pytest.mark.parametrize("part", [0.5, 0.05, 0.01])
def test_a_truncated_database_is_refused_unharmed(path, make_run, part):
    store = store_at(path)
    info, document = make_run()
    store.begin(info, interval="1d")
    store.complete(document)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="malformed"):
        store.begin(make_run()[0], interval="1d")
    with pytest.raises(StoreError, match="malformed"):
        store.runs()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"date,close\n" * 200,
        b"SQLite format 3\x00" + b"\xff" * 900,
        # SQLite takes a file of one byte for an empty database.
        b"x",
        b"\x00",
        b"SQLite format 2\x00",
        b"\x00" * 8192,
    ],
)
def test_what_is_no_database_is_never_overwritten(path, content):
    path.write_bytes(content)
    for create in (True, False):
        with pytest.raises(StoreError) as caught, open_database(path, create=create):
            pass
        assert str(path) in caught.value.message
    assert path.read_bytes() == content


def test_reading_makes_no_file(tmp_path):
    store = store_at(tmp_path / "missing" / "results.db")
    assert store.runs() == []
    with pytest.raises(RunNotFoundError):
        store.document(new_run_id())
    assert list(tmp_path.iterdir()) == []


def test_reading_leaves_an_empty_file_empty(path):
    path.touch()
    assert store_at(path).runs() == []
    assert path.stat().st_size == 0


def test_a_folder_in_place_of_the_database(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        store_at(tmp_path).runs()


def test_a_name_that_no_file_can_have(tmp_path, make_run):
    store = store_at(tmp_path / ("x" * 300))
    with pytest.raises(StoreError, match="too long"):
        store.runs()
    with pytest.raises(StoreError, match="too long"):
        store.begin(make_run()[0], interval="1d")


def test_a_pipe_in_place_of_the_database(path):
    os.mkfifo(path)
    with pytest.raises(StoreError), open_database(path, create=True):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    target = tmp_path / "file" / "results.db"
    with pytest.raises(StoreError, match="cannot be made"), open_database(target, create=True):
        pass
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_locked_database_is_named_as_such(path, make_run):
    with open_database(path, create=True):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another program"):
            store_at(path, busy_timeout_s=0.01).begin(make_run()[0], interval="1d")


def test_readers_do_not_wait_for_a_writer(path, make_run):
    store = store_at(path, busy_timeout_s=0.01)
    store.begin(make_run()[0], interval="1d")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(store.runs()) == 1


def test_many_first_runs_at_once(path, make_run):
    infos = [make_run()[0] for _ in range(8)]
    errors = []

    def begin(info):
        try:
            store_at(path).begin(info, interval="1d")
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(info,)) for info in infos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {row["run_id"] for row in store_at(path).runs()} == {info.run_id for info in infos}


def test_removing_a_run_removes_its_metrics_and_trades(store, stored):
    with open_database(store.path, create=False) as connection:
        connection.execute("DELETE FROM backtest_runs")
        for table in ("backtest_metrics", "backtest_trades"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0  # noqa: S608 - literals
