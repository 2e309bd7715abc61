"""What measures the sets of a search, and what it measured: kept, on its way, and settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.data import LoadedBars
from btkit.errors import InternalError, WorkerUnavailableError

if TYPE_CHECKING:
    from btkit.jobs.job import SearchJob
    from btkit.validation import ParameterSets, Sweeper
    from btkit.validation.sweep import CrashedSet

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_PLACE = "set"
_CRASHED = "crashed"
# No metric's name has a colon.
_PARAMETER = "parameter:"


@dataclass(frozen=True, eq=False)
class MeasuredSets:
    """Some sets of a search, each at its place, and what they came to.

    Parameters
    ----------
    columns
        What the columns of the rows are.
    places : ndarray of int64, shape (n_sets,)
        Of the sets that were measured.
    rows : ndarray of float64, shape (n_sets, n_metrics)
        Of these.
    crashed
        Why others could not be, by their place.
    parameters
        float64 (n_sets,) by name, for whoever does not make the sets again; empty where not told.
    """

    columns: tuple[str, ...]
    places: Places
    rows: Floats
    crashed: Mapping[int, str] = field(default_factory=dict)
    parameters: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def none(cls, columns: tuple[str, ...]) -> MeasuredSets:
        """Return no sets."""
        return cls(columns, np.zeros(0, np.int64), np.zeros((0, len(columns))))

    def to_parquet(self) -> bytes:
        """Return the content of a file: a row a set, its place under ``set``."""
        import pyarrow as pa  # noqa: PLC0415 - slow to import, and seldom needed
        from pyarrow.parquet import write_table  # noqa: PLC0415 - as above

        # A frame on the way to the table costs more than the table.
        many = len(self.crashed)
        places = np.append(self.places, np.fromiter(self.crashed, np.int64, many))
        undefined = np.full(many, np.nan)
        table = {
            _PLACE: places,
            **{
                name: np.append(self.rows[:, index], undefined)
                for index, name in enumerate(self.columns)
            },
            **{
                f"{_PARAMETER}{name}": np.append(values, undefined)
                for name, values in self.parameters.items()
            },
        }
        if many:
            whys = [*[None] * len(self.places), *self.crashed.values()]
            table[_CRASHED] = pa.array(whys, pa.string())
        content = BytesIO()
        # Hardly two sets have the same numbers, and nobody looks for one by its extremes.
        write_table(pa.table(table), content, use_dictionary=False, write_statistics=False)
        return content.getvalue()

    @classmethod
    def from_parquet(
        cls, content: bytes, columns: tuple[str, ...], *, most: int | None = None
    ) -> MeasuredSets:
        """Return the sets that `to_parquet` wrote.

        Parameters
        ----------
        content
            Of the file.
        columns
            What the columns of the rows must be.
        most
            More rows are refused before they are read.

        Raises
        ------
        ValueError, KeyError, OSError
            If it is no such file.
        """
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - slow to import, and seldom needed

        file = ParquetFile(BytesIO(content))
        if most is not None and file.metadata.num_rows > most:
            raise ValueError(f"{file.metadata.num_rows:,} rows, and {most:,} at the most")
        told = [name for name in file.schema_arrow.names if name.startswith(_PARAMETER)]
        further = [*{_CRASHED}.intersection(file.schema_arrow.names), *told]
        table = file.read(columns=[_PLACE, *columns, *further], use_threads=False)
        places = table[_PLACE].to_numpy()
        if places.dtype != np.int64:
            raise ValueError("its places are no whole numbers")
        rows = np.empty((len(places), len(columns)))
        for index, name in enumerate(columns):
            rows[:, index] = table[name].to_numpy()
        whys = table[_CRASHED].to_pylist() if _CRASHED in further else [None] * len(places)
        crashed = np.array([why is not None for why in whys], np.bool_)
        return cls(
            columns,
            places[~crashed],
            rows[~crashed],
            {int(places[at]): str(whys[at]) for at in np.flatnonzero(crashed)},
            {
                name.removeprefix(_PARAMETER): table[name].to_numpy().astype(float)[~crashed]
                for name in told
            },
        )

    @classmethod
    def concatenate(cls, parts: Sequence[MeasuredSets], columns: tuple[str, ...]) -> MeasuredSets:
        """Return the sets of all parts, in their order; their parameters are not told."""
        parts = [cls.none(columns), *parts]
        crashed: dict[int, str] = {}
        for part in parts:
            crashed |= part.crashed
        return cls(
            columns,
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.rows for part in parts]),
            crashed,
        )


class Settled(NamedTuple):
    """The sets of a search that are done.

    Parameters
    ----------
    sets
        Those that could be measured, in the order of the search.
    rows : ndarray of float64, shape (n_sets, n_metrics)
        Of these.
    crashed
        The others.
    """

    sets: ParameterSets
    rows: Floats
    crashed: tuple[CrashedSet, ...] = ()


def sweeper_of(
    job: SearchJob, loaded: LoadedBars, probe: ParameterSets, *, threads: int
) -> Sweeper:
    """Return what measures sets of a prepared job.

    Parameters
    ----------
    job, loaded
        What is asked, and the bars to measure on.
    probe
        Some of the sets, at least one.
    threads
        How many sets are simulated at once; no result depends on it.

    Raises
    ------
    BtkitError
        As `btkit.validation.prepare`.
    """
    from btkit.validation import prepare  # noqa: PLC0415 - brings numba

    return prepare(
        job.rules,
        loaded.bars,
        probe,
        **job.account,
        start=loaded.start,
        benchmark=loaded.benchmark,
        others=loaded.others,
        detail=loaded.detail,
        threads=threads,
        objective=job.objective,
    )


def settle(sets: ParameterSets, measured: MeasuredSets) -> Settled:
    """Return the sets that could be measured with their rows, and those that crashed.

    Parameters
    ----------
    sets
        All that were to be measured.
    measured
        Each of these once, at its index among them.

    Raises
    ------
    InternalError
        If a set is missing, or there twice: nothing is measured in its place.
    WorkerUnavailableError
        If all of them crashed.
    """
    from btkit.validation.sweep import CrashedSet  # noqa: PLC0415 - brings numba

    total = len(sets)
    crashed = np.array(sorted(measured.crashed), np.int64)
    found = np.sort(np.concatenate([measured.places, crashed]))
    if not np.array_equal(found, np.arange(total)):
        missing = np.setdiff1d(np.arange(total), found)
        doubled = found[:-1][np.diff(found) == 0]
        raise InternalError(
            f"Of {total:,} parameter sets {len(missing):,} were not measured, and "
            f"{len(doubled):,} twice.",
            hint="Begin the job again, and please report this.",
            details={"missing": missing[:10].tolist(), "doubled": doubled[:10].tolist()},
        )
    if not len(measured.places):
        raise WorkerUnavailableError(
            f"None of the {total:,} parameter sets could be measured: "
            f"{next(iter(measured.crashed.values()))}",
            hint="Try one of them with `backtest run`; memory may have run out.",
            details={"crashed": total},
        )
    order = np.argsort(measured.places)
    kept = sets.take(measured.places[order]) if measured.crashed else sets
    lost = tuple(CrashedSet(sets.at(place), measured.crashed[place]) for place in crashed.tolist())
    return Settled(kept, measured.rows[order], lost)
