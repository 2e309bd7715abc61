"""The database as a store uses it: to write, or to read, be it another's or on a read-only disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from btkit.errors import StoreBusyError
from btkit.storage.connections import Connections
from btkit.storage.database import (
    BUSY_TIMEOUT_S,
    connect,
    explained,
    has_content,
    is_current,
    open_database,
    refuse_other_files,
    transaction,
)

_ENDINGS = ("", "-wal", "-journal")
_BY_EFFECTIVE_USER = os.access in os.supports_effective_ids


@dataclass(frozen=True)
class Database:
    """The SQLite file; each use has a connection of its own, so that threads may share it.

    Parameters
    ----------
    path
        Of the file.
    private
        Whether only its owner may read it.
    busy_timeout_s
        How long to wait for another program's lock, in seconds.
    """

    path: Path
    private: bool = False
    busy_timeout_s: float = BUSY_TIMEOUT_S

    def exists(self) -> bool:
        """Tell whether there is one; see `has_content`."""
        return has_content(self.path)

    def open(self, *, create: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """Open it, and make it first where that is wanted; see `open_database`."""
        kept = _KEPT.get(self)
        if kept is not None:
            return kept.lend(create=create)
        return open_database(
            self.path, create=create, private=self.private, busy_timeout_s=self.busy_timeout_s
        )

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep connections from one use to the next in this process, until the block ends.

        They are those of each `Database` that equals this one; within another such block it does
        nothing.
        """
        kept = Connections(self.path, self._connect)
        if _KEPT.setdefault(self, kept) is not kept:
            yield
            return
        try:
            yield
        finally:
            del _KEPT[self]
            kept.close()

    def _connect(self, create: bool) -> sqlite3.Connection:  # noqa: FBT001 - see `Connections`
        return connect(
            self.path, create=create, private=self.private, busy_timeout_s=self.busy_timeout_s
        )

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open it to read from it, and leave nothing beside one that may not be written.

        One that may be written is brought to the present schema; of one that may not, a copy is,
        where it is older.

        Raises
        ------
        StoreError
            As `open_database`; also if another program changed the file while it was read.
        """
        if _is_writable(self.path):
            with self.open() as connection:
                yield connection
            return
        refuse_other_files(self.path)
        with _unchanged(self.path):
            if _has_log(self.path) or not _is_current(self.path):
                with _copied(self.path) as copy, open_database(copy, create=False) as connection:
                    yield connection
            else:
                with _opened(self.path) as connection:
                    yield connection

    @contextmanager
    def change(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """Open it, and commit what the block does, or nothing of it."""
        with self.open(create=create) as connection, transaction(connection):
            yield connection


_KEPT: dict[Database, Connections] = {}


def _is_writable(path: Path) -> bool:
    # SQLite writes beside the file, too, and makes files there even to read.
    return all(
        os.access(place, os.W_OK, effective_ids=_BY_EFFECTIVE_USER)
        for place in (path, path.parent)
        if place.exists()
    )


def _has_log(path: Path) -> bool:
    """Tell whether something was written that is not in the file itself yet."""
    return any(log.stat().st_size for log in _files(path, "-wal", "-journal"))


def _files(path: Path, *endings: str) -> list[Path]:
    found = (path.with_name(f"{path.name}{ending}") for ending in endings)
    return [file for file in found if file.exists()]


def _is_current(path: Path) -> bool:
    with _opened(path) as connection:
        return is_current(connection, path)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Without a log and its index, which SQLite would have to make.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with explained(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        with closing(connection):
            connection.row_factory = sqlite3.Row
            yield connection


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with TemporaryDirectory(prefix="btkit-") as folder:
        for source in _files(path, *_ENDINGS):
            shutil.copyfile(source, Path(folder) / source.name)
        yield Path(folder) / path.name


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """Refuse what was read while another program wrote: no lock could keep it out."""
    before = _state(path)
    try:
        yield
    finally:
        if _state(path) != before:
            raise StoreBusyError(
                f"The database {path} was changed by another program while it was read.",
                hint="Try again; a database that may not be written cannot be locked for reading.",
                details={"database": str(path)},
            )


def _state(path: Path) -> list[tuple[int, int]]:
    found = [file.stat() for file in _files(path, *_ENDINGS)]
    return [(state.st_mtime_ns, state.st_size) for state in found]
