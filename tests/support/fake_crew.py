"""Workers in threads of this process: they hold leases and bring contents as real ones do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from btkit.errors import LeaseLostError
from btkit.service.crew import HandoverFailure, WorkerInfo
from btkit.service.orders import WorkOrder, read_order
from btkit.storage import Store

Work = Callable[[WorkOrder], bytes]


class FakeCrew:
    """A crew of threads.

    Parameters
    ----------
    store
        Whose operations the workers bring their contents to.
    work
        Does an order, or raises: `Killed` is the death of the worker, a `ToldError` is what it says
        that it failed of, and of any other error it says nothing.
    names, threads
        The workers, and how many pieces each does at a time.
    """

    def __init__(self, store: Store, work: Work, names=("ann", "bob"), *, threads=1, seconds=5.0):
        self.store, self.work, self.seconds = store, work, seconds
        self.threads = threads
        self.orders: list[WorkOrder] = []
        self.taken_back: list[str] = []
        self._lock = threading.Lock()
        self._gone: set[str] = set()
        self._failures: list[HandoverFailure] = []
        self._pools: dict[str, ThreadPoolExecutor] = {}
        for name in names:
            self.join(name)

    def join(self, name):
        self._pools[name] = ThreadPoolExecutor(self.threads)

    def leave(self, name):
        with self._lock:
            self._pools.pop(name).shutdown(wait=False, cancel_futures=True)
            self._gone.add(name)

    def workers(self):
        with self._lock:
            return [
                WorkerInfo(name, f"tcp://{name}", self.threads, admitted=True)
                for name in self._pools
            ]

    def hand_over(self, worker, order, lease_id):
        with self._lock:
            self.orders.append(read_order(order))
            pool = self._pools.get(worker)
            if pool is not None:
                pool.submit(self._do, worker, self.orders[-1], lease_id)

    def _do(self, worker, order, lease_id):
        operations = self.store.operations
        try:
            if operations.beat(order.token, seconds=self.seconds):
                operations.fail(order.token, error_of("InterruptedRunError"))
                return
            content = self.work(order)
            operations.accept(order.token, content)
        except LeaseLostError:
            return
        except Killed:
            self.leave(worker)
            self.join(f"{worker}'")
        except ToldError as told:
            operations.fail(order.token, told.args[0])
        except BaseException as error:
            with self._lock:
                self._failures.append(HandoverFailure(lease_id, worker, repr(error)))
            raise

    def take_back(self, lease_id):
        self.taken_back.append(lease_id)

    def gone(self):
        with self._lock:
            gone, self._gone = self._gone, set()
            return gone

    def failures(self):
        with self._lock:
            failures, self._failures = self._failures, []
            return failures

    def close(self):
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


class Killed(BaseException):
    """The worker is dead: it says nothing any more."""


class ToldError(Exception):
    """What the worker says that it failed of."""


def error_of(kind, *, retryable=False):
    """Return an error as a worker tells it."""
    return {
        "type": kind, "message": "It failed.", "hint": "Mend it.", "retryable": retryable,
        "details": {},
    }  # fmt: skip
