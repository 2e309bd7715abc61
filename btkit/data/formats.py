"""A stated format: what a person says about a file of bars, checked like a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

import pandas as pd
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
)
from pydantic_core import ErrorDetails

from btkit.arguments import is_text, kind_of_value, quoted
from btkit.errors import FormatError, Problem, SpecError, UsageError
from btkit.spec.reading import parse_text, read_file
from btkit.spelling import did_you_mean, near

SIDE_ENDINGS: Final = (".format.yaml", ".format.yml")
FOLDER_FILES: Final = ("format.yaml", "format.yml")
EPOCH_FORMATS: Final = ("s", "ms", "us", "ns")

_EXPECTED: Final = {
    "columns": "a mapping such as {time: Datum, close: Schlusskurs}",
    "header": "true or false",
    "skip_lines": "a whole number, 0 or more",
    "delimiter": "one character of ASCII that is no letter, digit, quotation mark or line break, "
    'such as ";", "\\t" for a tab, or " " for any run of blanks',
    "decimal": '"." or ","',
    "thousands": 'one of "," "." "\'" "_" and " "',
    "time_zone": "the name of a time zone, such as America/New_York",
    "time_format": 'a format that strptime knows and that has a year, such as "%d.%m.%Y %H:%M", or '
    "one of s, ms, us, ns for numbers counted from 1970",
    "symbol_column": "a heading, or a position counted from 1",
    "bar_time": "open, close or session_open",
}
_HEADING: Final = "a heading, or a position counted from 1"


def _heading(value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and value.strip() and is_text(value):
        return value
    raise ValueError(_HEADING)


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(name)
    return name


def _usable_time_format(text: str) -> str:
    if text in EPOCH_FORMATS:
        return text
    if not re.search(r"(?<!%)(%%)*%[Yy]", text):
        raise ValueError(text)
    try:
        # It says nothing of the text, and all of a directive that nobody knows.
        pd.to_datetime(pd.Series(["0"]), format=text, errors="coerce")
    except re.error as error:  # a directive that comes twice
        raise ValueError(text) from error
    return text


def _usable_delimiter(mark: str) -> str:
    if not mark.isascii() or mark.isalnum() or mark in '\n\r"\0':
        raise ValueError(mark)
    return mark


Heading = Annotated[str | int, PlainValidator(_heading)]
"""A column's heading, or its position, counted from 1."""


