"""The SQLite file: opened with care, and brought to the present schema."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from btkit.errors import StoreBusyError, StoreError, StoreFullError
from btkit.writing import make_folder

_ADDS_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")
BUSY_TIMEOUT_S = 30.0
"""How long a connection waits for another one's lock, in seconds."""

_TABLES = {"backtest_runs", "backtest_metrics", "backtest_trades"}
# Of `backtest_runs`, since the first version; another program's table of that name lacks some.
_RUN_COLUMNS = {"run_id", "interval", "status", "passed", "equity_curve_url", "report"}
# In bytes, a page of the smallest kind: no database is smaller.
_SMALLEST = 512
_LONGEST_REASON = 200
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BROKEN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_RETRY_S = 0.02


@contextmanager
def open_database(
    path: Path, *, create: bool, private: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> Iterator[sqlite3.Connection]:
    """Open the database at the present schema, and close it again.

    Parameters
    ----------
    path, create, private, busy_timeout_s
        As for `connect`.

    Yields
    ------
    sqlite3.Connection
        As `connect` returns it.

    Raises
    ------
    StoreError
        If the file cannot be opened, is locked, is damaged, is no SQLite database, belongs to
        another program or was written by a newer btkit. Such a file is left as it is. Errors of
        sqlite3 inside the ``with`` block are reported the same way.
    """
    with explained(path):
        connection = connect(path, create=create, private=private, busy_timeout_s=busy_timeout_s)
        with closing(connection):
            yield connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Report errors of sqlite3 about a database as a StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except UnicodeDecodeError as error:
        # What SQLite says of a damaged schema quotes its bytes.
        raise _unsound(path, "its schema is damaged") from error


def connect(
    path: Path, *, create: bool, private: bool, busy_timeout_s: float
) -> sqlite3.Connection:
    """Return a connection to the database at the present schema, for whoever closes it.

    Parameters
    ----------
    path
        The file.
    create
        Whether a missing file, or its folder, is made.
    private
        Whether only its owner may read the file and what SQLite writes beside it.
    busy_timeout_s
        How long to wait for a lock, in seconds.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, rows by name, foreign keys enforced.

    Raises
    ------
    StoreError, sqlite3.Error, UnicodeDecodeError
        See `open_database` and `explained`.
    """
    if create:
        _make_folder(path, private=private)
    refuse_other_files(path)
    if private:
        _close_to_others(path, create=create)
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )
    with closing_on_error(connection):
        connection.row_factory = sqlite3.Row
        _prepare(connection, path, busy_timeout_s)
    return connection


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection if the ``with`` block fails; nobody else would."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def transaction(connection: sqlite3.Connection, *, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Commit what the ``with`` block does, or nothing; ``EXCLUSIVE`` keeps readers out as well."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors, a full disk among them, have rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrations() -> list[tuple[int, str]]:
    """Return the steps of the schema: the version each leads to, and its SQL, in order."""
    return list(_steps())


@lru_cache(maxsize=1)
def _steps() -> tuple[tuple[int, str], ...]:
    # Each use of a database opens it anew, and a server does so many times a second.
    folder = files("btkit.storage") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return tuple(
        sorted((int(entry.name[:3]), entry.read_text(encoding="utf-8")) for entry in found)
    )


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the present schema; harmless where it is there already."""
    with transaction(connection, kind="EXCLUSIVE"):
        # Another process may have migrated while this one waited for the lock.
        version = _version(connection)
        _refuse_strangers(connection, version, path)
        for target, script in migrations():
            if target > version:
                for statement in _statements(script):
                    if not _has_column(connection, statement):
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {target:d}")


def _has_column(connection: sqlite3.Connection, statement: str) -> bool:
    # SQLite has no ADD COLUMN IF NOT EXISTS, and a dump that is read back has lost its version.
    added = _ADDS_COLUMN.search(statement)
    if added is None:
        return False
    table, column = added.groups()
    return column in _columns(connection, table)


def is_current(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether a database of ours has the present schema; nothing is written."""
    version = _version(connection)
    _refuse_strangers(connection, version, path)
    if version < migrations()[-1][0]:
        return False
    _check_schema(connection, path)
    return True


def has_content(path: Path) -> bool:
    """Tell whether there is something to read at a path, a database or not.

    An empty file, which an interrupted first run may leave, has nothing.
    """
    try:
        return path.exists() and (not path.is_file() or path.stat().st_size > 0)
    except OSError as error:
        raise _unreachable(path, error) from error


def refuse_other_files(path: Path) -> None:
    """Refuse what is too small for a database: SQLite would take it for an empty one."""
    try:
        # By its size alone. Whoever opens the file himself and closes it again takes away every
        # lock that SQLite holds on it for other threads of this process.
        size = path.stat().st_size if path.is_file() else 0
    except OSError as error:
        raise _unreachable(path, error) from error
    if 0 < size < _SMALLEST:
        raise StoreError(
            f"{path} is not a SQLite database: it has {size} bytes; it was left as it is.",
            hint="Set BT_DB_PATH to another file.",
            details={"database": str(path)},
        )


