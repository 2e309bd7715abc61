"""Pieces as rows: cut from a cursor, and what becomes of one whose worker is lost.

Every function is called within the caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from btkit.errors import WorkerUnavailableError
from btkit.storage.operation_rows import FINISH, WHOLE, Asked, Piece, note_event

MOST_ATTEMPTS = 3
"""So many workers in turn may be lost with the same piece."""

MOST_CRASHED = 20
"""So many units of an operation are given up for killing workers; with one more, it fails."""

# A worker that is lost before it began says nothing about the piece, unless it happens every time.
_MOST_HANDED = 12
_BISECTED_AT = 2


def fail_operation(
    connection: sqlite3.Connection, operation_id: str, error: Mapping[str, Any]
) -> None:
    """Note why an operation is to end, and let nobody go on with it; the first reason stays."""
    connection.execute(
        "UPDATE btkit_operations SET error = coalesce(error, ?) WHERE operation_id = ?",
        (json.dumps(dict(error), allow_nan=False), operation_id),
    )
    connection.execute("DELETE FROM btkit_leases WHERE operation_id = ?", (operation_id,))
    connection.execute(
        "UPDATE btkit_pieces SET status = 'waiting' WHERE operation_id = ? AND status = 'leased'",
        (operation_id,),
    )


def next_of(
    connection: sqlite3.Connection, row: sqlite3.Row, size: int, worker: str | None
) -> Piece | None:
    """Return what of an operation could be given out next; see `LeaseTable.next_piece`."""
    operation_id = row["operation_id"]
    waiting = connection.execute(
        "SELECT grp, lo, hi FROM btkit_pieces WHERE operation_id = ? AND status = 'waiting'"
        " AND grp <> ? AND (lost_by IS NULL OR lost_by IS NOT ?) ORDER BY grp, lo LIMIT 1",
        (operation_id, FINISH.group, worker),
    ).fetchone()
    if waiting is not None:
        return piece_of(waiting)
    if not row["divided"]:
        return None if _is_known(connection, operation_id, WHOLE) else WHOLE
    group = connection.execute(
        "SELECT grp, size, cursor FROM btkit_operation_groups"
        " WHERE operation_id = ? AND cursor < size ORDER BY grp LIMIT 1",
        (operation_id,),
    ).fetchone()
    if group is not None:
        lo = group["cursor"]
        return Piece(group["grp"], lo, min(lo + max(size, 1), group["size"]))
    return FINISH if _may_finish(connection, row, worker) else None


def _may_finish(connection: sqlite3.Connection, row: sqlite3.Row, worker: str | None) -> bool:
    open_ones = connection.execute(
        "SELECT 1 FROM btkit_pieces WHERE operation_id = ? AND grp >= 0"
        " AND status <> 'done' AND sha256 IS NULL LIMIT 1",
        (row["operation_id"],),
    ).fetchone()
    if open_ones is not None:
        return False
    known = connection.execute(
        "SELECT status, lost_by FROM btkit_pieces WHERE operation_id = ? AND grp = ?",
        (row["operation_id"], FINISH.group),
    ).fetchone()
    return known is None or (
        known["status"] == "waiting" and (worker is None or known["lost_by"] != worker)
    )


def take_piece(connection: sqlite3.Connection, row: sqlite3.Row, piece: Piece) -> bool:
    """Make sure that a piece waits, be it cut just now."""
    operation_id = row["operation_id"]
    known = connection.execute(
        "SELECT status, hi FROM btkit_pieces WHERE operation_id = ? AND grp = ? AND lo = ?",
        key_of(operation_id, piece),
    ).fetchone()
    if piece == FINISH and not _may_finish(connection, row, None):
        return False
    if known is not None:
        return bool(known["status"] == "waiting" and known["hi"] == piece.hi)
    if piece.group >= 0:
        moved = connection.execute(
            "UPDATE btkit_operation_groups SET cursor = ? WHERE operation_id = ? AND grp = ?"
            " AND cursor = ? AND size >= ?",
            (piece.hi, operation_id, piece.group, piece.lo, piece.hi),
        )
        if moved.rowcount != 1:
            return False
    elif (piece == WHOLE) == bool(row["divided"]):
        return False
    connection.execute(
        "INSERT INTO btkit_pieces (operation_id, grp, lo, hi, status) VALUES (?, ?, ?, ?,"
        " 'waiting')",
        (operation_id, piece.group, piece.lo, piece.hi),
    )
    return True


def lose_piece(connection: sqlite3.Connection, lease: sqlite3.Row) -> None:
    """Say what becomes of a piece whose worker is lost."""
    piece, operation_id = piece_of(lease), lease["operation_id"]
    data = {"worker": lease["worker"], **_data(piece), "attempt": lease["attempt"]}
    note_event(connection, operation_id, "lost", data)
    counts = bool(lease["begun"]) or lease["handed"] >= _MOST_HANDED
    if not goes_on(lease) or not counts:
        give_back(connection, lease, lost_by=lease["worker"])
    elif len(piece) > 1 and lease["attempts"] >= _BISECTED_AT:
        _bisect(connection, operation_id, piece)
    elif lease["attempts"] < MOST_ATTEMPTS:
        let_wait(connection, lease)
    elif piece.group >= 0:
        _give_up(connection, operation_id, piece)
    else:
        fail_operation(connection, operation_id, _unavailable(piece))


def _bisect(connection: sqlite3.Connection, operation_id: str, piece: Piece) -> None:
    middle = (piece.lo + piece.hi) // 2
    halves = Piece(piece.group, piece.lo, middle), Piece(piece.group, middle, piece.hi)
    connection.execute(
        "DELETE FROM btkit_pieces WHERE operation_id = ? AND grp = ? AND lo = ?",
        key_of(operation_id, piece),
    )
    connection.executemany(
        "INSERT INTO btkit_pieces (operation_id, grp, lo, hi, status, attempts)"
        " VALUES (?, ?, ?, ?, 'waiting', ?)",
        [
            # One of them is to blame: with the next death it is halved again. A single unit is
            # tried as often as anything.
            (operation_id, half.group, half.lo, half.hi, _BISECTED_AT - 1 if len(half) > 1 else 0)
            for half in halves
        ],
    )
    note_event(connection, operation_id, "bisected", _data(piece))


def _give_up(connection: sqlite3.Connection, operation_id: str, piece: Piece) -> None:
    connection.execute(
        "UPDATE btkit_pieces SET status = 'crashed' WHERE operation_id = ? AND grp = ? AND lo = ?",
        key_of(operation_id, piece),
    )
    settle(connection, operation_id, len(piece))
    note_event(connection, operation_id, "crashed", _data(piece))
    crashed = connection.execute(
        "SELECT count(*) FROM btkit_pieces WHERE operation_id = ? AND status = 'crashed'",
        (operation_id,),
    ).fetchone()[0]
    if crashed > MOST_CRASHED:
        fail_operation(connection, operation_id, _unavailable(piece))


def _unavailable(piece: Piece) -> dict[str, Any]:
    error = WorkerUnavailableError(
        f"{MOST_ATTEMPTS} workers in turn were lost while they were at the same work.",
        hint="See the logs of the workers; memory may have run out. Resuming tries again.",
        details=_data(piece),
    )
    document: dict[str, Any] = error.to_document()["error"]
    return document


def give_back(connection: sqlite3.Connection, lease: sqlite3.Row, *, lost_by: str | None) -> None:
    """Let a piece wait as if it had not been given out; better not for the same worker."""
    connection.execute(
        "UPDATE btkit_pieces SET status = 'waiting', attempts = attempts - 1, lost_by = ?"
        " WHERE operation_id = ? AND grp = ? AND lo = ?",
        (lost_by, *_lease_key(lease)),
    )


def let_wait(
    connection: sqlite3.Connection, lease: sqlite3.Row, *, error: Mapping[str, Any] | None = None
) -> None:
    """Let a piece wait for another attempt."""
    connection.execute(
        "UPDATE btkit_pieces SET status = 'waiting', lost_by = ?, error = ?"
        " WHERE operation_id = ? AND grp = ? AND lo = ?",
        (
            lease["worker"],
            None if error is None else json.dumps(dict(error), allow_nan=False),
            *_lease_key(lease),
        ),
    )


def settle(connection: sqlite3.Connection, operation_id: str, units: int) -> None:
    """Count units that are done, or are not any more."""
    connection.execute(
        "UPDATE btkit_operations SET settled = settled + ? WHERE operation_id = ?",
        (units, operation_id),
    )


def forget_summary(connection: sqlite3.Connection, operation_id: str) -> None:
    """Have the summary of an operation made again, within the caller's transaction."""
    connection.execute(
        "UPDATE btkit_operations SET best = NULL WHERE operation_id = ?", (operation_id,)
    )
    connection.execute(
        "UPDATE btkit_pieces SET summarised = 0 WHERE operation_id = ?", (operation_id,)
    )


