"""The verbs: load, simulate, report, store; and reading back what was stored."""

from __future__ import annotations

from btkit.runs.checking import check
from btkit.runs.deleting import delete
from btkit.runs.delivering import queue_report, sync
from btkit.runs.execute import WARMUP_BARS
from btkit.runs.exporting import export
from btkit.runs.options import options_sim
from btkit.runs.progress import Counting, Note, Progress, Silent
from btkit.runs.resuming import cancel, resume
from btkit.runs.rules import run
from btkit.runs.stored import list_runs, load_document, load_run, report
from btkit.runs.verifying import verify
from btkit.settings import read_settings

__all__ = [
    "WARMUP_BARS",
    "Counting",
    "Note",
    "Progress",
    "Silent",
    "cancel",
    "check",
    "delete",
    "export",
    "list_runs",
    "load_document",
    "load_run",
    "options_sim",
    "queue_report",
    "read_settings",
    "report",
    "resume",
    "run",
    "sync",
    "verify",
]
