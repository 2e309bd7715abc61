"""Make jobs of what people and programs write; everything that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from btkit.arguments import refusal
from btkit.errors import WHOLE, BtkitError, FormatError, Problem, SpecError, StoreError, UsageError
from btkit.jobs.job import JOB, JOB_KINDS, SPEC_JOBS, BaseJob, Job, Rendering, SingleJob, SpecJob
from btkit.jobs.requests import SpecSource, with_model
from btkit.settings import Settings
from btkit.spec.reading import parse_text, resolve_scalar
from btkit.spelling import did_you_mean

S = TypeVar("S", bound=SpecJob)
T = TypeVar("T")

_REFERENCE = "`backtest schema` prints every field of a job."


class Refusals:
    """Gathers what is refused, so that all of it is said at once."""

    def __init__(self) -> None:
        self.errors: list[BtkitError] = []

    def check(self, call: Callable[[], T]) -> T | None:
        """Return what a call returns; None where it is refused."""
        try:
            return call()
        except (SpecError, UsageError) as error:
            self.errors.append(error)
            return None

    def raise_all(self) -> None:
        """Raise what was refused, if anything was.

        Raises
        ------
        SpecError, UsageError
            The one error there is; of several a UsageError with all in ``details["problems"]``.
        """
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            problems = [problem for error in self.errors for problem in problems_of(error)]
            first, more = self.errors[0], len(problems) - 1
            raise UsageError(
                f"{first.message.removesuffix('.')} (and {more} more problem"
                f"{'s' if more > 1 else ''}).",
                hint=first.hint,
                details={"problems": [problem.to_document() for problem in problems]},
            )


def make_job(
    kind: type[S], values: Mapping[str, Any], *, settings: Settings, loads: bool = True
) -> S:
    """Make a job whose spec is at hand, as verbs, commands, templates and widgets are given it.

    Parameters
    ----------
    kind
        What is asked for.
    values
        Its fields; ``spec`` as `load_spec` takes it.
    settings
        Where a default of the spec and the user's events come from.
    loads
        Whether bars are to be loaded, so that there must be a symbol and a range.

    Raises
    ------
    SpecError, UsageError
        If anything makes no sense, see `Refusals.raise_all`.
    """
    refusals = Refusals()
    source: SpecSource = values["spec"]
    spec = refusals.check(lambda: kind.load(source, settings=settings))
    if spec is not None:
        spec = refusals.check(partial(with_model, spec, values.get("model_path")))
    fields = {} if spec is None else spec.model_dump(mode="json")
    asked = {**values, "spec": fields, "path": path_of(source)}
    try:
        job = kind.model_validate(asked, context={"spec": spec, "loads": loads})
    except ValidationError as error:
        refusals.errors += refused_fields(error, kind)
    refusals.raise_all()
    job.__dict__["strategy"] = spec  # it need not be loaded again
    return job


def read_job(source: str | bytes | Mapping[str, Any], *, reads: bool = False) -> Job:
    """Make a job of a stranger's JSON. No file is read, and nothing in it is evaluated.

    Parameters
    ----------
    source
        JSON text, at most 1 MB, or the plain values of one.
    reads
        Whether the file of a spec may be read for the symbol that it says, where the job says
        none: of what no stranger wrote.

    Raises
    ------
    SpecError
        If the text is no JSON, or too long or nested too deeply.
    UsageError
        If a field is refused; all that are, are in ``details["problems"]``.

    Examples
    --------
    >>> job = read_job('{"kind": "run", "spec": "a.yaml", "symbol": "SPX",'
    ...                ' "start": "2005-01-03", "end": "2018-12-31"}')
    >>> job.symbol, job.interval
    ('SPX', '1d')
    """
    values: object = source
    if isinstance(source, str | bytes):
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        values = parse_text(text, form="json")
    if not isinstance(values, Mapping):
        raise refusal(values, "the job", rule="a mapping of fields", hint=_REFERENCE)
    job, errors = try_job(values, reads=reads)
    refusals = Refusals()
    refusals.errors += errors
    refusals.raise_all()
    assert job is not None
    return job


def try_job(
    values: Mapping[str, Any], *, reads: bool = False
) -> tuple[Job | None, list[BtkitError]]:
    """Make a job as `read_job` does; return it, or an error for each field that is refused."""
    try:
        return JOB.validate_python(dict(values), context={"loads": True, "reads": reads}), []
    except ValidationError as error:
        return None, refused_fields(error, _kind_of(values))


def job_of_flags(
    kind: str, flags: Mapping[str, Any], *, rendering: Rendering | None = None
) -> SingleJob:
    """Make a job of the flags that its command takes, their values texts or plain values.

    Parameters
    ----------
    kind
        Of the job.
    flags
        By name, without hyphens before it: true or None for one that takes no value, false for
        one that is not given, several values for one that is repeated. The strategy is a path.
    rendering
        How pages are made where no flag says it.

    Raises
    ------
    FormatError, UsageError
        If anything makes no sense, see `Refusals.raise_all`.
    """
    job = SPEC_JOBS[kind]
    given = {name: value for name, value in flags.items() if value is not False}
    pages = {} if rendering is None else rendering.model_dump()
    wanted = rendering is not None and "no-report" not in given
    pages |= {
        field: field == "upload" or given[flag]
        for flag, field in _RENDERING.items()
        if flag in given
    }
    values = {
        _FIELDS.get(name, name.replace("-", "_")): value
        for name, value in given.items()
        if name not in {*_RENDERING, *_OF_A_COMMAND}
    }
    values = {name: plain_value(job, name, value) for name, value in values.items()}
    asked = {**values, "kind": kind, "rendering": pages if wanted else None}
    return cast("SingleJob", read_job(asked, reads=True))


# What flags are called in jobs, where it is not the same.
_FIELDS = {"strategy": "spec", "param": "parameters"}
_RENDERING = {"engine": "engine", "html-assets": "html_assets", "upload-reports": "upload"}
_REPEATED = {"parameters", "optimize"}
_OF_A_COMMAND = {"no-report", "quiet", "debug"}


def plain_value(job: type[SpecJob], name: str, value: object) -> object:
    """Return a value as its field has it, where it may have come as a text."""
    if name in _REPEATED:
        return [value] if isinstance(value, str) else value
    field = job.model_fields.get(name)
    if isinstance(value, str) and field is not None and _is_number(field.annotation):
        return resolve_scalar(value)
    return value


def _is_number(annotation: Any) -> bool:  # noqa: ANN401 - a type, or a union of types
    return (
        annotation is int
        or annotation is float
        or any(_is_number(part) for part in get_args(annotation))
    )


def stored_job(request: Mapping[str, Any]) -> Job:
    """Return the job that was stored, also by an earlier version.

    Raises
    ------
    StoreError
        If it is in a form that nobody knows.
    """
    try:
        return JOB.validate_python(_as_now(request))
    except (ValidationError, BtkitError, KeyError, TypeError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            reason = refused_fields(error, _kind_of(request))[0].message
        raise StoreError(
            f"What was asked for is stored in a form that this btkit does not know: {reason}",
            hint="Resume it with the btkit that began it, or ask for it again.",
        ) from error


def _as_now(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored request in today's form: batches once held command lines."""
    jobs = request.get("jobs")
    if not isinstance(jobs, list) or not all("options" in job for job in jobs):
        return dict(request)
    known = request["rendering"]
    rendering = None if known is None else Rendering.model_validate(known)
    made = [job_of_flags(job["command"], job["options"], rendering=rendering) for job in jobs]
    return {**request, "jobs": made}


