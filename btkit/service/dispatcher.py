"""Giving work out: from the rows of operations to workers, and from what they bring to the store.

The rows are the truth. What is remembered here can be lost at any moment: a server that starts
again goes on with what it finds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from btkit.errors import BtkitError, InternalError, OperationNotFoundError, StoreError
from btkit.jobs.pieces import DIVISIONS, FINISH, WHOLE, Division, Piece
from btkit.owner import HEARTBEAT_S
from btkit.service.bar_store import BarStore
from btkit.service.crew import Crew
from btkit.service.merging import end_operation
from btkit.service.placing import Places
from btkit.service.undertaking import Supplies, Undertaking
from btkit.settings import Settings
from btkit.storage import Asked, Store

_LOG = logging.getLogger("btkit.service")
T = TypeVar("T")

_LOADERS, _ENDERS = 4, 2
# While work is out, leases are looked at so often; what comes in wakes the dispatcher at once.
_LOOK_EVERY_S = 0.25
_IDLE_S = 1.0
_AGAIN_AFTER_S = 2.0
_SUMMARY_AGAIN_AFTER_S = 30.0
_PROGRESS_EVERY_S = 1.0
# Operations that are looked ahead at, beyond those that have room on a worker.
_AHEAD = 8
# A turn takes milliseconds; one that takes longer than this hangs.
_SILENT_S = 60.0


class Dispatcher:
    """Gives queued operations out to workers, piece by piece, and stores what they come to.

    Parameters
    ----------
    store
        The truth.
    crew
        The workers.
    settings
        BT_LEASE_SECONDS, BT_SERVICE_DIR, and BT_SERVER_URL, under which workers find this server.
    divisions
        How each kind of job is divided.

    Examples
    --------
    >>> dispatcher = Dispatcher(store, crew, settings)  # doctest: +SKIP
    >>> dispatcher.start()  # doctest: +SKIP
    """

    def __init__(
        self,
        store: Store,
        crew: Crew,
        settings: Settings,
        *,
        divisions: Mapping[str, Division] = DIVISIONS,
    ) -> None:
        self.crew = crew
        self._store, self._settings, self._divisions = store, settings, divisions
        self._operations = store.operations
        self._bars = BarStore(settings)
        self._known: dict[str, Undertaking] = {}
        self._preparing: dict[Asked, Future[Undertaking]] = {}
        self._ending: dict[str, Future[None]] = {}
        self._not_before: dict[str, float] = {}
        self._turns: deque[str] = deque()
        self._crashing: set[str] = set()
        self._handed: set[str] = set()
        self._beaten_at = self._seen_at = float("-inf")
        self._signal = threading.Condition()
        self._is_woken = self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._loaders: ThreadPoolExecutor | None = None
        self._enders: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to give work out, and go on with what an earlier server left.

        Raises
        ------
        StoreBusyError
            If another server gives out the work of this store.
        """
        self._operations.take_over()
        # Nobody could beat while no server was there.
        self._operations.extend(seconds=self._settings.lease_seconds)
        self._operations.heard = self.wake
        self._loaders = ThreadPoolExecutor(_LOADERS, thread_name_prefix="btkit-load")
        self._enders = ThreadPoolExecutor(_ENDERS, thread_name_prefix="btkit-end")
        self._is_stopping = False
        self._seen_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="btkit-dispatch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give nothing more out; what is under way stays with its workers."""
        with self._signal:
            self._is_stopping = True
            self._signal.notify_all()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        for pool in (self._loaders, self._enders):
            assert pool is not None
            pool.shutdown(wait=True, cancel_futures=True)
        self._operations.heard = lambda: None
        self._operations.leave()

    def wake(self) -> None:
        """Have it look at once whether there is something to do."""
        with self._signal:
            self._is_woken = True
            self._signal.notify_all()

    def is_alive(self) -> bool:
        """Return whether it is at work."""
        is_running = self._thread is not None and self._thread.is_alive()
        return is_running and time.monotonic() - self._seen_at < _SILENT_S

    def _run(self) -> None:
        pause = 0.0
        while self._wait(pause):
            try:
                pause = self._turn()
            except BtkitError as error:
                # Such as a full disk, or a locked database: nothing is lost, and it passes.
                _LOG.warning("Giving work out stopped short: %s", error.message)
                pause = _AGAIN_AFTER_S
            except Exception:  # noqa: BLE001 - no other operation is to wait for a thread that is gone
                _LOG.exception("Giving work out failed")
                pause = _AGAIN_AFTER_S
            self._seen_at = time.monotonic()

    def _wait(self, seconds: float) -> bool:
        with self._signal:
            self._signal.wait_for(lambda: self._is_woken or self._is_stopping, timeout=seconds)
            self._is_woken = False
            return not self._is_stopping

    def _turn(self) -> float:
        """Do all that there is to do now, and return how long to wait after that."""
        self._beat()
        self._lose()
        self._end()
        places = Places(self.crew.workers(), self._operations.leases())
        self._take_back(places)
        wanted = self._operations.unended(limit=places.room + _AHEAD)
        self._forget(wanted)
        for asked in wanted:
            self._prepare(asked)
        self._give_out(places)
        self._note_progress(places)
        if not places.workers:
            self._operations.park()
        return _LOOK_EVERY_S if wanted or places.leases else _IDLE_S

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten_at >= HEARTBEAT_S:
            self._operations.take_over()
            self._bars.tidy(
                {lease.bars for lease in self._operations.leases() if lease.bars is not None}
                | {
                    known.inputs.bars
                    for known in self._known.values()
                    if known.inputs is not None and known.inputs.bars is not None
                }
            )
            self._beaten_at = now

    def _lose(self) -> None:
        """End the leases of workers that were lost, or that are silent; write for what crashed."""
        failed = self.crew.failures()
        for failure in failed:
            _LOG.info("%s What it was given waits for another one.", failure.message)
        lost = self._operations.expire(
            workers=self.crew.gone(), leases=[failure.lease_id for failure in failed]
        )
        self._crashing |= {lease.operation_id for lease in lost}
        for operation_id in self._crashing & self._known.keys():
            self._known[operation_id].fill_crashed(self._store)
            self._crashing.discard(operation_id)

    def _take_back(self, places: Places) -> None:
        """Let nothing begin that nobody waits for any more."""
        self._operations.recall()
        held = {lease.lease_id for lease in places.leases}
        for lease_id in self._handed - held:
            self.crew.take_back(lease_id)
        self._handed &= held

    def _end(self) -> None:
        for operation_id, future in list(self._ending.items()):
            if future.done():
                del self._ending[operation_id]
                self._not_before.pop(operation_id, None)
                error = future.exception()
                if error is not None:
                    _LOG.warning("Operation %s is not stored yet: %s", operation_id, error)
                    self._not_before[operation_id] = time.monotonic() + _AGAIN_AFTER_S
        for ending in self._operations.endings():
            known = ending.operation_id
            waits = self._not_before.get(known, 0.0) > time.monotonic()
            if known not in self._ending and not waits:
                self._ending[known] = self._submit(
                    self._enders, partial(end_operation, ending, self._store, self._settings)
                )

    def _prepare(self, asked: Asked) -> None:
        """Make an operation ready in another thread, or see that it is."""
        operation_id = asked.operation_id
        if operation_id in self._known:
            return
        future = self._preparing.get(asked)
        if future is None:
            self._preparing[asked] = self._submit(
                self._loaders,
                lambda: Undertaking.of(
                    asked, self._store, self._bars, self._divisions, self._settings
                ),
            )
        elif future.done():
            del self._preparing[asked]
            error = future.exception()
            if error is None:
                self._known[operation_id] = future.result()
                self._turns.append(operation_id)
                # Units that were given up may wait for what stands in their place, since an earlier
                # server, too.
                self._crashing.add(operation_id)
            elif isinstance(error, OperationNotFoundError):
                # It was deleted meanwhile.
                pass
            elif not (isinstance(error, StoreError) and error.retryable):
                self._operations.fail_whole(operation_id, _document(error), asked=asked)
                self.wake()

    def _forget(self, wanted: Collection[Asked]) -> None:
        """Remember nothing of what has ended, was deleted, or was queued anew since."""
        for known in list(self._known.values()):
            if known.asked not in wanted:
                del self._known[known.operation_id]
                self._turns.remove(known.operation_id)
        for asked in self._preparing.keys() - set(wanted):
            self._preparing.pop(asked).cancel()

    def _give_out(self, places: Places) -> None:
        """Give pieces out, an operation after the other, while a worker has room."""
        idle = 0
        while places.has_room and idle < len(self._turns):
            operation_id = self._turns[0]
            self._turns.rotate(-1)
            known = self._known[operation_id]
            try:
                is_given = self._give_one(known, places)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - one that fails keeps no other one waiting
                _LOG.exception("Operation %s cannot be given out", operation_id)
                self._operations.fail_whole(operation_id, _document(error), asked=known.asked)
                is_given = False
                self.wake()
            idle = 0 if is_given else idle + 1

    def _give_one(self, known: Undertaking, places: Places) -> bool:
        size = known.pace.size(self._operations.uncut(known.operation_id), threads=places.threads)
        for worker in places.by_load():
            piece = self._operations.next_piece(
                known.operation_id,
                size=size,
                worker=worker.name if len(places.workers) > 1 else None,
            )
            if piece is None or not places.takes(worker, piece):
                continue
            inputs = self._inputs(known, piece)
            if inputs is None:
                return False
            lease = self._operations.lease(
                known.operation_id,
                piece,
                worker=worker.name,
                seconds=self._settings.lease_seconds,
                bars=inputs.bars,
                asked=known.asked,
            )
            if lease is None:
                return False
            order = known.order(lease, inputs, self._store, self._settings)
            self._handed.add(lease.lease_id)
            self.crew.hand_over(worker.name, order.model_dump_json(), lease.lease_id)
            known.of_pieces.pop(piece, None)
            places.note(lease)
            return True
        return False

    def _inputs(self, known: Undertaking, piece: Piece) -> Supplies | None:
        """Return what a piece needs; None while it is being loaded."""
        if known.inputs is not None:
            return known.inputs
        if piece in (FINISH, WHOLE):
            return Supplies()
        future = known.of_pieces.get(piece)
        if future is None:
            future = self._submit(
                self._loaders, partial(known.load_piece, piece, self._bars, self._settings)
            )
            known.of_pieces[piece] = future
        if not future.done():
            return None
        if future.exception() is not None:
            # It is tried again.
            del known.of_pieces[piece]
        return future.result()

    def _note_progress(self, places: Places) -> None:
        now = time.monotonic()
        for operation_id in {lease.operation_id for lease in places.leases} & self._known.keys():
            known = self._known[operation_id]
            operation = self._operations.get(operation_id)
            if operation.done is not None:
                known.pace.note(operation.done, now, threads=places.busy(operation_id))
            if now - known.noted_at >= _PROGRESS_EVERY_S and operation.status == "running":
                known.noted_at = now
                self._operations.note_progress(operation_id, rate=known.pace.rate)
            if known.division.summarise is not None and known.sizes:
                self._summarise(known)

    def _summarise(self, known: Undertaking) -> None:
        if known.summarising is not None:
            if not known.summarising.done():
                return
            error, known.summarising = known.summarising.exception(), None
            if error is not None:
                # Such as a full disk. The work goes on without, and is told when that passes.
                _LOG.warning("No summary of operation %s: %s", known.operation_id, error)
                known.summarise_after = time.monotonic() + _SUMMARY_AGAIN_AFTER_S
        if known.summarise_after > time.monotonic():
            return
        if self._operations.unsummarised(known.operation_id) is not None:
            known.summarising = self._submit(self._enders, lambda: known.summarise(self._store))

    def _submit(self, pool: ThreadPoolExecutor | None, work: Callable[[], T]) -> Future[T]:
        assert pool is not None
        future = pool.submit(work)
        future.add_done_callback(lambda _: self.wake())
        return future


def _document(error: BaseException) -> dict[str, object]:
    if not isinstance(error, BtkitError):
        error = InternalError(
            f"The operation could not be prepared: {type(error).__name__}.",
            hint="The log of the server has more; report it.",
        )
    document: dict[str, object] = error.to_document()["error"]
    return document
