"""A batch: what a jobs file asks for, one command line a job."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import yaml

from btkit.errors import UsageError

COMMANDS = ("run", "walk-forward", "options-sim")
_REQUIRED = ("spec", "symbol", "start", "end")
_MANY = ("spec", "symbol", "command")
_FLAGS = ("capital", "commission", "slippage", "interval", "source")
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Job:
    """One line of work.

    Parameters
    ----------
    number
        Its place in the batch, from 1.
    command
        ``run``, ``walk-forward`` or ``options-sim``.
    options
        Flags of that command and their values.
    """

    number: int
    command: str
    options: Mapping[str, str]

    @property
    def arguments(self) -> list[str]:
        """The command line, without ``backtest``."""
        return [self.command, *(f"--{name}={value}" for name, value in self.options.items())]


def read_jobs(path: Path) -> list[Job]:
    """Read a jobs file and write out every combination in it.

    Parameters
    ----------
    path
        YAML: a list of mappings with ``spec``, ``symbol``, ``start`` and ``end``, optionally
        ``command`` (default ``run``), ``capital``, ``commission``, ``slippage``, ``interval``,
        ``source`` and, under ``flags``, more of the command's own flags. ``spec``, ``symbol`` and
        ``command`` may be lists; a spec may be a pattern such as ``strategies/*.yaml``. Paths
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
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"The jobs file {path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"The jobs file {path} is no YAML: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise UsageError(
            f"The jobs file {path} must be a list with at least one entry.",
            hint="Begin each entry with a hyphen: - {spec: ..., symbol: ..., start: ..., end: ...}",
        )
    found = [
        wanted
        for place, entry in enumerate(entries)
        for wanted in _expand(entry, place=place, folder=path.parent)
    ]
    return [Job(number, *wanted) for number, wanted in enumerate(found, start=1)]


def _expand(entry: object, *, place: int, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    checked = _checked(entry, place)
    specs = [path for text in _several(checked["spec"]) for path in _paths(text, folder, place)]
    commands = _several(checked.get("command", "run"))
    for command in commands:
        if command not in COMMANDS:
            _refuse(
                place, f"there is no command {command!r}", f"choose one of {', '.join(COMMANDS)}"
            )
    for command, spec, symbol in product(commands, specs, _several(checked["symbol"])):
        options = {"strategy": spec, "symbol": symbol}
        # YAML reads a date that is not in quotes as a date; its text is the same.
        options |= {name: str(checked[name]) for name in ("start", "end")}
        options |= {name: str(checked[name]) for name in _FLAGS if name in checked}
        options |= {str(name): str(value) for name, value in checked.get("flags", {}).items()}
        yield command, options


def _checked(entry: object, place: int) -> dict[str, Any]:
    if not isinstance(entry, dict):
        _refuse(place, "it must be a mapping", "give spec, symbol, start and end")
    known = {*_REQUIRED, *_FLAGS, "command", "flags"}
    for name in entry:
        if name not in known:
            _refuse(
                place, f"it has an unknown key {name!r}", f"known are {', '.join(sorted(known))}"
            )
    missing = [name for name in _REQUIRED if not entry.get(name)]
    if missing:
        _refuse(place, f"it lacks {', '.join(missing)}", "give spec, symbol, start and end")
    for name in _MANY:
        if not all(isinstance(value, str) for value in _several(entry.get(name, ""))):
            _refuse(place, f"{name} must be a text or a list of texts", "put it in quotes")
    if not isinstance(entry.get("flags", {}), dict):
        _refuse(place, "flags must be a mapping", "write flags: {windows: 3}")
    return entry


def _several(value: Any) -> list[Any]:  # noqa: ANN401 - whatever YAML gives
    return value if isinstance(value, list) else [value]


def _paths(text: str, folder: Path, place: int) -> list[str]:
    pattern = str(folder / Path(text).expanduser())
    if not _WILD & set(text):
        return [os.path.relpath(pattern) if not Path(text).is_absolute() else pattern]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute patterns, too
    if not found:
        _refuse(place, f"no file matches {text!r}", f"patterns count from {folder}")
    return [os.path.relpath(path) if not Path(text).is_absolute() else path for path in found]


def _refuse(place: int, what: str, hint: str) -> NoReturn:
    raise UsageError(
        f"Entry {place + 1} of the jobs file: {what}.",
        hint=f"{hint[0].upper()}{hint[1:]}.",
        details={"entry": place + 1},
    )
