"""The verbs: load, simulate, report, store; and reading back what was stored."""

from __future__ import annotations

from btkit.jobs.checking import check
from btkit.jobs.deleting import delete
from btkit.jobs.delivering import queue_report, sync
from btkit.jobs.dispatch import execute
from btkit.jobs.exporting import export
from btkit.jobs.lookahead import check_lookahead
from btkit.jobs.planning import plan_job
from btkit.jobs.progress import Counting, Identifying, Note, ProgressListener, Silent
from btkit.jobs.resuming import cancel, resume
from btkit.jobs.stored import list_runs, load_document, load_run, report
from btkit.jobs.verbs import options_sim, run
from btkit.jobs.verifying import verify
from btkit.settings import read_settings

__all__ = [
    "Counting",
    "Identifying",
    "Note",
    "ProgressListener",
    "Silent",
    "cancel",
    "check",
    "check_lookahead",
    "delete",
    "execute",
    "export",
    "list_runs",
    "load_document",
    "load_run",
    "options_sim",
    "plan_job",
    "queue_report",
    "read_settings",
    "report",
    "resume",
    "run",
    "sync",
    "verify",
]
