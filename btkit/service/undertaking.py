"""What the dispatcher remembers of an operation while it gives it out; the rows know the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from btkit.errors import BtkitError, CorruptFileError, StoreError, WorkerUnavailableError
from btkit.jobs.asking import stored_job
from btkit.jobs.job import BaseJob, SpecJob
from btkit.jobs.pieces import FINISH, WHOLE, Division, Piece, Summary, prepared_for_service
from btkit.jobs.prepare import prepare
from btkit.service.bar_store import BarStore
from btkit.service.bundle_hashes import bundle_hashes
from btkit.service.orders import OrderSettings, WorkOrder
from btkit.service.pace import Pace
from btkit.service.versions import fingerprint
from btkit.settings import Settings
from btkit.storage import Asked, Lease, Store
from btkit.writing import digest_of

_LOG = logging.getLogger("btkit.service")
_KILLED = "Three workers in turn were lost while they were at it."


@dataclass(frozen=True)
class Supplies:
    """What a piece needs beside the job.

    Parameters
    ----------
    bars
        SHA-256 of its bars; None for none.
    no_bars
        The error because of which there are none.
    bundles
        SHA-256 of each trained model, by its path.
    """

    bars: str | None = None
    no_bars: Mapping[str, Any] | None = None
    bundles: Mapping[str, str] = field(default_factory=dict)

    def basis(self) -> str:
        """Return the digest of this and of the code here: who differs in it may differ in a bit."""
        rests_on = [self.bars, dict(self.bundles), fingerprint()]
        return digest_of(json.dumps(rests_on, sort_keys=True).encode())


@dataclass
class Undertaking:
    """An operation that is given out.

    Parameters
    ----------
    asked
        Which.
    job
        Prepared.
    division
        How it is divided.
    sizes
        Units of each group; empty where it is not divided.
    inputs
        Of all pieces; None for a batch, whose jobs need each their own.
    pace
        What the next piece is to have.
    """

    asked: Asked
    job: BaseJob
    division: Division
    sizes: Mapping[int, int]
    inputs: Supplies | None
    pace: Pace
    of_pieces: dict[Piece, Future[Supplies]] = field(default_factory=dict)
    summarising: Future[None] | None = None
    summarise_after: float = 0.0
    noted_at: float = 0.0

    @property
    def operation_id(self) -> str:
        """Which."""
        return self.asked.operation_id

    @classmethod
    def of(
        cls,
        asked: Asked,
        store: Store,
        bars: BarStore,
        division_of: Mapping[str, Division],
        settings: Settings,
    ) -> Undertaking:
        """Prepare a job, load its bars, and note what it is made of.

        Raises
        ------
        BtkitError
            If that cannot be done, which is the operation's end.
        """
        operations, operation_id = store.operations, asked.operation_id
        operation = operations.get(operation_id)
        job = stored_job(operation.request)
        if isinstance(job, SpecJob):
            job = prepare(job, settings=settings)
        job = prepared_for_service(job)
        division = division_of[job.kind]
        sizes = dict(enumerate(division.groups(job)))
        inputs = None
        if isinstance(job, SpecJob):
            inputs = _inputs(division.inputs_of(job, WHOLE), bars, operations.bars_of(operation_id))
        rests_on = inputs or Supplies()
        if operations.note_basis(asked, rests_on.basis(), bars=rests_on.bars):
            _LOG.warning(
                "Operation %s begins again: what was done of it rests on other data, trained "
                "models, versions or code than these.",
                operation_id,
            )
        operations.divide(operation_id, sizes, unit=division.unit)
        return cls(asked, job, division, sizes, inputs, Pace(division.unit))

    def load_piece(self, piece: Piece, bars: BarStore, settings: Settings) -> Supplies:
        """Return what a job of a batch needs; what cannot be had, its line says as anywhere.

        Raises
        ------
        StoreError
            If it cannot be kept for now, such as for a full disk.
        """
        try:
            one = self.division.inputs_of(self.job, piece)
            return _inputs(None if one is None else prepare(one, settings=settings), bars, None)
        except BtkitError as error:
            if isinstance(error, StoreError) and error.retryable:
                raise
            return Supplies(no_bars=error.to_document()["error"])

    def order(self, lease: Lease, inputs: Supplies, store: Store, settings: Settings) -> WorkOrder:
        """Return what a worker is told."""
        operations, piece = store.operations, lease.piece
        return WorkOrder(
            server=settings.server_url,
            token=lease.token,
            operation_id=self.operation_id,
            piece=piece,
            job=self.job.to_json(),
            bars=inputs.bars,
            no_bars=None if inputs.no_bars is None else dict(inputs.no_bars),
            resumes=piece == WHOLE and operations.files.parcel_of(self.operation_id) is not None,
            contents=operations.count_contents(self.operation_id) if piece == FINISH else 0,
            bundles=dict(inputs.bundles),
            settings=OrderSettings.of(settings),
        )

    def fill_crashed(self, store: Store) -> None:
        """Write what stands in the place of units that were given up."""
        for piece in store.operations.crashed(self.operation_id):
            if self.division.crashed is None:
                error = WorkerUnavailableError(
                    _KILLED, hint="See the logs of the workers; memory may have run out."
                )
                store.operations.fail_whole(self.operation_id, error.to_document()["error"])
                return
            content = self.division.crashed(self.job, piece, _KILLED)
            store.operations.fill(self.operation_id, piece, content)

    def summarise(self, store: Store) -> None:
        """Add the pieces that were brought to the summary, one after the other."""
        assert self.division.summarise is not None
        operations = store.operations
        while (piece := operations.unsummarised(self.operation_id)) is not None:
            path = operations.files.path_of(self.operation_id, piece)
            try:
                found = self.division.summarise(self.job, piece, _content_of(path))
            except CorruptFileError as error:
                _LOG.warning("Operation %s: %s", self.operation_id, error.message)
                document = error.to_document()["error"]
                operations.reject(self.operation_id, piece, document)
                continue
            operations.add_to_summary(self.operation_id, piece, partial(_merged, found))


def _content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorruptFileError(
            f"What was brought cannot be read: {error.strerror or error}.",
            hint="See the disk of BT_SERVICE_DIR.",
        ) from error


def _merged(found: Summary, best: dict[str, Any] | None) -> dict[str, Any]:
    return (found if best is None else Summary.from_json(best).merge(found)).to_json()


def _inputs(job: SpecJob | None, bars: BarStore, known: str | None) -> Supplies:
    if job is None:
        return Supplies()
    # What pieces were done on stays what the others are done on, whatever a source says by now.
    sha256 = known if known is not None and bars.blobs.has(known) else bars.keep(job)
    return Supplies(sha256, bundles=bundle_hashes(job))
