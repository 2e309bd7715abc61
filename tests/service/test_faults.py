"""Whatever breaks while a sweep is done, each set is there once, with the bits of a local sweep."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack, closing
from functools import partial

import httpx
import psutil
import pytest
from support.ports import free_port
from support.proxy import Proxy
from support.waiting import until
from support.whole_service import (
    COMMAND,
    SEARCH,
    SWEEP,
    Local,
    WholeService,
    scheduler_at,
    worker_of,
)

from btkit.jobs import delete
from btkit.jobs.warming import warm_up

SMALL = {**SWEEP, "parameters": {"n": list(range(5, 25)), "m": list(range(5, 25))}}
KILLED = "import os, signal\nend = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
KILLED_BEFORE_ITS_ANSWER = f"""{KILLED}
from btkit.storage.operations import OperationTable
submit = OperationTable.submit
OperationTable.submit = lambda *given, **named: end(submit(*given, **named))
{COMMAND}"""
KILLED_BEFORE_IT_HANDS_OVER = f"""{KILLED}
from btkit.service.dask_crew import DaskCrew
DaskCrew.hand_over = end
{COMMAND}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    warm_up()
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def expected(folder):
    return Local(folder / "local")


@pytest.fixture(scope="module")
def whole_server(folder):
    with closing(WholeService(folder / "server")) as service:
        yield service.start()


@pytest.fixture
def server(whole_server):
    """Give the server, whole, with two workers and no outcome of the test before."""
    if whole_server.process is None:
        whole_server.start()
    whole_server.admitted(2)
    for operation in whole_server.store.operations.list()[0]:
        if operation.job_id is not None:
            delete(operation.job_id, settings=whole_server.settings)
            whole_server.store.operations.delete(operation.operation_id)
    return whole_server


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_piece_of_a_lost_worker_is_done_by_another(server, expected, number):
    known = server.submit(SWEEP)
    lost = server.running(known)
    os.kill(lost["pid"], number)
    assert server.outcome(known) == expected(SWEEP)
    assert lost["name"] in {data["worker"] for data in server.events(known, "lost")}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_search_goes_on_where_the_lost_worker_was(server, expected, number):
    known = server.submit(SEARCH)
    until(lambda: server.store.operations.files.parcel_of(known), what="what is done so far")
    lost = server.running(known)
    os.kill(lost["pid"], number)
    assert server.outcome(known) == expected(SEARCH)
    assert {data["worker"] for data in server.events(known, "lost")} == {lost["name"]}
    lines = server.log.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if known in line and "goes on from the checkpoint" in line]


def test_a_scheduler_is_lost(server, expected):
    known = server.submit(SWEEP)
    server.running(known)
    scheduler = server.scheduler()
    scheduler.kill()
    assert server.outcome(known) == expected(SWEEP)
    assert server.scheduler().pid != scheduler.pid


def test_a_server_is_killed_and_goes_on_in_another_place_with_what_workers_brought(
    server, expected, folder
):
    known = server.submit(SWEEP)
    operations = server.store.operations
    until(lambda: operations.count_contents(known), what="a content")
    server.kill()
    brought, before = operations.count_contents(known), url_of(server)
    server.move(folder / "elsewhere")
    server.start()
    assert url_of(server) != before
    server.running(known)
    # What is done stays done, though its files lie elsewhere by now.
    assert server.store.operations.count_contents(known) >= brought
    assert server.outcome(known) == expected(SWEEP)


def url_of(server):
    return str(server.http.base_url)


def test_a_server_is_killed_between_a_row_and_what_follows_from_it(folder, expected):
    with closing(WholeService(folder / "between", workers=1)) as server:
        server.start(code=KILLED_BEFORE_ITS_ANSWER)
        ask = partial(
            server.http.post, "/backtests/start", json=SMALL, headers={"Idempotency-Key": "once"}
        )
        with pytest.raises(httpx.TransportError):
            ask()
        assert server.ended() == -signal.SIGKILL
        (row,) = server.store.operations.list()[0]
        server.start(code=KILLED_BEFORE_IT_HANDS_OVER)
        assert server.ended() == -signal.SIGKILL
        assert server.store.operations.leases(row.operation_id)
        server.start()
        # Who had no answer asks again, and is told of the same.
        assert ask().json()["operation_id"] == row.operation_id
        assert server.outcome(row.operation_id) == expected(SMALL)
        (row,) = server.store.operations.list()[0]
        assert (row.attempt, row.crashed) == (1, 0)


