"""Operations, their pieces and their events as rows, and what of them is said everywhere alike."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from btkit.arguments import shown
from btkit.errors import OperationNotFoundError, UsageError
from btkit.owner import now_text

OperationStatus = Literal["queued", "running", "complete", "failed", "cancelled"]
"""How an operation stands."""

ENDED: tuple[OperationStatus, ...] = ("complete", "failed", "cancelled")
"""How it stands when nothing more is done for it."""

KEPT_EVENTS = 500
"""Events of an operation that are kept, the latest ones; the one that closes it is the last."""

# It names a folder.
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True)
class Piece:
    """A part of a job that can be worked on by itself, in any process and any order.

    Parameters
    ----------
    group
        From 0: the window whose search it belongs to; 0 for a sweep and for a batch. Below 0 it is
        `WHOLE` or `FINISH`.
    lo, hi
        It is places `lo` to `hi` - 1 of the group: of the grid before its constraint is applied,
        of the seeded draw, or of the jobs of a batch.

    Raises
    ------
    UsageError
        If it is no range.

    Examples
    --------
    >>> Piece(0, 100, 200).to_json()
    {'group': 0, 'lo': 100, 'hi': 200}
    """

    group: int
    lo: int
    hi: int

    def __post_init__(self) -> None:
        whole = all(type(one) is int for one in (self.group, self.lo, self.hi))
        special = whole and self.group < 0 and self.lo == self.hi == 0
        if not special and not (whole and self.group >= 0 and 0 <= self.lo < self.hi):
            raise UsageError(
                f"{self.group!r}, {self.lo!r}, {self.hi!r} is no piece of a job.",
                hint="A piece is a group from 0, and places lo to hi - 1 of it, at least one.",
                details={"piece": [repr(one) for one in (self.group, self.lo, self.hi)]},
            )

    def __len__(self) -> int:
        """Return how many places it has."""
        return self.hi - self.lo

    def to_json(self) -> dict[str, int]:
        """Return the fields; ``Piece(**fields)`` is the piece again."""
        return asdict(self)


WHOLE = Piece(-1, 0, 0)
"""A job that is not divided."""
FINISH = Piece(-2, 0, 0)
"""Puts the contents of all pieces together."""


class Asked(NamedTuple):
    """Which operation, and the how manieth time it was queued.

    Its number tells it from one before that had the same id, and was deleted.
    """

    operation_id: str
    number: int
    attempt: int


@dataclass(frozen=True)
class Operation:
    """What a server was asked to have done.

    Parameters
    ----------
    operation_id
        Its id.
    kind, request
        Of the job, and the job as plain JSON values.
    status
        How it stands. One that is to stop is ``running`` until no worker is at it.
    job_id
        Under which its outcome is stored; None before there is any.
    created_at, started_at, completed_at
        ISO 8601, UTC; None for what has not come yet.
    attempt
        How often it was queued.
    done, total, unit
        How far it is; None before that is known.
    rate
        Units a second, lately.
    error
        Why it failed: ``type``, ``message``, ``hint``, ``retryable`` and ``details``.
    cancel_requested
        Whether it is to stop.
    best
        A summary of what is done, where the kind of job has one: ``count``, ``sum`` and
        ``sum_of_squares`` of the objective, and the ``top`` sets.
    crashed
        How many units were given up because each killed three workers.
    number
        Its place in the order of submission.
    """

    operation_id: str
    kind: str
    request: dict[str, Any]
    status: OperationStatus
    job_id: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    attempt: int
    done: int | None
    total: int | None
    unit: str | None
    rate: float | None
    error: dict[str, Any] | None
    cancel_requested: bool
    best: dict[str, Any] | None
    crashed: int
    number: int

    @property
    def asked(self) -> Asked:
        """Which it is, and the how manieth time it was queued."""
        return Asked(self.operation_id, self.number, self.attempt)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is done for it."""
        return self.status in ENDED


@dataclass(frozen=True)
class OperationEvent:
    """Something that happened to an operation.

    Parameters
    ----------
    seq
        Its number, from 1, without a gap; the oldest ones of many are not kept.
    at
        ISO 8601, UTC.
    kind
        ``queued``, ``started``, ``progress``, ``lost`` (a worker, with a piece), ``bisected``,
        ``crashed`` (a unit), ``void`` (what was done of it, which begins again), ``waiting`` (for
        workers: none is left), ``finishing``, ``cancelling``, or how it ended:
        ``complete``, ``failed``, ``cancelled``.
    data
        Plain JSON values.
    """

    seq: int
    at: str
    kind: str
    data: dict[str, Any]


SELECT_OPERATION = """
SELECT o.*,
       (SELECT coalesce(sum(l.done), 0) FROM btkit_leases l
        WHERE l.operation_id = o.operation_id AND l.grp >= 0) AS under_way,
       (SELECT coalesce(sum(p.hi - p.lo), 0) FROM btkit_pieces p
        WHERE p.operation_id = o.operation_id AND p.status = 'crashed') AS crashed
FROM btkit_operations o
"""


def operation_of(row: sqlite3.Row) -> Operation:
    """Return an operation as `SELECT_OPERATION` gives it."""
    done = row["settled"] + row["under_way"] if row["divided"] else row["done"]
    return Operation(
        operation_id=row["operation_id"],
        kind=row["kind"],
        request=json.loads(row["request"]),
        status=row["status"],
        job_id=row["job_id"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        attempt=row["attempt"],
        done=done,
        total=row["total"],
        unit=row["unit"],
        rate=row["rate"],
        error=_parsed(row["error"]),
        cancel_requested=bool(row["cancel_requested"]),
        best=_parsed(row["best"]),
        crashed=row["crashed"],
        number=row["number"],
    )


def note_event(
    connection: sqlite3.Connection, operation_id: str, kind: str, data: Mapping[str, Any]
) -> None:
    """Note that something happened to an operation, within the caller's transaction."""
    seq = connection.execute(
        "UPDATE btkit_operations SET last_event = last_event + 1 WHERE operation_id = ?"
        " RETURNING last_event",
        (operation_id,),
    ).fetchone()[0]
    connection.execute(
        "INSERT INTO btkit_operation_events (operation_id, seq, at, kind, data)"
        " VALUES (?, ?, ?, ?, ?)",
        (operation_id, seq, now_text(), kind, json.dumps(data, allow_nan=False)),
    )
    connection.execute(
        "DELETE FROM btkit_operation_events WHERE operation_id = ? AND seq <= ?",
        (operation_id, seq - KEPT_EVENTS),
    )


def check_operation_id(operation_id: object) -> str:
    """Return an id that an operation may have.

    Raises
    ------
    UsageError
        If none may have it.
    """
    if isinstance(operation_id, str) and _PATTERN.fullmatch(operation_id):
        return operation_id
    raise UsageError(
        f"{shown(operation_id)} cannot be the id of an operation.",
        hint="Take up to 128 letters, digits, - and _, the first of them a letter or a digit.",
        details={"argument": "operation_id", "received": shown(operation_id)},
    )


def unknown_operation(operation_id: object) -> OperationNotFoundError:
    """Return the error that says that an operation does not exist."""
    return OperationNotFoundError(
        f"There is no operation {shown(operation_id)}.",
        hint="`backtest status` lists those there are; one that was deleted is gone.",
        details={"operation_id": shown(operation_id)},
    )


def _parsed(text: str | None) -> dict[str, Any] | None:
    return None if text is None else dict(json.loads(text))
