"""A batch: what a jobs file asks for, one command line a job."""

from __future__ import annotations

import glob
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

from btkit.errors import SpecError, UsageError
from btkit.spec.reading import parse_text, read_file

COMMANDS = ("run", "walk-forward", "options-sim", "sweep")
MAX_JOBS = 100_000
"""A jobs file with more combinations is refused."""

_RANGE = ("start", "end")
_REQUIRED = ("spec", "symbol", *_RANGE)
_MANY = ("spec", "symbol", "command")
_FLAGS = ("capital", "commission", "slippage", "interval", "source")
_FORMAT = "format"
_WILD = frozenset("*?[")
# A pattern looks into as many folders as there are below each other, so three levels are many.
_MOST_WILD = 3
Options = Mapping[str, str | tuple[str, ...] | None]

_FLAG = re.compile(r"[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True)
class Job:
    """One line of work.

    Parameters
    ----------
    number
        Its place in the batch, from 1.
    command
        ``run``, ``walk-forward``, ``options-sim`` or ``sweep``.
    options
        Flags of that command and their values, several for a flag that is repeated; None for a
        flag that takes none.
    """

    number: int
    command: str
    options: Options

    @property
    def arguments(self) -> list[str]:
        """The command line, without ``backtest``."""
        return [
            self.command,
            *(
                f"--{name}" if value is None else f"--{name}={value}"
                for name, values in self.options.items()
                for value in ((values,) if values is None or isinstance(values, str) else values)
            ),
        ]


def read_jobs(path: Path) -> list[Job]:
    """Read a jobs file and write out every combination in it.

    Parameters
    ----------
    path
        YAML: a list of mappings with ``spec``, ``symbol``, ``start`` and ``end``, optionally
        ``command`` (default ``run``), ``capital``, ``commission``, ``slippage``, ``interval``,
        ``source``, ``format`` (a file or a mapping) and, under ``flags``, more of the command's
        own flags, true for one that takes no value. ``spec``, ``symbol`` and ``command`` may be
        lists; a spec may be a pattern such as ``strategies/*.yaml``. Paths
        count from the file's folder.

    Returns
    -------
    list of Job
        In the order of the file.

    Raises
    ------
    UsageError
        If the file cannot be read, or an entry makes no sense; the message names it.
    """
    try:
        entries = parse_text(read_file(path, str(path)), form="yaml")
    except SpecError as error:
        (problem,) = error.problems
        raise UsageError(
            f"The jobs file {path} was refused: {problem.message}.", hint=problem.hint
        ) from error
    if not isinstance(entries, list) or not entries:
        raise UsageError(
            f"The jobs file {path} must be a list with at least one entry.",
            hint="Begin each entry with a hyphen: - {spec: ..., symbol: ..., start: ..., end: ...}",
        )
    found: list[tuple[str, Options]] = []
    for place, entry in enumerate(entries):
        for wanted in _expand(entry, place=place, folder=path.parent):
            found.append(wanted)
            if len(found) > MAX_JOBS:
                _refuse(
                    place,
                    f"with it there are more than {MAX_JOBS:,} jobs",
                    "make several files of it",
                )
    return [Job(number, *wanted) for number, wanted in enumerate(found, start=1)]


def _expand(entry: object, *, place: int, folder: Path) -> Iterator[tuple[str, Options]]:
    checked = _checked(entry, place)
    specs = [path for text in _several(checked["spec"]) for path in _paths(text, folder, place)]
    commands = _several(checked.get("command", "run"))
    for command in commands:
        if command not in COMMANDS:
            _refuse(
                place, f"there is no command {command!r}", f"choose one of {', '.join(COMMANDS)}"
            )
    ranges = checked.get("ranges", [[checked.get(name) for name in _RANGE]])
    symbols = _several(checked["symbol"])
    for command, spec, symbol, (start, end) in product(commands, specs, symbols, ranges):
        options: dict[str, str | tuple[str, ...] | None] = {"strategy": spec, "symbol": symbol}
        options |= {"start": str(start), "end": str(end)}
        options |= {name: str(checked[name]) for name in _FLAGS if name in checked}
        if _FORMAT in checked:
            options[_FORMAT] = _format(checked[_FORMAT], folder, place)
        for name, value in checked.get("flags", {}).items():
            if isinstance(value, list):
                options[name] = tuple(str(part) for part in value)
            elif value is not False:
                options[name] = None if value is True else str(value)
        yield command, options


def _checked(entry: object, place: int) -> dict[str, Any]:
    if not isinstance(entry, dict):
        _refuse(place, "it must be a mapping", "give spec, symbol, start and end")
    known = {*_REQUIRED, *_FLAGS, _FORMAT, "command", "ranges", "flags"}
    for name in entry:
        if name not in known:
            _refuse(
                place, f"it has an unknown key {name!r}", f"known are {', '.join(sorted(known))}"
            )
    if "ranges" in entry:
        _check_ranges(entry, place)
    needed = ("spec", "symbol") if "ranges" in entry else _REQUIRED
    missing = [name for name in needed if not entry.get(name)]
    if missing:
        _refuse(place, f"it lacks {', '.join(missing)}", "give spec, symbol, start and end")
    for name in _MANY:
        if not all(isinstance(value, str) for value in _several(entry.get(name, ""))):
            _refuse(place, f"{name} must be a text or a list of texts", "put it in quotes")
    for name in (*_RANGE, *_FLAGS):
        if name in entry and not _is_plain(entry[name]):
            _refuse(place, f"{name} must be a text or a number", "give one value")
    _check_flags(entry.get("flags", {}), place)
    return entry


def _check_ranges(entry: dict[str, Any], place: int) -> None:
    ranges = entry["ranges"]
    if any(name in entry for name in _RANGE):
        _refuse(place, "it has both ranges and a start or an end", "give one or the other")
    if not isinstance(ranges, list) or not ranges:
        _refuse(place, "ranges must be a list", "write ranges: [[2005-01-01, 2010-12-31], ...]")
    for pair in ranges:
        if not isinstance(pair, list) or len(pair) != len(_RANGE) or not all(map(_is_plain, pair)):
            _refuse(
                place, f"the range {pair!r} is no pair of days", "write [2005-01-01, 2010-12-31]"
            )


def _check_flags(flags: object, place: int) -> None:
    if not isinstance(flags, dict):
        _refuse(place, "flags must be a mapping", "write flags: {windows: 3}")
    for name, value in flags.items():
        if not _FLAG.fullmatch(name) or name in {"strategy", "help"}:
            _refuse(place, f"{name!r} is no flag that a job can have", "write it as windows")
        if name in {*_REQUIRED, *_FLAGS, _FORMAT}:
            _refuse(place, f"{name} is no flag, but a key of its own", f"move {name} out of flags")
        values = value if isinstance(value, list) else [value]
        if not isinstance(value, bool) and not all(map(_is_plain, values)):
            _refuse(
                place,
                f"the flag {name} must be a text or a number, a list of such, or true where it "
                "takes no value",
                "give one value, or a list to repeat the flag",
            )


def _is_plain(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


def _format(stated: object, folder: Path, place: int) -> str:
    if isinstance(stated, dict):
        return json.dumps(stated)
    if not isinstance(stated, str) or not stated.strip():
        _refuse(place, "format must be a file or a mapping", "write {time_zone: Europe/Paris}")
    return stated if stated.lstrip().startswith("{") else _paths(stated, folder, place)[0]


def _several(value: Any) -> list[Any]:  # noqa: ANN401 - whatever YAML gives
    return value if isinstance(value, list) else [value]


def _paths(text: str, folder: Path, place: int) -> list[str]:
    try:
        known = Path(text).expanduser()
    except RuntimeError as error:
        _refuse(place, f"{text!r} names no folder: {error}", "write the path out")
    pattern = str(folder / known)
    if not _WILD & set(text):
        return [pattern if known.is_absolute() else os.path.relpath(pattern)]
    if sum(bool(_WILD & set(part)) for part in known.parts) > _MOST_WILD or ".." in known.parts[1:]:
        _refuse(
            place,
            f"the pattern {text!r} goes through too many folders",
            f"put wildcards into at most {_MOST_WILD} parts of it, and .. only at its beginning",
        )
    found = sorted(glob.glob(pattern))  # noqa: PTH207 - absolute patterns, too
    if not found:
        _refuse(place, f"no file matches {text!r}", f"patterns count from {folder}")
    return [path if known.is_absolute() else os.path.relpath(path) for path in found]


def _refuse(place: int, what: str, hint: str) -> NoReturn:
    raise UsageError(
        f"Entry {place + 1} of the jobs file: {what}.",
        hint=f"{hint[0].upper()}{hint[1:]}.",
        details={"entry": place + 1},
    )
