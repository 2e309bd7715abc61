"""A server of workers in a thread, and what a dispatcher does with one piece after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from support.ports import free_port
from support.service import Idle

from btkit.errors import BtkitError
from btkit.jobs.asking import stored_job
from btkit.jobs.pieces import DIVISIONS
from btkit.service.app import make_app
from btkit.service.bar_store import BarStore
from btkit.service.orders import WorkOrder
from btkit.service.undertaking import Undertaking
from btkit.settings import Settings
from btkit.storage import Store
from btkit.storage.parcels import unpack_job


class Asked:
    """Notes which paths are asked for, before the application answers."""

    def __init__(self, app):
        self.app, self.paths = app, []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.paths.append(f"{scope['method']} {scope['path']}")
        await self.app(scope, receive, send)


@dataclass
class Served:
    """A server, and the operations that it has."""

    settings: Settings
    app: Asked
    port: int
    store: Store
    seconds: float = 60.0
    _running: list[tuple[uvicorn.Server, threading.Thread]] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings) -> Served:
        store = Store.from_settings(settings)
        return cls(settings, Asked(make_app(store, Idle(), settings)), free_port(), store)

    def start(self) -> None:
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.port, log_level="warning", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.005)
        self._running.append((server, thread))

    def stop(self) -> None:
        while self._running:
            server, thread = self._running.pop()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()

    def submit(self, job) -> str:
        operation, _ = self.store.operations.submit(job.to_json(), kind=job.kind)
        self.divide(operation.operation_id)
        return operation.operation_id

    def divide(self, known: str) -> None:
        """Say how many units there are of an operation, as the dispatcher does."""
        job = stored_job(self.store.operations.get(known).request)
        division = DIVISIONS[job.kind]
        sizes = dict(enumerate(division.groups(job)))
        self.store.operations.divide(known, sizes, unit=division.unit)

    @contextmanager
    def working(self, work: Callable[[str], None]) -> Iterator[None]:
        """Have what is queued done, as a dispatcher and its workers do, until the block ends."""
        over = threading.Event()

        def work_on() -> None:
            while not over.wait(0.01):
                for operation in self.store.operations.list("queued")[0]:
                    self._done(operation.operation_id, work)

        thread = threading.Thread(target=work_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _done(self, known: str, work: Callable[[str], None]) -> None:
        self.divide(known)
        try:
            self.work_off(known, work)
        except BtkitError as error:
            self.store.operations.fail_whole(known, error.to_document()["error"])
            ending = self.ending(known)
            self.store.operations.end(known, ending.status, job_id=None)
        else:
            self.merged(known)

    def order(self, known: str, *, size=10, worker="one", **changes) -> WorkOrder | None:
        """Lease the next piece of an operation, as the dispatcher does; None for none."""
        operations, bars = self.store.operations, BarStore(self.settings)
        asked = operations.get(known).asked
        taken = Undertaking.of(asked, self.store, bars, DIVISIONS, self.settings)
        piece = operations.next_piece(known, size=size)
        if piece is None:
            return None
        inputs = taken.inputs
        if inputs is None:
            inputs = taken.load_piece(piece, bars, self.settings)
        lease = operations.lease(
            known, piece, worker=worker, seconds=self.seconds, bars=inputs.bars, asked=asked
        )
        order = taken.order(lease, inputs, self.store, self.settings)
        fields = {name: getattr(order, name) for name in WorkOrder.model_fields}
        return WorkOrder(**{**fields, "server": f"http://127.0.0.1:{self.port}", **changes})

    def work_off(self, known: str, work: Callable[[str], None], **options) -> None:
        """Have every piece of an operation done, one after the other."""
        while (order := self.order(known, **options)) is not None:
            work(order.model_dump_json())

    def ending(self, known: str):
        return next(one for one in self.store.operations.endings() if one.operation_id == known)

    def merged(self, known: str) -> str:
        """Store what an operation came to, and return its job's id."""
        ending = self.ending(known)
        parcel = self.store.operations.files.path_of(known, ending.outcome)
        job_id = unpack_job(parcel, self.store, self.settings)
        self.store.operations.end(known, ending.status, job_id=job_id)
        return job_id