def test_a_full_disk_of_the_server_delays_and_loses_nothing(server, expected):
    known = server.submit(SWEEP)
    server.running(known)
    process = psutil.Process(server.process.pid)
    whole = process.rlimit(psutil.RLIMIT_FSIZE)
    # What writes beyond this size fails, as where no space is left.
    process.rlimit(psutil.RLIMIT_FSIZE, (512, whole[1]))
    try:
        refused = until(lambda: refusal_of(server, SWEEP), what="a refusal")
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, whole)
    assert ":Store" in refused["type"], refused
    assert server.outcome(known) == expected(SWEEP)


def refusal_of(server, job):
    answer = server.http.post("/backtests/start", json=job)
    if answer.is_success:
        server.http.delete(answer.headers["Location"])
        return None
    return answer.json()


def test_a_cancelled_job_makes_way_for_the_next_and_can_be_taken_up(server, expected):
    known = server.submit(SEARCH)
    server.running(known)
    after = server.submit(SWEEP)
    server.http.post(f"/operations/{known}/cancel").raise_for_status()
    until(lambda: server.operation(known)["done"], what="the end of the cancelled one")
    assert server.operation(known)["status"] == "cancelled"
    assert server.outcome(after) == expected(SWEEP)
    answer = server.http.post("/backtests/resume", json={"operation_id": known})
    answer.raise_for_status()
    assert server.outcome(known) == expected(SEARCH)


@pytest.fixture
def apart(folder, request):
    """Give a server that starts no workers, in a folder of its own."""
    with closing(WholeService(folder / request.node.name, workers=0)) as service:
        yield service.start()


def test_without_workers_work_waits_and_survives_the_server(apart, expected):
    known = apart.submit(SWEEP)
    said = apart.operation(known)
    assert (said["status"], said["workers"]) == ("queued", 0)
    apart.kill()
    apart.start()
    assert apart.operation(known)["status"] == "queued"
    with worker_of(apart) as first:
        apart.running(known)
        first.kill()
        until(lambda: apart.operation(known)["status"] == "queued", what="the queue")
        assert apart.operation(known)["workers"] == 0
    with worker_of(apart) as second:
        apart.running(known)
        second.send_signal(signal.SIGTERM)
        assert json.loads(second.communicate(timeout=120)[0])["passed"]
        assert second.returncode == 0
        # It gave back what it was at.
        until(lambda: not apart.store.operations.leases(), what="the end of its leases")
    with worker_of(apart):
        assert apart.outcome(known) == expected(SWEEP)


def delay(service, known, proxy):
    """Let each part of what is said take a while, until the work gets on all the same."""
    before = service.store.operations.get(known).done
    proxy.delay_s = 0.2
    until(lambda: service.store.operations.get(known).done != before, what="a step through it")
    proxy.delay_s = 0.0


def cut(service, known, proxy):
    del service, known
    proxy.cut()


def lease_swallowed(service, known, proxy):
    proxy.swallows = True
    until(lambda: service.events(known, "lost"), what="the loss of a lease")
    proxy.swallows = False


def worker_swallowed(service, known, proxy):
    del known
    proxy.swallows = True
    until(lambda: not any(w["admitted"] for w in service.workers()), what="the silence")
    proxy.swallows = False


def test_connections_are_delayed_cut_and_black_holes(folder, expected):
    port, scheduler_port = free_port(), free_port()
    address = f"tcp://127.0.0.1:{scheduler_port}"
    with ExitStack() as stack:
        to_server = stack.enter_context(Proxy(("127.0.0.1", port)))
        to_scheduler = stack.enter_context(Proxy(("127.0.0.1", scheduler_port)))
        stack.enter_context(scheduler_at(address))
        service = WholeService(
            folder / "network",
            BT_DASK_SCHEDULER=address,
            BT_SERVER_URL=f"http://127.0.0.1:{to_server.port}",
        )
        stack.enter_context(closing(service))
        service.start(port=port)
        through = f"tcp://127.0.0.1:{to_scheduler.port}"
        for _ in range(2):
            stack.enter_context(worker_of(service, BT_DASK_SCHEDULER=through))
        for proxy, break_it in [
            (to_server, delay), (to_server, cut), (to_server, lease_swallowed),
            (to_scheduler, cut), (to_scheduler, worker_swallowed),
        ]:  # fmt: skip
            service.admitted(2)
            known = service.submit(SWEEP)
            service.running(known)
            break_it(service, known, proxy)
            assert service.outcome(known) == expected(SWEEP), break_it
            delete(service.operation(known)["run_id"], settings=service.settings)
