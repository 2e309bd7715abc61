"""`backtest worker`: joins, is let in or refused, and ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import signals
from support.certificates import make_authority
from support.ports import free_port
from support.tasks import leave_marks, marks
from support.waiting import until

import btkit
from btkit.jobs.warming import warm_up
from btkit.service.dask_crew import DaskCrew
from btkit.settings import Settings

COMMAND = "from backtest_command import command; command()"
# As one whose NumPy is another.
OTHER_NUMPY = (
    "from btkit.documents import provenance\n"
    "real = provenance.gather_versions\n"
    "provenance.gather_versions = lambda: {**real(), 'numpy': '2.0.0'}\n"
    f"{COMMAND}"
)
# As one whose btkit has a line more, which needs no code compiled to say so.
WITHOUT_COMPILING = f"from btkit.jobs import warming\nwarming.warm_up = lambda: None\n{COMMAND}"
# A worker of Dask's own, where btkit is not installed.
WITHOUT_BTKIT = """
import asyncio, json, sys
sys.modules["btkit"] = None
from distributed import Worker
from distributed.security import Security
async def work(door):
    shown = {f"tls_worker_{part}": door[part] for part in ("cert", "key")}
    security = Security(require_encryption=True, tls_ca_file=door["ca"], **shown)
    async with Worker(door["scheduler"], name="stranger", security=security, host="127.0.0.1",
                      dashboard_address="127.0.0.1:0") as worker:
        await worker.finished()
