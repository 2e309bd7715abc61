"""A piece of a job, and what a kind of job says of its pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from btkit.errors import InternalError, UsageError
from btkit.jobs.execution import Execution
from btkit.jobs.job import BaseJob, SpecJob
from btkit.jobs.pieces.summary import Summary
from btkit.storage import FINISH, WHOLE, Piece

__all__ = ["FINISH", "WHOLE", "Division", "Piece"]


@dataclass(frozen=True)
class Division:
    """How a kind of job is divided.

    Parameters
    ----------
    unit
        What it counts: ``"sets"``, ``"jobs"`` or ``"bars"``.
    groups
        Takes a prepared job, and returns how many places each group has; [] where the job is done
        whole. Reads no file, and makes no list of the places.
    inputs_of
        Takes a job and a piece, `WHOLE` or `FINISH`; returns the job whose bars it needs, None
        where it needs none.
    work
        Takes a job, a piece of it and where it is executed; returns the piece's content, bytes that
        `finish` reads. Bars of `inputs_of` may be handed over in the Execution. Counts sets through
        its progress, and what that raises ends it.
    finish
        Takes a job, the pieces with the files that their contents are in, each place of each group
        in exactly one of them, and an Execution; stores the outcome by the code of a job that was
        never divided, with its bits, and returns the id.
    summarise
        Takes a job, a piece and its content; returns what can be said of it at once. None where
        there is nothing to rank.
    crashed
        Takes a job, a piece of one place and why; returns a content that says that this place
        killed whoever worked on it. None where a job that does so fails as a whole.
    """

    unit: str
    groups: Callable[[Any], list[int]]
    inputs_of: Callable[[Any, Piece], SpecJob | None]
    work: Callable[[Any, Piece, Execution], bytes]
    finish: Callable[[Any, Iterable[tuple[Piece, Path]], Execution], str]
    summarise: Callable[[Any, Piece, bytes], Summary] | None = None
    crashed: Callable[[Any, Piece, str], bytes] | None = None


def check_piece(piece: Piece, sizes: Sequence[int]) -> None:
    """Refuse a piece that a job has not.

    Parameters
    ----------
    piece
        Of a group.
    sizes
        How many places each group has.

    Raises
    ------
    UsageError
        If the group or a place is none of the job's.
    """
    if not 0 <= piece.group < len(sizes) or piece.hi > sizes[piece.group]:
        raise UsageError(
            f"The job has no places {piece.lo:,} to {piece.hi - 1:,} of group {piece.group}.",
            hint="Divide it by the sizes of its groups.",
            details={"piece": piece.to_json(), "groups": list(sizes[:10])},
        )


def undivided(unit: str) -> Division:
    """Return the division of a kind of job that is always done whole.

    Parameters
    ----------
    unit
        What such a job counts.
    """

    def refuse(job: BaseJob, *_: object) -> NoReturn:
        raise InternalError(
            f"A job of the kind {job.kind!r} has no pieces.",
            hint="Have it executed whole.",
            details={"kind": job.kind},
        )

    return Division(unit, lambda _job: [], lambda job, _piece: job, refuse, refuse)


def check_whole(pieces: Iterable[Piece], sizes: Sequence[int]) -> None:
    """Refuse to put together what is not there, or there twice.

    Parameters
    ----------
    pieces
        In any order.
    sizes
        How many places each group has.

    Raises
    ------
    InternalError
        If a place is in no piece, or in two.
    """
    reached = [0] * len(sizes)
    for piece in sorted(pieces, key=lambda one: (one.group, one.lo)):
        if not 0 <= piece.group < len(sizes) or piece.lo != reached[piece.group]:
            raise torn(piece.to_json())
        reached[piece.group] = piece.hi
    for group, (hi, size) in enumerate(zip(reached, sizes, strict=True)):
        if hi != size:
            raise torn({"group": group, "lo": hi, "hi": size})


def torn(where: Mapping[str, int]) -> InternalError:
    """Return what refuses to put pieces together: around these places one lacks, or is doubled."""
    return InternalError(
        f"The pieces of the job do not make the whole: around places {where['lo']:,} to "
        f"{where['hi']:,} of group {where['group']} one is missing, or there twice.",
        hint="Begin the job again, and please report this.",
        details={"piece": dict(where)},
    )
