"""What is to go to object storage: queued with the run, delivered once, whenever it can be."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from btkit.errors import CorruptFileError, StoreError
from btkit.owner import Owner, is_alive, now_text, this_process
from btkit.storage.checksums import (
    REPORT,
    check_content,
    known_checksums,
    note_checksums,
    report_checksum,
)
from btkit.storage.ids import check_job_id
from btkit.storage.objects import ObjectStore
from btkit.storage.reading import Database

UploadKind = Literal["curve", "json", "notebook", "html", "csv"]

_KEYS: Mapping[UploadKind, str] = {
    "curve": "curves/{}.parquet",
    "json": "reports/{}.json",
    "notebook": "reports/{}.ipynb",
    "html": "reports/{}.html",
    "csv": "reports/{}.trades.csv",
}
_WAITING = "(delivered_at IS NULL OR action = 'remove')"
_LISTED = "run_id, object_key, action, path, queued_at, attempts, last_error AS reason"
_CLAIM_COLUMNS = "host = NULL, pid = NULL, process_started = NULL, claimed_at = NULL"


@dataclass
class Delivery:
    """What became of the queue.

    Parameters
    ----------
    delivered
        URLs of the files that were delivered now.
    removed
        URLs of the objects that were removed now.
    waiting
        How many files and removals still wait.
    failures
        Per file that could not be delivered now: ``run_id``, ``object_key`` and ``reason``.
    queue
        What waits: ``run_id``, ``object_key``, ``action``, ``path``, ``queued_at``, ``attempts``
        and ``reason``: why its last attempt failed, or what kept it from being tried now.
    """

    delivered: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    waiting: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)


def queue_upload(
    connection: sqlite3.Connection, run_id: str, *, kind: UploadKind, path: Path
) -> None:
    """Queue a file of a run, within the caller's transaction; its kind gives it its key."""
    key = _KEYS[kind].format(check_job_id(run_id))
    connection.execute(
        "INSERT OR REPLACE INTO backtest_uploads"
        " (object_key, run_id, action, kind, path, queued_at) VALUES (?, ?, 'upload', ?, ?, ?)",
        (key, run_id, kind, str(path), now_text()),
    )


def queue_removal(connection: sqlite3.Connection, run_id: str, *, bucket: str) -> None:
    """Queue the removal of all that a run has in object storage, within the caller's transaction.

    A file of which it is not known whether it was delivered may be in `bucket`.
    """
    # What nobody ever tried to deliver is not there.
    connection.execute(
        "DELETE FROM backtest_uploads WHERE run_id = ? AND delivered_at IS NULL"
        " AND attempts = 0 AND host IS NULL",
        (run_id,),
    )
    connection.execute(
        "UPDATE backtest_uploads SET action = 'remove', bucket = coalesce(bucket, ?)"
        " WHERE run_id = ?",
        (bucket, run_id),
    )


