"""What a parcel is made of, for those who pack one and those who open it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from btkit.settings import Settings
from btkit.storage.store import Store

MANIFEST: Final = "parcel.json"
FILES: Final = "files.jsonl"
ROWS: Final = "rows/{}.jsonl"
BLOB: Final = "blobs/{}/{}"
FILE: Final = "files/{}"
CURVE: Final = "curves/{}.parquet"

TABLES: Final = {
    "backtest_runs": "run_id",
    "btkit_jobs": "job_id",
    "backtest_metrics": "run_id",
    "backtest_metric_values": "run_id",
    "backtest_trades": "run_id",
    "backtest_checkpoints": "run_id",
    "backtest_checkpoint_parts": "run_id",
}
"""The tables that a job has rows in, and the column that says so; each after those it refers to."""

SETS: Final = "sets"
"""The kind of a file that holds finished sets of a search that has not come to its end."""

_FINISHED_SET = re.compile(r"[0-9]{19}-[0-9a-f]{64}\.parquet")


def is_finished_set(name: str) -> bool:
    """Tell whether a file below a folder of finished sets is called like one."""
    return _FINISHED_SET.fullmatch(name) is not None


def folders_of(store: Store, settings: Settings) -> dict[str, Path]:
    """Return the places of a store that documents name."""
    return {
        "curves": store.curves.folder,
        "reports": settings.report_dir.expanduser().absolute(),
        "database": store.path,
    }
