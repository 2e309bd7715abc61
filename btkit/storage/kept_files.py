"""Files beside the database, each with its checksum there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from btkit.storage.checksums import (
    Checksum,
    FileKind,
    check_content,
    forget_checksums,
    known_checksums,
    note_checksums,
)
from btkit.storage.database import transaction
from btkit.storage.writing import make_folder, writing_aside

SHARED_PAGES = "batch"
"""The owner of pages that each batch writes anew: its index and its comparison."""


class Connect(Protocol):
    """Opens the database, which need not be there where nothing is to be written."""

    def __call__(self, *, create: bool) -> AbstractContextManager[sqlite3.Connection]:
        """Return the open database."""


class KeptFiles:
    """Files of runs, sweeps and walk-forward validations in the report folder.

    Parameters
    ----------
    connect
        Opens the database.
    read_only
        Opens it to read from it.
    exists
        Tells whether there is one.
    private
        Whether only their owner may read the files.
    """

    def __init__(
        self,
        connect: Connect,
        read_only: Callable[[], AbstractContextManager[sqlite3.Connection]],
        *,
        exists: Callable[[], bool],
        private: bool,
    ) -> None:
        self._connect = connect
        self._read_only = read_only
        self._exists = exists
        self._private = private

    def write(
        self, owner_id: str, folder: Path, name: str, content: bytes, *, kind: FileKind
    ) -> Path:
        """Write a file and note its checksum: both, or neither.

        Parameters
        ----------
        owner_id
            The run, sweep or walk-forward validation that it belongs to.
        folder
            BT_REPORT_DIR.
        name
            The file's name below it, with ``/`` between folders.
        content
            What it is to hold.
        kind
            What it is.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        OSError
            If it cannot be written.
        StoreError
            If the database cannot be written.
        """
        path = folder / name
        make_folder(path.parent, private=self._private)
        with writing_aside(path, private=self._private) as aside:
            aside.file.write(content)
            aside.finish()
            with self._connect(create=True) as connection, transaction(connection):
                note_checksums(connection, [Checksum.of(owner_id, name, kind, content)])
                aside.publish()
        return path

    def note(self, owner_id: str, files: Mapping[FileKind, Path]) -> None:
        """Note the checksums of files that were written just now.

        Parameters
        ----------
        owner_id
            The run, sweep or walk-forward validation that they belong to.
        files
            By kind; in BT_REPORT_DIR itself.

        Raises
        ------
        OSError
            If one cannot be read.
        StoreError
            If the database cannot be written.
        """
        with self._connect(create=True) as connection, transaction(connection):
            # Read under the lock: of two who write the same files, the later one's stay noted.
            note_checksums(
                connection,
                [
                    Checksum.of(owner_id, path.name, kind, path.read_bytes())
                    for kind, path in files.items()
                ],
            )

    def forget(self, owner_id: str) -> None:
        """Forget the checksums of files that were removed.

        Parameters
        ----------
        owner_id
            Whose all of them were.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        with self._connect(create=False) as connection, transaction(connection):
            forget_checksums(connection, owner_id)

    def read(self, owner_id: str, folder: Path, name: str) -> bytes:
        """Return a file's content, if it is what was written.

        Parameters
        ----------
        owner_id, folder, name
            As for `write`.

        Raises
        ------
        OSError
            If it cannot be read.
        CorruptFileError
            If it is not what was written. What an earlier version wrote is read as it is.
        """
        # The file first: where it is written anew meanwhile, the checksum is not the older one.
        content = (folder / name).read_bytes()
        known = None
        if self._exists():
            with self._read_only() as connection:
                known = known_checksums(connection, owner_id).get(name)
        check_content(known, content, what=f"The file {folder / name}")
        return content
