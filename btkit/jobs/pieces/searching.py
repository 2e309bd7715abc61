"""Searches in pieces: ranges of places of the grid, or of the seeded draw, of a sweep or a window.

Nobody but who finishes a search ever holds all its sets: a piece says from where to where, and who
works on it makes its own sets of that.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from btkit.data import LoadedBars
from btkit.errors import CorruptFileError, InternalError
from btkit.jobs.execution import Execution
from btkit.jobs.job import SearchJob, SweepJob, WalkForwardJob
from btkit.jobs.loading import bars_of
from btkit.jobs.measured_sets import Floats, MeasuredSets, Places, sweeper_of
from btkit.jobs.pieces.division import Piece, check_piece, check_whole
from btkit.jobs.pieces.summary import BIN, TOP, Leader, Summary
from btkit.jobs.prepare import prepare
from btkit.jobs.watching import count
from btkit.metrics import columns_for
from btkit.validation.axes import count_places

if TYPE_CHECKING:
    from btkit.validation import ParameterSets, Sweeper

    Between = Callable[[int, int], tuple[Places, ParameterSets]]

_AT_HAND = 2
"""Prepared searches that a process keeps between their pieces."""

J = TypeVar("J", bound=SearchJob)


@dataclass
class _Search:
    # A search that is worked on: what its pieces have in common. Its sweeper is made of the first
    # sets that there are; no result depends on which.

    job: SearchJob
    loaded: LoadedBars
    between: Between
    sweeper: Sweeper | None = None


class _Bench:
    """Searches that are prepared; one is off the bench while somebody works on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], tuple[LoadedBars, _Search]] = OrderedDict()

    @contextmanager
    def search(
        self, job: J, group: int, given: Execution, begin: Callable[[J, int, Execution], _Search]
    ) -> Iterator[_Search]:
        """Lend the search of a job's group on the very bars that were handed over."""
        key = (job.model_dump_json(), group)
        with self._lock:
            bars, found = self._known.pop(key, (None, None))
        if found is None or bars is not given.bars:
            found = begin(job, group, given)
        yield found
        # What a trained model said of the bars is in the sweeper, and its files may be others by
        # the next piece.
        if isinstance(given.bars, LoadedBars) and not found.job.strategy.names_bundles:
            with self._lock:
                self._known[key] = given.bars, found
                while len(self._known) > _AT_HAND:
                    self._known.popitem(last=False)


_BENCH = _Bench()


def groups_of_sweep(job: SweepJob) -> list[int]:
    """Return how many places there are: of a seeded draw as many as it has at the most."""
    total = count_places(job.parameters)
    return {"grid": [total], "random": [min(job.samples, total)], "optuna": []}[job.method]


def groups_of_validation(job: WalkForwardJob) -> list[int]:
    """Return how many places the search of each window has."""
    return [count_places(job.optimize)] * job.windows if job.optimize else []


def own_inputs(job: J, piece: Piece) -> J:  # noqa: ARG001 - as a Division has it
    """Return the job itself: all pieces are measured on its bars."""
    return job


def work_on_sweep(job: SweepJob, piece: Piece, given: Execution) -> bytes:
    """Return the content of a piece of a sweep."""
    check_piece(piece, groups_of_sweep(job))
    return _work(job, piece, given, _begin_sweep)


def work_on_validation(job: WalkForwardJob, piece: Piece, given: Execution) -> bytes:
    """Return the content of a piece of a window's search."""
    check_piece(piece, groups_of_validation(job))
    return _work(job, piece, given, _begin_window)


def finish_sweep(job: SweepJob, contents: Iterable[tuple[Piece, Path]], given: Execution) -> str:
    """Put a sweep together, and store it."""
    from btkit.jobs.sweep import execute_sweep  # noqa: PLC0415 - brings numba

    result = execute_sweep(job, _all_known(job, contents, given, groups_of_sweep(job)))
    assert result.sweep_id is not None
    return result.sweep_id


def finish_validation(
    job: WalkForwardJob, contents: Iterable[tuple[Piece, Path]], given: Execution
) -> str:
    """Put a walk-forward validation together: the runs of its windows are simulated here."""
    from btkit.jobs.walk_forward import execute_walk_forward  # noqa: PLC0415 - brings numba

    known = _all_known(job, contents, given, groups_of_validation(job))
    result = execute_walk_forward(job, known)
    assert result.report.walk_forward_id is not None
    return result.report.walk_forward_id


def mark_crashed(job: SearchJob, piece: Piece, reason: str) -> bytes:
    """Return a content that says that the sets of a piece cannot be measured, and why.

    Parameters
    ----------
    job, piece
        The job, and a piece of one place, or of a few.
    reason
        A sentence that a document shows.
    """
    none = MeasuredSets.none(columns_for(job.objective))
    crashed = dict.fromkeys(range(piece.lo, piece.hi), reason)
    return replace(none, crashed=crashed).to_parquet()


def read_sets(job: SearchJob, piece: Piece, content: bytes) -> MeasuredSets:
    """Return the sets that a content has, at their places.

    Raises
    ------
    CorruptFileError
        If it is no content of this piece.
    """
    try:
        found = MeasuredSets.from_parquet(content, columns_for(job.objective), most=len(piece))
        crashed = np.array(sorted(found.crashed), np.int64)
        if not _lie_within(found.places, piece) or not _lie_within(crashed, piece):
            raise ValueError("its places are not those of the piece")  # noqa: TRY301 - as all
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(
            f"What was brought back of places {piece.lo:,} to {piece.hi - 1:,} cannot be read: "
            f"{error}.",
            hint="Have them measured again.",
            details={"piece": piece.to_json()},
        ) from error
    return found