def end_lease(connection: sqlite3.Connection, lease: sqlite3.Row) -> None:
    """Remove a lease, so that nobody can bring anything under it."""
    connection.execute("DELETE FROM btkit_leases WHERE lease_id = ?", (lease["lease_id"],))


def operation_row(connection: sqlite3.Connection, operation_id: str) -> sqlite3.Row | None:
    """Return the row of an operation; None where there is none."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM btkit_operations WHERE operation_id = ?", (operation_id,)
    ).fetchone()
    return row


def goes_on(row: sqlite3.Row) -> bool:
    """Tell whether an operation, or that of a lease, is to be worked on."""
    known = row["status"] in ("queued", "running")
    return known and not row["cancel_requested"] and row["error"] is None


def is_asked(row: sqlite3.Row, asked: Asked | None) -> bool:
    """Tell whether an operation is the one that was meant; None means whatever there is."""
    return asked is None or asked == (row["operation_id"], row["number"], row["attempt"])


def _is_known(connection: sqlite3.Connection, operation_id: str, piece: Piece) -> bool:
    found = connection.execute(
        "SELECT 1 FROM btkit_pieces WHERE operation_id = ? AND grp = ? AND lo = ?",
        key_of(operation_id, piece),
    )
    return found.fetchone() is not None


def piece_of(row: sqlite3.Row) -> Piece:
    """Return the piece of a row."""
    return Piece(row["grp"], row["lo"], row["hi"])


def key_of(operation_id: str, piece: Piece) -> tuple[str, int, int]:
    """Return what the row of a piece is found by."""
    return operation_id, piece.group, piece.lo


def _lease_key(lease: sqlite3.Row) -> tuple[str, int, int]:
    return lease["operation_id"], lease["grp"], lease["lo"]


def _data(piece: Piece) -> dict[str, int]:
    return {} if piece.group < 0 else {"group": piece.group, "lo": piece.lo, "hi": piece.hi}
