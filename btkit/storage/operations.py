"""What a server was asked to have done: submitted, stopped, taken up again, ended."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

from btkit.errors import ConflictError, QueueFullError, StoreBusyError, UsageError
from btkit.owner import Owner, is_alive, now_text, this_process
from btkit.storage.ids import new_run_id
from btkit.storage.leases import LeaseTable, fail_operation
from btkit.storage.operation_rows import (
    ENDED,
    FINISH,
    SELECT_OPERATION,
    WHOLE,
    Operation,
    OperationEvent,
    OperationStatus,
    Piece,
    check_operation_id,
    note_event,
    operation_of,
    unknown_operation,
)

_MOST_LISTED = 1_000
# The number of an operation, which SQLite keeps in 64 bits.
_PAGE_TOKEN = re.compile(r"[0-9]{1,18}")
_WAITING = "Wait for it, or stop it first."


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


# A method of the class is called `list`, and means something else there.
Page: TypeAlias = tuple[list[Operation], str | None]
Events: TypeAlias = list[OperationEvent]
Ids: TypeAlias = list[str]
Endings: TypeAlias = list[Ending]


class OperationTable(LeaseTable):
    """Operations in the database.

    Each method that takes an operation's id raises OperationNotFoundError if there is none, and
    StoreError if the database cannot be written.

    Parameters
    ----------
    database
        Where they are.
    folder
        Where contents of pieces lie, a folder an operation.

    Examples
    --------
    >>> operation, is_new = store.operations.submit(job.to_json(), kind="run")  # doctest: +SKIP
    >>> store.operations.get(operation.operation_id).status  # doctest: +SKIP
    'queued'
    """

    def submit(
        self,
        request: Mapping[str, Any],
        *,
        kind: str,
        operation_id: str | None = None,
        idempotency_key: str | None = None,
        body_hash: str | None = None,
        limit: int | None = None,
    ) -> tuple[Operation, bool]:
        """Queue what is asked for.

        Parameters
        ----------
        request
            The job, plain JSON values.
        kind
            The job's.
        operation_id
            None makes one.
        idempotency_key, body_hash
            Who asks again with the same key and the same body gets the same operation.
        limit
            So many may be queued or running; None for any number.

        Returns
        -------
        Operation, bool
            The operation, and whether it is new.

        Raises
        ------
        ConflictError
            If the id is taken; or the key came with another body before, which
            ``details["reason"]`` says: ``"idempotency_key"``, else ``"operation_id"``.
        QueueFullError
            If the limit is reached.
        UsageError
            If none may have such an id.
        """
        known_id = new_run_id() if operation_id is None else check_operation_id(operation_id)
        text = json.dumps(dict(request), allow_nan=False)
        with self.database.change(create=True) as connection:
            if idempotency_key is not None:
                before = _find(connection, "o.idempotency_key", idempotency_key)
                if before is not None:
                    _check_same_body(before, body_hash)
                    return operation_of(before), False
            if _find(connection, "o.operation_id", known_id) is not None:
                raise ConflictError(
                    f"There is an operation {known_id} already.",
                    hint="Leave the id out, or take another one.",
                    details={"reason": "operation_id", "operation_id": known_id},
                )
            _check_room(connection, limit)
            connection.execute(
                "INSERT INTO btkit_operations (operation_id, kind, request, created_at,"
                " idempotency_key, body_hash) VALUES (?, ?, ?, ?, ?, ?)",
                (known_id, kind, text, now_text(), idempotency_key, body_hash),
            )
            note_event(connection, known_id, "queued", {"attempt": 1})
            operation = operation_of(_row(connection, known_id))
        self.heard()
        return operation, True

    def get(self, operation_id: str) -> Operation:
        """Return an operation."""
        if not self.database.exists():
            raise unknown_operation(operation_id)
        with self.database.read() as connection:
            return operation_of(_row(connection, operation_id))

    def list(
        self,
        status: OperationStatus | None = None,
        *,
        page_size: int = 50,
        page_token: str | None = None,
    ) -> Page:
        """List operations, the newest first.

        Parameters
        ----------
        status
            Only those that stand so; None for all.
        page_size
            At most so many, 1 to 1,000.
        page_token
            What the page before came with; None for the first page.

        Returns
        -------
        list of Operation, str or None
            A page, and the token of the next one; None where this is the last.

        Raises
        ------
        UsageError
            If there is no such page.
        """
        size = max(1, min(page_size, _MOST_LISTED))
        before = _number_of(page_token)
        if not self.database.exists():
            return [], None
        with self.database.read() as connection:
            found = connection.execute(
                f"{SELECT_OPERATION} WHERE coalesce(o.status = ?, 1) AND coalesce(o.number < ?, 1)"
                " ORDER BY o.number DESC LIMIT ?",
                (status, before, size + 1),
            ).fetchall()
        page = [operation_of(row) for row in found[:size]]
        return page, str(page[-1].number) if len(found) > size else None

    def request_cancel(self, operation_id: str) -> Operation:
        """Ask for an operation to stop; it is ``cancelled`` once no worker is at it.

        Raises
        ------
        ConflictError
            If it has ended. One that is to stop already stays so.
        """
        with self._changing(operation_id) as connection:
            row = _row(connection, operation_id)
            if row["status"] in ENDED:
                raise _ended(row, "there is nothing to cancel")
            if not row["cancel_requested"]:
                connection.execute(
                    "UPDATE btkit_operations SET cancel_requested = 1 WHERE operation_id = ?",
                    (operation_id,),
                )
                note_event(connection, operation_id, "cancelling", {})
                if row["status"] == "queued" and not row["unmerged"] and not row["started_at"]:
                    _end(connection, operation_id, "cancelled", job_id=None)
            operation = operation_of(_row(connection, operation_id))
        self.heard()
        return operation

    def requeue(self, operation_id: str) -> Operation:
        """Take an operation up again that was cancelled or failed.

        What is done of it stays done; a whole job goes on where it was when it stopped.

        Raises
        ------
        ConflictError
            If it is complete, or has not ended.
        """
        with self._changing(operation_id) as connection:
            row = _row(connection, operation_id)
            if row["status"] not in ("cancelled", "failed"):
                raise _ended(row, "there is nothing to resume")
            connection.execute(
                "UPDATE btkit_operations SET status = 'queued', attempt = attempt + 1,"
                " completed_at = NULL, error = NULL, cancel_requested = 0, rate = NULL,"
                " settled = settled - (SELECT coalesce(sum(hi - lo), 0) FROM btkit_pieces p"
                "   WHERE p.operation_id = btkit_operations.operation_id"
                "   AND p.status = 'crashed')"
                " WHERE operation_id = ?",
                (operation_id,),
            )
            connection.execute(
                "UPDATE btkit_pieces SET status = 'waiting', attempts = 0, handed = 0,"
                " lost_by = NULL, error = NULL, sha256 = NULL"
                " WHERE operation_id = ? AND status <> 'done'",
                (operation_id,),
            )
            note_event(connection, operation_id, "queued", {"attempt": row["attempt"] + 1})
            operation = operation_of(_row(connection, operation_id))
        self.heard()
        return operation

    def delete(self, operation_id: str) -> None:
        """Forget an operation that has ended, and what was brought for it; its job stays.

        Raises
        ------
        ConflictError
            If it has not ended.
        """
        with self._changing(operation_id) as connection:
            row = _row(connection, operation_id)
            if row["status"] not in ENDED:
                raise _ended(row, "it cannot be deleted", hint=_WAITING)
            connection.execute(
                "DELETE FROM btkit_operations WHERE operation_id = ?", (operation_id,)
            )
        self.files.remove(operation_id)

    def events(self, operation_id: str, after: int = 0) -> Events:
        """Return what happened to an operation, in order.

        Parameters
        ----------
        operation_id
            Which.
        after
            Only what came after the event of this number.
        """
        if not self.database.exists():
            raise unknown_operation(operation_id)
        with self.database.read() as connection:
            _row(connection, operation_id)
            found = connection.execute(
                "SELECT seq, at, kind, data FROM btkit_operation_events"
                " WHERE operation_id = ? AND seq > ? ORDER BY seq",
                (operation_id, after),
            )
            return [
                OperationEvent(row["seq"], row["at"], row["kind"], json.loads(row["data"]))
                for row in found
            ]

    @contextmanager
    def _changing(self, operation_id: str) -> Iterator[sqlite3.Connection]:
        if not self.database.exists():
            raise unknown_operation(operation_id)
        with self.database.change() as connection:
            yield connection

    def unended(self, *, limit: int) -> Ids:
        """Return the ids of operations that have not ended: those at work, then the oldest."""
        with self.database.open(create=True) as connection:
            found = connection.execute(
                "SELECT operation_id FROM btkit_operations WHERE status IN ('running', 'queued')"
                " ORDER BY status DESC, number LIMIT ?",
                (limit,),
            )
            return [row["operation_id"] for row in found]

    def endings(self) -> Endings:
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
            row = _row(connection, operation_id)
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
            _end(connection, operation_id, status, job_id=job_id)
        if status == "complete":
            self.files.remove(operation_id)

    def fail_whole(self, operation_id: str, error: Mapping[str, Any]) -> None:
        """Note why an operation cannot be done; it ends with that."""
        with self._changing(operation_id) as connection:
            row = _row(connection, operation_id)
            if row["status"] not in ENDED:
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
            bars: str | None = _row(connection, operation_id)["bars"]
        return bars

    def note_bars(self, operation_id: str, bars: str) -> None:
        """Note the bars that an operation is done on; what was done of it on others is void."""
        with self._changing(operation_id) as connection:
            known = _row(connection, operation_id)["bars"]
            if known == bars:
                return
            connection.execute(
                "UPDATE btkit_operations SET bars = ?, settled = 0, best = NULL"
                " WHERE operation_id = ?",
                (bars, operation_id),
            )
            connection.execute("DELETE FROM btkit_pieces WHERE operation_id = ?", (operation_id,))
            connection.execute(
                "UPDATE btkit_operation_groups SET cursor = 0 WHERE operation_id = ?",
                (operation_id,),
            )

    def park(self) -> None:
        """Say of what was at work that it waits for workers again."""
        with self.database.open() as connection:
            idle = [row["operation_id"] for row in connection.execute(_SELECT_IDLE)]
        if idle:
            with self.database.change() as connection:
                connection.executemany(
                    "UPDATE btkit_operations SET status = 'queued', rate = NULL"
                    " WHERE operation_id = ? AND status = 'running' AND NOT EXISTS"
                    " (SELECT 1 FROM btkit_leases l"
                    "  WHERE l.operation_id = btkit_operations.operation_id)",
                    [(operation_id,) for operation_id in idle],
                )

    def note_progress(self, operation_id: str, *, rate: float | None) -> None:
        """Note how fast an operation is, in units a second, and let who follows it know."""
        with self._changing(operation_id) as connection:
            connection.execute(
                "UPDATE btkit_operations SET rate = ? WHERE operation_id = ?", (rate, operation_id)
            )
            known = operation_of(_row(connection, operation_id))
            data = {name: getattr(known, name) for name in ("done", "total", "unit", "rate")}
            note_event(connection, operation_id, "progress", data)

    def unsummarised(self, operation_id: str) -> Piece | None:
        """Return a piece that is done and not in the summary; None where there is none."""
        with self.database.open() as connection:
            row = connection.execute(
                "SELECT grp, lo, hi FROM btkit_pieces WHERE operation_id = ?"
                " AND sha256 IS NOT NULL AND grp >= 0 AND NOT summarised LIMIT 1",
                (operation_id,),
            ).fetchone()
        return None if row is None else Piece(*row)

    def note_summary(self, operation_id: str, piece: Piece, best: Mapping[str, Any]) -> None:
        """Note the summary of all pieces that it has, one more among them."""
        with self._changing(operation_id) as connection:
            changed = connection.execute(
                "UPDATE btkit_pieces SET summarised = 1 WHERE operation_id = ? AND grp = ?"
                " AND lo = ? AND sha256 IS NOT NULL AND NOT summarised",
                (operation_id, piece.group, piece.lo),
            )
            if changed.rowcount:
                connection.execute(
                    "UPDATE btkit_operations SET best = ? WHERE operation_id = ?",
                    (json.dumps(dict(best), allow_nan=False), operation_id),
                )

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


_SELECT_IDLE = """
SELECT operation_id FROM btkit_operations o
WHERE status = 'running' AND NOT cancel_requested AND error IS NULL
AND NOT EXISTS (SELECT 1 FROM btkit_leases l WHERE l.operation_id = o.operation_id)
"""
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


def _end(
    connection: sqlite3.Connection, operation_id: str, status: str, *, job_id: str | None
) -> None:
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
    known = operation_of(_row(connection, operation_id))
    data = {"job_id": known.job_id, "error": known.error, "crashed": known.crashed}
    note_event(connection, operation_id, status, data)


def _row(connection: sqlite3.Connection, operation_id: str) -> sqlite3.Row:
    row = _find(connection, "o.operation_id", operation_id)
    if row is None:
        raise unknown_operation(operation_id)
    return row


def _find(connection: sqlite3.Connection, column: str, value: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        f"{SELECT_OPERATION} WHERE {column} = ?", (value,)
    ).fetchone()
    return row


def _check_same_body(row: sqlite3.Row, body_hash: str | None) -> None:
    if row["body_hash"] != body_hash:
        raise ConflictError(
            "This idempotency key came with another request before.",
            hint="Take a new key for a new request.",
            details={"reason": "idempotency_key", "operation_id": row["operation_id"]},
        )


def _check_room(connection: sqlite3.Connection, limit: int | None) -> None:
    waiting = connection.execute(
        "SELECT count(*) FROM btkit_operations WHERE status IN ('queued', 'running')"
    ).fetchone()[0]
    if limit is not None and waiting >= limit:
        raise QueueFullError(
            f"{waiting:,} operations wait or are at work, and the server takes no more for now.",
            hint="Try again later; BT_QUEUE_LIMIT is the server's limit.",
            details={"limit": limit},
        )


def _ended(row: sqlite3.Row, what: str, *, hint: str | None = None) -> ConflictError:
    operation_id, status = row["operation_id"], row["status"]
    return ConflictError(
        f"Operation {operation_id} is {status}, so {what}.",
        hint=hint or "`backtest status` shows how it stands.",
        details={"reason": "status", "operation_id": operation_id, "status": status},
    )


def _number_of(page_token: str | None) -> int | None:
    if page_token is None:
        return None
    if _PAGE_TOKEN.fullmatch(page_token):
        return int(page_token)
    raise UsageError(
        "There is no page of this token.",
        hint="Take the token that the page before came with, or none for the first page.",
        details={"argument": "page_token"},
    )
