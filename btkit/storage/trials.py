"""How much was tried on a stretch of history, counted in what is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

# What was asked for itself, or is a job of a batch; the runs of a validation's windows are its own.
_SELECT = """
SELECT j.job_id, j.kind,
       json_extract(coalesce(r.report, j.document), '$.provenance.bars_hash') AS bars,
       json_extract(coalesce(r.report, j.document), '$.provenance.spec_hash') AS spec,
       json_extract(coalesce(r.report, j.document), '$.sets') AS sets,
       json_extract(coalesce(r.report, j.document), '$.windows[0].sets_tried') AS chosen_from
FROM btkit_jobs j
LEFT JOIN backtest_runs r USING (run_id)
LEFT JOIN btkit_jobs p ON p.job_id = j.parent_id
WHERE j.status = 'complete' AND j.kind <> 'batch'
  AND j.symbol = :symbol COLLATE NOCASE AND j.interval = :interval
  AND j.start_date <= :end AND j.end_date >= :start
  AND (j.parent_id IS NULL OR p.kind = 'batch')
  AND json_valid(coalesce(r.report, j.document))
"""


@dataclass(frozen=True)
class Trials:
    """What complete jobs tried.

    Parameters
    ----------
    same_bars
        Strategies and sets of parameters on exactly the bars that were asked about.
    same_range
        Those whose range overlaps, on the same symbol and interval.
    specs
        Hashes of the specs that were run on exactly the bars.
    """

    same_bars: int
    same_range: int
    specs: AbstractSet[str]


def count_trials(
    connection: sqlite3.Connection,
    *,
    symbol: str,
    interval: str,
    start: str,
    end: str,
    bars_hash: str,
) -> Trials:
    """Count what was tried.

    Parameters
    ----------
    connection
        To the database.
    symbol, interval, start, end
        Of which instrument, and over which days: YYYY-MM-DD, both included.
    bars_hash
        Of the bars, as documents have it.

    Returns
    -------
    Trials
        A spec that was run twice counts once, a sweep with its sets; in a validation each of the
        sets that it chose from counts once, whatever its windows.
    """
    values = {"symbol": symbol, "interval": interval, "start": start, "end": end}
    same: dict[str, int] = {}
    every: dict[str, int] = {}
    for row in connection.execute(_SELECT, values):
        tried = int(row["sets"] or row["chosen_from"] or 1)
        key = f"{row['kind']} {row['job_id']}" if tried > 1 else str(row["spec"])
        every[key] = tried
        if row["bars"] == bars_hash:
            same[key] = tried
    return Trials(sum(same.values()), sum(every.values()), same.keys())
