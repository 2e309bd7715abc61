"""What a server was asked to have done: submitted, stopped, taken up again, ended."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any, TypeAlias

from btkit.errors import ConflictError, QueueFullError, UsageError
from btkit.owner import now_text
from btkit.storage.dispatching import DispatchTable, end_row, find_row, row_of
from btkit.storage.ids import new_run_id
from btkit.storage.operation_rows import (
    ENDED,
    SELECT_OPERATION,
    Operation,
    OperationEvent,
    OperationStatus,
    check_operation_id,
    note_event,
    operation_of,
    unknown_operation,
)
from btkit.storage.piece_rows import forget_summary

_MOST_LISTED = 1_000
# The number of an operation, which SQLite keeps in 64 bits.
_PAGE_TOKEN = re.compile(r"[0-9]{1,18}")
_WAITING = "Wait for it, or stop it first."


# A method of the class is called `list`, and means something else there.
Page: TypeAlias = tuple[list[Operation], str | None]
Events: TypeAlias = list[OperationEvent]


class OperationTable(DispatchTable):
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
                before = find_row(connection, "o.idempotency_key", idempotency_key)
                if before is not None:
                    _check_same_body(before, body_hash)
                    return operation_of(before), False
            if find_row(connection, "o.operation_id", known_id) is not None:
                raise ConflictError(
                    f"There is an operation {known_id} already.",
                    hint="Leave the id out, or take another one.",
                    details={"reason": "operation_id", "operation_id": known_id},
                )
            _check_room(connection, limit)
            # What lies there is of one that was deleted, by a server that was killed meanwhile.
            self.files.remove(known_id)
            connection.execute(
                "INSERT INTO btkit_operations (operation_id, kind, request, created_at,"
                " idempotency_key, body_hash) VALUES (?, ?, ?, ?, ?, ?)",
                (known_id, kind, text, now_text(), idempotency_key, body_hash),
            )
            note_event(connection, known_id, "queued", {"attempt": 1})
            operation = operation_of(row_of(connection, known_id))
        self.heard()
        return operation, True

    def get(self, operation_id: str) -> Operation:
        """Return an operation."""
        if not self.database.exists():
            raise unknown_operation(operation_id)
        with self.database.read() as connection:
            return operation_of(row_of(connection, operation_id))

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
            row = row_of(connection, operation_id)
            if row["status"] in ENDED:
                raise _ended(row, "there is nothing to cancel")
            if not row["cancel_requested"]:
                connection.execute(
                    "UPDATE btkit_operations SET cancel_requested = 1 WHERE operation_id = ?",
                    (operation_id,),
                )
                note_event(connection, operation_id, "cancelling", {})
                if row["status"] == "queued" and not row["unmerged"] and not row["started_at"]:
                    end_row(connection, operation_id, "cancelled", job_id=None)
            operation = operation_of(row_of(connection, operation_id))
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
            row = row_of(connection, operation_id)
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
            if row["crashed"]:
                # Nothing can be taken out of a summary: it is made again of what stays done.
                forget_summary(connection, operation_id)
            note_event(connection, operation_id, "queued", {"attempt": row["attempt"] + 1})
            operation = operation_of(row_of(connection, operation_id))
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
            row = row_of(connection, operation_id)
            if row["status"] not in ENDED:
                raise _ended(row, "it cannot be deleted", hint=_WAITING)
            connection.execute(
                "DELETE FROM btkit_operations WHERE operation_id = ?", (operation_id,)
            )
            # Another one may have the id at once.
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
            row_of(connection, operation_id)
            found = connection.execute(
                "SELECT seq, at, kind, data FROM btkit_operation_events"
                " WHERE operation_id = ? AND seq > ? ORDER BY seq",
                (operation_id, after),
            )
            return [
                OperationEvent(row["seq"], row["at"], row["kind"], json.loads(row["data"]))
                for row in found
            ]


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
