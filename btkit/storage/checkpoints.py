"""Where an unfinished run stands, as rows."""

from __future__ import annotations

import sqlite3
import struct
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from btkit.owner import now_text
from btkit.storage.arrays import Arrays, pack, unpack

CheckpointType = Literal["periodic", "cancellation"]
_PLACE = "btkit_place"
# What an archive in which a bit has flipped is met with, beside a wrong checksum.
_DAMAGED = (
    ValueError, TypeError, OSError, LookupError, EOFError, RuntimeError, OverflowError,
    SyntaxError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip

CANCELLATION: CheckpointType = "cancellation"
"""What a run leaves that was asked to stop."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands.

    Parameters
    ----------
    bar_index
        The last bar simulated, from 0, warm-up included.
    cash
        In $.
    fingerprint
        Of all that the bars to come depend on.
    state
        What the loop remembers.
    parts
        What it has done: for each part, in order, arrays by name.
    """

    bar_index: int
    cash: float
    fingerprint: str
    state: Arrays
    parts: list[Arrays]


def write_checkpoint(
    connection: sqlite3.Connection,
    run_id: str,
    kind: CheckpointType,
    checkpoint: Checkpoint,
    *,
    first_part: int,
) -> None:
    """Store where a run stands, within the caller's transaction.

    Its `parts` are those since the last checkpoint: `first_part` says how many are stored already,
    and what lies beyond is replaced.
    """
    connection.execute(
        "INSERT INTO backtest_checkpoints"
        " (run_id, type, bar_index, cash, fingerprint, state, saved_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (run_id) DO UPDATE SET type = excluded.type,"
        " bar_index = excluded.bar_index, cash = excluded.cash,"
        " fingerprint = excluded.fingerprint, state = excluded.state,"
        " saved_at = excluded.saved_at",
        (
            run_id,
            kind,
            checkpoint.bar_index,
            checkpoint.cash,
            checkpoint.fingerprint,
            pack(
                _placed(checkpoint.state, checkpoint.bar_index, first_part + len(checkpoint.parts))
            ),
            now_text(),
        ),
    )
    connection.execute(
        "DELETE FROM backtest_checkpoint_parts WHERE run_id = ? AND part >= ?",
        (run_id, first_part),
    )
    connection.executemany(
        "INSERT INTO backtest_checkpoint_parts (run_id, part, content) VALUES (?, ?, ?)",
        [
            (run_id, number, pack(_placed(part, number)))
            for number, part in enumerate(checkpoint.parts, start=first_part)
        ],
    )


def read_checkpoint(connection: sqlite3.Connection, run_id: str) -> Checkpoint | None:
    """Return where a run stands; None if there is no checkpoint, or none that can be read.

    Within a transaction, so that state and parts are of one moment.
    """
    row = connection.execute(
        "SELECT * FROM backtest_checkpoints WHERE run_id = ? AND state IS NOT NULL", (run_id,)
    ).fetchone()
    if row is None:
        return None
    contents = connection.execute(
        "SELECT content FROM backtest_checkpoint_parts WHERE run_id = ? ORDER BY part", (run_id,)
    ).fetchall()
    # A run begins anew where its checkpoint is damaged: that costs time, not correctness.
    with suppress(*_DAMAGED):
        return Checkpoint(
            bar_index=row["bar_index"],
            cash=row["cash"],
            fingerprint=row["fingerprint"],
            state=_taken(row["state"], row["bar_index"], len(contents)),
            parts=[_taken(row["content"], number) for number, row in enumerate(contents)],
        )
    return None


def _placed(arrays: Arrays, *place: int) -> Arrays:
    """Return arrays with where they belong: beside them, one flipped bit would lead elsewhere."""
    return {**arrays, _PLACE: np.array(place, np.int64)}


def _taken(content: bytes, *place: int) -> Arrays:
    arrays = unpack(content)
    # An earlier version did not say.
    known = arrays.pop(_PLACE, None)
    if known is not None and known.tolist() != list(place):
        message = f"it is of place {known.tolist()}, not {list(place)}"
        raise ValueError(message)
    return arrays
