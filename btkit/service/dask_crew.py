"""The crew over Dask distributed, which only hands work over.

What Dask does not promise is not relied on. A death counts there against every task of a worker,
so nothing is ever retried by Dask; a cancelled function runs on, so a lease stops it; a scheduler
keeps nothing, so all that was handed over is known here; keys are pure by default, so each lease is
one; scattered data die with their worker, so none are.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError as DaskCancelledError
from contextlib import suppress
from typing import Any

from distributed import Client, Future, wait

from btkit.errors import BtkitError, ServerError
from btkit.service.cluster import OwnCluster
from btkit.service.crew import HandoverFailure, WorkerInfo
from btkit.service.dask_settings import configure_dask
from btkit.service.doors import Door, outside_door
from btkit.service.handing import LEFT, do, hear, introduce, passes
from btkit.service.roll import Roll
from btkit.service.versions import differences, fingerprint, refusal
from btkit.settings import Settings

_LOG = logging.getLogger("btkit.service")
_LOOK_S = 0.2
_ANSWER_S = 10.0
# Importing and measuring itself may take a worker that others started a while.
_INTRODUCTION_S = 120.0
_SHORTEST_SILENCE_S = 2.0
_SHORTEST_TTL_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 10.0
_LIVED_S = 60.0
# What a worker that has lost its connection has, to end by itself.
_GRACE_S = 5.0
_CLOSE_S = 20.0


class DaskCrew:
    """Workers behind a Dask scheduler: a `Crew`.

    Parameters
    ----------
    settings
        ``BT_DASK_SCHEDULER`` names an existing scheduler; without it, one is started on this
        machine with ``BT_LOCAL_WORKERS`` workers.
    task
        What a worker calls with an order: a function of a module that it can import.

    Raises
    ------
    UsageError
        If the scheduler that is named would let anybody in, or the certificates cannot be used.
    PluginError
        If what an installed package registers fails.
    StoreError
        If the service's folder cannot be written.
    """

    def __init__(self, settings: Settings, *, task: Callable[[str], None] = do) -> None:
        self._outside = outside_door(settings)
        self._versions = fingerprint()
        self._task = task
        ttl_s = max(_SHORTEST_TTL_S, 2 * settings.lease_seconds)
        configure_dask(worker_ttl_s=ttl_s)
        self._roll = Roll(silence_s=max(_SHORTEST_SILENCE_S, settings.lease_seconds / 3))
        self._own = None if self._outside else OwnCluster(settings, worker_ttl_s=ttl_s)
        self._client: Client | None = None
        self._futures: dict[str, Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._main = self._loop.create_task(self._stay())
        self._thread = threading.Thread(target=self._run, name="crew", daemon=True)
        self._thread.start()

    def workers(self) -> list[WorkerInfo]:
        """Return who is there now."""
        return self._roll.infos(time.monotonic())

    def hand_over(self, worker: str, order: str, lease_id: str) -> None:
        """Give a piece of work to one worker."""
        address = self._roll.hand(worker, lease_id)
        if address is not None and not self._call(self._submit, address, order, lease_id):
            self._roll.end(lease_id, why="was not given the piece: the server ends")

    def take_back(self, lease_id: str) -> None:
        """Let a piece not begin that has not begun."""
        self._roll.end(lease_id)
        self._call(self._withdraw, lease_id)

    def gone(self) -> set[str]:
        """Return the names of the workers that were lost, or left, since the last call."""
        return self._roll.take_gone()

    def failures(self) -> list[HandoverFailure]:
        """Return what did not end as it should since the last call."""
        return self._roll.take_failures()

    def close(self) -> None:
        """End what this crew has started."""
        self._call(self._main.cancel)
        self._thread.join(_CLOSE_S)

    def _call(self, function: Callable[..., object], *given: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *given)
        except RuntimeError:  # it has been closed
            return False
        return True

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._main)
        finally:
            self._roll.lose_all("was behind a crew that has ended")
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _stay(self) -> None:
        if self._own is not None:
            self._begin(self._keep(self._own))
        try:
            pause = _FIRST_PAUSE_S
            while True:
                door = self._door()
                if door is None:
                    await asyncio.sleep(_LOOK_S)
                    continue
                began = time.monotonic()
                why = await self._visit(door)
                self._roll.lose_all(f"was behind a scheduler that was lost ({why})")
                _LOG.warning("the scheduler at %s is lost: %s", door.scheduler, why)
                if time.monotonic() - began > _LIVED_S:
                    pause = _FIRST_PAUSE_S
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, own: OwnCluster) -> None:
        while True:
            try:
                await own.run()
            except Exception:  # noqa: BLE001 - whatever it was, workers elsewhere go on
                _LOG.exception("the processes on this machine could not be kept running")
            await asyncio.sleep(_LONGEST_PAUSE_S)

    def _door(self) -> Door | None:
        return self._outside or (None if self._own is None else self._own.door)

    async def _visit(self, door: Door) -> str:
        """Watch over the workers of a scheduler until it is lost, and return why."""
        client = Client(
            door.scheduler,
            security=door.security(),
            asynchronous=True,
            set_as_default=False,
            timeout=_ANSWER_S,
            name="btkit",
        )
        try:
            await client
            await self._try_scheduler(client)
            self._client = client
            while door == self._door():
                await self._look(client)
                await asyncio.sleep(_LOOK_S)
        except Exception as error:  # noqa: BLE001 - whatever Dask raises, this scheduler is of no use
            if self._own is not None:
                # One that has ended is not ended again; one that hangs is.
                self._own.end_scheduler()
            return f"{type(error).__name__}: {error}".rstrip(": ")
        finally:
            self._client = None
            self._futures.clear()
            # Its own waiting for a scheduler that is gone takes as long as its connecting.
            with suppress(OSError, TimeoutError):
                await client.close(timeout=_ANSWER_S)
        return "another one was started"

    async def _try_scheduler(self, client: Client) -> None:
        """See that the scheduler can pass pieces on: one that cannot breaks the connection."""
        try:
            await asyncio.wait_for(client.run_on_scheduler(passes, self._task), _ANSWER_S)
        except Exception as error:
            if "No module named" not in str(error):
                raise
            raise ServerError(
                f"the scheduler has no btkit, and cannot pass work on: {error}",
                hint="Start it from an environment in which btkit is installed.",
            ) from error

    async def _look(self, client: Client) -> None:
        if client.status != "running":
            raise ConnectionError("the connection was closed")
        assert client.scheduler is not None
        said = await asyncio.wait_for(client.scheduler.identity(n_workers=-1), _ANSWER_S)
        there = {info.address: info for info in self.workers()}
        missed = set(there) - set(said["workers"])
        left = {address for address in missed if await _has_left(client, address)}
        for address in self._roll.see(said["workers"], time.monotonic(), left=left):
            self._begin(self._receive(client, address))
        for address in missed:
            self._miss(there[address], left=address in left)

    def _miss(self, info: WorkerInfo, *, left: bool) -> None:
        if left:
            _LOG.info("the worker %s left", info.name)
        else:
            _LOG.warning("the worker %s was lost", info.name)
        for lease_id in info.leases:
            self._withdraw(lease_id)
        if self._own is not None and info.pid is not None:
            self._loop.call_later(_GRACE_S, self._own.end_worker, info.pid)

    async def _receive(self, client: Client, address: str) -> None:
        """Ask a worker who it is, and let it in or refuse it."""
        try:
            said = await self._ask(client, address, introduce)
        except (Exception, TimeoutError) as error:  # noqa: BLE001 - whatever is wrong over there
            name = self._roll.judge(address, reason=_unable(error))
            _LOG.warning("the worker %s is refused: %s", name, _unable(error))
            return
        differing = differences(self._versions, said["versions"])
        reason = refusal(str(said["pid"]), differing).message if differing else None
        if reason is not None:
            _LOG.warning("a worker at %s is refused: %s", said["host"], reason)
        # First the worker hears it: then it has said that it is ready before it works.
        with suppress(Exception):
            await self._ask(client, address, hear, {"differences": differing})
        name = self._roll.judge(address, reason=reason, introduction=said)
        if reason is None:
            _LOG.info("the worker %s joined", name)

    async def _ask(
        self, client: Client, address: str, question: Callable[..., Any], *given: object
    ) -> Any:  # noqa: ANN401 - what the question answers
        answers = await asyncio.wait_for(
            client.run(question, *given, workers=[address], on_error="raise"), _INTRODUCTION_S
        )
        return answers[address]

    def _submit(self, address: str, order: str, lease_id: str) -> None:
        client = self._client
        if client is None:
            self._roll.end(lease_id, why="could not be reached: the scheduler is lost")
            return
        try:
            future = client.submit(
                self._task,
                order,
                key=lease_id,
                pure=False,
                workers=[address],
                allow_other_workers=False,
                retries=0,
            )
        except Exception as error:  # noqa: BLE001 - whatever Dask says, the piece was not handed over
            self._roll.end(lease_id, why=f"could not be given the piece: {error}")
            return
        self._futures[lease_id] = future
        self._begin(self._follow(client, lease_id, future))

    async def _follow(self, client: Client, lease_id: str, future: Future[None]) -> None:
        try:
            with client.as_current():
                await wait([future])
        except DaskCancelledError:
            self._roll.end(lease_id, why="lost the piece with its connection")
        else:
            why = None
            if future.status == "error":
                error = await future.exception()
                why = f"failed at the piece: {type(error).__name__}: {error}"
            self._roll.end(lease_id, why=why)
        finally:
            self._futures.pop(lease_id, None)

    def _withdraw(self, lease_id: str) -> None:
        future = self._futures.pop(lease_id, None)
        if future is not None and self._client is not None:
            self._begin(self._cancel(self._client, future))

    async def _cancel(self, client: Client, future: Future[None]) -> None:
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(client.cancel([future]), _ANSWER_S)

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _has_left(client: Client, address: str) -> bool:
    """Tell whether a worker that is there no more had been told to end."""
    noted = await asyncio.wait_for(client.get_events(address), _ANSWER_S)
    return any(isinstance(event, dict) and event.get("reason") == LEFT for _, event in noted)


def _unable(error: BaseException) -> str:
    """Return why a worker could not say who it is."""
    # Dask may hand the worker's own error on as the text of another.
    if "No module named 'btkit" in str(error):
        return f"it has no btkit, or one that knows of no service: {error}"
    said = error.message if isinstance(error, BtkitError) else f"{type(error).__name__}: {error}"
    return f"it could not say what its versions are: {said}"
