from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from btkit import owner
from btkit.owner import Owner, is_alive, now_text, this_process


def test_this_process_is_alive():
    assert this_process() == this_process()
    assert this_process().pid == os.getpid()
    assert is_alive(this_process(), "2000-01-01T00:00:00+00:00")


def test_a_process_that_ended_is_not():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = Owner(this_process().host, child.pid, owner._started(child.pid))
    assert is_alive(known, now_text())
    # One that nobody has waited for yet is as dead as any other.
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(known, now_text())
    child.wait()
    assert not is_alive(known, now_text())


def test_another_process_with_the_same_number_is_another():
    assert not is_alive(this_process()._replace(started="1"), now_text())


@pytest.mark.parametrize(("seconds", "alive"), [(0, True), (110, True), (130, False)])
def test_another_machine_is_known_by_its_heartbeat(seconds, alive):
    known = Owner("elsewhere", os.getpid(), this_process().started)
    heard = datetime.now(UTC) - timedelta(seconds=seconds)
    assert is_alive(known, heard.isoformat()) is alive


def test_a_clock_that_is_set_makes_no_process_another(tmp_path, monkeypatch):
    known, moment = this_process(), psutil.Process().create_time()
    proc = Path("/proc")
    (tmp_path / str(known.pid)).mkdir()
    shutil.copy(proc / "self" / "stat", tmp_path / str(known.pid) / "stat")
    lines = (proc / "stat").read_text().splitlines()
    booted = int(next(line for line in lines if line.startswith("btime")).split()[1])
    (tmp_path / "stat").write_text(
        "\n".join(lines).replace(f"btime {booted}", f"btime {booted + 3600}")
    )
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert psutil.Process(known.pid).create_time() == pytest.approx(moment + 3600, abs=0.01)
    assert is_alive(known, now_text())


def test_the_start_is_the_kernels_own_count():
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert this_process().started == fields[19]


def test_a_system_that_counts_by_the_clock(monkeypatch):
    monkeypatch.setattr(psutil, "LINUX", False)
    assert is_alive(this_process(), now_text())
    assert not is_alive(this_process()._replace(pid=2**22 + 1), now_text())
    assert not is_alive(this_process()._replace(started="1.00"), now_text())
