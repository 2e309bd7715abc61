"""The list of jobs: what was asked for, or the parts of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from btkit.errors import error_types
from btkit.storage.job_rows import FOUND_UNDER, JobKind, Status, awaits_document, shown_status

_NUMBERS = ("total_trades", "cagr", "max_drawdown_pct", "sharpe_ratio")
# The report's `run` object.
_RUN = (
    "run_id",
    "strategy_name",
    "strategy_version",
    "symbol",
    "start_date",
    "end_date",
    "initial_capital",
    "commission_per_contract",
    "slippage_pct",
    "created_at",
    "completed_at",
    "status",
    "error_message",
)
_DESCRIBED = (
    "strategy_name", "strategy_version", "symbol", "interval", "start_date", "end_date",
)  # fmt: skip
_COSTS = {
    "initial_capital": "capital",
    "commission_per_contract": "commission",
    "slippage_pct": "slippage",
}
_SELECT = """
SELECT j.*, r.initial_capital, r.commission_per_contract, r.slippage_pct, r.equity_curve_url,
       CASE WHEN json_valid(coalesce(r.report, j.document))
           THEN json_extract(coalesce(r.report, j.document), '$.verdict') END AS verdict,
       m.total_trades, m.cagr, m.max_drawdown_pct, m.sharpe_ratio
FROM btkit_jobs j
LEFT JOIN backtest_runs r USING (run_id)
LEFT JOIN backtest_metrics m USING (run_id)
WHERE (:symbol IS NULL OR j.symbol = :symbol COLLATE NOCASE)
  AND (:stored IS NULL OR j.status = :stored)
  AND (:kind IS NULL OR j.kind = :kind)
  AND (:everything OR j.parent_id IS :parent)
"""
_NEWEST_FIRST = """
  AND (:after IS NULL OR (j.created_at, j.rowid) <
       (SELECT a.created_at, a.rowid FROM btkit_jobs a WHERE a.job_id = :after))
ORDER BY j.created_at DESC, j.rowid DESC
"""
_IN_ORDER = """
  AND (:after IS NULL OR (j.part, j.rowid) >
       (SELECT a.part, a.rowid FROM btkit_jobs a WHERE a.job_id = :after))
ORDER BY j.part, j.rowid
"""


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are wanted.

    Parameters
    ----------
    symbol
        Only those on this instrument, in upper or lower case; None for all.
    status, kind
        Only those that stand so, or were asked for by this command; None for all.
    parent
        Only the parts of this job, in their order; None for what was asked for itself.
    everything
        Parts as well.
    after
        Only those that stand after this job in the list; None for all.
    """

    symbol: str | None = None
    status: Status | None = None
    kind: JobKind | None = None
    parent: str | None = None
    everything: bool = False
    after: str | None = None


def list_jobs(connection: sqlite3.Connection, wanted: JobFilter) -> Iterator[dict[str, Any]]:
    """Yield jobs as `Store.runs` lists them: the newest first, parts of one job in their order."""
    values = {
        "symbol": wanted.symbol,
        "stored": None if wanted.status is None else FOUND_UNDER[wanted.status],
        "kind": wanted.kind,
        "parent": wanted.parent,
        "everything": wanted.everything,
        "after": wanted.after,
    }
    order = _NEWEST_FIRST if wanted.parent is None else _IN_ORDER
    for row in connection.execute(f"{_SELECT} {order}", values):
        status = shown_status(row)
        if wanted.status is None or status == wanted.status:
            yield _listed(row, status)


def describe_job(connection: sqlite3.Connection, job_id: str) -> dict[str, Any] | None:
    """Return what `list_jobs` says of one job; None if there is none."""
    values = {"symbol": None, "stored": None, "kind": None, "parent": None, "everything": True}
    row = connection.execute(
        f"{_SELECT} AND j.job_id = :job_id", {**values, "job_id": job_id}
    ).fetchone()
    return None if row is None else _listed(row, shown_status(row))


def unfinished_document(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a job that has none yet, or came to none.

    A ``run`` object, no metrics, ``passed`` false, and ``error`` where it ended early.
    """
    document = {
        "run": {name: listed[name] for name in _RUN},
        "kind": listed["kind"],
        "metrics": None,
        "equity_curve_url": None,
        "trade_count": 0,
        "passed": False,
        "verdict": None,
        "failures": [],
        "progress": listed["progress"],
    }
    job_id, status = listed["run_id"], listed["status"]
    if status in ("running", "complete"):
        return document
    kind, _, message = str(listed["error_message"] or "").partition(": ")
    if status == "interrupted":
        kind, message = "InterruptedRunError", "Its process ended before it was done."
    # What was no error of btkit's own was a fault in it.
    types = {entry["type"]: entry["retryable"] for entry in error_types()}
    kind, fault = (kind, {}) if kind in types else ("InternalError", {"exception": kind})
    again = f"`backtest resume --run-id {job_id}` goes on with it."
    return document | {
        "run_id": job_id,
        "error": {
            "type": kind,
            "message": message,
            "hint": again if listed["resumable"] else "Run the backtest again.",
            "retryable": types[kind],
            "details": {"run_id": job_id, "status": status, **fault},
        },
    }


def _listed(row: sqlite3.Row, status: Status) -> dict[str, Any]:
    is_run = row["run_id"] is not None
    request = {} if is_run else _mapping(row["request"])
    numbers: Mapping[str, Any] = row if is_run else _numbers(_mapping(row["document"]))  # type: ignore[assignment]  # a Row has names, too
    passed = row["passed"]
    return {
        "run_id": row["job_id"],
        **{name: row[name] for name in ("kind", "parent_id", "part", *_DESCRIBED)},
        **{
            name: row[name] if is_run else request.get(asked) for name, asked in _COSTS.items()
        },
        "created_at": row["created_at"],
        "completed_at": row["completed_at"],
        "status": status,
        "error_message": row["error_message"],
        "passed": None if passed is None else bool(passed),
        "verdict": row["verdict"] or {None: None, 0: "fail", 1: "pass"}[passed],
        "equity_curve_url": row["equity_curve_url"],
        **{name: numbers[name] if name in numbers.keys() else None for name in _NUMBERS},  # noqa: SIM118 - a Row has no `in`
        "attempts": row["attempts"],
        "progress": _progress(row, status),
        "resumable": _is_resumable(row, status),
    }  # fmt: skip


def _is_resumable(row: sqlite3.Row, status: Status) -> bool:
    if row["request"] is None or status == "running":
        return False
    return status != "complete" or awaits_document(row)


def _progress(row: sqlite3.Row, status: Status) -> dict[str, Any] | None:
    if status == "complete" or row["done"] is None:
        return None
    return {name: row[name] for name in ("done", "total", "unit")}


def _mapping(text: str | None) -> dict[str, Any]:
    # What is damaged must not keep the others from being listed; reading the job itself tells.
    try:
        known = json.loads(text or "{}")
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _numbers(document: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics out of sample, or of the best set."""
    best = document.get("best")
    known = document.get("stitched") or (best or {}).get("metrics")
    return known if isinstance(known, dict) else {}