class Uploads:
    """The queue in the database.

    Parameters
    ----------
    database
        Where the queue is.
    objects
        Where files go.
    find_curve
        Where a run's curve lies now, since a project may have been moved.
    keep_local
        Whether a curve that was delivered stays here as well.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        *,
        find_curve: Callable[[str], Path],
        keep_local: bool = False,
    ) -> None:
        self._database = database
        self._objects = objects
        self._find_curve = find_curve
        self._keep_local = keep_local

    def queue_files(self, run_id: str, files: Mapping[UploadKind, Path]) -> None:
        """Queue files of a stored run.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        with self._database.change(create=True) as connection:
            for kind, path in files.items():
                queue_upload(connection, run_id, kind=kind, path=path)

    def deliver(self, *, first: str | None = None, seconds: float = math.inf) -> Delivery:
        """Deliver what is queued, each file once, whoever else does the same meanwhile.

        It stops at the first thing that the server refuses, since the next would fare no better.

        Parameters
        ----------
        first
            The run to begin with.
        seconds
            After so long nothing more is begun.

        Returns
        -------
        Delivery
            What became of it. A server that is away or refuses is no error here.

        Raises
        ------
        StoreError
            If the database cannot be read or written.
        """
        delivery = Delivery()
        tried: set[str] = set()
        ends = time.monotonic() + seconds
        if self._count() and not self._objects.is_reachable():
            # Said once, and without an attempt on any of them.
            delivery.failures.append(
                {"run_id": first or "", "object_key": "", "reason": "the server does not answer"}
            )
        else:
            while (item := self._claim(tried, first)) is not None:
                tried.add(item["object_key"])
                if not self._work(item, delivery) or time.monotonic() >= ends:
                    break
        stopped = delivery.failures[-1]["reason"] if delivery.failures else None
        delivery.queue = self._queue(stopped or "it is tried another time, or by another process")
        delivery.waiting = len(delivery.queue)
        return delivery

    def _queue(self, stopped: str) -> list[dict[str, Any]]:
        with self._database.open(create=True) as connection:
            found = connection.execute(
                f"SELECT {_LISTED} FROM backtest_uploads WHERE {_WAITING}"  # noqa: S608 - as above
                " ORDER BY queued_at, object_key"
            )
            return [{**row, "reason": row["reason"] or stopped} for row in found]

    def _work(self, item: dict[str, Any], delivery: Delivery) -> bool:
        """Deliver or remove one thing; tell whether the next is worth a try."""
        key, bucket = item["object_key"], item["bucket"] or self._objects.bucket
        try:
            with self._released_on_error(key):
                if item["action"] == "remove":
                    self._objects.remove(key, bucket=bucket)
                    self._forget(key)
                    delivery.removed.append(self._objects.url_of(key, bucket=bucket))
                else:
                    path = self._local(item)
                    self._check(item, path)
                    self._objects.put(key, path)
                    self._conclude(item, path)
                    delivery.delivered.append(self._objects.url_of(key))
        except FileNotFoundError:
            reason = f"{item['path']} does not exist any more"
            delivery.failures.append(self._record(item, reason))
        except CorruptFileError as error:
            delivery.failures.append(self._record(item, error.message))
        except StoreError as error:
            delivery.failures.append(self._record(item, error.message))
            return False
        return True

    @contextmanager
    def _released_on_error(self, key: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with self._database.change(create=True) as connection:
                connection.execute(
                    f"UPDATE backtest_uploads SET {_CLAIM_COLUMNS}"  # noqa: S608 - a literal of ours
                    " WHERE object_key = ?",
                    (key,),
                )
            raise

    def _count(self) -> int:
        with self._database.open(create=True) as connection:
            row = connection.execute(
                f"SELECT count(*) FROM backtest_uploads WHERE {_WAITING}"  # noqa: S608 - as above
            ).fetchone()
        return int(row[0])

    def _claim(self, tried: set[str], first: str | None) -> dict[str, Any] | None:
        with self._database.change(create=True) as connection:
            waiting = connection.execute(
                f"SELECT * FROM backtest_uploads WHERE {_WAITING}"  # noqa: S608 - as above
                " ORDER BY run_id IS NOT ?, queued_at, object_key",
                (first,),
            )
            for row in waiting:
                if row["object_key"] in tried or _is_claimed(row):
                    continue
                connection.execute(
                    "UPDATE backtest_uploads SET host = ?, pid = ?, process_started = ?,"
                    " claimed_at = ? WHERE object_key = ?",
                    (*this_process(), now_text(), row["object_key"]),
                )
                return dict(row)
        return None

    def _local(self, item: dict[str, Any]) -> Path:
        path = Path(item["path"])
        if item["kind"] == "curve" and not path.is_file():
            return self._find_curve(item["run_id"])
        return path

    def _conclude(self, item: dict[str, Any], path: Path) -> None:
        """Note that a file was delivered; a curve's home is there from now on."""
        key, run_id = item["object_key"], item["run_id"]
        with self._database.change(create=True) as connection:
            connection.execute(
                f"UPDATE backtest_uploads SET {_CLAIM_COLUMNS}, delivered_at = ?,"  # noqa: S608 - as above
                " bucket = ?, last_error = NULL WHERE object_key = ?",
                (now_text(), self._objects.bucket, key),
            )
            if item["kind"] == "curve":
                _move_curve(connection, run_id, self._objects.url_of(key))
        if item["kind"] == "curve" and not self._keep_local:
            path.unlink(missing_ok=True)

    def _check(self, item: dict[str, Any], path: Path) -> None:
        """Refuse to deliver what is not what was written."""
        with self._database.open(create=True) as connection:
            known = known_checksums(connection, item["run_id"]).get(path.name)
        check_content(known, path.read_bytes(), what=f"The file {path}")

    def _forget(self, key: str) -> None:
        with self._database.change(create=True) as connection:
            connection.execute("DELETE FROM backtest_uploads WHERE object_key = ?", (key,))

    def _record(self, item: dict[str, Any], reason: str) -> dict[str, str]:
        with self._database.change(create=True) as connection:
            connection.execute(
                "UPDATE backtest_uploads SET attempts = attempts + 1, last_error = ?"
                " WHERE object_key = ?",
                (reason, item["object_key"]),
            )
        return {"run_id": item["run_id"], "object_key": item["object_key"], "reason": reason}


def _move_curve(connection: sqlite3.Connection, run_id: str, url: str) -> None:
    row = connection.execute(
        "SELECT report FROM backtest_runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    if row is None:  # deleted meanwhile; the object's removal is queued
        return
    # What is damaged must not get a checksum that says it is sound.
    known = known_checksums(connection, run_id).get(REPORT)
    check_content(known, report_checksum(run_id, row["report"]), what=f"The report of run {run_id}")
    text = json.dumps(json.loads(row["report"]) | {"equity_curve_url": url}, allow_nan=False)
    connection.execute(
        "UPDATE backtest_runs SET equity_curve_url = ?, report = ? WHERE run_id = ?",
        (url, text, run_id),
    )
    if known is not None:
        note_checksums(connection, [report_checksum(run_id, text)])


def _is_claimed(row: sqlite3.Row) -> bool:
    if row["host"] is None:
        return False
    owner = Owner(row["host"], row["pid"], row["process_started"])
    return is_alive(owner, row["claimed_at"])