asyncio.run(work(json.loads(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def crew(folder):
    """Give a crew that starts no workers itself."""
    warm_up()
    made = DaskCrew(
        Settings(service_dir=folder, local_workers=0, lease_seconds=5), task=leave_marks
    )
    until(lambda: list(folder.glob("cluster-*/door.json")), what="the scheduler")
    yield made
    made.close()


@contextmanager
def started(script, *arguments, **environment):
    """Run a script, and end it whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        preexec_fn=signals.heard,  # noqa: PLW1509 - it takes no lock
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def only(crew):
    """Return the worker that is there, once it was judged."""
    (worker,) = until(
        lambda: [
            w for w in crew.workers() if w.pid or "could not" in w.reason or "no btkit" in w.reason
        ],
        what="a worker",
    )
    return worker


def test_a_worker_joins_works_and_ends_when_it_is_told_to(crew, folder, tmp_path):
    with started(COMMAND, "worker", BT_SERVICE_DIR=folder, PYTHONPATH="tests") as process:
        worker = only(crew)
        assert (worker.pid, worker.admitted) == (process.pid, True)
        order = {"number": 1, "marks": str(tmp_path / "marks")}
        crew.hand_over(worker.name, json.dumps(order), "one")
        until(lambda: (process.pid, "end", 1) in marks(tmp_path / "marks"), what="the piece")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    document = json.loads(out)
    assert process.returncode == 0
    assert document["passed"]
    assert document["versions"] == dict(worker.versions)
    assert "is admitted" in err
    assert until(crew.gone, what="its end") == {worker.name}


def test_a_worker_that_differs_is_refused_by_name_and_ends(crew, folder):
    with started(OTHER_NUMPY, "worker", BT_SERVICE_DIR=folder) as process:
        out, _ = process.communicate(timeout=300)
    error = json.loads(out)["error"]
    assert (process.returncode, error["type"]) == (2, "WorkerRefusedError")
    differing = error["details"]["differences"]
    assert differing.keys() == {"numpy"}
    assert differing["numpy"]["worker"] == "2.0.0"
    assert "numpy" in error["message"]
    until(lambda: not crew.workers(), what="its end")
    crew.gone()


def test_a_worker_with_another_line_of_code_is_refused(crew, folder, tmp_path):
    package = Path(btkit.__file__).parent
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "btkit", ignore=compiled)
    shutil.copy(package.parent / "backtest_command.py", tmp_path)
    with (tmp_path / "btkit" / "metrics" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("# Another line.\n")
    first = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    with started(first + WITHOUT_COMPILING, "worker", BT_SERVICE_DIR=folder) as process:
        out, _ = process.communicate(timeout=300)
    error = json.loads(out)["error"]
    assert (process.returncode, error["type"]) == (2, "WorkerRefusedError")
    assert error["details"]["differences"].keys() == {"code"}
    until(lambda: not crew.workers(), what="its end")
    crew.gone()


def test_a_worker_without_btkit_is_refused_and_gets_nothing(crew, folder):
    (note,) = folder.glob("cluster-*/door.json")
    door = json.loads(note.read_bytes())
    with started(WITHOUT_BTKIT, json.dumps(door)):
        worker = only(crew)
        assert not worker.admitted
        assert "no btkit" in worker.reason
        crew.hand_over(worker.name, "{}", "never")
        assert [failure.lease_id for failure in crew.failures()] == ["never"]
    until(lambda: not crew.workers(), what="its end")
    crew.gone()


def test_an_existing_scheduler_is_joined_with_certificates_and_by_nobody_without(tmp_path):
    authority = make_authority(tmp_path)
    cert, key = authority.sign("machine")
    address = f"127.0.0.1:{free_port()}"
    tls = {"tls_cert": cert, "tls_key": key, "tls_ca": authority.path}
    settings = Settings(dask_scheduler=f"tls://{address}", lease_seconds=5, **tls)
    environment = {f"BT_{name.upper()}": path for name, path in tls.items()}
    scheduler = (
        "from dask.__main__ import main; main()",
        "scheduler", "--host", f"tls://{address}", "--no-dashboard", "--dashboard-address",
        "127.0.0.1:0", "--tls-ca-file", str(authority.path), "--tls-cert", str(cert),
        "--tls-key", str(key),
    )  # fmt: skip
    crew = DaskCrew(settings, task=leave_marks)
    try:
        # Whoever comes first waits for the others.
        with started(
            COMMAND, "worker", BT_DASK_SCHEDULER=f"tls://{address}", PYTHONPATH="tests",
            **environment,
        ) as process, started(*scheduler, PYTHONPATH="tests"):  # fmt: skip
            worker = only(crew)
            assert (worker.pid, worker.admitted) == (process.pid, True)
            order = {"number": 1, "marks": str(tmp_path / "marks")}
            crew.hand_over(worker.name, json.dumps(order), "one")
            until(lambda: (process.pid, "end", 1) in marks(tmp_path / "marks"), what="the piece")
            strange = make_authority(tmp_path, "strangers").sign("stranger")
            for shown in ([], [str(path) for path in strange]):
                assert knock(f"tls://{address}", str(authority.path), *shown) == "refused\n"
            process.send_signal(signal.SIGTERM)
            assert json.loads(process.communicate(timeout=120)[0])["passed"]
    finally:
        crew.close()


KNOCK = """
import asyncio, sys
from distributed.comm import connect
from distributed.security import Security
address, authority, *shown = sys.argv[1:]
security = Security(require_encryption=True, tls_ca_file=authority,
                    **dict(zip(("tls_client_cert", "tls_client_key"), shown)))
async def ask():
    comm = await connect(address, timeout=5, **security.get_connection_args("client"))
    await comm.write({"op": "identity"})
    print(await comm.read())
try:
    asyncio.run(ask())
except Exception:
    print("refused")
"""


def knock(address, authority, *shown):
    done = subprocess.run(
        [sys.executable, "-c", KNOCK, address, authority, *shown],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_scheduler_that_cannot_pass_work_on_is_told_of(tmp_path, caplog):
    address = f"tcp://127.0.0.1:{free_port()}"
    script = (
        "import sys; sys.modules['btkit'] = None; from dask.__main__ import main; main()",
        "scheduler", "--host", address, "--no-dashboard", "--dashboard-address", "127.0.0.1:0",
    )  # fmt: skip
    with started(*script):
        crew = DaskCrew(Settings(dask_scheduler=address))
        try:
            until(lambda: "the scheduler has no btkit" in caplog.text, what="the warning")
        finally:
            crew.close()
