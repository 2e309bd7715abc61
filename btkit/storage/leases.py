"""Work that is given out: cut from a cursor, held under a lease, brought back exactly once."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.errors import InterruptedRunError, LeaseLostError
from btkit.owner import now_text
from btkit.storage.contents import PieceFiles
from btkit.storage.operation_rows import FINISH, WHOLE, Asked, Piece, note_event
from btkit.storage.piece_rows import (
    MOST_ATTEMPTS,
    end_lease,
    fail_operation,
    give_back,
    goes_on,
    is_asked,
    key_of,
    let_wait,
    lose_piece,
    next_of,
    operation_row,
    piece_of,
    settle,
    take_piece,
)
from btkit.storage.reading import Database

# Beats come each 200 ms; the disk need not have all of them.
_BEAT_EVERY_S = 0.4


@dataclass(frozen=True)
class Lease:
    """A worker's right to bring a piece back.

    Parameters
    ----------
    lease_id
        Its name, no secret.
    operation_id, piece
        What is to be done.
    worker
        Whose it is.
    attempt
        The how manieth for this piece, from 1.
    bars
        SHA-256 of the bars that are needed; None for none.
    token
        What the worker proves its right with; empty but where the lease is granted.
    """

    lease_id: str
    operation_id: str
    piece: Piece
    worker: str
    attempt: int
    bars: str | None
    token: str = ""


class LeaseTable:
    """Pieces of operations in the database, and who is at work on them.

    The row of a lease is the fence. Whoever brings something back under a lease that is gone is
    told so by LeaseLostError, and nothing is taken.

    Parameters
    ----------
    database
        Where they are.
    folder
        Where contents of pieces lie, a folder an operation.

    Attributes
    ----------
    heard
        Called when something came in that whoever gives work out may be waiting for.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.heard: Callable[[], object] = lambda: None
        self.files = PieceFiles(folder, private=database.private)

    def divide(self, operation_id: str, sizes: Mapping[int, int], *, unit: str) -> None:
        """Say once what an operation is made of.

        Parameters
        ----------
        operation_id
            Which.
        sizes
            The number of units of each group; empty where it is not divided.
        unit
            What they are, such as ``"sets"``.
        """
        with self.database.change() as connection:
            row = operation_row(connection, operation_id)
            if row is None or row["divided"] is not None:
                return
            connection.execute(
                "UPDATE btkit_operations SET divided = ?, total = ?, unit = ?"
                " WHERE operation_id = ?",
                (bool(sizes), sum(sizes.values()) if sizes else None, unit, operation_id),
            )
            connection.executemany(
                "INSERT INTO btkit_operation_groups (operation_id, grp, size) VALUES (?, ?, ?)",
                [(operation_id, group, size) for group, size in sizes.items()],
            )

    def next_piece(
        self, operation_id: str, *, size: int, worker: str | None = None
    ) -> Piece | None:
        """Return what of an operation could be given out next; nothing is changed.

        Parameters
        ----------
        operation_id
            Which; `divide` was called.
        size
            How many units a piece has that is cut now.
        worker
            A piece that was lost with this worker is left to another one; None for any.

        Returns
        -------
        Piece or None
            None where all there is was given out, is done, or is to stop.
        """
        with self.database.open() as connection:
            row = operation_row(connection, operation_id)
            if row is None or row["divided"] is None or not goes_on(row):
                return None
            return next_of(connection, row, size, worker)

    def uncut(self, operation_id: str) -> int:
        """Return how many units of an operation are in no piece yet.

        Parameters
        ----------
        operation_id
            Which; 0 where it is not divided, or not there.
        """
        with self.database.open() as connection:
            (units,) = connection.execute(
                "SELECT COALESCE(SUM(size - cursor), 0) FROM btkit_operation_groups"
                " WHERE operation_id = ?",
                (operation_id,),
            ).fetchone()
        return int(units)

    def lease(
        self,
        operation_id: str,
        piece: Piece,
        *,
        worker: str,
        seconds: float,
        bars: str | None = None,
        asked: Asked | None = None,
        now: float | None = None,
    ) -> Lease | None:
        """Give a piece out.

        Parameters
        ----------
        operation_id, piece
            As `next_piece` returned it.
        worker
            To whom.
        seconds
            How long the lease holds without a beat.
        bars
            SHA-256 of the bars that are needed.
        asked
            What the piece was made ready for: of another one that has its id by now nothing is
            given out. None for whatever there is.
        now
            Seconds since 1970; None reads the clock.

        Returns
        -------
        Lease or None
            With its token. None where the piece is not there any more.
        """
        moment, token = _now(now), secrets.token_urlsafe(32)
        with self.database.change() as connection:
            row = operation_row(connection, operation_id)
            if row is None or not goes_on(row) or not is_asked(row, asked):
                return None
            if not take_piece(connection, row, piece):
                return None
            attempt = connection.execute(
                "UPDATE btkit_pieces SET status = 'leased', attempts = attempts + 1,"
                " handed = handed + 1 WHERE operation_id = ? AND grp = ? AND lo = ?"
                " RETURNING attempts",
                key_of(operation_id, piece),
            ).fetchone()[0]
            lease_id = secrets.token_hex(8)
            connection.execute(
                "INSERT INTO btkit_leases (lease_id, token_hash, operation_id, grp, lo, worker,"
                " bars, attempt, granted_at, beaten_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    lease_id, _hash(token), operation_id, piece.group, piece.lo, worker, bars,
                    attempt, now_text(), moment, moment + seconds,
                ),
            )  # fmt: skip
            if row["status"] == "queued":
                connection.execute(
                    "UPDATE btkit_operations SET status = 'running',"
                    " started_at = coalesce(started_at, ?) WHERE operation_id = ?",
                    (now_text(), operation_id),
                )
                note_event(connection, operation_id, "started", {"attempt": row["attempt"]})
            if piece == FINISH:
                note_event(connection, operation_id, "finishing", {})
        return Lease(lease_id, operation_id, piece, worker, attempt, bars, token)

    def leased(self, token: str) -> Lease:
        """Return the lease that a token proves.

        Raises
        ------
        LeaseLostError
            If there is none any more.
        """
        with self.database.open() as connection:
            return _lease_of(fence(connection, token))

    def leases(self, operation_id: str | None = None) -> list[Lease]:
        """Return the leases that hold, those of one operation or all; without their tokens."""
        with self.database.open() as connection:
            found = connection.execute(
                f"{SELECT_LEASE} WHERE coalesce(l.operation_id = ?, 1) ORDER BY l.rowid",
                (operation_id,),
            ).fetchall()
        return [_lease_of(row) for row in found]

    def beat(
        self,
        token: str,
        *,
        done: int | None = None,
        total: int | None = None,
        unit: str | None = None,
        seconds: float,
        now: float | None = None,
    ) -> bool:
        """Say that a worker is at work on a piece, and how far it is, where that is known.

        The first beat is the moment from which the loss of the worker counts against the piece.
        What waits on the same worker behind this piece is kept alive by it.

        Parameters
        ----------
        token
            Of the lease.
        done, total, unit
            As of a stage: of a whole job its own, of a piece of sets those of the piece.
        seconds
            How long the lease holds from now on.
        now
            As for `lease`.

        Returns
        -------
        bool
            Whether the worker is to stop, and to say so by `fail`.

        Raises
        ------
        LeaseLostError
            If the piece was given to another worker, or is wanted no more.
        """
        moment = _now(now)
        with self.database.open() as connection:
            lease = fence(connection, token)
        stops = not goes_on(lease)
        if lease["begun"] and 0 <= moment - lease["beaten_at"] < min(_BEAT_EVERY_S, seconds / 4):
            return stops
        with self.database.change() as connection:
            lease = fence(connection, token)
            connection.execute(
                "UPDATE btkit_leases SET begun = 1, beaten_at = ?, expires_at = ?,"
                " done = coalesce(max(0, min(?, ?)), done) WHERE lease_id = ?",
                (moment, moment + seconds, done, len(piece_of(lease)), lease["lease_id"]),
            )
            connection.execute(
                "UPDATE btkit_leases SET expires_at = max(expires_at, ?)"
                " WHERE worker = ? AND NOT begun",
                (moment + seconds, lease["worker"]),
            )
            if piece_of(lease) == WHOLE:
                connection.execute(
                    "UPDATE btkit_operations SET done = coalesce(?, done),"
                    " total = coalesce(?, total), unit = coalesce(?, unit)"
                    " WHERE operation_id = ?",
                    (done, total, unit, lease["operation_id"]),
                )
        return not goes_on(lease)

    def accept(self, token: str, content: bytes | Path) -> bool:
        """Take what a worker made of its piece: once, and from whoever has the lease.

        Parameters
        ----------
        token
            Of the lease, which ends with this.
        content
            Opaque; or a file that holds it, which stays.

        Returns
        -------
        bool
            False where exactly this was taken before, and the answer was lost on the way.

        Raises
        ------
        LeaseLostError
            If the lease is gone.
        StoreError
            If it cannot be written; the lease holds, and the worker may try again.
        """
        with self.database.open() as connection:
            if _was_taken(connection, token):
                return False
            lease = fence(connection, token)
        operation_id, piece = lease["operation_id"], piece_of(lease)
        with (
            self.files.arriving(operation_id, piece, content) as (aside, sha256, size),
            self.database.change() as connection,
        ):
            lease = fence(connection, token)
            connection.execute(
                "UPDATE btkit_pieces SET status = 'done', token_hash = ?, sha256 = ?, size = ?,"
                " error = NULL WHERE operation_id = ? AND grp = ? AND lo = ?",
                (_hash(token), sha256, size, *key_of(operation_id, piece)),
            )
            end_lease(connection, lease)
            settle(connection, operation_id, len(piece))
            aside.publish()
        self.heard()
        return True

    def keep_parcel(self, token: str, parcel: bytes | Path) -> None:
        """Keep how far a whole job is, so that another worker can go on with it.

        Raises
        ------
        LeaseLostError, StoreError
            As `accept`.
        """
        lease = self.leased(token)
        with (
            self.files.arriving(lease.operation_id, None, parcel) as (aside, _, _),
            self.database.change() as connection,
        ):
            lease_row = fence(connection, token)
            _await_merge(connection, lease_row["operation_id"])
            aside.publish()

    def fail(
        self, token: str, error: Mapping[str, Any], *, parcel: bytes | Path | None = None
    ) -> None:
        """Give a piece back that was not done.

        Parameters
        ----------
        token
            Of the lease, which ends with this.
        error
            ``type``, ``message``, ``hint``, ``retryable`` and ``details``. An InterruptedRunError
            is the answer to being stopped, or a worker that leaves: it does not count. A retryable
            one counts as an attempt. Any other one is the operation's end.
        parcel
            How far a whole job is.

        Raises
        ------
        LeaseLostError, StoreError
            As `accept`.
        """
        if parcel is not None:
            self.keep_parcel(token, parcel)
        with self.database.change() as connection:
            lease = fence(connection, token)
            end_lease(connection, lease)
            if error.get("type") == InterruptedRunError.__name__ or lease["cancel_requested"]:
                give_back(connection, lease, lost_by=lease["worker"])
            elif error.get("retryable") and lease["attempts"] < MOST_ATTEMPTS:
                let_wait(connection, lease, error=error)
            else:
                fail_operation(connection, lease["operation_id"], error)
        self.heard()

    def expire(
        self,
        *,
        now: float | None = None,
        workers: Collection[str] = (),
        leases: Collection[str] = (),
    ) -> list[Lease]:
        """End the leases that were not beaten in time, and those whose worker is gone.

        Parameters
        ----------
        now
            As for `lease`.
        workers
            Names of workers that are gone.
        leases
            Ids of leases whose work ended on its worker without a word.

        Returns
        -------
        list of Lease
            Those that ended. Their pieces wait for another worker, were bisected, or given up.
        """
        given = _now(now), json.dumps(list(workers)), json.dumps(list(leases))
        with self.database.open() as connection:
            if connection.execute(_SELECT_LOST, given).fetchone() is None:
                return []
        with self.database.change() as connection:
            found = connection.execute(_SELECT_LOST, given).fetchall()
            for lease in found:
                end_lease(connection, lease)
                lose_piece(connection, lease)
        return [_lease_of(lease) for lease in found]

    def withdraw(self, lease_id: str) -> None:
        """End a lease that never reached its worker; it does not count."""
        with self.database.change() as connection:
            lease = connection.execute(
                f"{SELECT_LEASE} WHERE l.lease_id = ?", (lease_id,)
            ).fetchone()
            if lease is not None:
                end_lease(connection, lease)
                give_back(connection, lease, lost_by=lease["worker"])

    def recall(self) -> None:
        """End the leases of what is to stop and of which no worker has begun."""
        wanted = f"{SELECT_LEASE} WHERE o.cancel_requested AND NOT l.begun"
        with self.database.open() as connection:
            if connection.execute(wanted).fetchone() is None:
                return
        with self.database.change() as connection:
            for lease in connection.execute(wanted).fetchall():
                end_lease(connection, lease)
                give_back(connection, lease, lost_by=None)

    def extend(self, *, seconds: float, now: float | None = None) -> None:
        """Let all leases hold some seconds from now: without a server nobody could beat."""
        moment = _now(now)
        with self.database.change() as connection:
            connection.execute(
                "UPDATE btkit_leases SET expires_at = max(expires_at, ?)", (moment + seconds,)
            )