def summarise(job: SearchJob, piece: Piece, content: bytes) -> Summary:
    """Return what a content comes to: its best sets, and how all lie.

    Raises
    ------
    CorruptFileError
        If it is no content of this piece.
    """
    from btkit.validation import ParameterSets, rank_sets  # noqa: PLC0415 - brings numba

    found, least = read_sets(job, piece, content), job.least_trades
    order = rank_sets(found.rows, objective=job.objective, min_trades=least)[:TOP]
    merits = found.rows[:, found.columns.index(job.objective)]
    trades = found.rows[:, found.columns.index("total_trades")]
    sets = ParameterSets.of(job.axes()[1], found.parameters)
    leaders = [
        Leader(
            piece.group,
            int(found.places[index]),
            sets.at(index),
            None if math.isnan(merits[index]) else float(merits[index]),
            int(trades[index]),
        )
        for index in order.tolist()
    ]
    known = merits[np.isfinite(merits)]
    bins, counts = np.unique(np.floor(np.arcsinh(known) / BIN).astype(int), return_counts=True)
    return Summary(
        job.objective,
        least,
        tuple(leaders),
        count=len(found.places),
        crashed=len(found.crashed),
        defined=len(known),
        total=float(known.sum()),
        squares=float((known**2).sum()),
        histogram=dict(zip(bins.tolist(), counts.tolist(), strict=True)),
    )


def _lie_within(places: Places, piece: Piece) -> bool:
    if not places.size:
        return True
    ascending = bool((np.diff(places) > 0).all())
    return ascending and piece.lo <= int(places[0]) and int(places[-1]) < piece.hi


def _work(
    job: J, piece: Piece, given: Execution, begin: Callable[[J, int, Execution], _Search]
) -> bytes:
    with _BENCH.search(job, piece.group, given, begin) as search:
        columns = columns_for(job.objective)
        places, sets = search.between(piece.lo, piece.hi)
        if not len(places):
            return MeasuredSets.none(columns).to_parquet()
        if search.sweeper is None:
            # Work is spread by giving each thread of a worker a piece.
            search.sweeper = sweeper_of(search.job, search.loaded, sets, threads=1)

        def on_chunk(first: int, rows: Floats) -> None:
            count(given.progress, first + len(rows), len(places), "sets")

        rows = search.sweeper.measure(sets, on_chunk=on_chunk)
        return MeasuredSets(columns, places, rows, parameters=sets.columns).to_parquet()


def _all_known(
    job: SearchJob,
    contents: Iterable[tuple[Piece, Path]],
    given: Execution,
    sizes: list[int],
) -> Execution:
    """Return an Execution to which every set is known, by its index among the job's sets."""
    found: dict[int, list[MeasuredSets]] = {}
    pieces: list[Piece] = []
    for piece, path in contents:
        pieces.append(piece)
        found.setdefault(piece.group, []).append(read_sets(job, piece, path.read_bytes()))
    check_whole(pieces, sizes)
    columns = columns_for(job.objective)
    known = {group: MeasuredSets.concatenate(parts, columns) for group, parts in found.items()}
    if job.constraint is not None:
        held = _held(job, sizes[0])
        known = {group: _among(held, measured) for group, measured in known.items()}
    return replace(given, measured=known)


def _held(job: SearchJob, total: int) -> Places:
    """Return which places of a group have a set, all of them at once."""
    return _between(job)(0, total)[0]


def _among(held: Places, measured: MeasuredSets) -> MeasuredSets:
    """Return sets with their index among those held in place of their place in the grid."""
    # A piece is marked as crashed without knowing which of its places have a set.
    crashed = {
        int(np.searchsorted(held, place)): why
        for place, why in measured.crashed.items()
        if np.isin(place, held)
    }
    if not np.isin(measured.places, held).all():
        raise InternalError(
            "A set was measured that the constraint leaves out.",
            hint="Begin the job again, and please report this.",
        )
    return replace(measured, places=np.searchsorted(held, measured.places), crashed=crashed)


def _between(job: SearchJob) -> Between:
    if isinstance(job, SweepJob) and job.method == "random":
        return partial(_drawn_between, job)
    return partial(_grid_between, job)


def _begin_sweep(job: SweepJob, _group: int, given: Execution) -> _Search:
    known = prepare(job, settings=given.settings)
    return _Search(known, bars_of(known, given), _between(known))


def _begin_window(job: WalkForwardJob, group: int, given: Execution) -> _Search:
    from btkit.jobs.walk_forward import cut_windows  # noqa: PLC0415 - brings numba

    known = prepare(job, settings=given.settings)
    cut = cut_windows(known, bars_of(known, given))
    window = cut.windows[group]
    return _Search(known, cut.part(window.is_first, window.is_last), _between(known))


def _grid_between(job: SearchJob, first: int, last: int) -> tuple[Places, ParameterSets]:
    from btkit.validation.places import sets_between  # noqa: PLC0415 - brings numba

    return sets_between(job.axes()[1], first, last, constraint=job.constraint)


def _drawn_between(job: SweepJob, first: int, last: int) -> tuple[Places, ParameterSets]:
    drawn = job.sets
    assert drawn is not None
    some = drawn.take(slice(first, last))
    return first + np.arange(len(some)), some
