"""Connections to the database that outlive their use, for whoever uses it many times a second."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from btkit.storage.database import explained

# The file itself, whatever its name is now.
_File: TypeAlias = tuple[int, int]


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
        self._free: list[tuple[sqlite3.Connection, _File]] = []
        self._is_closed = False

    def close(self) -> None:
        """Close those that nobody uses, and the others after their use."""
        with self._lock:
            self._is_closed = True
            free, self._free = self._free, []
        for connection, _ in free:
            connection.close()

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
            To the file that has the path now. After an error, whatever it was, it is closed.

        Raises
        ------
        StoreError
            As `btkit.storage.database.open_database`.
        """
        with explained(self._path):
            # Before it is opened: what takes its place meanwhile is another file.
            file = _file_at(self._path)
            connection = self._take(file) or self._connect(create)
            is_sound = False
            try:
                yield connection
                is_sound = not connection.in_transaction
            finally:
                if not (is_sound and self._take_back(connection, file)):
                    connection.close()

    def _take(self, file: _File | None) -> sqlite3.Connection | None:
        while True:
            with self._lock:
                if not self._free:
                    return None
                connection, known = self._free.pop()
            if known == file:
                return connection
            connection.close()

    def _take_back(self, connection: sqlite3.Connection, file: _File | None) -> bool:
        with self._lock:
            is_kept = file is not None and not self._is_closed
            if file is not None and is_kept:
                self._free.append((connection, file))
        return is_kept


def _file_at(path: Path) -> _File | None:
    try:
        known = path.stat()
    except OSError:  # none yet, or none that can be reached, which is said where it is opened
        return None
    return known.st_dev, known.st_ino
