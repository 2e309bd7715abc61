"""What whoever gives work out says of operations: which are left, and how each ends."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from btkit.errors import StoreBusyError
from btkit.owner import Owner, is_alive, now_text, this_process
from btkit.storage.operation_rows import (
    ENDED,
    FINISH,
    SELECT_OPERATION,
    WHOLE,
    Asked,
    Piece,
    note_event,
    operation_of,
    unknown_operation,
)
from btkit.storage.piece_contents import ContentTable
from btkit.storage.piece_rows import fail_operation, is_asked


class Ending(NamedTuple):
    """An operation of which nothing more is to be done.

    Parameters
    ----------
    operation_id, status
        Which, and how it ends.
    outcome
        The piece whose content is the parcel of its job; None where a whole job may have left a
        parcel on the way.
    has_parcel
        Whether a whole job left one that was not stored yet.
    job_id
        As in `Operation`.
    error
        Why it failed.
    """

    operation_id: str
    status: Literal["complete", "failed", "cancelled"]
    outcome: Piece | None
    has_parcel: bool
    job_id: str | None
    error: dict[str, Any] | None


class DispatchTable(ContentTable):
    """Operations as the one server has them that gives them out; see `LeaseTable`."""

    def unended(self, *, limit: int) -> list[Asked]:
        """Return the operations that have not ended: those at work, then the oldest."""
        with self.database.open(create=True) as connection:
            found = connection.execute(
                "SELECT operation_id, number, attempt FROM btkit_operations"
                " WHERE status IN ('running', 'queued') ORDER BY status DESC, number LIMIT ?",
                (limit,),
            )
            return [Asked(*row) for row in found]

    def endings(self) -> list[Ending]:
        """Return the operations of which nothing more is to be done, and which have not ended."""
        with self.database.open() as connection:
            found = connection.execute(_SELECT_ENDINGS, _ENDING_KINDS).fetchall()
        return [_ending_of(row) for row in found]

    def end(
        self,
        operation_id: str,
        status: Literal["complete", "failed", "cancelled"],
        *,
        job_id: str | None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """End an operation; what was brought for one that is complete is removed.

        Parameters
        ----------
        operation_id, status
            As `endings` says.
        job_id
            Under which its outcome was stored; None keeps what is known.
        error
            Why it failed after all: what was brought cannot be stored.
        """
        with self._changing(operation_id) as connection:
            row = row_of(connection, operation_id)
            if row["status"] in ENDED:
                return
            if error is not None:
                fail_operation(connection, operation_id, error)
                # What was brought is no good: resuming has it brought again.
                connection.execute(
                    "UPDATE btkit_pieces SET status = 'waiting', sha256 = NULL"
                    " WHERE operation_id = ? AND grp < 0",
                    (operation_id,),
                )
            end_row(connection, operation_id, status, job_id=job_id)
        if status == "complete":
            self.files.remove(operation_id)

    def fail_whole(
        self, operation_id: str, error: Mapping[str, Any], *, asked: Asked | None = None
    ) -> None:
        """Note why an operation cannot be done; it ends with that.

        Parameters
        ----------
        operation_id, error
            Which, and why.
        asked
            As for `lease`.
        """
        with self._changing(operation_id) as connection:
            row = row_of(connection, operation_id)
            if row["status"] not in ENDED and is_asked(row, asked):
                fail_operation(connection, operation_id, error)

    def note_job(self, operation_id: str, job_id: str) -> None:
        """Note under which id the job of an operation is stored."""
        with self._changing(operation_id) as connection:
            connection.execute(
                "UPDATE btkit_operations SET job_id = ? WHERE operation_id = ?",
                (job_id, operation_id),
            )

    def bars_of(self, operation_id: str) -> str | None:
        """Return the SHA-256 of the bars that an operation is done on; None before it is known."""
        with self.database.open() as connection:
            bars: str | None = row_of(connection, operation_id)["bars"]
        return bars

    def note_basis(self, asked: Asked, basis: str, *, bars: str | None) -> bool:
        """Note what an operation is done on; pieces that were done on another basis are void.

        What is void is to be divided again, by `divide`.

        Parameters
        ----------
        asked
            Which.
        basis
            SHA-256 of all that the numbers of its pieces rest on.
        bars
            SHA-256 of the bars among that; None for none of its own.

        Returns
        -------
        bool
            Whether something was void, and begins again.
        """
        operation_id = asked.operation_id
        with self._changing(operation_id) as connection:
            row = row_of(connection, operation_id)
            if row["number"] != asked.number:
                raise unknown_operation(operation_id)
            if row["basis"] == basis or _has_outcome(connection, operation_id):
                return False
            connection.execute(
                "UPDATE btkit_operations SET basis = ?, bars = ?, divided = NULL, settled = 0,"
                " best = NULL WHERE operation_id = ?",
                (basis, bars, operation_id),
            )
            connection.execute(
                "DELETE FROM btkit_operation_groups WHERE operation_id = ?", (operation_id,)
            )
            # A whole job is of one basis by itself, and where it stood is looked over by who goes
            # on with it.
            void = connection.execute(
                "DELETE FROM btkit_pieces WHERE operation_id = ? AND grp <> ?",
                (operation_id, WHOLE.group),
            ).rowcount
            if void:
                note_event(connection, operation_id, "void", {})
        return bool(void)

    def park(self) -> None:
        """Say of what was at work that it waits for workers again."""
        with self.database.open() as connection:
            if connection.execute(_SELECT_IDLE).fetchone() is None:
                return
        with self.database.change() as connection:
            for row in connection.execute(_PARK_IDLE).fetchall():
                note_event(connection, row["operation_id"], "waiting", {})

    def note_progress(self, operation_id: str, *, rate: float | None) -> None:
        """Note how fast an operation is, in units a second, and let who follows it know."""
        with self._changing(operation_id) as connection:
            connection.execute(
                "UPDATE btkit_operations SET rate = ? WHERE operation_id = ?", (rate, operation_id)
            )
            known = operation_of(row_of(connection, operation_id))
            data = {name: getattr(known, name) for name in ("done", "total", "unit", "rate")}
            note_event(connection, operation_id, "progress", data)

    def take_over(self) -> None:
        """Make this process the one server of the store, or say once more that it is.

        Raises
        ------
        StoreBusyError
            If another process is, and is alive.
        """
        mine, now = this_process(), now_text()
        with self.database.change(create=True) as connection:
            row = connection.execute("SELECT * FROM btkit_server").fetchone()
            if row is not None:
                owner = Owner(row["host"], row["pid"], row["process_started"])
                if owner != mine and is_alive(owner, row["heartbeat_at"]):
                    raise StoreBusyError(
                        f"Another server (process {owner.pid}) gives out the work of "
                        f"{self.database.path}.",
                        hint="Stop that one, or set BT_DB_PATH to another file for this one.",
                        details={"database": str(self.database.path), "pid": owner.pid},
                    )
            connection.execute(
                "INSERT OR REPLACE INTO btkit_server VALUES (1, ?, ?, ?, ?)", (*mine, now)
            )

    def leave(self) -> None:
        """Let another process be the server of the store."""
        host, pid, started = this_process()
        with self.database.change() as connection:
            connection.execute(
                "DELETE FROM btkit_server WHERE host = ? AND pid = ? AND process_started = ?",
                (host, pid, started),
            )

    @contextmanager
    def _changing(self, operation_id: str) -> Iterator[sqlite3.Connection]:
        if not self.database.exists():
            raise unknown_operation(operation_id)
        with self.database.change() as connection:
            yield connection


_SELECT_IDLE = """
SELECT operation_id FROM btkit_operations o
WHERE status = 'running' AND NOT cancel_requested AND error IS NULL
AND NOT EXISTS (SELECT 1 FROM btkit_leases l WHERE l.operation_id = o.operation_id)
"""
_PARK_IDLE = f"""
UPDATE btkit_operations SET status = 'queued', rate = NULL WHERE operation_id IN ({_SELECT_IDLE})
RETURNING operation_id
"""  # noqa: S608 - nothing but what stands here
_ENDING_KINDS = {"whole": WHOLE.group, "finish": FINISH.group}
_SELECT_ENDINGS = """
SELECT o.operation_id, o.job_id, o.error, o.unmerged, p.grp, p.lo, p.hi
FROM btkit_operations o
LEFT JOIN btkit_pieces p ON p.operation_id = o.operation_id AND p.status = 'done'
    AND p.grp IN (:whole, :finish)
