"""What each template takes: the fields of its job, as a notebook may give them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, cast

from btkit.arguments import kind_of_value
from btkit.errors import BtkitError, UsageError
from btkit.jobs.asking import plain_value, try_job
from btkit.jobs.job import OptionsJob, RunJob, SpecJob, SweepJob, WalkForwardJob
from btkit.spec.reading import parse_text
from btkit.validation.axes import read_axes, read_axis

_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
_BETWEEN_AXES = re.compile(r"[;\s]+(?=\w+\s*=)")


def _day(value: object) -> object:
    # papermill hands a Timestamp on as its text.
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _MIDNIGHT.sub("", value) if isinstance(value, str) else value


def _spec(value: object) -> object:
    if not isinstance(value, str):
        return str(value) if isinstance(value, Path) else value
    # As the command line has it: what is no text of a spec is a file.
    return parse_text(value) if "\n" in value or "{" in value else value


def from_json(value: object) -> object:
    """Return what a JSON text describes; any other value is returned as it is.

    Raises
    ------
    UsageError
        If a text is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(
            f"this text is no JSON: {error}", hint='Write for example {"symbol": "SPX"}.'
        ) from error


def _axes(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = from_json(value)
    if isinstance(value, Mapping):
        return {name: _values(str(name), values) for name, values in value.items()}
    flags = _BETWEEN_AXES.split(value.strip()) if isinstance(value, str) else value
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise UsageError(
            f"These are no values of parameters: {kind_of_value(value)}.",
            hint="Write fast=5:50:5 slow=100,200, or a mapping such as {fast: [20, 50]}.",
        )
    return read_axes(flags)


def _values(name: str, value: object) -> object:
    if isinstance(value, str):
        # papermill hands a tuple in a mapping on as its text.
        return read_axis(f"{name}={value.strip('()[] ')}")[1]
    return list(value) if isinstance(value, list | tuple | range) else [value]


@dataclass(frozen=True)
class NotebookTemplate:
    """What a template takes: the fields of a job, by the names of its command's flags.

    Parameters
    ----------
    job
        What it asks for.
    identity
        The parameter that names what is stored already.
    place
        The parameter that says where.
    """

    job: type[SpecJob]
    identity: str
    place: str

    @property
    def aliases(self) -> dict[str, str]:
        """The command's flags that a job calls otherwise."""
        swept = {"param": "parameters"} if "parameters" in self.job.model_fields else {}
        return {"strategy": "spec", **swept}

    @property
    def names(self) -> list[str]:
        """Every name that the template takes."""
        fields = [name for name in self.job.model_fields if name not in _NOT_GIVEN]
        return [self.identity, self.place, "request", *self.aliases, *fields, *RENDERING]

    def ask(self, request: Mapping[str, Any]) -> tuple[SpecJob | None, list[BtkitError]]:
        """Make the job that a notebook asks for, and return what is refused instead.

        Parameters
        ----------
        request
            The values as papermill hands them on, aliases resolved.
        """
        values: dict[str, Any] = {}
        errors: list[BtkitError] = []
        for name, value in request.items():
            try:
                values[name] = self._plain(name, value)
            except BtkitError as error:
                error.details.setdefault("argument", name)
                errors.append(error)
        wanted = {name: values.pop(name) for name in RENDERING if name in values}
        values |= {"kind": self.job.model_fields["kind"].default, "rendering": None}
        if not wanted.get("no_report", False):
            pages = {RENDERING[name]: wanted[name] for name in wanted if RENDERING[name]}
            values["rendering"] = pages
        job, refused = try_job(values, reads=True)
        known = {error.details["argument"] for error in errors}
        errors += [error for error in refused if error.details.get("argument") not in known]
        return (None if errors else cast("SpecJob", job)), errors

    def _plain(self, name: str, value: object) -> object:
        if name in _TEXTS and isinstance(value, int | float) and not isinstance(value, bool):
            # 0700 has lost its zero by now.
            raise UsageError(
                f"{name} is {value}, a number; it must be a text.",
                hint=f"Hand it on with papermill's -r {name} ..., which leaves texts as they are.",
            )
        if name in _PLAIN:
            return _PLAIN[name](value)
        # papermill's -r hands everything on as a text, and its -y may hand on NumPy's.
        return plain_value(self.job, name, value)


_NOT_GIVEN = {"kind", "rendering", "events", "path", "min_trades_required", "overfitting"}
_AXES = ("parameters", "optimize")
_TEXTS = {"symbol", "benchmark", "start", "end", "interval", "source", "constraint", "method",
          "objective", "scheme"}  # fmt: skip
_PLAIN: dict[str, Callable[[object], object]] = {
    "start": _day, "end": _day, "spec": _spec, **dict.fromkeys(_AXES, _axes),
}  # fmt: skip
RENDERING = {"no_report": "", "html_assets": "html_assets", "upload_reports": "upload"}
"""What concerns the files that are left, as a `Rendering` has it."""

RUN = NotebookTemplate(RunJob, "run_id", "database")
OPTIONS = NotebookTemplate(OptionsJob, "run_id", "database")
WALK_FORWARD = NotebookTemplate(WalkForwardJob, "walk_forward_id", "folder")
SWEEP = NotebookTemplate(SweepJob, "sweep_id", "folder")
