"""Checksums of all that is stored: what changed by itself is refused, never read as something else.

A curve with one flipped bit is another curve; Parquet, JSON and SQLite read it without a word.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal

from btkit.errors import CorruptFileError
from btkit.owner import now_text
from btkit.storage import rows
from btkit.writing import digest_of

FileKind = Literal["rows", "curve", "table", "json", "notebook", "html", "csv", "spec"]
"""What a checksum is of: ``rows`` lie in the database, ``curve`` in BT_CURVE_DIR, the others in
BT_REPORT_DIR."""

REPORT, TRADES, REQUEST = "report", "trades", "request"
"""Names of the parts of a job that lie in the database."""

_MENDING = (
    "`backtest check --repair` puts it right from a sound copy, or from the same bars again, where "
    "it can; else restore it from a backup or run the backtest again."
)


@dataclass(frozen=True)
class Checksum:
    """What is known of something that was written.

    Parameters
    ----------
    owner_id
        The run, sweep or walk-forward validation that it belongs to.
    name
        Of the file, below its folder; or `REPORT`, `TRADES`, `REQUEST`.
    kind
        What it is.
    sha256
        Of its content, in hexadecimal digits.
    size
        In bytes.
    """

    owner_id: str
    name: str
    kind: FileKind
    sha256: str
    size: int

    @classmethod
    def of(cls, owner_id: str, name: str, kind: FileKind, content: bytes) -> Checksum:
        """Return the checksum of some content."""
        return cls(owner_id, name, kind, digest_of(content), len(content))

    @classmethod
    def of_file(cls, owner_id: str, name: str, kind: FileKind, file: BufferedIOBase) -> Checksum:
        """Return the checksum of an open file, which is read from its beginning to its end."""
        file.seek(0)
        return cls(
            owner_id, name, kind, hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
        )


Checksums = Mapping[str, Checksum]
"""Checksums of one owner by name; empty where an earlier version stored it."""


def note_checksums(connection: sqlite3.Connection, checksums: Iterable[Checksum]) -> None:
    """Note what was written, in place of what was noted under the same names."""
    connection.executemany(
        "INSERT OR REPLACE INTO backtest_checksums"
        " (owner_id, name, kind, sha256, size, written_at) VALUES (?, ?, ?, ?, ?, ?)",
        [(one.owner_id, one.name, one.kind, one.sha256, one.size, now_text()) for one in checksums],
    )


def known_checksums(connection: sqlite3.Connection, owner_id: str) -> Checksums:
    """Return what was noted of an owner."""
    found = connection.execute(
        "SELECT owner_id, name, kind, sha256, size FROM backtest_checksums WHERE owner_id = ?",
        (owner_id,),
    )
    return {row["name"]: Checksum(*row) for row in found}


def forget_checksums(
    connection: sqlite3.Connection, owner_id: str, *, name: str | None = None
) -> None:
    """Forget what was noted of an owner, or of the one thing of it that is gone."""
    connection.execute(
        "DELETE FROM backtest_checksums WHERE owner_id = ? AND name = coalesce(?, name)",
        (owner_id, name),
    )


def report_checksum(run_id: str, text: object) -> Checksum:
    """Return the checksum of a job's document; in a damaged file that need be no text."""
    return _text_checksum(run_id, REPORT, text)


def request_checksum(job_id: str, text: object) -> Checksum:
    """Return the checksum of what was asked of a job; see `report_checksum`."""
    return _text_checksum(job_id, REQUEST, text)


def check_request(connection: sqlite3.Connection, job_id: str, text: object, path: Path) -> None:
    """Refuse to go on with something else than what was asked of a job."""
    known = known_checksums(connection, job_id).get(REQUEST)
    check_content(
        known,
        request_checksum(job_id, text),
        what=f"What was asked of run {job_id} in {path}",
        hint="Run the backtest again from its command, or restore the database from a backup.",
    )


def trades_checksum(run_id: str, trades: Iterable[Mapping[str, Any]]) -> Checksum:
    """Return the checksum of a run's trades, as `rows.SELECT_TRADES` gives them."""
    # What a run of an earlier version lacks was not there when its checksum was taken; nor was what
    # the trades of some strategies alone have.
    values = [
        [
            value
            for name, value in dict(trade).items()
            if value is not None or name not in {*rows.EXCURSIONS, *rows.OWN_COLUMNS}
        ]
        for trade in trades
    ]
    return Checksum.of(run_id, TRADES, "rows", json.dumps(values, default=repr).encode())


def stored_trades_checksum(connection: sqlite3.Connection, run_id: str) -> Checksum:
    """Return the checksum of a run's trades as they are in the database now."""
    return trades_checksum(run_id, connection.execute(rows.SELECT_TRADES, (run_id,)))


def _text_checksum(owner_id: str, name: str, text: object) -> Checksum:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
    return Checksum.of(owner_id, name, "rows", content)


def check_content(
    known: Checksum | None, found: Checksum | bytes, *, what: str, hint: str = _MENDING
) -> None:
    """Refuse what is not what was written; of what nothing was noted, nothing can be said."""
    if known is None:
        return
    sha256 = digest_of(found) if isinstance(found, bytes) else found.sha256
    if sha256 != known.sha256:
        raise CorruptFileError(
            f"{what} is damaged: it is not what was written, so it is not read.",
            hint=hint,
            details={
                "run_id": known.owner_id,
                "name": known.name,
                "kind": known.kind,
                "expected_sha256": known.sha256,
                "sha256": sha256,
            },
        )