def path_of(spec: SpecSource) -> str | None:
    """Return the file that a spec is read from, as it was given, or None if it is no file."""
    if isinstance(spec, Path):
        return str(spec)
    if isinstance(spec, str) and "\n" not in spec and "{" not in spec:
        return spec
    return None


def refused_fields(error: ValidationError, kind: type[BaseJob] | None) -> list[BtkitError]:
    """Return an error of btkit's own for each field that pydantic refused.

    Parameters
    ----------
    error
        What pydantic raised.
    kind
        The class of the job, None where it has none.
    """
    fields = [] if kind is None else list(kind.model_fields)
    return [_error_of(found, fields) for found in error.errors(include_url=False)]


def _error_of(found: ErrorDetails, fields: list[str]) -> BtkitError:
    known = found.get("ctx", {}).get("error")
    path = _path(found["loc"])
    details: dict[str, Any] = {"argument": path}
    if isinstance(known, BtkitError):
        if "[" not in path:
            return known
        if isinstance(known, SpecError):
            details["problems"] = [
                replace(each, path=_below(path, each)).to_document() for each in known.problems
            ]
        message = f"{path}: {known.message}"
        return UsageError(message, hint=known.hint, details=known.details | details)
    match found["type"]:
        case "missing":
            details["reason"] = "missing"
            return UsageError(f"It lacks {path}.", hint=_REFERENCE, details=details)
        case "extra_forbidden":
            details["reason"] = "unknown"
            hint = did_you_mean(str(found["loc"][-1]), fields) or _REFERENCE
            return UsageError(f"It has no field {path!r}.", hint=hint, details=details)
        case "union_tag_invalid" | "union_tag_not_found":
            place = f"{path}.kind" if path else "kind"
            kinds = ", ".join(JOB_KINDS)
            hint = f"Choose one of {kinds}."
            return UsageError(
                f"{place} must be one of {kinds}.", hint=hint, details={"argument": place}
            )
    rule = found["msg"].removeprefix("Input should be ")
    return refusal(found["input"], path or "the job", rule=rule, hint=_REFERENCE)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for place, step in enumerate(location):
        before = location[place - 1] if place else 0
        if isinstance(step, int):
            path += f"[{step}]"
        # Where a union is entered, pydantic names the kind; a union of types, the type.
        elif not (isinstance(before, int) and step in JOB_KINDS) and not _is_type(step):
            path += f".{step}" if path else step
    return path


