"""How a spec names the bundles of trained models: those that decide, and those that classify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from btkit.arguments import shown
from btkit.spec.fields import ParameterName, as_tuple

LONGEST_PATH = 4_096
MAX_MODELS = 10_000
MAX_CLASSIFIERS = 20

_PATH, _ALLOW_OTHER = "path", "allow_other"
_OTHERS = ("symbol", "timeframe")


def refuse(rule: str) -> PydanticCustomError:
    """Return the error that says what a value must be."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


def refuse_part(rule: str) -> PydanticCustomError:
    """Return the error that says what is wrong with a part, so that the whole need not be shown."""
    return PydanticCustomError("part_rule", "{rule}", {"rule": rule})


def _is_path(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_PATH and value.isprintable()


def _day(value: object) -> object:
    known = _date_of(value)
    if known is None:
        raise refuse("must be a date as YYYY-MM-DD")
    return known


def _date_of(value: object) -> str | None:
    if type(value) is date:
        return value.isoformat()
    if isinstance(value, str):
        try:
            known = date.fromisoformat(value).isoformat()
        except ValueError:
            return None
        return known if known == value else None
    return None


def _dated(value: object) -> object:
    if _is_path(value):
        return value
    if not isinstance(value, dict) or not value:
        raise refuse("must be the path of a folder of bundles by date, or a mapping of dates")
    return _by_date(value)


def _by_date(value: dict[Any, Any]) -> dict[str, str]:
    if len(value) > MAX_MODELS:
        raise refuse_part(f"must name at most {MAX_MODELS:,} bundles")
    for key, path in value.items():
        if _date_of(key) is None:
            raise refuse_part(f"has {shown(key)}, which is no date as YYYY-MM-DD")
        if not _is_path(path):
            raise refuse_part(f"has {shown(path)} at {key}, which is no path")
    return {str(_date_of(key)): path for key, path in sorted(value.items(), key=str)}


def _source(value: object) -> object:
    if not isinstance(value, dict) or (_PATH not in value and _ALLOW_OTHER not in value):
        return _paths(value)
    odd = [key for key in value if key not in {_PATH, _ALLOW_OTHER}]
    if odd:
        raise refuse_part(f"has {shown(odd[0])} beside {_PATH} and {_ALLOW_OTHER}")
    others = value.get(_ALLOW_OTHER, [])
    if not isinstance(others, list | tuple) or not all(other in _OTHERS for other in others):
        raise refuse_part(f"lists in {_ALLOW_OTHER} what is none of {', '.join(_OTHERS)}")
    return {_PATH: _paths(value.get(_PATH)), _ALLOW_OTHER: sorted(set(others))}


def _paths(value: object) -> object:
    if _is_path(value):
        return value
    if not isinstance(value, dict) or not value:
        raise refuse("must have the path of a bundle, or paths by date")
    return _by_date(value)


BundlePath = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)]
_ByDate = Annotated[dict[str, BundlePath], Field(max_length=MAX_MODELS)]
Models = Annotated[_ByDate | BundlePath, BeforeValidator(_dated)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}), BeforeValidator(_day)]
Others = Annotated[
    tuple[Literal["symbol", "timeframe"], ...], BeforeValidator(as_tuple), Field(max_length=2)
]
_Sourced = Annotated[dict[str, _ByDate | BundlePath | list[str]], Field(max_length=MAX_MODELS)]
Classifiers = Annotated[
    dict[ParameterName, Annotated[_Sourced | BundlePath, BeforeValidator(_source)]],
    Field(max_length=MAX_CLASSIFIERS, json_schema_extra={"additionalProperties": False}),
]


@dataclass(frozen=True)
class ClassifierSource:
    """Where a classifier is, and what it need not have been trained on.

    Parameters
    ----------
    paths
        Of its bundle's folder, or of one for each date from which it was known.
    allow_other
        What may be another than it was trained on: ``symbol``, ``timeframe``.
    """

    paths: str | Mapping[str, str]
    allow_other: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of its bundles, by date the oldest first."""
        if isinstance(self.paths, str):
            return (self.paths,)
        return tuple(path for _, path in sorted(self.paths.items()))

    @classmethod
    def of(cls, stated: str | Mapping[str, Any]) -> ClassifierSource:
        """Return what a checked entry of ``classifiers`` says.

        Parameters
        ----------
        stated
            A path, paths by date, or ``{path: ..., allow_other: [...]}``.
        """
        if isinstance(stated, str) or _PATH not in stated:
            return cls(stated)
        return cls(stated[_PATH], tuple(stated[_ALLOW_OTHER]))
