"""Cells that a spreadsheet would run are shown instead; numbers stay numbers."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from btkit.jobs.spreadsheet import harmless, write_csv

RUN = [
    "=1+1",
    "+1+1",
    "-1+1|cmd",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",  # noqa: RUF001 - spreadsheets take the full-width sign, too
    "－x",  # noqa: RUF001 - likewise
    "-",
    "-0.5x",
    '=HYPERLINK("http://x", "click")',
]
SHOWN = ["plain", "a=b", "-0.5", "+3", "-.5", "-1e-05", "", "é", " =1+1", "2024-01-02", "'=1"]


@pytest.mark.parametrize("text", RUN)
def test_a_text_that_would_run_is_marked_as_text(text):
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", [*SHOWN, -0.5, -3, None, True, float("nan")])
def test_everything_else_stays(value):
    assert harmless(value) is value


def test_a_table_reads_back_with_its_numbers_exact():
    frame = pd.DataFrame({"name": RUN, "pnl": [-0.1 * number for number in range(len(RUN))]})
    file = io.StringIO(newline="")
    write_csv(file, frame)
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [row["name"] for row in rows] == ["'" + text.replace("\r", "\n") for text in RUN]
    assert [float(row["pnl"]) for row in rows] == frame["pnl"].tolist()
