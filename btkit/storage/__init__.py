"""Where runs are kept: SQLite, and a Parquet file per equity curve."""

from __future__ import annotations

from btkit.owner import HEARTBEAT_S
from btkit.storage.arrays import Arrays
from btkit.storage.checkpoints import Checkpoint
from btkit.storage.checksums import REPORT, Checksum, Checksums, FileKind
from btkit.storage.curves import CURVE_COLUMNS, LocalCurves, curve_content
from btkit.storage.database import BUSY_TIMEOUT_S, has_content, migrate, migrations, open_database
from btkit.storage.dispatching import DispatchTable, Ending
from btkit.storage.ids import check_job_id, check_run_id, new_job_id, new_run_id
from btkit.storage.inspection import REMOTE, Inspection, StoredJob
from btkit.storage.job_rows import SHARED_KINDS, JobKind, JobRow, Part, Status
from btkit.storage.jobs import ClaimedJob, JobProgress, JobTable
from btkit.storage.kept_files import SHARED_PAGES
from btkit.storage.leases import Lease, LeaseTable
from btkit.storage.listing import JobFilter
from btkit.storage.objects import ObjectStore
from btkit.storage.operation_rows import (
    ENDED,
    FINISH,
    WHOLE,
    Asked,
    Operation,
    OperationEvent,
    OperationStatus,
    Piece,
)
from btkit.storage.operations import OperationTable
from btkit.storage.piece_rows import MOST_ATTEMPTS
from btkit.storage.rows import EXCURSIONS, FILLS, OWN_COLUMNS, trades_frame
from btkit.storage.snapshot import Stored, StoreSnapshot
from btkit.storage.store import Deleted, Store
from btkit.storage.trials import Trials, count_trials
from btkit.storage.uploads import Delivery, UploadKind, Uploads

__all__ = [
    "BUSY_TIMEOUT_S",
    "CURVE_COLUMNS",
    "ENDED",
    "EXCURSIONS",
    "FILLS",
    "FINISH",
    "HEARTBEAT_S",
    "MOST_ATTEMPTS",
    "OWN_COLUMNS",
    "REMOTE",
    "REPORT",
    "SHARED_KINDS",
    "SHARED_PAGES",
    "WHOLE",
    "Arrays",
    "Asked",
    "Checkpoint",
    "Checksum",
    "Checksums",
    "ClaimedJob",
    "Deleted",
    "Delivery",
    "DispatchTable",
    "Ending",
    "FileKind",
    "Inspection",
    "JobFilter",
    "JobKind",
    "JobProgress",
    "JobRow",
    "JobTable",
    "Lease",
    "LeaseTable",
    "LocalCurves",
    "ObjectStore",
    "Operation",
    "OperationEvent",
    "OperationStatus",
    "OperationTable",
    "Part",
    "Piece",
    "Status",
    "Store",
    "StoreSnapshot",
    "Stored",
    "StoredJob",
    "Trials",
    "UploadKind",
    "Uploads",
    "check_job_id",
    "check_run_id",
    "count_trials",
    "curve_content",
    "has_content",
    "migrate",
    "migrations",
    "new_job_id",
    "new_run_id",
    "open_database",
    "trades_frame",
]
