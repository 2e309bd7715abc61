"""Files beside the database, each with its checksum there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from btkit.storage.checksums import (
    Checksum,
    FileKind,
    check_content,
    forget_checksums,
    known_checksums,
    note_checksums,
)
from btkit.storage.reading import Database
from btkit.writing import make_folder, writing_aside

SHARED_PAGES = "batch"
"""The owner of pages that each batch writes anew: its index and its comparison."""


class KeptFiles:
    """Files of runs, sweeps and walk-forward validations in the report folder.

    Parameters
    ----------
    database
        Where checksums are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(
        self, owner_id: str, folder: Path, name: str, content: bytes, *, kind: FileKind
    ) -> Path:
        """Write a file of a job below a folder and note its checksum: both, or neither.

        Raises
        ------
        OSError, StoreError
            If the file, or the database, cannot be written.
        """
        path = folder / name
        make_folder(path.parent, private=self._database.private)
        with writing_aside(path, private=self._database.private) as aside:
            aside.file.write(content)
            aside.finish()
            with self._database.change(create=True) as connection:
                note_checksums(connection, [Checksum.of(owner_id, name, kind, content)])
                aside.publish()
        return path

    def note(self, owner_id: str, files: Mapping[FileKind, Path]) -> None:
        """Note the checksums of files in the report folder that were written just now.

        Raises
        ------
        OSError, StoreError
            If a file cannot be read, or the database not be written.
        """
        with self._database.change(create=True) as connection:
            # Read under the lock: of two who write the same files, the later one's stay noted.
            note_checksums(
                connection,
                [
                    Checksum.of(owner_id, path.name, kind, path.read_bytes())
                    for kind, path in files.items()
                ],
            )

    def forget(self, owner_id: str) -> None:
        """Forget the checksums of a job's files, all of which were removed."""
        with self._database.change() as connection:
            forget_checksums(connection, owner_id)

    def read(self, owner_id: str, folder: Path, name: str) -> bytes:
        """Return a file's content, if it is what was written, or an earlier version wrote it.

        Raises
        ------
        OSError
            If it cannot be read.
        CorruptFileError
            If it is not what was written.
        """
        # The file first: where it is written anew meanwhile, the checksum is not the older one.
        content = (folder / name).read_bytes()
        known = None
        if self._database.exists():
            with self._database.read() as connection:
                known = known_checksums(connection, owner_id).get(name)
        check_content(known, content, what=f"The file {folder / name}")
        return content
