from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.broken_off import SPEC, write_bars

from btkit.settings import Settings

COMMAND = [sys.executable, "-m", "btkit.cli.main"]
PATIENCE_S = 200  # less than what ends all tests


class Process(subprocess.Popen):
    """A process that fails its test, and no other, if it does not end."""

    def communicate(self, input=None, timeout=PATIENCE_S):  # noqa: A002 - the base's signature
        return super().communicate(input, timeout)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Give an empty folder that every process of a test works in."""
    for name in [name for name in os.environ if name.startswith("BT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BT_DATA_SOURCE", "files")
    monkeypatch.setenv("BT_DATA_DIR", str(tmp_path / "bars"))
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    monkeypatch.setenv("BT_REPORT_DIR", str(tmp_path / "reports"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    return tmp_path


@pytest.fixture
def settings(workplace):
    return Settings()


@pytest.fixture
def arguments(workplace):
    """Write bars, and give the command line of a run over them."""

    def make(count=60):
        first, last = write_bars(workplace / "bars", count=count)
        return [
            *COMMAND, "run", "--strategy", "spec.json", "--symbol", "TINY",
            "--start", first, "--end", last, "--no-report",
        ]  # fmt: skip

    return make


@pytest.fixture
def start():
    """Start a process; whatever still runs at the end of the test is killed."""
    started = []

    def launch(arguments, **environment):
        process = Process(
            arguments, env=os.environ | environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield launch
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def query(settings):
    def ask(sql, *values):
        with closing(sqlite3.connect(settings.db_path, timeout=30)) as connection:
            return connection.execute(sql, values).fetchall()

    return ask
