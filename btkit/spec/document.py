"""A spec as a document: its text, its hash, its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import yaml
from pydantic.json_schema import models_json_schema

from btkit.spec.base import BaseSpec
from btkit.spec.fields import CONDITION_LISTS
from btkit.spec.kinds import KINDS, SpecKind
from btkit.spec.orders import INTRABAR_FIELDS, ORDER_FIELDS
from btkit.spec.reading import reads_as_text
from btkit.writing import digest_of_json

_ADDED = {
    "borrow_rate",
    "calendars",
    "cash_rate",
    "classifiers",
    "columns",
    "dividends",
    "initial_margin",
    "iv_source",
    "iv_scale",
    "multiplier",
    "scale_out",
    "sharpe_risk_free",
    *ORDER_FIELDS,
    *INTRABAR_FIELDS,
}


def dump_spec(spec: BaseSpec, *, format: Literal["json", "yaml"] = "json") -> str:  # noqa: A002
    """Return the text of a spec, every field written out; `load_spec` gives the spec back.

    Parameters
    ----------
    spec
        The spec.
    format
        ``"json"`` or ``"yaml"``.
    """
    fields = _fields(spec)
    if format == "json":
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(
        fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6, indent=2
    )


def spec_hash(spec: BaseSpec) -> str:
    """Return the SHA-256 of what a spec says, in hexadecimal.

    Defaults are filled in first, so key order, file format and writing a default out or leaving
    it out make no difference. A field that specs did not always have counts only where it is not
    at its default, so that the hash of a spec without it stays. `metadata`, which decides nothing,
    never counts.
    """
    fields = _fields(spec) | {"commission_model": spec.commission_kind}
    for name in _ADDED & fields.keys():
        if getattr(spec, name) == type(spec).model_fields[name].default:
            del fields[name]
    if spec.point_value == 1.0:
        # Left out it is 1, too.
        fields.pop("multiplier", None)
    del fields["metadata"]
    return digest_of_json(fields)


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of every kind of spec.

    Which of them a document is, its fields tell as they do to `load_spec`. The schema knows
    types, bounds and defaults; what stands inside a condition only `load_spec` can check.
    """
    references, definitions = models_json_schema(
        [(known.spec, "validation") for known in KINDS.values()], title="btkit spec"
    )
    for kind in definitions["$defs"].values():
        _allow_null(kind)
    choice: dict[str, Any] = {}
    for known in KINDS.values():
        reference: dict[str, Any] = references[known.spec, "validation"]
        # The first kind is what remains where no other is given.
        choice = (
            {"if": {"anyOf": _tells(known)}, "then": reference, "else": choice}
            if choice
            else reference
        )
    for known in KINDS.values():
        if known.foreign:
            # Another system's form of one: what stands in it, `load_spec` says.
            choice = {"if": _is_foreign(known), "then": {}, "else": choice}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": definitions["title"],
        "type": "object",
        **choice,
        "$defs": definitions["$defs"],
    }


def _is_foreign(known: SpecKind) -> dict[str, Any]:
    signed = _has_one_of(known.foreign)
    if not known.foreign_telling:
        return signed
    parts = {"type": ["array", "object"]}
    telling = [{"required": [name], "properties": {name: parts}} for name in known.foreign_telling]
    others = {"not": _has_one_of([*CONDITION_LISTS, *known.signs])}
    return {"anyOf": [signed, {"allOf": [{"anyOf": telling}, others]}]}


def _tells(known: SpecKind) -> list[dict[str, Any]]:
    signs = [_has_one_of([sign]) for sign in known.signs]
    if not known.telling:
        return signs
    others = [name for other in KINDS.values() if other is not known for name in other.own]
    return [*signs, {"allOf": [_has_one_of(known.telling), {"not": _has_one_of(others)}]}]


def _allow_null(kind: dict[str, Any]) -> None:
    """Let null stand for the default of each field that has one."""
    for name, field in kind["properties"].items():
        if name in kind.get("required", ()):
            continue
        about = {key: field.pop(key) for key in ("default", "description", "title") if key in field}
        kind["properties"][name] = {"anyOf": [field, {"type": "null"}], **about}


def _has_one_of(names: Sequence[str]) -> dict[str, Any]:
    given = {"not": {"type": "null"}}
    return {"anyOf": [{"required": [name], "properties": {name: given}} for name in names]}


def _fields(spec: BaseSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_none=True)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what YAML 1.1 would misread; specs are read by YAML 1.2's rules.
    style = None if reads_as_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
