"""The recipes of CONTRIBUTING do what they promise."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest
from support.installed import install

import btkit as bt
from btkit.data import source_names
from btkit.data.built_in import BUILT_IN
from btkit.errors import UsageError
from btkit.indicators import momentum
from btkit.indicators.causality import check_definition

ROOT = Path(__file__).parents[2]
BACKTEST = Path(sys.executable).with_name("backtest")


def recipe(language, containing):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^  ```{language}\n(.*?)^  ```$", text, re.MULTILINE | re.DOTALL)
    [found] = [dedent(block) for block in blocks if containing in block]
    return found


def test_an_indicator_is_one_piece_of_its_groups_module():
    names = dict(vars(momentum))
    exec(recipe("python", "MOM"), names)  # noqa: S102 - our own text
    for n in (2, 14, 37):
        check_definition(names["MOM"].define(n))
    assert names["MOM"].entry.name == "mom_<n>"


def test_a_source_of_btkits_own_is_a_class_and_an_entry(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "flat", None)  # so that what the recipe sets is taken back
    exec(recipe("python", "BUILT_IN"), {"__name__": "flat"})  # noqa: S102 - our own text
    bars = bt.load_bars("ABC", "2015-01-01", "2015-12-31", source="flat")
    assert "flat" in source_names()
    with pytest.raises(UsageError, match="btkit's own"):
        bt.register_source("flat", dict)
    assert bars.attrs["btkit"]["source"] == "flat"
    assert bars.attrs["btkit"]["description"] == "ABC, which never moves"
    assert (bars["close"] == 1).all()


@pytest.fixture
def own_package(tmp_path, monkeypatch):
    """Return the environment of a process that has the recipe's package installed."""
    entry_points = recipe("toml", "entry-points").replace('[project.entry-points."', "[")
    entry_points = entry_points.replace('"]', "]").replace('"', "")
    install(
        tmp_path,
        monkeypatch,
        module="my_package",
        code=recipe("python", "register_source"),
        entry_points=entry_points,
    )
    folders = {"BT_DB_PATH": "r.db", "BT_CURVE_DIR": "c", "BT_REPORT_DIR": "r"}
    own = {name: str(tmp_path / place) for name, place in folders.items()}
    return {**os.environ, **own, "PYTHONPATH": str(tmp_path)}


@pytest.mark.integration
def test_a_package_of_ones_own_is_known_to_the_command(own_package, tmp_path):
    strategy = tmp_path / "s.yaml"
    strategy.write_text(
        "name: waves\nentry_conditions: [close > typical_avg_10]\nexit_conditions: []\n"
        "stop_conditions: []\n"
    )
    flags = "--symbol ABC --start 2015-01-01 --end 2016-12-31 --source waves --no-report"
    command = [BACKTEST, "run", "--strategy", strategy, *flags.split()]
    ran = subprocess.run(command, env=own_package, capture_output=True, text=True, check=False)
    report = json.loads(ran.stdout)
    assert report["metrics"]["total_trades"] > 10
    assert report["data"]["description"] == "Waves, made up"
    found = {plugin["name"]: plugin["distribution"] for plugin in report["provenance"]["plugins"]}
    registered = ("typical_avg_<n>", "waves", "longest_trade")
    assert found == dict.fromkeys(registered, "my-package")
    assert report["metrics"]["longest_trade"] > 24
    with closing(sqlite3.connect(tmp_path / "r.db")) as connection:
        [row] = connection.execute(
            "SELECT value FROM backtest_metric_values WHERE name = 'longest_trade'"
        )
    assert row == (report["metrics"]["longest_trade"],)
