"""A crew of real processes: killed, frozen, refused, and there again."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from itertools import count

import psutil
import pytest
from support.tasks import leave_marks, marks
from support.waiting import until

from btkit.jobs.warming import warm_up
from btkit.service.dask_crew import DaskCrew
from btkit.settings import Settings

NUMBERS = count(1)


def settings_in(folder, **given):
    return Settings(service_dir=folder / "service", local_workers=2, lease_seconds=2, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("crew")


@pytest.fixture(scope="module")
def module_crew(folder):
    # Compiled once, and not by each worker at the same time.
    warm_up()
    crew = DaskCrew(settings_in(folder), task=leave_marks)
    yield crew
    crew.close()


@pytest.fixture(autouse=True)
def _said(caplog):
    caplog.set_level(logging.INFO, "btkit.service")


@pytest.fixture
def crew(module_crew):
    """Give the crew, whole, and with nothing left from the test before."""
    until(lambda: len(admitted(module_crew)) == 2, what="two workers")
    module_crew.gone()
    module_crew.failures()
    return module_crew


@pytest.fixture
def give(crew, tmp_path):
    """Give what hands an order to a worker, and returns its lease and its number."""

    def hand_over(worker, **given):
        number = next(NUMBERS)
        order = {"number": number, "marks": str(tmp_path / "marks"), **given}
        crew.hand_over(worker.name, json.dumps(order), f"lease-{number}")
        return f"lease-{number}", number

    return hand_over


def admitted(crew):
    return [worker for worker in crew.workers() if worker.admitted]


def begun(tmp_path, number):
    return any(mark[1:] == ("begin", number) for mark in marks(tmp_path / "marks"))


def ended(tmp_path, number):
    return any(mark[1:] == ("end", number) for mark in marks(tmp_path / "marks"))


def test_the_worker_that_is_named_does_a_piece_and_no_other(crew, give, tmp_path):
    first, second = admitted(crew)
    assert first.pid != second.pid
    assert first.versions == second.versions
    pieces = [give(worker)[1] for worker in (first, second, second, first)]
    for number in pieces:
        until(lambda number=number: ended(tmp_path, number), what=f"piece {number}")
    did = {number: pid for pid, what, number in marks(tmp_path / "marks") if what == "end"}
    assert [did[number] for number in pieces] == [first.pid, second.pid, second.pid, first.pid]
    until(lambda: not any(worker.leases for worker in crew.workers()), what="the ends")
    assert crew.failures() == []
    assert crew.gone() == set()


def test_one_order_handed_over_twice_is_done_twice(crew, give, tmp_path):
    worker = admitted(crew)[0]
    order = json.dumps({"number": 0, "marks": str(tmp_path / "marks")})
    for lease in ("twice-1", "twice-2"):
        crew.hand_over(worker.name, order, lease)
    until(lambda: [mark[1] for mark in marks(tmp_path / "marks")].count("end") == 2, what="both")


def test_what_is_taken_back_does_not_begin_and_what_runs_is_left_alone(crew, give, tmp_path):
    worker, other = admitted(crew)
    running, number = give(worker, seconds=60)
    until(lambda: begun(tmp_path, number), what="the first piece")
    waiting, never = give(worker)
    crew.take_back(waiting)
    crew.take_back(running)
    after = give(worker)[1]
    # What was said to the scheduler before a piece was handed over, it has passed on by its end.
    for _ in range(2):
        probe = give(other)[1]
        until(lambda probe=probe: ended(tmp_path, probe), what="a piece of the other worker")
    (tmp_path / "marks.go").touch()
    until(lambda: ended(tmp_path, after), what="the piece after")
    assert ended(tmp_path, number)
    assert not begun(tmp_path, never)
    assert crew.failures() == []


def test_a_piece_that_raises_says_why_and_the_worker_goes_on(crew, give, tmp_path):
    worker = admitted(crew)[0]
    lease, _ = give(worker, fails="it cannot be done")
    (failure,) = until(crew.failures, what="the failure")
    assert (failure.lease_id, failure.worker) == (lease, worker.name)
    assert "it cannot be done" in failure.message
    number = give(worker)[1]
    until(lambda: ended(tmp_path, number), what="the next piece")


def test_a_killed_worker_is_gone_with_all_that_it_had_and_another_one_comes(crew, give, tmp_path):
    first, second = admitted(crew)
    had = {give(first, seconds=60)[0] for _ in range(3)}
    other = give(second)[1]
    until(lambda: marks(tmp_path / "marks"), what="the first piece")
    os.kill(first.pid, signal.SIGKILL)
    assert until(crew.gone, what="the loss") == {first.name}
    failed = crew.failures()
    assert {failure.lease_id for failure in failed} == had
    assert len(failed) == len(had)
    until(lambda: ended(tmp_path, other), what="the piece of the other worker")
    until(lambda: len(admitted(crew)) == 2, what="a new worker")
    assert first.name not in {worker.name for worker in crew.workers()}
    assert second.name in {worker.name for worker in crew.workers()}


def test_a_worker_that_is_told_to_end_leaves_and_is_not_lost(crew, give, tmp_path, caplog):
    leaving = admitted(crew)[0]
    lease, number = give(leaving, seconds=60)
    until(lambda: begun(tmp_path, number), what="the piece")
    os.kill(leaving.pid, signal.SIGTERM)
    (tmp_path / "marks.go").touch()
    assert until(crew.gone, what="its end") == {leaving.name}
    assert {failure.lease_id for failure in crew.failures()} <= {lease}
    until(lambda: len(admitted(crew)) == 2, what="a new worker")
    said = [record.message for record in caplog.records]
    assert f"the worker {leaving.name} left" in said
    assert f"the worker {leaving.name} was lost" not in said


def test_a_frozen_worker_gets_no_more_and_is_replaced(crew, give):
    frozen = admitted(crew)[0]
    lease, _ = give(frozen, seconds=60)
    os.kill(frozen.pid, signal.SIGSTOP)
    until(lambda: frozen.name not in {info.name for info in admitted(crew)}, what="its silence")
    assert until(crew.gone, what="the loss") == {frozen.name}
    assert {failure.lease_id for failure in crew.failures()} == {lease}
    until(lambda: len(admitted(crew)) == 2, what="a new worker")
    until(lambda: not psutil.pid_exists(frozen.pid), what="the end of the frozen one")


def test_a_killed_scheduler_is_started_again_and_nothing_stays_handed_over(crew, give, tmp_path):
    names = {worker.name for worker in crew.workers()}
    lease, _ = give(admitted(crew)[0], seconds=60)
    until(lambda: marks(tmp_path / "marks"), what="the piece")
    (tmp_path / "marks.go").touch()
    scheduler = children_of(os.getpid(), but={worker.pid for worker in crew.workers()})
    for process in scheduler:
        process.kill()
    gone = set()
    until(lambda: gone.update(crew.gone()) or gone == names, what="everybody's loss")
    assert {failure.lease_id for failure in crew.failures()} <= {lease}
    worker = until(lambda: admitted(crew), what="a worker of the new scheduler")[0]
    number = give(worker)[1]
    until(lambda: ended(tmp_path, number), what="a piece after it")


def test_a_worker_that_is_lost_when_it_is_handed_something_says_so(crew, give):
    gone = admitted(crew)[0]
    os.kill(gone.pid, signal.SIGKILL)
    until(crew.gone, what="the loss")
    crew.failures()
    lease, _ = give(gone)
    assert [failure.lease_id for failure in crew.failures()] == [lease]


def test_other_users_cannot_read_what_opens_the_scheduler(crew, folder):
    (cluster,) = (folder / "service").glob("cluster-*")
    assert cluster.stat().st_mode & 0o077 == 0
    for name in ("door.json", "key-*.pem"):
        assert all(path.stat().st_mode & 0o077 == 0 for path in cluster.glob(name))


def test_nobody_gets_in_without_the_key(crew, folder):
    (cluster,) = (folder / "service").glob("cluster-*")
    address = json.loads((cluster / "door.json").read_bytes())["scheduler"]
    script = (
        "import asyncio, sys\n"
        "from distributed import Client\n"
        "from distributed.security import Security\n"
        "async def knock(address, security):\n"
        "    await Client(address, security=security, asynchronous=True, timeout=5)\n"
        "strangers = Security.temporary()\n"
        "for address, security in [(sys.argv[1], strangers),\n"
        "                          (sys.argv[1].replace('tls', 'tcp'), None)]:\n"
        "    try:\n"
        "        asyncio.run(knock(address, security))\n"
        "    except OSError as error:\n"
        "        print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, address], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["refused", "refused"], done.stderr
    assert len(admitted(crew)) == 2


def children_of(pid, *, but=frozenset()):
    return [
        child
        for child in psutil.Process(pid).children()
        if child.pid not in but and "btkit.service.children" in " ".join(child.cmdline())
    ]


# Says the ids of its children, and lives until it is killed.
SERVER = """
import sys, time
from pathlib import Path
from btkit.jobs.warming import warm_up
from btkit.service.dask_crew import DaskCrew
from btkit.settings import Settings
crew = DaskCrew(Settings(service_dir=Path(sys.argv[1]), local_workers=1))
while not any(worker.admitted for worker in crew.workers()):
    time.sleep(0.05)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_killed_server_leaves_no_process_and_the_next_one_no_folder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout.readline() == "ready\n"
        children = children_of(server.pid)
        assert len(children) == 2
        server.kill()
    until(lambda: not any(child.is_running() for child in children), what="the children's end")
    (left,) = tmp_path.glob("cluster-*")
    crew = DaskCrew(Settings(service_dir=tmp_path, local_workers=0))
    try:
        until(lambda: set(tmp_path.glob("cluster-*/door.json")) - {left / "door.json"}, what="door")
        assert not left.exists()
        assert crew.workers() == []
    finally:
        crew.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_lies_where_the_server_removes_it(crew, folder):
    (cluster,) = (folder / "service").glob("cluster-*")
    made = {path.name.partition("-")[0] for path in cluster.glob("dask/dask-scratch-space/*-*")}
    assert made == {"scheduler", "worker"}
