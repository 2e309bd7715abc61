"""A service without workers: what it is asked is stored, and a test does what a worker would."""

from types import SimpleNamespace

from btkit.jobs import execute
from btkit.jobs.asking import stored_job
from btkit.jobs.dispatch import HANDLERS
from btkit.service.crew import WorkerInfo
from btkit.settings import Settings
from btkit.storage import Store

TOKEN = "a token that is long enough"  # noqa: S105 - of tests
STRATEGY = {
    "name": "crossing",
    "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / (close * 1.01)",
    "parameters": {"n": 20},
}
BACKTEST = {
    "spec": STRATEGY,
    "symbol": "SPX",
    "start_date": "2010-01-04",
    "end_date": "2011-12-30",
    "initial_capital": 50_000.0,
    "source": "sample",
}


class Idle:
    """A dispatcher of one worker, which gives nothing out."""

    def __init__(self):
        self.alive, self.woken = True, 0
        self.crew = SimpleNamespace(workers=lambda: self.present)
        self.present = [
            WorkerInfo("w1", "tcp://127.0.0.1:1", 1, host="here", pid=1, admitted=True),
            WorkerInfo("w2", "tcp://127.0.0.1:2", 1, reason="Its numba is another."),
        ]

    def is_alive(self):
        return self.alive

    def wake(self):
        self.woken += 1


def settings_in(folder, **more):
    return Settings(
        db_path=folder / "results.db",
        curve_dir=folder / "curves",
        report_dir=folder / "reports",
        service_dir=folder / "service",
        keep_local=True,
        minio_endpoint="127.0.0.1:1",
        _env_file=None,
        **more,
    )


def work_off(settings, operation_id):
    """Do an operation as a local job, and end it as the dispatcher does."""
    store = Store.from_settings(settings)
    operation = store.operations.get(operation_id)
    result = execute(stored_job(operation.request), settings=settings)
    job_id = HANDLERS[operation.kind].id_of(result)
    store.operations.end(operation_id, "complete", job_id=job_id)
    return job_id
