"""``--format``: the file that says how bars are written, on every command that loads some."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from support.specs import rules

RANGE = ("--symbol", "DAX", "--start", "2020-06-01", "--end", "2021-06-30", "--source", "files")


@pytest.fixture
def bars(workplace, monkeypatch):
    days = pd.bdate_range("2019-06-03", periods=600)
    close = np.round(100 + 8 * np.sin(np.arange(600) / 7), 2)
    frame = pd.DataFrame(
        {"Datum": days.strftime("%d.%m.%Y"), "Erster": close, "Hoch": close + 1, "Tief": close - 1,
         "Schluss": close}
    )  # fmt: skip
    (workplace / "bars").mkdir()
    frame.to_csv(workplace / "bars" / "DAX.csv", sep=";", decimal=",", index=False)
    (workplace / "dax.yaml").write_text(
        "columns: {time: Datum, open: Erster, high: Hoch, low: Tief, close: Schluss}\n"
    )
    monkeypatch.setenv("BT_DATA_DIR", str(workplace / "bars"))
    spec = rules(parameters={"n": 5}, entry_conditions=["close > sma_{n}"],
                 exit_conditions=["close < sma_{n}"], position_sizing_formula="10")  # fmt: skip
    (workplace / "n.json").write_text(json.dumps(spec))
    return workplace


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("run", ("--no-report",)),
        ("sweep", ("--no-report", "--param", "n=4,5,6")),
        ("walk-forward", ("--no-report", "--windows", "2")),
    ],
)
def test_commands_that_load_bars_take_it(bars, backtest, command, more):
    asked = (command, "--strategy", bars / "n.json", *RANGE, *more)
    code, document, _ = backtest(*asked)
    assert code == 2
    assert document["error"]["type"] == "DataError"
    assert "format" in document["error"]["hint"]
    code, document, _ = backtest(*asked, "--format", bars / "dax.yaml")
    assert code in {0, 1}
    assert "error" not in document


def test_a_command_that_a_report_names_states_it_again(bars, backtest):
    asked = ("run", "--strategy", bars / "n.json", *RANGE, "--no-report")
    _, document, _ = backtest(*asked, "--format", bars / "dax.yaml")
    (bars / "dax.yaml").unlink()
    command = document["provenance"]["command"]
    _, again, _ = backtest(*command[1:], "--no-report")
    assert again["provenance"]["bars_hash"] == document["provenance"]["bars_hash"]


def test_a_format_that_makes_no_sense_is_told_whole(bars, answer):
    (bars / "dax.yaml").write_text("colums: {}\nheader: maybe\n")
    asked = ("run", "--strategy", bars / "n.json", *RANGE, "--no-report")
    code, document, _ = answer(*asked, "--format", bars / "dax.yaml")
    assert code == 2
    assert document["error"]["type"] == "FormatError"
    assert {problem["path"] for problem in document["error"]["details"]["problems"]} == {
        "colums", "header",
    }  # fmt: skip
    code, document, _ = answer(*asked, "--format", bars / "nowhere.yaml")
    assert (code, document["error"]["type"]) == (2, "UsageError")
