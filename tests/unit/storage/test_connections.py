"""A database that is kept open: fewer connections, and nothing else is seen of it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from btkit.errors import StoreError
from btkit.storage import LocalCurves, Store, database


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "results.db", curves=LocalCurves(tmp_path / "curves"))
    with made.database.open(create=True):
        return made


@pytest.fixture
def opened(monkeypatch):
    """Count the connections that are opened."""
    found = []
    connect = sqlite3.connect
    monkeypatch.setattr(
        database.sqlite3,
        "connect",
        lambda *given, **how: found.append(given) or connect(*given, **how),
    )
    return found


def ask(store, number):
    return store.operations.submit({"kind": "run"}, kind="run", operation_id=f"asked-{number}")


def test_a_connection_serves_many_uses_of_every_store_of_the_same_file(store, opened, tmp_path):
    same = Store(tmp_path / "results.db", curves=LocalCurves(tmp_path / "curves"))
    with store.database.kept_open():
        for number in range(6):
            ask(same, number)
            assert store.operations.get(f"asked-{number}").status == "queued"
        assert len(opened) == 1
    assert len(same.operations.list()[0]) == 6
    assert len(opened) == 2


def test_nothing_is_left_beside_the_file_in_the_end(store):
    with store.database.kept_open():
        ask(store, 0)
        assert store.path.with_name("results.db-wal").exists()
    assert not store.path.with_name("results.db-wal").exists()


def test_one_that_is_in_use_at_the_end_is_closed_after_its_use(store):
    with store.database.kept_open():
        using = store.database.open(create=True)
        connection = using.__enter__()
    assert connection.execute("SELECT 1").fetchone()[0] == 1
    using.__exit__(None, None, None)
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_within_another_such_block_it_is_the_outer_ones(store):
    with store.database.kept_open():
        with store.database.kept_open():
            ask(store, 0)
        assert store.path.with_name("results.db-wal").exists()
    assert not store.path.with_name("results.db-wal").exists()


def test_threads_share_no_connection(store):
    with store.database.kept_open(), ThreadPoolExecutor(8) as pool:
        ask(store, "first")
        list(pool.map(lambda number: ask(store, number), range(40)))
        with store.database.open() as one, store.database.open() as other:
            assert one is not other
        assert len(store.operations.list(page_size=100)[0]) == 41


def test_another_file_in_its_place_is_seen(store, tmp_path):
    other = Store(tmp_path / "other.db", curves=LocalCurves(tmp_path / "curves"))
    ask(other, "other")
    with store.database.kept_open():
        ask(store, "own")
        assert [one.operation_id for one in store.operations.list()[0]] == ["asked-own"]
        for path in store.path.parent.glob("results.db*"):
            path.unlink()
        other.path.replace(store.path)
        assert [one.operation_id for one in store.operations.list()[0]] == ["asked-other"]


def test_a_file_that_is_gone_is_missed(store):
    with store.database.kept_open():
        ask(store, 0)
        for path in store.path.parent.glob("results.db*"):
            path.unlink()
        with pytest.raises(StoreError, match="cannot be opened"), store.database.open():
            pass
        ask(store, 1)
        assert [one.operation_id for one in store.operations.list()[0]] == ["asked-1"]


def changed(path, sql):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


def test_a_schema_that_a_newer_btkit_made_is_refused_as_when_it_is_opened(store):
    with store.database.kept_open():
        ask(store, 0)
        changed(store.path, "PRAGMA user_version = 999")
        with pytest.raises(StoreError, match="has schema version 999"):
            ask(store, 1)


def test_a_table_that_lost_a_column_is_seen(store, opened):
    with store.database.kept_open():
        ask(store, 0)
        changed(store.path, "CREATE TABLE notes (note TEXT)")
        ask(store, 1)
        assert len(opened) == 3
        changed(store.path, "ALTER TABLE btkit_operations RENAME COLUMN request TO wanted")
        with pytest.raises(StoreError, match="table btkit_operations lacks a column"):
            ask(store, 2)


def test_what_failed_leaves_no_transaction_behind(store):
    with store.database.kept_open():
        ask(store, 0)
        with suppress(ZeroDivisionError), store.database.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM btkit_operations")
            raise ZeroDivisionError
        with store.database.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM btkit_operations")
        with closing(sqlite3.connect(store.path, timeout=0.0)) as another:
            another.execute("BEGIN IMMEDIATE")
        assert len(store.operations.list()[0]) == 1


def test_errors_of_sqlite_are_told_as_ever(store):
    with store.database.kept_open():
        ask(store, 0)
        with pytest.raises(StoreError, match="no such table"), store.database.open() as connection:
            connection.execute("SELECT * FROM missing")
