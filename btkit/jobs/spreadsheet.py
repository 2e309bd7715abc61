"""CSV that a spreadsheet shows, and does not run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import IO

import pandas as pd

# What a spreadsheet takes for the beginning of a formula, in full width, too, or drops and looks
# at what comes next. assets/trades.js has the same rule for what a page downloads.
_RUNS = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - full width is meant
_RETURN = re.compile(r"\r\n?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def write_csv(file: IO[str], frame: pd.DataFrame, *, header: bool = True) -> None:
    """Write a table as CSV, with an apostrophe before texts that a spreadsheet would run.

    Parameters
    ----------
    file
        Opened with ``newline=""``.
    frame
        Its index is left out. Numbers stay as they are, and doubles are written so that reading
        gives every bit back.
    header
        Whether the names of the columns come first.

    Examples
    --------
    >>> import sys
    >>> write_csv(sys.stdout, pd.DataFrame({"name": ["=1+1", "-0.5"], "pnl": [-0.5, 2.0]}))
    name,pnl
    '=1+1,-0.5
    -0.5,2.0
    """
    texts = {
        name: column.map(_cell)
        for name, column in frame.items()
        if not pd.api.types.is_numeric_dtype(column)
    }
    frame.assign(**{str(name): column for name, column in texts.items()}).to_csv(
        file, index=False, header=header
    )


def csv_content(records: Sequence[Mapping[str, object]]) -> bytes:
    """Return records as a CSV file's content, see `write_csv`.

    Parameters
    ----------
    records
        At least one; each has the columns of the first.
    """
    texts = StringIO(newline="")
    write_csv(texts, pd.DataFrame.from_records(list(records)))
    return texts.getvalue().encode()


def harmless(value: object) -> object:
    """Return a cell's value as a spreadsheet shows it: a text that would run has ``'`` before it.

    Parameters
    ----------
    value
        Any cell. What is no text, or is the text of a number, stays as it is.
    """
    if not isinstance(value, str) or not _RUNS.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def _cell(value: object) -> object:
    shown = harmless(value)
    # Python's writer leaves a lone carriage return without quotes, and readers begin a row there.
    return _RETURN.sub("\n", shown) if isinstance(shown, str) else shown