def _unreachable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The database {path} cannot be opened: {error.strerror or error}.",
        hint="Check BT_DB_PATH, and that you may read the file and its folder.",
        details={"database": str(path)},
    )


def _make_folder(path: Path, *, private: bool) -> None:
    try:
        make_folder(path.parent, private=private)
    except OSError as error:
        raise StoreError(
            f"The folder of the database {path} cannot be made: {error.strerror or error}.",
            hint="Set BT_DB_PATH to a file in a folder that you may write to.",
            details={"database": str(path)},
        ) from error


def _close_to_others(path: Path, *, create: bool) -> None:
    """Let only the owner read the database, which SQLite's further files take after."""
    if create:
        # One that is there is not opened, see `refuse_other_files`; and whatever else is wrong with
        # the path, SQLite finds and says.
        with suppress(OSError):
            # A link may lead to a file that is yet to be made.
            os.close(os.open(path.resolve(), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        # Not there; or another's, who decides who may read it.
        with suppress(OSError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _prepare(connection: sqlite3.Connection, path: Path, busy_timeout_s: float) -> None:
    version = _version(connection)
    latest = migrations()[-1][0]
    _refuse_strangers(connection, version, path)
    connection.execute("PRAGMA foreign_keys = ON")
    if version < latest:
        _enter_wal(connection, busy_timeout_s)
        migrate(connection, path)
    _check_schema(connection, path)


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file in whose schema a bit has flipped: SQLite reads other names without a word."""
    expected, found = _expected(tuple(migrations())), _schema(connection)
    for table, (sql, columns) in expected.items():
        # Another program may have written the same table in words of its own.
        if found.get(table) != sql and not columns <= _columns(connection, table):
            raise _unsound(path, f"table {table} lacks a column")


@lru_cache
def _expected(steps: tuple[tuple[int, str], ...]) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the SQL and the columns of each table, as a new database has them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for _, script in steps:
            for statement in _statements(script):
                connection.execute(statement)
        tables = _schema(connection)
        return {table: (sql, _columns(connection, table)) for table, sql in tables.items()}


def _schema(connection: sqlite3.Connection) -> dict[str, str]:
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {name: sql for name, sql in tables if not name.startswith("sqlite_")}


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return frozenset(row[0] for row in found)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_strangers(connection: sqlite3.Connection, version: int, path: Path) -> None:
    latest = migrations()[-1][0]
    details = {"database": str(path), "version": version, "supported": latest}
    found = {
        name: kind
        for name, kind in connection.execute("SELECT name, type FROM sqlite_master")
        if not name.startswith("sqlite_")
    }
    # How a later version's tables look is not known here; its number says enough.
    if version > latest and (not found or found.keys() & _TABLES):
        raise StoreError(
            f"{path} has schema version {version}; this btkit knows versions up to {latest}.",
            hint="Upgrade btkit, or set BT_DB_PATH to another file.",
            details=details,
        )
    # Marks that the programs set which want to know their files again.
    is_marked = version != 0 or connection.execute("PRAGMA application_id").fetchone()[0] != 0
    if (found or is_marked) and not _is_ours(connection, found):
        raise StoreError(
            f"{path} is a database of another program; btkit leaves it alone.",
            hint="Set BT_DB_PATH to a file of btkit's own.",
            details=details,
        )


def _is_ours(connection: sqlite3.Connection, found: dict[str, str]) -> bool:
    # By shape, not by version: a database that was dumped and read back has lost its version.
    if not all(found.get(name) == "table" for name in _TABLES):
        return False
    return _columns(connection, "backtest_runs") >= _RUN_COLUMNS


def _enter_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    # Changing the journal mode does not honour the busy timeout, and two first runs may collide.
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) not in _LOCKED or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit first; the version must change in the same transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _code(error: sqlite3.Error) -> int:
    # The low byte is the primary code. Errors of the binding itself have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unsound(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} is not a sound SQLite database ({reason}); it was left as it is.",
        hint="Restore it from a backup, or set BT_DB_PATH to another file.",
        details={"database": str(path)},
    )


def _explain(error: sqlite3.Error, path: Path) -> StoreError:
    code = _code(error)
    # Where a text is damaged, SQLite quotes all of it.
    reason = str(error)
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}…"
    if code in _LOCKED:
        return StoreBusyError(
            f"The database {path} is locked by another program.",
            hint="Wait until that program is done, or close it; then try again.",
            details={"database": str(path)},
        )
    if code in _BROKEN:
        return _unsound(path, reason)
    if code == sqlite3.SQLITE_FULL:
        return StoreFullError(
            f"The disk of the database {path} is full; what was written last was not stored.",
            hint="Make space, or set BT_DB_PATH to a file on another disk.",
            details={"database": str(path)},
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        message = f"The database {path} cannot be opened or written ({reason})."
        hint = "Check that it is a file, and that you may write to it and to its folder."
    else:
        message = f"The database {path} cannot be used: {reason}."
        hint = "Check the file, or set BT_DB_PATH to another one."
    return StoreError(message, hint=hint, details={"database": str(path)})
