"""The watch over a run: it hears that the run shall stop, and saves how far it is."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from btkit.documents import gather_versions
from btkit.jobs.progress import ProgressListener
from btkit.jobs.watching import Watch, record_end
from btkit.settings import Settings
from btkit.storage import Checkpoint, Store

if TYPE_CHECKING:
    from btkit.engine import ChunkedRun, Outcome, Snapshot

CHUNK_BARS = 20_000
"""Bars between two looks at the clock: a millisecond or two of work."""


class RunWatch(Watch):
    """Watches over one run of this process, and saves checkpoints of its simulation.

    Parameters
    ----------
    store
        Where the run was begun or claimed.
    run_id
        The run.
    settings
        Its `checkpoint_bars` and `checkpoint_seconds` say how often a simulation is saved.
    progress
        Notified how far a simulation is, if it counts.
    is_resumed
        Whether the run may have a checkpoint.

    Attributes
    ----------
    resumed_bars
        How many bars the simulation took from a checkpoint.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        *,
        settings: Settings,
        progress: ProgressListener,
        is_resumed: bool = False,
    ) -> None:
        super().__init__(store.jobs, run_id, progress=progress)
        self._is_resumed = is_resumed
        self.resumed_bars = 0
        self._every_bars = settings.checkpoint_bars
        self._every_seconds = settings.checkpoint_seconds
        self._simulation: ChunkedRun | None = None
        self._fingerprint = ""
        # The last checkpoint, and how many parts are stored with it. One attribute, so that an
        # interrupt finds both as they were or both as they are.
        self._stored: tuple[Snapshot | None, int] = None, 0
        self._saved_at = time.monotonic()

    def finish(self, simulation: ChunkedRun) -> Outcome:
        """Run a loop in parts, going on from the run's checkpoint where there is one.

        Parameters
        ----------
        simulation
            The loop.

        Returns
        -------
        Outcome
            What it comes to in one piece, to the last bit.

        Raises
        ------
        InterruptedRunError
            If somebody wants the run to stop.
        StoreError
            If a checkpoint cannot be stored.
        """
        if self._is_resumed:
            self._restore(simulation)
        self._simulation = simulation
        chunk = min(self._every_bars or CHUNK_BARS, CHUNK_BARS)
        return simulation.finish(chunk_bars=chunk, after_chunk=self._after_chunk)

    def _record(self, error: BaseException) -> str:
        saved, parts = self._stored
        _, checkpoint = self._checkpoint(saved)
        return record_end(error, self._jobs, self.job_id, checkpoint=checkpoint, first_part=parts)

    def _restore(self, simulation: ChunkedRun) -> None:
        checkpoint = self._jobs.load_checkpoint(self.job_id)
        if checkpoint is None or checkpoint.fingerprint != self._mark(simulation):
            # Other bars, versions or code: only the first bar gives what an unbroken run gives.
            return
        with suppress(ValueError, KeyError, IndexError):
            snapshot = _snapshot(checkpoint)
            simulation.restore(snapshot)
            self._stored = snapshot, len(checkpoint.parts)
            self.resumed_bars = snapshot.next_bar - simulation.start

    def _mark(self, simulation: ChunkedRun) -> str:
        # Hashing all that the loop reads takes a while, which most runs need not spend.
        if not self._fingerprint:
            versions = sorted(gather_versions().items())
            self._fingerprint = simulation.fingerprint(salt=repr(versions))
        return self._fingerprint

    def _after_chunk(self, simulation: ChunkedRun) -> None:
        now = time.monotonic()
        if self._is_due(simulation, now):
            self._save()
            self._saved_at = now
        done = simulation.next_bar - simulation.start
        self.count(done, simulation.bars - simulation.start, "bars")

    def _is_due(self, simulation: ChunkedRun, now: float) -> bool:
        saved, _ = self._stored
        saved_bar = simulation.start if saved is None else saved.next_bar
        if self._every_bars is not None and simulation.next_bar - saved_bar >= self._every_bars:
            return True
        return now - self._saved_at >= self._every_seconds

    def _save(self) -> None:
        saved, parts = self._stored
        snapshot, checkpoint = self._checkpoint(saved)
        if checkpoint is None:
            return
        if self._jobs.save_checkpoint(self.job_id, checkpoint, first_part=parts):
            self._is_cancelled.set()
        self._stored = snapshot, parts + 1

    def _checkpoint(self, saved: Snapshot | None) -> tuple[Snapshot | None, Checkpoint | None]:
        """Return where the simulation stands, with what happened since `saved`."""
        from btkit.engine.state import CASH  # noqa: PLC0415 - the loop is slow to import

        simulation = self._simulation
        if simulation is None or simulation.next_bar == simulation.start:
            return None, None
        snapshot = simulation.snapshot(since=saved)
        return snapshot, Checkpoint(
            bar_index=snapshot.next_bar - 1,
            cash=float(snapshot.state.money[CASH]),
            fingerprint=self._mark(simulation),
            state=snapshot.state._asdict(),
            parts=[{**snapshot.trades._asdict(), **snapshot.curve._asdict()}],
        )


def _snapshot(checkpoint: Checkpoint) -> Snapshot:
    from btkit.engine import Snapshot  # noqa: PLC0415 - as above

    # A part that lacks what the first has is damaged, and says so by a KeyError.
    first = checkpoint.parts[0]
    done = {name: np.concatenate([part[name] for part in checkpoint.parts]) for name in first}
    return Snapshot.of(checkpoint.bar_index + 1, checkpoint.state, done)
