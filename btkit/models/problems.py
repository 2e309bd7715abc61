"""Every problem of a definition at once, each with its place, and what is worth saying besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from btkit.arguments import is_text, kind_of_value, quoted
from btkit.errors import Problem
from btkit.spec.wording import path_of
from btkit.spelling import did_you_mean

Place: TypeAlias = tuple[str | int, ...]


def as_tuple(value: object) -> object:
    """Return a list as a tuple, which a frozen model can keep; anything else stays."""
    return tuple(value) if isinstance(value, list) else value


Labels: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(max_length=100)]
SectionModel = TypeVar("SectionModel", bound="StrategyPart")


class StrategyPart(BaseModel):
    """A part of a strategy with fixed keys; a field's description says what it must be."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


@dataclass
class Findings:
    """What reading a definition finds.

    Parameters
    ----------
    problems
        Why it is refused.
    notes
        What it says that nothing is made of, a sentence each.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, place: Place, message: str, hint: str) -> None:
        """Note a problem at a place."""
        self.problems.append(Problem(path_of(place), message, hint, location=place))

    def mapping(self, value: object, place: Place, *, most: int, of: str) -> dict[str, Any]:
        """Return a mapping with texts for keys; anything else is a problem, and an empty one."""
        if not isinstance(value, Mapping):
            self.refuse(place, f"must be a mapping of {of}, not {kind_of_value(value)}",
                        "write each by its name")  # fmt: skip
            return {}
        if len(value) > most:
            self.refuse(place, f"has {len(value):,} entries; at most {most:,} are read",
                        "shorten it")  # fmt: skip
            return {}
        for key in value:
            if not is_text(key):
                self.refuse(place, f"a key must be a text, not {kind_of_value(key)}",
                            "put it into quotes")  # fmt: skip
        return {key: entry for key, entry in value.items() if is_text(key)}

    def unknown_keys(
        self, keys: Collection[str], known: Collection[str], place: Place, *, told: bool
    ) -> None:
        """Refuse keys that look like misspelt known ones; tell of the others, if they matter."""
        for key in keys:
            if key in known:
                continue
            hint = did_you_mean(key, [name for name in known if name not in keys])
            if hint is not None:
                self.refuse((*place, key), f"unknown key {quoted(key)}", hint)
            elif told:
                self.notes.append(f"{path_of((*place, key))} is not read: nothing here knows it.")

    def section(
        self, value: object, model: type[SectionModel], place: Place, *, told: bool = False
    ) -> SectionModel | None:
        """Return a part with fixed keys, or None if it is refused."""
        fields = {entry.alias or name: entry for name, entry in model.model_fields.items()}
        values = self.mapping(value, place, most=200, of=", ".join(fields))
        self.unknown_keys(values, fields, place, told=told)
        # null means the default, as in specs.
        given = {key: entry for key, entry in values.items() if entry is not None and key in fields}
        try:
            return model.model_validate(given)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                step = str(found["loc"][0])
                rule = fields[step].description
                if found["type"] == "missing":
                    self.refuse((*place, step), "this field is missing", f"write {rule}")
                else:
                    message = f"must be {rule}, not {kind_of_value(found['input'])}"
                    self.refuse((*place, *found["loc"]), message, f"write {rule}")
            return None