WHERE o.status IN ('queued', 'running') AND (
    p.grp IS NOT NULL OR o.error IS NOT NULL
    OR (o.cancel_requested
        AND NOT EXISTS (SELECT 1 FROM btkit_leases l WHERE l.operation_id = o.operation_id)))
ORDER BY o.number
"""


def _has_outcome(connection: sqlite3.Connection, operation_id: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM btkit_pieces WHERE operation_id = ? AND grp < 0 AND status = 'done'",
        (operation_id,),
    )
    return found.fetchone() is not None


def _ending_of(row: sqlite3.Row) -> Ending:
    # What came to its end before it was told to stop is complete.
    outcome = None if row["grp"] is None else Piece(row["grp"], row["lo"], row["hi"])
    error = None if row["error"] is None else json.loads(row["error"])
    status: Literal["complete", "failed", "cancelled"] = "cancelled"
    if outcome is not None:
        status = "complete"
    elif error is not None:
        status = "failed"
    return Ending(row["operation_id"], status, outcome, bool(row["unmerged"]), row["job_id"], error)


def end_row(
    connection: sqlite3.Connection, operation_id: str, status: str, *, job_id: str | None
) -> None:
    """End an operation within the caller's transaction, and let who follows it know."""
    connection.execute(
        "UPDATE btkit_operations SET status = ?, completed_at = ?,"
        " job_id = coalesce(?, job_id), error = CASE WHEN ? = 'failed' THEN error END,"
        " cancel_requested = 0, unmerged = 0 WHERE operation_id = ?",
        (status, now_text(), job_id, status, operation_id),
    )
    connection.execute("DELETE FROM btkit_leases WHERE operation_id = ?", (operation_id,))
    if status == "complete":
        connection.execute(
            "DELETE FROM btkit_pieces WHERE operation_id = ? AND status <> 'crashed'",
            (operation_id,),
        )
        connection.execute(
            "DELETE FROM btkit_operation_groups WHERE operation_id = ?", (operation_id,)
        )
    known = operation_of(row_of(connection, operation_id))
    data = {"job_id": known.job_id, "error": known.error, "crashed": known.crashed}
    note_event(connection, operation_id, status, data)


def row_of(connection: sqlite3.Connection, operation_id: str) -> sqlite3.Row:
    """Return an operation as `SELECT_OPERATION` gives it, which has to be there."""
    row = find_row(connection, "o.operation_id", operation_id)
    if row is None:
        raise unknown_operation(operation_id)
    return row


def find_row(connection: sqlite3.Connection, column: str, value: str) -> sqlite3.Row | None:
    """Return an operation that has some value in a column; None for none."""
    row: sqlite3.Row | None = connection.execute(
        f"{SELECT_OPERATION} WHERE {column} = ?", (value,)
    ).fetchone()
    return row
