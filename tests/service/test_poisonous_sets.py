"""What kills each process that simulates it is found, and everything else is done all the same."""

from __future__ import annotations

from contextlib import closing

import pandas as pd
import pytest
from support.divided import prepared
from support.installed import install
from support.service import settings_in
from support.waiting import until
from support.whole_service import WholeService

from btkit.indicators.registry import REGISTERED
from btkit.jobs import execute, load_document
from btkit.jobs.warming import warm_up

POISON, DEADLY = 23, "BTKIT_TESTS_DEADLY"
PACKAGE = f"""
    import os
    import signal

    import btkit as bt
    import pandas as pd


    def _average(close, n):
        if n == {POISON} and os.environ.get("{DEADLY}"):
            os.kill(os.getpid(), signal.SIGSEGV)
        return pd.Series(close).rolling(n).mean()


    def register():
        bt.register_indicator(
            "deadly_<n>", _average, lookback=lambda n: n - 1, meaning="A mean.", formula="mean",
        )
"""
RUN = {
    "kind": "run",
    "spec": {
        "name": "deadly",
        "entry_conditions": ["close > deadly_{n}"],
        "exit_conditions": ["close < deadly_{n}"],
        "stop_conditions": [],
        "position_sizing_formula": "capital / (close * 1.01)",
        "parameters": {"n": POISON},
    },
    "symbol": "SPX",
    "start": "2010-01-04",
    "end": "2012-12-31",
    "source": "sample",
}
SWEEP = {**RUN, "kind": "sweep", "parameters": {"n": list(range(20, 36))}}
HEALTHY = {**RUN, "spec": {**RUN["spec"], "parameters": {"n": POISON + 1}}}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Give the folder of an installed package with an indicator that kills, and know it here."""
    folder = tmp_path_factory.mktemp("package")
    with pytest.MonkeyPatch.context() as patch:
        install(
            folder, patch, module="deadly", code=PACKAGE,
            entry_points="[btkit.indicators]\ndeadly = deadly:register\n",
        )  # fmt: skip
        patch.setattr(REGISTERED, "_entries", {})
        patch.setattr(REGISTERED, "_asked", False)
        yield folder


@pytest.fixture(scope="module")
def server(package, tmp_path_factory):
    warm_up()
    folder = tmp_path_factory.mktemp("poison") / "server"
    # It kills the server as well, should that ever simulate. Deaths are seen at once, so that no
    # lease need expire, and none does that is merely late.
    deadly = {"PYTHONPATH": package, DEADLY: "1", "BT_LEASE_SECONDS": "60"}
    with closing(WholeService(folder, **deadly)) as service:
        service.start().admitted(2)
        yield service


@pytest.fixture
def here(tmp_path):
    """Give what does a job in this process, where nothing is deadly."""
    settings = settings_in(tmp_path)
    return settings, lambda job: execute(prepared(settings, **job), settings=settings)


def ended(server, operation_id):
    until(lambda: server.operation(operation_id)["done"], what="the end of the operation")
    return server.operation(operation_id)


def deaths(server, operation_id, place=0):
    """Return the ranges with a place that workers were lost with, each with its attempts.

    What only waited on a worker that was lost does not count, and is handed out again under the
    same number.
    """
    found = {}
    for lost in server.events(operation_id, "lost"):
        lo, hi = lost.get("lo", 0), lost.get("hi", 1)
        if lo <= place < hi:
            found.setdefault((lo, hi), {})[lost["attempt"]] = lost["worker"]
    return found


def test_a_set_that_kills_is_found_and_all_others_have_the_bits_of_a_local_sweep(server, here):
    known = server.submit(SWEEP)
    said = ended(server, known)
    assert said["status"] == "complete", said["error"]
    settings, do = here
    there = load_document(said["run_id"], settings=server.settings)
    local = do(SWEEP)
    crashed = there["crashed_sets"]
    assert (crashed["count"], crashed["listed"][0]["parameters"]) == (1, {"n": POISON})
    assert "crashed_sets" in {warning["code"] for warning in there["warnings"]}
    table = pd.read_parquet(server.settings.report_dir / f"{said['run_id']}.parquet")
    expected = pd.read_parquet(settings.report_dir / f"{local.sweep_id}.parquet")
    expected = expected[expected["n"] != POISON].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    # Halved with the second death, and with each one after that, until one set is left.
    place = SWEEP["parameters"]["n"].index(POISON)
    found = deaths(server, known, place)
    sizes = [hi - lo for lo, hi in found]
    attempts = [sorted(workers) for workers in found.values()]
    assert sizes == [4, 2, 1]
    assert attempts == [[1, 2], [2], [1, 2, 3]]
    assert len({name for workers in found.values() for name in workers.values()}) == 6


def test_a_run_that_kills_three_workers_fails_and_the_next_one_does_not(server, here):
    known = server.submit(RUN)
    behind = server.submit(HEALTHY)
    said = ended(server, known)
    assert (said["status"], said["error"]["type"]) == ("failed", "WorkerUnavailableError")
    (workers,) = deaths(server, known).values()
    assert sorted(workers) == [1, 2, 3]
    assert len(set(workers.values())) == 3
    said = ended(server, behind)
    assert said["status"] == "complete", said["error"]
    settings, do = here
    local = load_document(do(HEALTHY).run_id, trades=True, settings=settings)
    there = load_document(said["run_id"], trades=True, settings=server.settings)
    for document in (local, there):
        del document["metrics"]["run_id"]
    for part in ("metrics", "trades", "data", "diagnostics"):
        assert there[part] == local[part], part
