"""Jobs in pieces: how each kind is divided, worked on in pieces, and put together again.

The outcome is that of the job done in one piece, to the last bit: each piece is measured by what
measures a whole job, and the whole is put together by the code of a job that goes on, to which
everything is known already.
"""

from __future__ import annotations

from collections.abc import Mapping

from btkit.jobs.pieces.batches import (
    finish_batch,
    groups_of_batch,
    inputs_of_one,
    mark_lost,
    work_on_one,
)
from btkit.jobs.pieces.bounds import (
    MOST_SETS_OF_STATISTICS,
    OVERFITTING_SAMPLE,
    prepared_for_service,
)
from btkit.jobs.pieces.division import FINISH, WHOLE, Division, Piece, undivided
from btkit.jobs.pieces.searching import (
    finish_sweep,
    finish_validation,
    groups_of_sweep,
    groups_of_validation,
    mark_crashed,
    own_inputs,
    summarise,
    work_on_sweep,
    work_on_validation,
)
from btkit.jobs.pieces.summary import Leader, Summary

__all__ = [
    "DIVISIONS",
    "FINISH",
    "MOST_SETS_OF_STATISTICS",
    "OVERFITTING_SAMPLE",
    "WHOLE",
    "Division",
    "Leader",
    "Piece",
    "Summary",
    "prepared_for_service",
]

DIVISIONS: Mapping[str, Division] = {
    "run": undivided("bars"),
    "options-sim": undivided("bars"),
    "sweep": Division(
        "sets",
        groups_of_sweep,
        own_inputs,
        work_on_sweep,
        finish_sweep,
        summarise,
        mark_crashed,
    ),
    "walk-forward": Division(
        "sets",
        groups_of_validation,
        own_inputs,
        work_on_validation,
        finish_validation,
        summarise,
        mark_crashed,
    ),
    "batch": Division(
        "jobs", groups_of_batch, inputs_of_one, work_on_one, finish_batch, crashed=mark_lost
    ),
}
"""By the job's kind, beside `btkit.jobs.dispatch.HANDLERS`."""