class BarColumns(BaseModel):
    """Which columns of a file hold what; those left out are found by their headings.

    Parameters
    ----------
    time
        The bar's date, with or without a time of day.
    date, clock
        The same in two columns.
    open, high, low, close, volume
        Prices and volume.
    adj_close, splits, dividends, iv_rank, iv_percentile, current_iv, vix
        As `btkit.data.check_bars` knows them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Heading | None = None
    date: Heading | None = None
    clock: Heading | None = None
    open: Heading | None = None
    high: Heading | None = None
    low: Heading | None = None
    close: Heading | None = None
    volume: Heading | None = None
    adj_close: Heading | None = None
    splits: Heading | None = None
    dividends: Heading | None = None
    iv_rank: Heading | None = None
    iv_percentile: Heading | None = None
    current_iv: Heading | None = None
    vix: Heading | None = None

    def stated(self) -> dict[str, str | int]:
        """Return the columns that were named, by meaning."""
        return self.model_dump(exclude_none=True)


class BarFormat(BaseModel):
    """How a file of bars is written, as far as somebody says; the rest is inferred from the file.

    Parameters
    ----------
    columns
        Headings or positions (counted from 1) by meaning.
    header
        Whether the first line read names the columns.
    skip_lines
        Lines before the heading, or before the first bar.
    delimiter, decimal, thousands
        What stands between fields, before decimals and between thousands.
    time_zone
        The zone of times that name none; for daily bars the zone that dates are meant in.
    time_format
        As `datetime.strptime` takes it, or ``s``, ``ms``, ``us``, ``ns`` for numbers from 1970.
    symbol_column
        The column that says which instrument a row is of.
    bar_time
        What a row's time is: the bar's ``open`` or its ``close``, or, of daily bars,
        the ``session_open`` the evening before.

    Examples
    --------
    >>> BarFormat(time_zone="America/New_York", bar_time="close").stated()
    {'time_zone': 'America/New_York', 'bar_time': 'close'}
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    columns: BarColumns = Field(default_factory=BarColumns)
    header: bool | None = None
    skip_lines: Annotated[int, Field(ge=0, le=10_000)] = 0
    delimiter: (
        Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_usable_delimiter)] | None
    ) = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[",", ".", "'", "_", " "] | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    time_format: Annotated[str, AfterValidator(_usable_time_format)] | None = None
    symbol_column: Heading | None = None
    bar_time: Literal["open", "close", "session_open"] | None = None

    def stated(self) -> dict[str, Any]:
        """Return what was stated as plain JSON values; `load_format` gives the format back."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


NO_FORMAT: Final = BarFormat()
"""Nothing is stated: all is inferred from the file."""

FormatSource = str | Path | Mapping[str, Any] | BarFormat
"""What is taken for a format: a path, a mapping, YAML or JSON text, or a format."""


def load_format(source: FormatSource) -> BarFormat:
    """Load and check a stated format.

    Parameters
    ----------
    source
        The path of a YAML file, a mapping, or the text of one. A string of several lines, or one
        that begins with a brace, is a text; any other is a path if a file is there.

    Raises
    ------
    FormatError
        If it is refused; `problems` has everything that is wrong with it.
    UsageError
        If there is nothing to read.

    Examples
    --------
    >>> load_format("{time_zone: Europe/Paris, decimal: ','}").decimal
    ','
    """
    if isinstance(source, BarFormat):
        return source
    if isinstance(source, Mapping):
        return _build(dict(source), origin="format")
    if isinstance(source, Path):
        return read_format(source, origin=str(source))
    if not isinstance(source, str):
        raise UsageError(
            f"a format is a path, a mapping or a text, not {kind_of_value(source)}",
            hint="write for example {time_zone: America/New_York}",
        )
    if "\n" in source or source.lstrip()[:1] in {"", "{"}:
        return _build(_parse(source, origin="format"), origin="format")
    return read_format(Path(source), origin=source)


def read_format(path: Path, *, origin: str) -> BarFormat:
    """Read a format from a file, which messages call `origin`; see `load_format`."""
    try:
        text = read_file(path, origin)
    except SpecError as error:
        raise _as_format_error(error, origin) from error
    return _build(_parse(text, origin=origin), origin=origin)


def _parse(text: str, *, origin: str) -> object:
    if not text.strip():
        raise FormatError(
            [Problem("format", "the text is empty", "write for example time_zone: Europe/Paris")],
            origin=origin,
        )
    try:
        return parse_text(text)
    except SpecError as error:
        raise _as_format_error(error, origin) from error


def _as_format_error(error: SpecError, origin: str) -> FormatError:
    return FormatError(
        [Problem("format", problem.message, problem.hint) for problem in error.problems],
        origin=origin,
    )


def _build(values: object, *, origin: str) -> BarFormat:
    if not isinstance(values, dict):
        problem = Problem("format", f"a format is a mapping of keys, not {kind_of_value(values)}",
                          "write for example time_zone: America/New_York")  # fmt: skip
        raise FormatError([problem], origin=origin)
    if odd := [key for key in values if not is_text(key)]:
        problem = Problem("format", f"a key must be a text, not {kind_of_value(odd[0])}",
                          _all_of(BarFormat))  # fmt: skip
        raise FormatError([problem], origin=origin)
    problems: list[Problem] = []
    try:
        known = BarFormat.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        problems += [_problem(entry) for entry in found]
    problems += _cross_problems(values)
    if problems:
        raise FormatError(problems, origin=origin)
    return known


def _problem(found: ErrorDetails) -> Problem:
    location = [str(step) for step in found["loc"]]
    key = location[-1]
    model = BarFormat if len(location) == 1 else BarColumns
    path = ".".join(ascii(step)[1:-1] for step in location)
    if found["type"] == "extra_forbidden":
        hint = did_you_mean(key, list(model.model_fields)) or _all_of(model)
        return Problem(path, f"unknown key {quoted(key)}", hint)
    expected = _EXPECTED[key] if model is BarFormat else _HEADING
    received = found["input"]
    message = f"must be {expected}, not {kind_of_value(received)}"
    hint = f"leave {key} out, and it is inferred from the file"
    if key == "time_zone" and isinstance(received, str):
        hint = _near_zone(received) or hint
    return Problem(path, message, hint)


def _all_of(model: type[BaseModel]) -> str:
    return f"known are {', '.join(model.model_fields)}"


def _near_zone(text: str) -> str | None:
    wanted = text.strip().lower().replace(" ", "_")
    zones = sorted(available_timezones())
    cities = [name for name in zones if name.rpartition("/")[2].lower() == wanted]
    close = cities or near(text, zones)
    return f"did you mean '{close[0]}'?" if close else None


def _cross_problems(values: dict[str, Any]) -> list[Problem]:
    columns = values.get("columns")
    columns = columns if isinstance(columns, dict) else {}
    problems = []
    if "time" in columns and "date" in columns:
        problems.append(
            Problem("columns.date", "stands beside time", "give time, or date and clock")
        )
    if "clock" in columns and not {"time", "date"} & columns.keys():
        problems.append(
            Problem("columns.clock", "is a time of day without a date", "give the date's column")
        )
    if values.get("header") is False:
        named = {**{f"columns.{key}": value for key, value in columns.items()},
                 "symbol_column": values.get("symbol_column")}  # fmt: skip
        problems += [
            Problem(path, f"names the heading {quoted(value)} of a file without headings",
                    "give its position, counted from 1")
            for path, value in named.items() if isinstance(value, str)
        ]  # fmt: skip
    decimal = values.get("decimal")
    if decimal is not None and decimal == values.get("thousands"):
        problems.append(
            Problem("thousands", "is the same character as decimal", "they must differ")
        )
    return problems
