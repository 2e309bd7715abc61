"""What of an unfinished sweep is done, so that the same command goes on with the rest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from btkit.errors import StoreError
from btkit.jobs.files import explained
from btkit.jobs.measured_sets import Floats, MeasuredSets, Places
from btkit.metrics import MEASURED, plugins_of_metrics
from btkit.writing import digest_of, digest_of_json, make_folder, write_whole

if TYPE_CHECKING:
    from btkit.models.classifiers import Classifier
    from btkit.spec import BaseSpec
    from btkit.validation import ParameterSets, Sweeper

_KEEP_EVERY_S = 2.0
_MARKER = ".job"
_ATTEMPTS = 5
# What rows depend on beyond the compiled code.
_SOURCES = ("indicators", "models", "simulation", "validation")


def brought_by_user(
    spec: BaseSpec, symbol: str | None, objective: str, *, classifiers: Iterable[Classifier] = ()
) -> dict[str, Any]:
    """Return what `identify` is to know of what a user brought that is read.

    Those are events, indicators, metrics and trained classifiers.

    Parameters
    ----------
    spec
        What is asked.
    symbol
        The instrument; None for one without a name.
    objective
        What sets are ranked by.
    classifiers
        Those of the spec, loaded.
    """
    hashes = {one.name: [known.bundle.hash for known in one.bundles] for one in classifiers}
    fingerprint = spec.events_read(symbol).fingerprint()
    read = [*spec.plugins_read(), *plugins_of_metrics([objective])]
    plugins = [plugin.to_document() for plugin in read]
    return {
        **({} if fingerprint is None else {"events": fingerprint}),
        **({"plugins": plugins} if plugins else {}),
        **({"classifiers": hashes} if hashes else {}),
    }


def identify(asked: Mapping[str, Any]) -> str:
    """Return an id that is the same for the same question, plain JSON, put to the same code."""
    from btkit.conditions.compiled import sources_hash  # noqa: PLC0415 - brings numba
    from btkit.documents import gather_versions  # noqa: PLC0415 - with it

    whole = {**asked, "versions": gather_versions(), "sources": sources_hash(*_SOURCES)}
    return digest_of_json(whole)[:16]


class FinishedSets:
    """Finished sets of a sweep that is not, in files beside the table to be.

    Parameters
    ----------
    folder
        Of these files alone.
    job_id
        The job that wants them; deleting it deletes these, unless another one wants them, too.
    columns
        What the columns of the rows are.
    private
        BT_PRIVATE.
    """

    def __init__(
        self,
        folder: Path,
        *,
        job_id: str,
        columns: tuple[str, ...] = MEASURED,
        private: bool = False,
    ) -> None:
        self._columns = columns
        self.folder = folder
        self._marker = folder / f"{job_id}{_MARKER}"
        self._private = private
        self._places: list[Places] = []
        self._rows: list[Floats] = []
        self._flushed_at = time.perf_counter()

    def read(self) -> tuple[Places, Floats]:
        """Return the places of the sets that are done, and their rows."""
        parts = []
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                content = path.read_bytes()
                if digest_of(content) != path.stem.partition("-")[2]:
                    # Not what was written: those sets are simulated again.
                    continue
                parts.append(MeasuredSets.from_parquet(content, self._columns))
            except (OSError, ValueError, KeyError):
                # Not ours, or of other columns.
                continue
        found = MeasuredSets.concatenate(parts, self._columns)
        return found.places, found.rows

    def add(self, places: NDArray[Any], rows: Floats) -> None:
        """Keep some more, on disk every other second.

        Parameters
        ----------
        places : ndarray of int64, shape (n_sets,)
            None of them kept before.
        rows : ndarray of float64, shape (n_sets, n_metrics)
            Copied.
        """
        # A search that goes on proposes what is known, too.
        if len(places):
            self._places.append(np.array(places, np.int64))
            self._rows.append(rows.copy())
        if time.perf_counter() - self._flushed_at > _KEEP_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet."""
        if not self._places:
            return
        places = np.concatenate(self._places)
        content = MeasuredSets(self._columns, places, np.concatenate(self._rows)).to_parquet()
        # The name says what it must hold: one flipped bit is another set's result.
        self._write(self.folder / f"{places[0]:019d}-{digest_of(content)}.parquet", content)
        self._places, self._rows = [], []
        self._flushed_at = time.perf_counter()

    def _write(self, path: Path, content: bytes) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                with explained(path):
                    make_folder(self.folder, private=self._private)
                    write_whole(path, content, private=self._private)
                    write_whole(self._marker, b"", private=self._private)
            except StoreError as error:
                # Whoever does the same sweep has finished it, and removed the folder just now.
                gone = isinstance(error.__cause__, FileNotFoundError)
                if not gone or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def remove(self) -> None:
        """Forget everything: the table has it now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def forget_finished(folder: Path, job_id: str) -> None:
    """Remove the finished sets below the report folder that only this job wanted."""
    for marker in folder.glob(f".*.parts/{job_id}{_MARKER}"):
        marker.unlink(missing_ok=True)
        if not list(marker.parent.glob(f"*{_MARKER}")):
            shutil.rmtree(marker.parent, ignore_errors=True)


def measure_rest(
    sets: ParameterSets,
    sweeper: Sweeper,
    kept: FinishedSets | None,
    on_progress: Callable[[int, int], None],
) -> Floats:
    """Return a row for each set, measuring those that no earlier attempt has.

    Parameters
    ----------
    sets, sweeper
        All that are wanted, and what measures them.
    kept
        What is done, and takes what is done now; None keeps nothing.
    on_progress
        Takes how many are done, and how many there are.
    """
    total = len(sets)
    if kept is None:
        return sweeper.measure(
            sets, on_chunk=lambda first, rows: on_progress(first + len(rows), total)
        )
    places, rows = kept.read()
    table = np.empty((total, rows.shape[1]))
    done = np.zeros(total, np.bool_)
    table[places], done[places] = rows, True
    left = np.flatnonzero(~done)
    if not left.size:
        return table

    def keep(first: int, measured: Floats) -> None:
        which = left[first : first + len(measured)]
        table[which] = measured
        kept.add(which, measured)
        on_progress(total - len(left) + first + len(measured), total)

    sweeper.measure(sets.take(left), on_chunk=keep)
    return table
