"""What workers bring back, as files: a folder an operation, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from btkit.errors import StoreError, StoreFullError
from btkit.storage.operation_rows import Piece, check_operation_id
from btkit.writing import Aside, Summed, is_full, make_folder, sweep_once, writing_aside

_PARCEL = "parcel"


class PieceFiles:
    """Contents of pieces, and how far whole jobs are.

    Parameters
    ----------
    folder
        Of all operations.
    private
        Whether only its owner may read them.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder.expanduser().absolute()
        self._private = private

    def path_of(self, operation_id: str, piece: Piece | None) -> Path:
        """Return the file of a piece's content, or of the parcel of a whole job for None."""
        name = _PARCEL if piece is None else f"{piece.group}-{piece.lo}-{piece.hi}"
        return self.folder / check_operation_id(operation_id) / name

    @contextmanager
    def arriving(
        self, operation_id: str, piece: Piece | None, content: bytes | Path
    ) -> Iterator[tuple[Aside, str, int]]:
        """Write a content that has its name only if it is published.

        Parameters
        ----------
        operation_id, piece
            As for `path_of`.
        content
            Or the file that it is in.

        Yields
        ------
        tuple
            The file, on the disk and whole; its SHA-256 and its size in bytes.

        Raises
        ------
        StoreFullError
            If there is no room for it.
        StoreError
            If it cannot be written.
        """
        path = self.path_of(operation_id, piece)
        with self._explained(path):
            make_folder(path.parent, private=self._private)
            sweep_once(path.parent)
            with writing_aside(path, private=self._private) as aside:
                summed = Summed(aside.file)
                if isinstance(content, bytes):
                    summed.write(content)
                else:
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, summed)
                aside.finish()
                yield aside, summed.sha256, summed.size

    def is_sound(self, operation_id: str, piece: Piece, sha256: str) -> bool:
        """Tell whether the content of a piece is there, and is what was brought."""
        try:
            with self.path_of(operation_id, piece).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def parcel_of(self, operation_id: str) -> Path | None:
        """Return the file of how far a whole job is; None where there is none."""
        path = self.path_of(operation_id, None)
        return path if path.is_file() else None

    def remove(self, operation_id: str) -> None:
        """Remove all that was brought for an operation."""
        shutil.rmtree(self.path_of(operation_id, None).parent, ignore_errors=True)

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            no_room = is_full(error)
            kind = StoreFullError if no_room else StoreError
            raise kind(
                f"What a worker brought cannot be written to {path.parent}: "
                f"{error.strerror or error}.",
                hint="Make space on that disk; the worker tries again."
                if no_room
                else "Set BT_SERVICE_DIR to a folder that you may write to.",
                details={"folder": str(self.folder)},
            ) from error
