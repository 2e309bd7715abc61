"""What each template takes: the options of its command, as a notebook may give them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from btkit.arguments import kind_of_value
from btkit.errors import UsageError
from btkit.render.notebook import HtmlAssets

_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
_BETWEEN_AXES = re.compile(r"[;\s]+(?=\w+\s*=)")


def _day(value: object) -> object:
    # papermill hands a Timestamp on as its text.
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _MIDNIGHT.sub("", value) if isinstance(value, str) else value


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")  # noqa: TRY004 - pydantic's way
    return value


def _spec(value: object) -> object:
    if isinstance(value, str):
        # As the command line has it: what is no text of a spec is a file.
        return value if "\n" in value or "{" in value else Path(value)
    if isinstance(value, Mapping | Path):
        return value
    raise ValueError(f"a path, a text or a mapping is needed, not {kind_of_value(value)}")


def from_json(value: object) -> object:
    """Return what a JSON text describes; any other value is returned as it is.

    Raises
    ------
    ValueError
        If a text is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"this text is no JSON: {error}") from error


def _axes(value: object) -> object:
    try:
        return _read_axes(value)
    except UsageError as error:
        # Told with whatever else is wrong.
        raise ValueError(f"{error.message} {error.hint}") from error


def _read_axes(value: object) -> object:
    from btkit.validation.grid import read_axes  # noqa: PLC0415 - brings numba

    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = from_json(value)
    if isinstance(value, Mapping):
        return {name: _values(str(name), values) for name, values in value.items()}
    flags = _BETWEEN_AXES.split(value.strip()) if isinstance(value, str) else value
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise ValueError("write fast=5:50:5 slow=100,200, or a mapping such as {fast: [20, 50]}")
    return read_axes(flags)


def _values(name: str, value: object) -> object:
    from btkit.validation.grid import read_axis  # noqa: PLC0415 - brings numba

    if isinstance(value, str):
        # papermill hands a tuple in a mapping on as its text.
        return read_axis(f"{name}={value.strip('()[] ')}")[1]
    return value if isinstance(value, list | tuple | range) else [value]


Day = Annotated[str, BeforeValidator(_day)]
Number = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_number)]
Spec = Annotated[Any, BeforeValidator(_spec)]
Axes = Annotated[dict[str, Any], BeforeValidator(_axes)]


class Asked(BaseModel):
    """What a template takes, as the command of the same name does.

    A field that is left out has the command's default; the names are those of its flags, with
    underscores.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: ClassVar[str]
    """The parameter that names what is stored already."""
    place: ClassVar[str]
    """The parameter that says where."""
    aliases: ClassVar[Mapping[str, str]] = {"strategy": "spec"}
    """The command's flags that the library calls otherwise."""
    report_options: ClassVar[frozenset[str]] = frozenset(
        {"no_report", "html_assets", "upload_reports"}
    )
    """What concerns the files that are left."""

    spec: Spec
    symbol: str
    start: Day
    end: Day
    capital: Number | None = None
    commission: Number | None = None
    slippage: Number | None = None
    interval: str = "1d"
    source: str | None = None
    format: str | dict[str, Any] | None = None
    no_report: bool = False
    html_assets: HtmlAssets = "inline"
    upload_reports: bool = False

    @classmethod
    def names(cls) -> list[str]:
        """Return every name that the template takes."""
        return [cls.identity, cls.place, "request", *cls.aliases, *cls.model_fields]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the library's function, those alone that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set - self.report_options}


class RunParameters(Asked):
    """Of the templates ``run`` and ``options_sim``."""

    identity: ClassVar[str] = "run_id"
    place: ClassVar[str] = "database"


class WalkForwardParameters(Asked):
    """Of the template ``walk_forward``."""

    identity: ClassVar[str] = "walk_forward_id"
    place: ClassVar[str] = "folder"

    windows: Count = 3
    is_ratio: Number = 0.70
    scheme: str = "rolling"
    optimize: Axes | None = None
    constraint: str | None = None
    objective: str = "sharpe_ratio"
    max_sets: Count = 1_000_000


class SweepParameters(Asked):
    """Of the template ``sweep``."""

    identity: ClassVar[str] = "sweep_id"
    place: ClassVar[str] = "folder"
    aliases: ClassVar[Mapping[str, str]] = {**Asked.aliases, "param": "parameters"}

    parameters: Axes
    constraint: str | None = None
    method: str = "grid"
    objective: str = "sharpe_ratio"
    samples: Count = 1_000
    seed: Count = 0
    max_sets: Count = 1_000_000
    threads: Count | None = None