def _is_type(step: str) -> bool:
    return "[" in step or step in {"str", "int", "float"}


def problems_of(error: BtkitError) -> list[Problem]:
    """Return what is wrong with a request, by its fields, as an error says it.

    Parameters
    ----------
    error
        That refused it: of a spec or a format, which stand below their own fields, or of fields.
    """
    if isinstance(error, SpecError):
        below = "format" if isinstance(error, FormatError) else "spec"
        return [
            replace(found, path=_below(below, found), location=(below, *_place(found)))
            for found in error.problems
        ]
    known = error.details.get("problems", ())
    # Those of a file of events have rows, and are one problem of the request.
    if known and all("path" in each for each in known):
        return [
            Problem(each["path"], each["message"], each["hint"], location=steps_of(each["pointer"]))
            for each in known
        ]
    path = str(error.details.get("argument", error.details.get("parameter", "job")))
    place = (path,) if path in WHOLE else None
    return [Problem(path, error.message.removesuffix("."), error.hint, location=place)]


def steps_of(pointer: str) -> tuple[str, ...]:
    """Return the keys and indices of a JSON Pointer (RFC 6901)."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _place(found: Problem) -> tuple[str | int, ...]:
    return steps_of(found.pointer) if found.location is None else found.location


def _below(path: str, found: Problem) -> str:
    return path if found.path in WHOLE else f"{path}.{found.path}"


def _kind_of(values: Mapping[str, Any]) -> type[BaseJob] | None:
    kind = values.get("kind")
    return JOB_KINDS.get(kind) if isinstance(kind, str) else None
