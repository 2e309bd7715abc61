"""What a request asks for, as a job that is ready to be worked on: read, confined, prepared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from btkit.arguments import quoted, refusal
from btkit.errors import BtkitError, Problem, SpecError, UsageError
from btkit.jobs.asking import Refusals, make_job, problems_of, read_job, steps_of
from btkit.jobs.job import SPEC_JOBS, BaseJob, BatchJob, Job, SpecJob
from btkit.jobs.prepare import prepare
from btkit.models.timeline import MODELS_FOLDER
from btkit.service.folders import SPEC_ENDINGS, AllowedFolders, Place, paths_of_job
from btkit.settings import Settings
from btkit.spec import KINDS, ModelSpec
from btkit.spec.kinds import infer_kind
from btkit.spec.load import read_fields
from btkit.spec.reading import parse_text
from btkit.spelling import did_you_mean
from btkit.storage.operation_rows import check_operation_id

FIELDS: Mapping[str, str] = {
    "strategy_name": "spec",
    "start_date": "start",
    "end_date": "end",
    "initial_capital": "capital",
    "timeframe": "interval",
}
"""What a request without a kind calls the fields of a job, where it is not the same."""

_SAME = ("spec", "symbol", "commission", "slippage", "model_path", "source")
_OF_A_BACKTEST = (*FIELDS, *_SAME)
_REFERENCE = "GET /openapi.json describes every field."


@dataclass(frozen=True)
class AskedJob:
    """A job, and what the one who asks calls it.

    Parameters
    ----------
    job
        Prepared: its spec is there by its fields, and every default written out.
    operation_id
        The `task_id` of the request; None leaves it to the server.
    """

    job: Job
    operation_id: str | None


def read_body(body: bytes) -> dict[str, Any]:
    """Return the fields of a request.

    Parameters
    ----------
    body
        JSON, not too long and not too deep.

    Raises
    ------
    SpecError, UsageError
        If it is none, or no object.
    """
    if not body.strip():
        none = Problem("", "it has none", f"Send the fields of a job. {_REFERENCE}", location=())
        raise _no_body(none)
    try:
        values = parse_text(body.decode("utf-8", "replace"), form="json")
    except SpecError as error:
        (problem,) = error.problems
        raise _no_body(replace(problem, path="", location=())) from error
    if not isinstance(values, dict):
        raise refusal(values, "the body", rule="an object of JSON", hint=_REFERENCE)
    return values


def _no_body(problem: Problem) -> UsageError:
    return UsageError(
        f"The body of the request was refused: {problem.message}.",
        hint=problem.hint,
        details={"problems": [problem.to_document()]},
    )


def read_asked(
    values: Mapping[str, Any], *, folders: AllowedFolders, settings: Settings
) -> AskedJob:
    """Return what a request asks for, or say everything that is wrong with it.

    Parameters
    ----------
    values
        Its fields: those of a job with its ``kind``, or those of a backtest without one; either
        way with or without ``task_id``.
    folders
        Whose files it may name.
    settings
        What it leaves out.

    Raises
    ------
    AccessError
        If it names what lies elsewhere.
    SpecError, UsageError, BundleError, FormatError
        If it makes no sense.
    """
    fields = dict(values)
    refusals = Refusals()
    task_id = fields.pop("task_id", None)
    operation_id = None if task_id is None else refusals.check(partial(_task_id, task_id))
    named: dict[str, str] = {}
    if "kind" not in fields:
        named = _names_of(fields)
        odd = [name for name in fields if name not in _OF_A_BACKTEST]
        refusals.errors += [_renamed(_unknown(name), {}) for name in odd]
        fields = {name: fields[name] for name in fields if name not in odd}
    job = refusals.check(partial(_job_of, fields, named, folders, settings))
    refusals.raise_all()
    assert job is not None, "or it was refused"
    return AskedJob(job, operation_id)


def _task_id(given: object) -> str:
    try:
        return check_operation_id(given)
    except UsageError as error:
        raise _renamed(error, {"operation_id": "task_id"}) from error


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"It has no field {quoted(name)}.",
        hint=did_you_mean(name, _OF_A_BACKTEST) or _REFERENCE,
        details={"argument": name, "reason": "unknown"},
    )


def _job_of(
    fields: dict[str, Any], named: Mapping[str, str], folders: AllowedFolders, settings: Settings
) -> Job:
    try:
        if "kind" not in fields:
            fields = _as_job(fields, folders)
        return _prepared(_filled(fields, folders), folders, settings)
    except BtkitError as error:
        raise _renamed(error, named) from error


def _as_job(values: dict[str, Any], folders: AllowedFolders) -> dict[str, Any]:
    """Return the fields of the job that a backtest without a kind is."""
    if (values.get("strategy_name") is None) == (values.get("spec") is None):
        raise UsageError(
            "A backtest has either strategy_name or spec.",
            hint="Give the name of a strategy or the path of its file as strategy_name, or its "
            "fields as spec.",
            details={"argument": "strategy_name"},
        )
    given = {FIELDS.get(name, name): value for name, value in values.items() if value is not None}
    given.setdefault("start", None)
    given.setdefault("end", None)
    # The spec tells what runs it; whoever loads it says what is wrong with it.
    filled = _filled(given, folders)
    spec = filled["spec"]
    kind = infer_kind(spec).kind if isinstance(spec, dict) else None
    return {**filled, "kind": KINDS[kind or "rules"].command}


def _names_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what a request calls the fields of a job that have other names there."""
    return {job: asked for asked, job in FIELDS.items() if job != "spec" or asked in fields}