SELECT_LEASE = """
SELECT l.*, p.hi, p.attempts, p.handed, o.cancel_requested, o.error, o.status
FROM btkit_leases l
JOIN btkit_pieces p USING (operation_id, grp, lo)
JOIN btkit_operations o USING (operation_id)
"""

_LOST = """
WHERE l.expires_at < ? OR l.worker IN (SELECT value FROM json_each(?))
OR l.lease_id IN (SELECT value FROM json_each(?))
"""
_SELECT_LOST = f"{SELECT_LEASE} {_LOST}"


def _await_merge(connection: sqlite3.Connection, operation_id: str) -> None:
    connection.execute(
        "UPDATE btkit_operations SET unmerged = 1 WHERE operation_id = ?", (operation_id,)
    )


def fence(connection: sqlite3.Connection, token: str) -> sqlite3.Row:
    """Return the row of the lease that a token proves; where there is none, LeaseLostError."""
    wanted = _hash(token)
    found: sqlite3.Row | None = connection.execute(
        f"{SELECT_LEASE} WHERE l.token_hash = ?", (wanted,)
    ).fetchone()
    if found is None or not hmac.compare_digest(found["token_hash"], wanted):
        raise lost_lease("It expired, or its operation ended.")
    return found


def _was_taken(connection: sqlite3.Connection, token: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM btkit_pieces WHERE token_hash = ? AND status = 'done'", (_hash(token),)
    )
    return found.fetchone() is not None


def lost_lease(why: str) -> LeaseLostError:
    """Return the error that says that a lease is gone, and why."""
    return LeaseLostError(
        f"There is no such lease any more. {why}",
        hint="Stop the work; whatever is wanted of it was given to another worker.",
    )


def _lease_of(row: sqlite3.Row) -> Lease:
    return Lease(
        row["lease_id"], row["operation_id"], piece_of(row), row["worker"], row["attempt"],
        row["bars"],
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _now(now: float | None) -> float:
    return time.time() if now is None else now
