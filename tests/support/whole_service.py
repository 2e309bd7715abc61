"""`backtest serve` and its workers as processes, which a test kills, freezes and starts again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import httpx
import psutil
from support import signals
from support.divided import prepared, without_names
from support.service import settings_in
from support.waiting import until

from btkit.jobs import execute, load_document
from btkit.storage import Store
from btkit.writing import digest_of

COMMAND = "from backtest_command import command; command()"
SWEEP = {
    "kind": "sweep",
    "spec": {
        "name": "crossing",
        "entry_conditions": ["close > sma_{n}"],
        "exit_conditions": ["close < sma_{m}"],
        "stop_conditions": [],
        "position_sizing_formula": "capital / (close * 1.01)",
        "parameters": {"n": 20, "m": 20},
    },
    "symbol": "SPX",
    "start": "2000-01-03",
    "end": "2018-12-31",
    "source": "sample",
    "parameters": {"n": list(range(5, 125)), "m": list(range(5, 125))},
    "max_sets": 1_000_000,
    "overfitting_sample": 20,
}
# Nobody can divide it: each set hangs on those before.
SEARCH = {
    **SWEEP, "method": "optuna", "samples": 300, "seed": 1, "overfitting_sample": None,
}  # fmt: skip


class WholeService:
    """A server in a folder, and what it says by HTTP and has in its store."""

    def __init__(self, folder, *, workers=2, **environment):
        self.process = None
        self.http = httpx.Client(timeout=60, trust_env=False)
        self._workers, self._given = workers, environment
        folder.mkdir(parents=True, exist_ok=True)
        self._stay_in(folder)

    def _stay_in(self, folder):
        self.folder, self.settings = folder, settings_in(folder)
        names = ("db_path", "curve_dir", "report_dir", "service_dir", "minio_endpoint")
        self.environment = {
            **{f"BT_{name.upper()}": str(getattr(self.settings, name)) for name in names},
            "BT_KEEP_LOCAL": "true",
            "BT_LEASE_SECONDS": "2",
            "BT_CHECKPOINT_SECONDS": "0.3",
            **self._given,
        }

    def move(self, folder):
        """Let all that it has lie elsewhere from now on, while no server runs."""
        self.folder.rename(folder)
        self._stay_in(folder)

    @property
    def store(self):
        return Store.from_settings(self.settings)

    @property
    def log(self):
        """What the server and its own processes wrote to stderr."""
        return self.folder / "log"

    def start(self, *, port=0, code=COMMAND):
        """Start the server, and return once it answers."""
        outside = "BT_DASK_SCHEDULER" in self.environment
        known = [] if outside else ["--workers", str(self._workers)]
        with self.log.open("ab") as log:
            self.process = started(
                "serve", "--port", str(port), *known, log=log, code=code, **self.environment
            )
        line = self.process.stdout.readline()
        assert line, self.log.read_text(encoding="utf-8")[-3000:]
        self.http.base_url = json.loads(line)["url"]
        return self

    def close(self):
        """End it in good order, if it is there."""
        self.http.close()
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            self.ended()

    def kill(self):
        """Kill it, as a machine that loses its power does; its processes end by themselves."""
        children = psutil.Process(self.process.pid).children()
        self.process.kill()
        self.ended()
        until(lambda: not any(map(_is_there, children)), what="the end of its processes")

    def ended(self):
        """Return the exit code of the server, once it has ended."""
        self.process.communicate(timeout=120)
        code, self.process = self.process.returncode, None
        return code

    def workers(self):
        return self.http.get("/workers").raise_for_status().json()["workers"]

    def admitted(self, count):
        """Return the admitted workers, once there are so many."""
        return until(lambda: self._admitted(count), what=f"{count} workers")

    def _admitted(self, count):
        found = [worker for worker in self.workers() if worker["admitted"]]
        return found if len(found) >= count else []

    def scheduler(self):
        """Return the process of its own scheduler, once all its workers are there."""
        workers = {worker["pid"] for worker in self.admitted(self._workers)}
        children = psutil.Process(self.process.pid).children()
        (found,) = (child for child in children if child.pid not in workers)
        return found

    def submit(self, job):
        answer = self.http.post("/backtests/start", json=job)
        assert answer.status_code == 202, answer.text
        return answer.json()["operation_id"]

    def operation(self, operation_id):
        return self.http.get(f"/operations/{operation_id}").raise_for_status().json()

    def running(self, operation_id):
        """Return a worker that is at an operation, once something of it is done."""

        def found():
            said = self.operation(operation_id)
            assert not said["done"], said
            if not said["progress"]["done"]:
                return None
            leases = {lease.worker for lease in self.store.operations.leases()}
            return next((w for w in self.workers() if w["name"] in leases and w["pid"]), None)

        return until(found, what="a worker at it")

    def events(self, operation_id, kind):
        return [e.data for e in self.store.operations.events(operation_id) if e.kind == kind]

    def outcome(self, operation_id):
        """Return what is stored of an operation, once it is complete."""
        until(lambda: self.operation(operation_id)["done"], what="the end of the operation")
        said = self.operation(operation_id)
        assert said["status"] == "complete", said["error"]
        return stored(self.settings, said["run_id"])


class Local:
    """What sweeps come to in this process, each done once."""

    def __init__(self, folder):
        self._settings, self._known = settings_in(folder), {}

    def __call__(self, job):
        key = json.dumps(job)
        if key not in self._known:
            done = execute(prepared(self._settings, **job), settings=self._settings)
            self._known[key] = stored(self._settings, done.sweep_id)
        return self._known[key]


def stored(settings, job_id):
    """Return a sweep's document, without what is drawn anew, and a digest of its table."""
    text = json.dumps(load_document(job_id, settings=settings))
    document = json.loads(text.replace(str(settings.db_path.parent), "/somewhere"))
    table = (settings.report_dir / f"{job_id}.parquet").read_bytes()
    return without_names(document), digest_of(table)


def started(*arguments, log=None, code=COMMAND, **environment):
    """Start a command of btkit as a process, or code that ends with it."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE, stderr=log, text=True,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        preexec_fn=signals.heard,  # noqa: PLW1509 - it takes no lock
    )  # fmt: skip


@contextmanager
def scheduler_at(address):
    """Run a Dask scheduler of nobody's, where only this machine reaches it."""
    script = "from dask.__main__ import main; main()"
    process = subprocess.Popen(
        [
            sys.executable, "-c", script, "scheduler", "--host", address, "--no-dashboard",
            "--dashboard-address", "127.0.0.1:0",
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def worker_of(service, *, code=COMMAND, **environment):
    """Run `backtest worker` beside a service, and kill it if it is still there."""
    with worker_log(service).open("ab") as log:
        process = started("worker", log=log, code=code, **{**service.environment, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def worker_log(service):
    return service.folder / "worker.log"


def _is_there(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
