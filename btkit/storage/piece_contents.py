"""Contents of pieces that are done: for the summary, and for the finishing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from btkit.storage.leases import SELECT_LEASE, LeaseTable, fence, lost_lease
from btkit.storage.operation_rows import FINISH, Piece
from btkit.storage.piece_rows import (
    MOST_ATTEMPTS,
    end_lease,
    fail_operation,
    give_back,
    key_of,
    operation_row,
    piece_of,
    settle,
)


class ContentTable(LeaseTable):
    """What workers brought; see `LeaseTable`."""

    def crashed(self, operation_id: str) -> list[Piece]:
        """Return the units of an operation that were given up and have no content yet."""
        with self.database.open() as connection:
            found = connection.execute(
                "SELECT grp, lo, hi FROM btkit_pieces WHERE operation_id = ?"
                " AND status = 'crashed' AND sha256 IS NULL ORDER BY grp, lo",
                (operation_id,),
            ).fetchall()
        return [piece_of(row) for row in found]

    def fill(self, operation_id: str, piece: Piece, content: bytes) -> None:
        """Write the content of a unit that was given up: the finishing waits for it.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        with (
            self.files.arriving(operation_id, piece, content) as (aside, sha256, size),
            self.database.change() as connection,
        ):
            connection.execute(
                "UPDATE btkit_pieces SET sha256 = ?, size = ? WHERE operation_id = ? AND grp = ?"
                " AND lo = ? AND status = 'crashed'",
                (sha256, size, *key_of(operation_id, piece)),
            )
            aside.publish()

    def content(self, token: str, number: int) -> tuple[Piece, Path] | None:
        """Return a piece that is done, and its content, to whoever finishes the operation.

        Parameters
        ----------
        token
            Of the lease of the finishing.
        number
            From 0, in the order of groups and units.

        Returns
        -------
        tuple or None
            None beyond the last.

        Raises
        ------
        LeaseLostError
            If the lease is gone, or is of something else. Also if the content is not what was
            brought: that piece is then done anew, and the finishing after it.
        """
        with self.database.open() as connection:
            lease = fence(connection, token)
            row = connection.execute(
                "SELECT grp, lo, hi, sha256 FROM btkit_pieces WHERE operation_id = ?"
                " AND sha256 IS NOT NULL AND grp >= 0 ORDER BY grp, lo LIMIT 1 OFFSET ?",
                (lease["operation_id"], number),
            ).fetchone()
        if piece_of(lease) != FINISH:
            raise lost_lease("It is not one of a finishing.")
        if row is None:
            return None
        operation_id, piece = lease["operation_id"], piece_of(row)
        path = self.files.path_of(operation_id, piece)
        if self.files.is_sound(operation_id, piece, row["sha256"]):
            return piece, path
        with self.database.change() as connection:
            _do_anew(connection, operation_id, piece)
        raise lost_lease(
            f"The content of units {piece.lo} to {piece.hi} is damaged and is made anew."
        )

    def count_contents(self, operation_id: str) -> int:
        """Return how many contents there are for the finishing."""
        with self.database.open() as connection:
            found = connection.execute(
                "SELECT count(*) FROM btkit_pieces WHERE operation_id = ?"
                " AND sha256 IS NOT NULL AND grp >= 0",
                (operation_id,),
            )
            return int(found.fetchone()[0])

    def reject(self, operation_id: str, piece: Piece, error: Mapping[str, Any]) -> None:
        """Have a piece done anew whose content cannot be read.

        Where that is what the worker brought, it was an attempt, and after the last one the
        operation fails with the error.
        """
        with self.database.change() as connection:
            row = connection.execute(
                "SELECT attempts, sha256 FROM btkit_pieces WHERE operation_id = ? AND grp = ?"
                " AND lo = ? AND sha256 IS NOT NULL",
                key_of(operation_id, piece),
            ).fetchone()
            if row is None:
                return
            is_as_brought = self.files.is_sound(operation_id, piece, row["sha256"])
            attempts = row["attempts"] if is_as_brought else 0
            _do_anew(connection, operation_id, piece, attempts=attempts)
            if attempts >= MOST_ATTEMPTS:
                fail_operation(connection, operation_id, error)
        self.heard()

    def unsummarised(self, operation_id: str) -> Piece | None:
        """Return a piece that is done and not in the summary; None where there is none."""
        with self.database.open() as connection:
            row = connection.execute(
                "SELECT grp, lo, hi FROM btkit_pieces WHERE operation_id = ?"
                " AND sha256 IS NOT NULL AND grp >= 0 AND NOT summarised LIMIT 1",
                (operation_id,),
            ).fetchone()
        return None if row is None else Piece(*row)

    def add_to_summary(
        self,
        operation_id: str,
        piece: Piece,
        add: Callable[[dict[str, Any] | None], Mapping[str, Any]],
    ) -> None:
        """Have the summary tell of one more piece; of one that it tells of nothing is changed.

        Parameters
        ----------
        operation_id, piece
            As `unsummarised` returned it.
        add
            Takes the summary, None for none yet, and returns it with the piece.
        """
        with self.database.change() as connection:
            changed = connection.execute(
                "UPDATE btkit_pieces SET summarised = 1 WHERE operation_id = ? AND grp = ?"
                " AND lo = ? AND sha256 IS NOT NULL AND NOT summarised",
                (operation_id, piece.group, piece.lo),
            )
            if changed.rowcount:
                known = operation_row(connection, operation_id)
                assert known is not None
                best = None if known["best"] is None else json.loads(known["best"])
                connection.execute(
                    "UPDATE btkit_operations SET best = ? WHERE operation_id = ?",
                    (json.dumps(dict(add(best)), allow_nan=False), operation_id),
                )


def _do_anew(
    connection: sqlite3.Connection, operation_id: str, piece: Piece, *, attempts: int = 0
) -> None:
    finishing = connection.execute(
        f"{SELECT_LEASE} WHERE l.operation_id = ? AND l.grp = ?",
        (operation_id, FINISH.group),
    ).fetchone()
    if finishing is not None:
        end_lease(connection, finishing)
        give_back(connection, finishing, lost_by=None)
    changed = connection.execute(
        "UPDATE btkit_pieces SET status = 'waiting', attempts = ?, handed = 0,"
        " sha256 = NULL, size = NULL, token_hash = NULL"
        " WHERE operation_id = ? AND grp = ? AND lo = ? AND sha256 IS NOT NULL",
        (attempts, *key_of(operation_id, piece)),
    )
    if changed.rowcount:
        settle(connection, operation_id, -len(piece))
