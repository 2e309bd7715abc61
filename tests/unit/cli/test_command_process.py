"""What only a real process shows: descriptors, signals, exit codes. Each costs a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from support import signals
from support.market_data import MarketDataStandIn

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-m", "btkit.cli.main"]
RUN = [
    *COMMAND, "run", "--strategy", "tiny.json", "--symbol", "SPX",
    "--start", "2010-01-01", "--end", "2010-12-31", "--no-report",
]  # fmt: skip


def call(arguments, **options):
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=120, **options
    )


def test_run_prints_one_document_and_nothing_else():
    done = call(RUN)
    document = json.loads(done.stdout)
    assert done.returncode == (0 if document["passed"] else 1)
    assert "simulate" in done.stderr
    assert "\x1b" not in done.stderr


def test_quiet_leaves_stderr_empty():
    assert call([*RUN, "-q"]).stderr == ""


def test_output_of_a_started_program_does_not_reach_stdout():
    script = (
        "import os, subprocess, sys\n"
        "from btkit.cli import main as entry\n"
        "from btkit.cli.outcome import CommandOutcome\n"
        "def work():\n"
        "    os.write(1, b'from C')\n"
        "    subprocess.run(['echo', 'from a child'], check=True)\n"
        "    print('from Python')\n"
        "    return CommandOutcome({'fine': True}, next=[])\n"
        "entry._parse = lambda arguments: work\n"
        "sys.exit(entry.main([]))\n"
    )
    done = call([sys.executable, "-c", script])
    assert json.loads(done.stdout) == {"fine": True, "next": []}
    for source in ("from C", "from a child", "from Python"):
        assert source in done.stderr


def test_a_closed_pipe_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, "indicators"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writer)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "could not be written" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream(closed):
    done = call(["sh", "-c", f'"$0" -m btkit.cli.main list {closed}', sys.executable])
    assert "Traceback" not in done.stderr
    if closed == ">&-":
        assert done.returncode == 2
    else:
        assert json.loads(done.stdout)["count"] == 0


@pytest.mark.parametrize("number", signals.STOPS)
def test_a_signal_gives_a_document_and_a_cancelled_row(workplace, monkeypatch, number):
    stand_in = MarketDataStandIn(workplace / "stand-in").fail("hang")
    monkeypatch.setenv("BT_MARKET_DATA_CMD", stand_in.command)
    with subprocess.Popen(
        [*RUN, "--source", "market-data"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=signals.heard,  # noqa: PLW1509 - it takes no lock
    ) as process:  # fmt: skip
        try:
            # The stand-in logs a call before it hangs: then the run is under way.
            while not stand_in.calls and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 2, err
    assert json.loads(out)["error"]["type"] == "InterruptedRunError"
    assert "Traceback" not in err
    (row,) = json.loads(call([*COMMAND, "list"]).stdout)["runs"]
    assert row["status"] == "cancelled"


def test_what_a_long_run_no_longer_needs_goes_back_to_the_system():
    script = (
        "import numpy as np, psutil\n"
        "from btkit.cli import main as entry\n"
        "def answer(arguments, signals):\n"
        "    def resident(): return psutil.Process().memory_info().rss\n"
        "    before = resident()\n"
        "    np.ones(2**20)  # freed at once, and glibc learns its size\n"
        "    columns = [(np.ones(2**20), np.ones(2**10)) for _ in range(16)]\n"
        "    kept = [short for long, short in columns]\n"
        "    del columns\n"
        "    is_given_back = resident() - before < 32 * 2**20\n"
        "    import pyarrow\n"
        "    print(pyarrow.default_memory_pool().backend_name, is_given_back)\n"
        "    return 0\n"
        "entry._answer = answer\n"
        "entry.command()\n"
    )
    assert call([sys.executable, "-c", script]).stdout.split() == ["system", "True"]
