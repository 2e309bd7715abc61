"""A template's parameters, read out of the names of its notebook, all problems reported at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.arguments import kind_of_value
from btkit.errors import BtkitError, UsageError
from btkit.jobs import read_settings
from btkit.jobs.job import SpecJob
from btkit.render.parameters import NotebookTemplate, from_json
from btkit.settings import Settings
from btkit.spelling import did_you_mean

_INJECTED = "# Parameters\n"
"""How papermill begins the cell that it puts below the template's own parameters."""


@dataclass(frozen=True)
class Taken:
    """What a notebook's parameters come to.

    Parameters
    ----------
    stored
        The id of what is to be shown; None where something new is asked for.
    job
        What is asked for; None where something stored is to be shown.
    settings
        Of the environment, with the places that the notebook names.
    """

    stored: Any
    job: SpecJob | None
    settings: Settings


def take(names: Mapping[str, Any], template: NotebookTemplate) -> Taken:
    """Read a template's parameters out of the names of its notebook.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook. None and what is empty count as not given.
    template
        What it takes.

    Returns
    -------
    Taken
        Either the id of what is stored, or a job.

    Raises
    ------
    UsageError
        If a parameter is missing, unknown, given twice or none of its kind. Every problem is in
        the message, and the template's parameters are in the hint.

    Examples
    --------
    >>> take({"run_id": "4c5d"}, RUN).stored
    '4c5d'
    """
    given, problems = _given(names, template.names)
    settings = _settings(given)
    stored = given.pop(template.identity, None)
    if stored is not None and given:
        problems.append(f"{template.identity} names what is stored; nothing else can be asked for")
    request, found = _request(given)
    problems += found
    for other, name in template.aliases.items():
        if other in request:
            if name in request:
                problems.append(f"{name} is given twice, as {other}, too")
            request[name] = request.pop(other)
    job = None
    if stored is None:
        job, errors = template.ask(request)
        problems += _in_words(errors, template)
    if problems:
        raise _refusal(problems, template.names)
    return Taken(stored, job, settings)


def take_ids(names: Mapping[str, Any]) -> tuple[list[str], Settings]:
    """Read the parameters of the template ``compare``.

    Parameters
    ----------
    names
        As for `take`.

    Returns
    -------
    tuple
        Ids of stored runs, and the settings with the place that the notebook names.

    Raises
    ------
    UsageError
        As `take`.
    """
    known = ["run_ids", "database"]
    given, problems = _given(names, known)
    settings = _settings(given)
    ids = given.get("run_ids", [])
    if isinstance(ids, str):
        ids = from_json(ids) if ids.lstrip().startswith("[") else re.split(r"[,\s]+", ids.strip())
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        problems.append("run_ids must be ids of stored runs, a list or a text with spaces between")
    elif not ids:
        problems.append("it lacks run_ids")
    if problems:
        raise _refusal(problems, known)
    return ids, settings


def _given(names: Mapping[str, Any], known: list[str]) -> tuple[dict[str, Any], list[str]]:
    given = {name: names[name] for name in known if not _is_empty(names.get(name))}
    problems = [
        f"it has no parameter {name}" + (f"; {near}" if (near := did_you_mean(name, known)) else "")
        for name in _injected(names)
        if name not in known
    ]
    return given, problems


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | Mapping | list) and not value)


def _injected(names: Mapping[str, Any]) -> list[str]:
    """Return the names that papermill set, in the last of its cells among those that have run.

    What it is given and the template does not know is set all the same, and read by nothing.
    """
    cells = [cell for cell in names.get("In", ()) if cell.startswith(_INJECTED)]
    return [
        target.id
        for line in (ast.parse(cells[-1]).body if cells else ())
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    ]


def _settings(given: dict[str, Any]) -> Settings:
    places = {"db_path": given.pop("database", None), "report_dir": given.pop("folder", None)}
    named = {field: Path(str(place)) for field, place in places.items() if place is not None}
    return read_settings().model_copy(update=named)


def _request(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is asked for, by single parameters and in ``request``."""
    whole = given.pop("request", {})
    try:
        whole = from_json(whole)
    except UsageError as error:
        return given, [f"request: {error.message}"]
    if not isinstance(whole, Mapping):
        return given, [f"request must be a mapping, not {kind_of_value(whole)}"]
    twice = sorted(set(whole) & set(given))
    return {**whole, **given}, [f"{name} is given twice, in request, too" for name in twice]


def _in_words(errors: list[BtkitError], template: NotebookTemplate) -> list[str]:
    missing, others = [], []
    for error in errors:
        name = str(error.details.get("argument", ""))
        match error.details.get("reason"):
            case "missing":
                missing.append(name)
            case "unknown":
                near = did_you_mean(name, template.names)
                others.append(f"it has no parameter {name}" + (f"; {near}" if near else ""))
            case _:
                others.append(f"{error.message} {error.hint}".rstrip())
    if missing:
        others.insert(0, f"it lacks {', '.join(missing)}, or a {template.identity}")
    return others


def _refusal(problems: list[str], known: list[str]) -> UsageError:
    listed = "; ".join(problem.removesuffix(".") for problem in problems)
    return UsageError(
        f"The notebook cannot be run as it is: {listed}{'' if listed.endswith('?') else '.'}",
        hint=f"Its parameters are {', '.join(known)}.",
        details={"problems": problems, "parameters": known},
    )
