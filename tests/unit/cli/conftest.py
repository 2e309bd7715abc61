from __future__ import annotations

import json
import os
import shlex
import sys

import pytest
from support.specs import rules

from btkit.cli.app import parse
from btkit.cli.main import main


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("BT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BT_DATA_SOURCE", "sample")
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    monkeypatch.setenv("BT_REPORT_DIR", str(tmp_path / "reports"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(
        json.dumps(rules(exit_conditions=["close < sma_50"], position_sizing_formula="10"))
    )
    return tmp_path


@pytest.fixture
def answer(capsys):
    """Run a command line in this process; give exit code, the one document, and stderr.

    Whatever the command was, the answer says what may be done next, in commands that can be run.
    """

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        document = strict_json(captured.out)
        assert document["next"]
        for step in document["next"]:
            program, *rest = shlex.split(step["command"])
            assert program == "backtest"
            parse(rest)
            assert step["why"].endswith(".")
        capsys.readouterr()  # where one of them prints its help
        return code, document, captured.err

    return call


@pytest.fixture
def backtest(answer):
    """Give the same without ``next``: the document as it is stored."""

    def call(*arguments):
        code, document, told = answer(*arguments)
        del document["next"]
        return code, document, told

    return call


def strict_json(text):
    def refuse(constant):
        message = f"{constant} is not JSON"
        raise AssertionError(message)

    return json.loads(text, parse_constant=refuse)
