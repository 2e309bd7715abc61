"""Read the events that users bring: a CSV file, or a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.arguments import kind_of_value
from btkit.errors import UsageError
from btkit.indicators.user_events import EventDay, UserEvents, refuse_event_name
from btkit.markets import read_day

COLUMNS = ("name", "date", "symbol", "known_from")
_REQUIRED = ("name", "date")
_SHOWN = 20
_HINT = (
    "The columns are name, date and, where needed, symbol and known_from; dates are written "
    "2024-01-31."
)

EventSource = UserEvents | str | Path | pd.DataFrame


def read_events(source: EventSource) -> UserEvents:
    """Return the events of a file or a table.

    Parameters
    ----------
    source
        The path of a CSV file, or a DataFrame: a row a date, with the columns ``name`` (lower-case
        letters, digits and _), ``date``, and optionally ``symbol`` (left empty for all
        instruments) and ``known_from`` (left empty for always; at most the date itself).

    Raises
    ------
    UsageError
        If the file cannot be read, or a row makes no sense; ``details["problems"]`` has the first
        20 of them.

    Examples
    --------
    >>> halvings = pd.DataFrame({"name": ["halving"], "date": ["2024-04-20"]})
    >>> read_events(halvings).knows("days_to_halving")
    True
    """
    if isinstance(source, UserEvents):
        return source
    if isinstance(source, pd.DataFrame):
        columns = [str(column) for column in source.columns]
        texts = source.astype(object).where(source.notna(), "").astype(str).to_numpy().tolist()
        return _gather(
            (dict(zip(columns, row, strict=True)) for row in texts), columns, "The table"
        )
    if not isinstance(source, str | Path):
        raise UsageError(
            f"events are the path of a CSV file or a DataFrame, not {kind_of_value(source)}.",
            hint=_HINT,
        )
    path = Path(source).expanduser()
    try:
        # Known by its state, so that an editor that loads a spec at each key reads it once.
        state = path.stat()
        return _read_file(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The events in {path} cannot be read: {reason}.",
            hint="BT_EVENTS names a CSV file in UTF-8. " + _HINT,
            details={"path": str(path)},
        ) from error


@lru_cache(maxsize=4)
def _read_file(path: Path, _changed: int, _size: int) -> UserEvents:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True, restval="")
        return _gather(reader, list(reader.fieldnames or ()), str(path))


def _gather(rows: Iterable[Mapping[str, Any]], columns: list[str], origin: str) -> UserEvents:
    named = {column: column.strip().lower() for column in columns}
    unknown = [column for column, name in named.items() if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in named.values()]
    if unknown or missing:
        wrong = [f"has no column {name!r}" for name in missing]
        wrong += [f"has a column {column!r}, which means nothing" for column in unknown]
        raise UsageError(
            f"{origin} {' and '.join(wrong)}.", hint=_HINT, details={"columns": columns}
        )
    calendars: dict[str, set[EventDay]] = {}
    problems = []
    for number, row in enumerate(rows, start=2):
        cells = {named.get(column, ""): str(cell).strip() for column, cell in row.items()}
        if not any(cells.values()):
            continue
        try:
            calendars.setdefault(cells["name"], set()).add(_event_day(cells))
        except (UsageError, ValueError) as error:
            problems.append({"row": number, "message": str(error).removesuffix(".")})
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1:,} more rows)" if len(problems) > 1 else ""
        raise UsageError(
            f"Row {first['row']} of {origin}: {first['message']}{more}.",
            hint=_HINT,
            details={"problems": list(islice(problems, _SHOWN))},
        )
    return UserEvents(
        {name: tuple(sorted(calendars[name], key=_order)) for name in sorted(calendars)}
    )


def _event_day(cells: Mapping[str, str]) -> EventDay:
    refusal = refuse_event_name(cells["name"])
    if refusal is not None:
        raise ValueError(refusal)
    day = read_day(cells["date"], name="date")
    known = read_day(cells["known_from"], name="known_from") if cells.get("known_from") else None
    if known is not None and known > day:
        raise ValueError(
            f"known_from {known} is after the date, {day}; an event is known on its day"
        )
    return EventDay(day, cells.get("symbol", "").upper() or None, known)


def _order(one: EventDay) -> tuple[date, str, date]:
    return one.day, one.symbol or "", one.known_from or date.min
