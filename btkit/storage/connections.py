"""Connections to the database that outlive their use, for whoever uses it many times a second."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from btkit.storage.database import closing_on_error, explained

# The file itself, whatever its name is now.
_File: TypeAlias = tuple[int, int]
# What SQLite counts up when a table is changed, and btkit when its schema is.
_SCHEMA = "SELECT schema_version, user_version FROM pragma_schema_version, pragma_user_version"


@dataclass(frozen=True)
class _Opened:
    connection: sqlite3.Connection
    file: _File | None
    schema: tuple[int, int]


class Connections:
    """Connections to one database that are kept between their uses, one user at a time.

    To open one costs a hundred times what most uses do: the schema is read and checked; and when
    the last one is closed SQLite writes its log into the file and removes it, and waits for the
    disk for both.

    Parameters
    ----------
    path
        The database.
    connect
        Opens a connection; takes whether a missing file is made.
    """

    def __init__(self, path: Path, connect: Callable[[bool], sqlite3.Connection]) -> None:
        self._path, self._connect = path, connect
        self._lock = threading.Lock()
        self._free: list[_Opened] = []
        self._is_closed = False

    def close(self) -> None:
        """Close those that nobody uses, and the others after their use."""
        with self._lock:
            self._is_closed = True
            free, self._free = self._free, []
        for opened in free:
            opened.connection.close()

    @contextmanager
    def lend(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        """Lend a connection.

        Parameters
        ----------
        create
            Whether a missing file is made.

        Yields
        ------
        sqlite3.Connection
            To the file that has the path now, whose schema is as it was when it was checked. After
            an error, whatever it was, it is closed.

        Raises
        ------
        StoreError
            As `btkit.storage.database.open_database`.
        """
        with explained(self._path):
            # Before it is opened: what takes its place meanwhile is another file.
            file = _file_at(self._path)
            opened = self._take(file) or self._open(file, create=create)
            is_sound = False
            try:
                yield opened.connection
                is_sound = not opened.connection.in_transaction
            finally:
                if not (is_sound and self._take_back(opened)):
                    opened.connection.close()

    def _open(self, file: _File | None, *, create: bool) -> _Opened:
        connection = self._connect(create)
        with closing_on_error(connection):
            return _Opened(connection, file, _schema_of(connection))

    def _take(self, file: _File | None) -> _Opened | None:
        while True:
            with self._lock:
                if not self._free:
                    return None
                opened = self._free.pop()
            with closing_on_error(opened.connection):
                # A newer btkit may have changed it, and is then to be told from this one.
                if opened.file == file and _schema_of(opened.connection) == opened.schema:
                    return opened
            opened.connection.close()

    def _take_back(self, opened: _Opened) -> bool:
        with self._lock:
            is_kept = opened.file is not None and not self._is_closed
            if is_kept:
                self._free.append(opened)
        return is_kept


def _schema_of(connection: sqlite3.Connection) -> tuple[int, int]:
    schema, version = connection.execute(_SCHEMA).fetchone()
    return schema, version


def _file_at(path: Path) -> _File | None:
    try:
        known = path.stat()
    except OSError:  # none yet, or none that can be reached, which is said where it is opened
        return None
    return known.st_dev, known.st_ino