def _file_of(name: str, folders: AllowedFolders) -> str:
    if "/" in name or name.endswith(SPEC_ENDINGS):
        return name
    found = folders.find(name)
    if found is None:
        known = folders.names()
        raise UsageError(
            f"There is no strategy {quoted(name)}.",
            hint=did_you_mean(name, known) or f"Those there are: {', '.join(known)}.",
            details={"argument": "spec", "known": known},
        )
    return found


def _filled(values: dict[str, Any], folders: AllowedFolders) -> dict[str, Any]:
    """Return the fields of a job whose specs are there by their fields, and every path allowed."""
    values = _with_file(values, folders)
    jobs = values.get("jobs")
    if isinstance(jobs, list):
        jobs = values["jobs"] = [
            _with_file(job, folders) if isinstance(job, dict) else job for job in jobs
        ]
    folders.check(_paths(values))
    filled = _with_spec(values)
    if isinstance(jobs, list):
        filled["jobs"] = [_with_spec(job) if isinstance(job, dict) else job for job in jobs]
    # What a spec's file names has to lie there, too.
    folders.check(_paths(filled))
    return filled


def _paths(values: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    yield from paths_of_job(values)
    jobs = values.get("jobs")
    for number, job in enumerate(jobs if isinstance(jobs, list) else ()):
        if isinstance(job, Mapping):
            yield from paths_of_job(job, ("jobs", number))


def _with_file(values: dict[str, Any], folders: AllowedFolders) -> dict[str, Any]:
    """Return the fields of a job with the path of its strategy, where they have its name."""
    named = values.get("spec")
    found = {"spec": _file_of(named, folders)} if isinstance(named, str) else {}
    return {**values, **found}


def _with_spec(values: dict[str, Any]) -> dict[str, Any]:
    path = values.get("spec")
    if not isinstance(path, str):
        return dict(values)
    return {**values, "spec": read_fields(Path(path)), "path": path}


def _prepared(values: dict[str, Any], folders: AllowedFolders, settings: Settings) -> Job:
    kind = values.get("kind")
    if isinstance(kind, str) and kind in SPEC_JOBS:
        single = make_job(SPEC_JOBS[kind], {"spec": None, **values}, settings=settings)
        _check_rendering(single, "rendering")
        path = values.get("path")
        return cast("Job", _ready(single.model_copy(update={"path": path}), folders, settings))
    batch = read_job(values)
    assert isinstance(batch, BatchJob), "any other kind is one of those above"
    refusals = Refusals()
    ready = []
    for number, job in enumerate(batch.jobs):
        _check_rendering(job, f"jobs[{number}].rendering")
        ready.append(refusals.check(partial(_in_batch, job, number, folders, settings)))
    _check_rendering(batch, "rendering")
    refusals.raise_all()
    return batch.model_copy(update={"jobs": ready})


def _check_rendering(job: BaseJob, place: str) -> None:
    if job.rendering is not None:
        raise UsageError(
            f"{place} asks for pages, and the server makes them when somebody looks.",
            hint="Leave rendering out; GET /runs/{id}/page answers with the page.",
            details={"argument": place},
        )


def _ready(job: SpecJob, folders: AllowedFolders, settings: Settings) -> SpecJob:
    prepared = prepare(job, settings=settings)
    spec = prepared.strategy
    # Without a path a bundle is looked for by the spec's name.
    if isinstance(spec, ModelSpec) and spec.model_path is None and spec.models is None:
        folders.check(iter([(("spec", "model_path"), str(MODELS_FOLDER))]))
    return prepared


def _in_batch(job: SpecJob, number: int, folders: AllowedFolders, settings: Settings) -> SpecJob:
    try:
        return _ready(job, folders, settings)
    except (SpecError, UsageError) as error:
        place = f"jobs[{number}]"
        problems = [
            replace(
                each,
                path=f"{place}.{each.path}",
                location=("jobs", number, *steps_of(each.pointer)),
            )
            for each in problems_of(error)
        ]
        raise UsageError(
            f"{place}: {error.message}",
            hint=error.hint,
            details={"argument": place, "problems": [each.to_document() for each in problems]},
        ) from error


def _renamed(error: BtkitError, named: Mapping[str, str]) -> BtkitError:
    """Return an error whose problems stand where they do in the request, by its own names."""
    problems = [_with_names(problem, named) for problem in problems_of(error)]
    error.details = {**error.details, "problems": [each.to_document() for each in problems]}
    error.message = _said_with_names(error.message, named)
    if "argument" in error.details:
        argument = error.details["argument"]
        error.details["argument"] = named.get(argument, argument)
    return error


def _with_names(problem: Problem, named: Mapping[str, str]) -> Problem:
    field, mark, rest = _parted(problem.path)
    place = problem.location
    if place:
        place = (named.get(str(place[0]), place[0]), *place[1:])
    return replace(
        problem,
        path=f"{named.get(field, field)}{mark}{rest}",
        message=_said_with_names(problem.message, named),
        location=place,
    )


def _parted(path: str) -> tuple[str, str, str]:
    mark = min(".[", key=lambda one: (path + one).index(one))
    return path.partition(mark)


def _said_with_names(message: str, named: Mapping[str, str]) -> str:
    return re.sub(r"\A\w+", lambda found: named.get(found[0], found[0]), message)
