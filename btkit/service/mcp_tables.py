"""Tables of stored jobs, page by page, for an agent that wants more than the sum."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from btkit.errors import UsageError
from btkit.jobs import load_document, load_run
from btkit.jobs.files import load_stored
from btkit.settings import Settings

ROWS = 25
"""On a page."""
TEMPLATE = "btkit://runs/{id}/{table}{?page}"
"""Of the address of a page, as RFC 6570 writes it."""

_ADDRESS = re.compile(r"btkit://runs/([0-9A-Za-z-]{1,64})/([a-z]+)(?:\?page=([0-9]{1,9}))?")
# Of a row with all metrics an agent reads few.
_OF_SETS = (
    "total_trades", "total_return_pct", "sharpe_ratio", "max_drawdown_pct", "profit_factor",
)  # fmt: skip
_OF_A_CURVE = ("equity", "cash", "invested", "close", "drawdown", "benchmark", "window")
_OF_A_JOB = ("job", "command", "strategy", "symbol", "start", "end", "run_id", "verdict")


@dataclass(frozen=True)
class Table:
    """What can be read of a job by page.

    Parameters
    ----------
    what
        For people.
    read
        Returns it whole, by the job's id.
    """

    what: str
    read: Callable[[str, Settings], pd.DataFrame]


def _trades(job_id: str, settings: Settings) -> pd.DataFrame:
    return load_run(job_id, settings=settings).trades


def _equity(job_id: str, settings: Settings) -> pd.DataFrame:
    if job_id.isalnum():
        curve = load_stored("walk-forward", job_id, settings=settings)[1]
    else:
        curve = load_run(job_id, settings=settings).curve
    kept = [name for name in _OF_A_CURVE if name in curve]
    return curve[kept].rename_axis("time").reset_index()


def _sets(job_id: str, settings: Settings) -> pd.DataFrame:
    document, frame = load_stored("sweep", job_id, settings=settings)
    kept = [*document["parameters"], *_OF_SETS]
    return frame[[name for name in dict.fromkeys((*kept, document["objective"])) if name in frame]]


def _windows(job_id: str, settings: Settings) -> pd.DataFrame:
    rows = load_document(job_id, settings=settings).get("windows", [])
    return pd.DataFrame([{**row, "command": None} for row in rows]).drop(
        columns=["command", "undefined"], errors="ignore"
    )


def _jobs(job_id: str, settings: Settings) -> pd.DataFrame:
    rows = load_document(job_id, settings=settings).get("results", [])
    return pd.DataFrame([{name: row.get(name) for name in _OF_A_JOB} for row in rows])


TABLES: Mapping[str, Table] = {
    "trades": Table("Every trade of a run", _trades),
    "equity": Table("The account of a run or of a walk-forward, bar by bar", _equity),
    "sets": Table("Every parameter set of a sweep", _sets),
    "windows": Table("The windows of a walk-forward", _windows),
    "jobs": Table("The jobs of a batch", _jobs),
}
"""By name."""


def address_of(job_id: str, table: str, page: int = 1) -> str:
    """Return where a page of a table is read."""
    return f"btkit://runs/{job_id}/{table}?page={page}"


def read_page(address: str, *, settings: Settings) -> dict[str, Any]:
    """Return a page of a table.

    Parameters
    ----------
    address
        As `address_of` makes it; without a page it is the first.
    settings
        Where jobs are stored.

    Returns
    -------
    dict
        ``rows`` in all, ``page`` of ``pages``, ``columns``, and ``data``: a list for each of its 25
        rows; ``next`` is the address of the page after it, None on the last.

    Raises
    ------
    UsageError
        If it is no such address, or there is no such page.
    BtkitError
        If there is no such job, or it cannot be read.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or found[2] not in TABLES:
        raise UsageError(
            f"{address!r} is no address of a table.",
            hint=f"Write {TEMPLATE.removesuffix('{?page}')}?page=N with a table of "
            f"{', '.join(TABLES)}.",
            details={"argument": "uri"},
        )
    job_id, name, page = found[1], found[2], int(found[3] or 1)
    frame = TABLES[name].read(job_id, settings)
    pages = max(1, math.ceil(len(frame) / ROWS))
    if not 1 <= page <= pages:
        raise UsageError(
            f"There is no page {page} of the {name} of {job_id}.",
            hint=f"Pages are 1 to {pages}.",
            details={"argument": "uri", "pages": pages},
        )
    part = frame.iloc[(page - 1) * ROWS : page * ROWS]
    told = json.loads(part.to_json(orient="split", date_format="iso", date_unit="s", index=False))
    return {
        "rows": len(frame),
        "page": page,
        "pages": pages,
        "columns": told["columns"],
        "data": told["data"],
        "next": address_of(job_id, name, page + 1) if page < pages else None,
    }
