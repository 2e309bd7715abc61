"""A single worker: what it is to stop makes way, and what it brings too late is not taken."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest
from support.waiting import until
from support.whole_service import COMMAND, SEARCH, Local, WholeService, worker_log, worker_of

from btkit.jobs.warming import warm_up

SHORT = {**SEARCH, "samples": 120}
# Of which nobody sees the end.
ENDLESS = {**SEARCH, "samples": 14_400}
# It works on whatever it hears, as one that is frozen after its last beat.
DEAF = f"from btkit.service.beats import Beats\nBeats.check = lambda _: None\n{COMMAND}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    warm_up()
    return tmp_path_factory.mktemp("one")


@pytest.fixture(scope="module")
def expected(folder):
    return Local(folder / "local")


@pytest.fixture(scope="module")
def server(folder):
    # So long that no lease is lost because a machine is busy.
    with closing(WholeService(folder / "server", workers=0, BT_LEASE_SECONDS="6")) as service:
        yield service.start()


def test_what_is_cancelled_makes_way_for_the_next_job_on_its_worker(server, expected):
    with worker_of(server) as process:
        endless = server.submit(ENDLESS)
        worker = server.running(endless)
        after = server.submit(SHORT)
        leases = server.store.operations.leases
        assert leases(after) == []
        server.http.post(f"/operations/{endless}/cancel").raise_for_status()
        (lease,) = until(lambda: leases(after), what="the next job's turn")
        assert lease.worker == worker["name"]
        # It had given back what it was at: nobody is at two whole jobs.
        assert leases(endless) == []
        assert server.outcome(after) == expected(SHORT)
        assert server.operation(endless)["status"] == "cancelled"
        # It heard that it was to stop; neither its silence nor its end made way.
        assert server.events(endless, "lost") == server.events(after, "lost") == []
        assert process.poll() is None
        assert worker["pid"] == process.pid
    until(lambda: not server.workers(), what="its end")


def test_what_a_frozen_worker_brings_after_its_lease_is_refused(server, expected):
    with worker_of(server, code=DEAF) as process:
        known = server.submit(SEARCH)
        server.running(known)
        process.send_signal(signal.SIGSTOP)
        until(lambda: server.events(known, "lost"), what="the end of its lease")
        process.send_signal(signal.SIGCONT)
        until(lambda: refusals(server, known), what="the refusal")
        assert server.outcome(known) == expected(SEARCH)
        assert process.poll() is None


def refusals(server, operation_id):
    """Return the lines in which workers say that what they made was not taken."""
    lines = worker_log(server).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if operation_id in line and "no such lease" in line]
