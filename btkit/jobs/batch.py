"""A batch: what a jobs file asks for, written out."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

from btkit.errors import BtkitError, SpecError, UsageError
from btkit.jobs.asking import Refusals, job_of_flags
from btkit.jobs.job import MAX_JOBS, SPEC_JOBS, BatchJob, Rendering, SingleJob
from btkit.spec.reading import parse_text, read_file

_RANGE = ("start", "end")
_NAMES = ("spec", "symbol")
_REQUIRED = (*_NAMES, *_RANGE)
_MANY = ("spec", "symbol", "command")
_FLAGS = ("capital", "commission", "slippage", "interval", "source", "benchmark")
_FORMAT = "format"
_WILD = frozenset("*?[")
# A pattern looks into as many folders as there are below each other, so three levels are many.
_MOST_WILD = 3


def read_jobs(path: Path, *, workers: int = 1, rendering: Rendering | None = None) -> BatchJob:
    """Read a jobs file and write out every combination in it.

    Parameters
    ----------
    path
        YAML: a list of mappings with ``spec``, ``symbol`` (which a model spec may say instead),
        ``start`` and ``end``, optionally ``command`` (default ``run``), ``capital``,
        ``commission``, ``slippage``, ``interval``, ``source``, ``benchmark``, ``format`` (a file
        or a mapping) and, under ``flags``, more of the command's own flags, true for one that
        takes no value. ``spec``, ``symbol`` and ``command`` may be lists; a spec may be a pattern
        such as ``strategies/*.yaml``. Paths count from the file's folder.
    workers
        How many jobs run at a time.
    rendering
        How pages are made, where an entry says nothing else; None makes none.

    Returns
    -------
    BatchJob
        Its jobs in the order of the file. A spec is only read where an entry gives no symbol.

    Raises
    ------
    UsageError
        If the file cannot be read, or an entry makes no sense: each entry that does not is named.
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
    refusals = Refusals()
    found: list[SingleJob] = []
    for place, entry in enumerate(entries):
        try:
            for kind, flags in _expand(entry, place=place, folder=path.parent):
                found.append(_job(kind, flags, rendering, place))
                if len(found) > MAX_JOBS:
                    what = f"with it there are more than {MAX_JOBS:,} jobs"
                    _refuse(place, what, "make several files of it")
        except UsageError as error:
            refusals.errors.append(error)
            if len(found) > MAX_JOBS:
                break
    refusals.raise_all()
    return BatchJob(name=path.name[:255], jobs=found, workers=workers, rendering=rendering)


def _job(kind: str, flags: Mapping[str, Any], rendering: Rendering | None, place: int) -> SingleJob:
    try:
        return job_of_flags(kind, flags, rendering=rendering)
    except BtkitError as error:
        named = f"Entry {place + 1} of the jobs file: "
        details = {**error.details, "entry": place + 1}
        if "problems" in details:
            details["problems"] = [
                {**problem, "path": f"[{place}].{problem['path']}",
                 "message": named + problem["message"]}
                for problem in details["problems"]
            ]  # fmt: skip
        raise UsageError(named + error.message, hint=error.hint, details=details) from error


def _expand(entry: object, *, place: int, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    checked = _checked(entry, place)
    specs = [path for text in _several(checked["spec"]) for path in _paths(text, folder, place)]
    commands = _several(checked.get("command", "run"))
    for command in commands:
        if command not in SPEC_JOBS:
            known = ", ".join(SPEC_JOBS)
            _refuse(place, f"there is no command {command!r}", f"choose one of {known}")
    ranges = checked.get("ranges", [[checked.get(name) for name in _RANGE]])
    symbols = _several(checked.get("symbol"))
    more = {name: checked[name] for name in _FLAGS if name in checked}
    if _FORMAT in checked:
        more[_FORMAT] = _format(checked[_FORMAT], folder, place)
    more |= checked.get("flags", {})
    for command, spec, symbol, (start, end) in product(commands, specs, symbols, ranges):
        asked = {"strategy": spec, "start": str(start), "end": str(end)}
        named = {} if symbol is None else {"symbol": symbol}
        yield command, asked | named | more


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
    needed = _NAMES if "ranges" in entry else _REQUIRED
    missing = [name for name in needed if not entry.get(name)]
    # A spec may say its symbol.
    if missing and (missing != ["symbol"] or "symbol" in entry):
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
        if name in {*_REQUIRED, *_FLAGS, _FORMAT, "strategy"}:
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


def _format(stated: object, folder: Path, place: int) -> str | dict[str, Any]:
    if isinstance(stated, dict):
        return stated
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
