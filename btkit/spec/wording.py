"""What is wrong with a field, in plain words: the rule, what was found, what to write instead."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from btkit.arguments import SHOWN_CHARACTERS, is_text, kind_of_value, quoted
from btkit.errors import Problem
from btkit.spelling import did_you_mean

MAX_FIELDS = 100
# What rules and spreads have; a kind without a limit has another default.
_USUAL_LIMIT = 10

_SHAPES = {
    "string_type": "a text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
}
_RULES = ("rule", "part_rule")
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_MISSING_HINTS = {
    "name": 'write for example name: "my_strategy"',
    "entry_conditions": 'list at least one condition, such as "close > sma_50"',
    "exit_conditions": "write [] if there are none",
    "stop_conditions": "write [] if there are none",
    "model_path": "write the bundle's folder, such as models/dip/SPX_1d; left out, it is "
    "models/<name>/<SYMBOL>_<timeframe>",
    "short": "write its entry_conditions, exit_conditions and stop_conditions",
    "when": 'write a condition, such as when: "position_pnl_pct > 0.05"',
    "fraction": "write how much of the shares at entry leaves, such as fraction: 0.5",
    "trailing_stop": "write for example trailing_stop: {fraction: 0.08}",
    "entry_order": 'write for example entry_order: {limit: "close * 0.99"}',
}
_FIELD_REFERENCE = "'backtest schema' prints every field"
_ENTRY_HINTS = {
    "classifiers": "write a name and a bundle's folder, such as regime: models/regime/SPX_1d",
    "calendars": "write a symbol and a calendar, such as SPY: XNYS",
    "columns": "write the name of a column of the bars, such as signal",
    "scale_out": 'write such as {when: "position_pnl_pct > 0.05", fraction: 0.5}',
    "instruments": "write a ticker such as SPY",
    "parameters": "write a name and a number, such as fast: 20",
}
_KEY_HINT = "write each field by its name, such as name: my_strategy"
_INNER_KEYS = (
    ("calendars", "a symbol's", _ENTRY_HINTS["calendars"]),
    ("classifiers", "a classifier's", _ENTRY_HINTS["classifiers"]),
    ("parameters", "a parameter's", _ENTRY_HINTS["parameters"]),
    ("short", "a field's", "write each field by its name, such as entry_conditions"),
    ("trailing_stop", "a field's", _MISSING_HINTS["trailing_stop"]),
    ("entry_order", "a field's", _MISSING_HINTS["entry_order"]),
)
_PATTERNS = {
    "classifiers": "is no name that a condition can read: letters, digits and _, no digit first",
    "columns": "is no name that a condition can read: letters, digits and _, no digit first",
    "name": "may hold only printable characters, and not spaces alone",
    "version": "may hold only ASCII letters, digits, space and _ . + -",
    "description": "may not hold control characters or characters that reorder text",
    "instruments": "must be a ticker symbol in ASCII characters, without a space at either end",
    "calendar": "must be the name of an exchange calendar",
    "calendars": "must be the name of an exchange calendar",
    "parameters": "is no parameter name: letters, digits and _, not starting with a digit",
    "output_classes": "is no name of a class: letters, digits and _, beginning with a letter",
    "symbol": "must be a ticker symbol in ASCII characters, without a space at either end",
}
_BOUND_HINTS = {
    "per_trade_risk_pct": "0.01 risks 1 % of the capital per trade; 0.02 is the hard cap",
    "sharpe_risk_free": "write a fraction a year: 0.03 is 3 %",
    "cash_rate": "write a fraction a year: 0.03 is 3 %",
    "borrow_rate": "write a fraction a year: 0.03 is 3 %",
    "risk_free_rate": "write a fraction: 0.05 is 5 %",
    "dividend_yield": "write a fraction: 0.015 is 1.5 %",
    "iv_scale": "write a factor: 0.85 takes 15 % off the volatility",
    "multiplier": "write what one unit gains per point: 50 of an E-mini S&P 500 contract",
    "initial_margin": "write $ per unit: 12000 for a contract that asks for so much",
    "short_delta": "write an absolute delta: 0.30 is 30 delta",
    "long_delta": "write an absolute delta: 0.15 is 15 delta",
    "profit_target_pct": "write a fraction of the credit: 0.5 is half of it",
    "models": "write for example {2012-01-03: models/first, 2013-01-02: models/second}",
    "output_classes": "write the order of the outputs, such as [BUY, SELL, HOLD]",
    "trained_until": "write for example 2011-12-30",
    "interval": "write for example 1d",
    "detail": "write for example 1m",
    "confidence_threshold": "0.65 believes what has a probability of 65 % or more",
    "min_signal_separation": "write hours: 24 is a day",
    "round_trip_cost": "write a fraction: 0.003 is 0.3 %",
    "fraction": "0.5 takes half of the shares at entry off",
    "stop_loss": "write a fraction: 0.05 is 5 % of the entry fill; or a price: "
    '{price: "close - 2 * atr_14"}',
    "take_profit": "write a fraction: 0.10 is 10 % of the entry fill; or a price: "
    '{price: "close + 3 * atr_14"}',
}
_ORDER_HINTS = {
    "fraction": "write a fraction: 0.08 is 8 % below the highest high",
    "atr": "write a number of atr_14: 3 is three of them below the highest high",
    "after": "write a fraction: 0.05 is a gain of 5 %",
    "valid_bars": "write how many bars the order rests",
}


def no_mapping(value: object) -> Problem:
    """Return the problem with a spec that is no mapping of fields."""
    return Problem("spec", f"a spec is a mapping of fields, not {kind_of_value(value)}", _KEY_HINT)


def key_problems(data: Mapping[Any, Any]) -> list[Problem]:
    """Return what makes a mapping unfit to be checked field by field."""
    if len(data) > MAX_FIELDS:
        return [
            Problem("spec", f"has {len(data):,} fields; a spec has far fewer", _FIELD_REFERENCE)
        ]
    problems = [
        Problem("spec", f"a field's name must be a text, not {kind_of_value(key)}", _KEY_HINT)
        for key in data
        if not is_text(key)
    ]
    for field, noun, hint in _INNER_KEYS:
        entries = data.get(field)
        if isinstance(entries, dict):
            problems += [
                Problem(field, f"{noun} name must be a text, not {kind_of_value(key)}", hint)
                for key in entries
                if not is_text(key)
            ]
    parts = data.get("scale_out")
    for index, part in enumerate(parts if isinstance(parts, list | tuple) else ()):
        if isinstance(part, dict) and not all(map(is_text, part)):
            path, hint = f"scale_out[{index}]", _ENTRY_HINTS["scale_out"]
            problems.append(Problem(path, "a field's name must be a text", hint))
    return problems


def field_problems(
    error: ValidationError,
    data: Mapping[str, Any],
    fields: Mapping[str, FieldInfo],
    foreign: Mapping[str, str],
) -> list[Problem]:
    """Put pydantic's findings into plain words.

    Parameters
    ----------
    error
        What pydantic raised for `data`.
    data
        The mapping as it came.
    fields
        The known fields.
    foreign
        Fields of the other kind of spec, with what to do instead.
    """
    return [
        _problem(found, data, fields, foreign)
        for found in error.errors(include_url=False, include_input=False)
        # Pydantic counts only the entries it liked; a list of one bad entry is not empty.
        if found["type"] != "too_short" or not _value_at(data, found["loc"])
    ]


def _problem(
    found: ErrorDetails,
    data: Mapping[str, Any],
    fields: Mapping[str, FieldInfo],
    foreign: Mapping[str, str],
) -> Problem:
    location = found["loc"]
    field = str(location[0])
    nested = _nested(fields.get(field))
    # Of a list of mappings the entry's place stands before the field in it.
    deep = 2 if len(location) > 1 and isinstance(location[1], int) else 1
    if nested is not None and len(location) > deep:
        inner: ErrorDetails = {**found, "loc": location[deep:]}
        within = _value_at(data, location[:deep])
        assert isinstance(within, Mapping)
        known = _problem(inner, within, nested.model_fields, nested.foreign_fields)
        return replace(
            known,
            path=f"{path_of(location[:deep])}.{known.path}",
            location=None if known.location is None else (*location[:deep], *known.location),
        )
    path = path_of(location)
    place = tuple(part for part in location if part != "[key]")
    match found["type"]:
        case "extra_forbidden":
            hint = foreign.get(field) or did_you_mean(field, fields) or _FIELD_REFERENCE
            return Problem(path, f"unknown field {quoted(field)}", hint, location=place)
        case "missing":
            return Problem(path, "this field is missing", _MISSING_HINTS[field], location=place)
    message, advice = _value_problem(found, field, _value_at(data, location), fields[field])
    if advice is None and len(location) == 1:
        advice = _MISSING_HINTS.get(field) or _default_hint(field, fields[field].default)
    hint = advice or _ENTRY_HINTS.get(field, _FIELD_REFERENCE)
    return Problem(path, message, hint, location=place)


def _nested(info: FieldInfo | None) -> Any:  # noqa: ANN401 - a class of fields with fields
    if info is None:
        return None
    return next((kind for kind in _kinds(info.annotation) if hasattr(kind, "model_fields")), None)


def _kinds(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a type of any shape
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _default_hint(field: str, default: object) -> str:
    if field == "max_holding_bars" and default != _USUAL_LIMIT:
        return "leave the field out, and nothing is closed for its age"
    if field == "max_holding_bars":
        return f"leave the field out for BT_MAX_HOLDING_BARS, or {default} where that is not set"
    if isinstance(default, str | int | float) and default != "":
        return f"leave the field out for {json.dumps(default)}"
    return "leave the field out for its default"


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a place in a document as messages name it, such as ``nn_inputs[0].timeframes``."""
    path = ascii(str(location[0]))[1:-1][:SHOWN_CHARACTERS] or "''"
    for step in location[1:]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]":
            path += f".{ascii(step)[1:-1][:SHOWN_CHARACTERS]}"
    return path


def _value_at(data: Mapping[str, Any], location: tuple[int | str, ...]) -> object:
    if location[-1] == "[key]":
        return location[-2]
    value: Any = data
    for step in location:
        value = value[step]
    return value


def _value_problem(
    found: ErrorDetails, field: str, value: object, info: FieldInfo
) -> tuple[str, str | None]:
    kind = found["type"]
    if kind in {"no_json", "too_much_json"}:
        what = "is no JSON: " if kind == "no_json" else ""
        return f"{what}{found['msg']}", "keep texts, numbers, true, false, null, lists and mappings"
    if kind in {"parameter_value", "risk_free", "part_fraction", "order_number", *_RULES}:
        hint = None if kind in _RULES else _number_hint("a number", value)
        if kind == "order_number":
            hint = hint or _ORDER_HINTS.get(field)
        hint = hint or _BOUND_HINTS.get(field)
        found_instead = "" if kind == "part_rule" else f", not {kind_of_value(value)}"
        return f"{found['msg']}{found_instead}", hint
    if kind in _SHAPES:
        message, hint = _shape_problem(_SHAPES[kind], value, info, field)
        # A hint for a missing field is none for one entry of its list.
        return message, "remove it" if value is None and len(found["loc"]) > 1 else hint
    if kind in _BOUNDS:
        key, word = _BOUNDS[kind]
        message = f"must be {word} {_bound(found['ctx'][key])}, not {_number(value)}"
        return message, _BOUND_HINTS.get(field)
    if kind == "literal_error":
        return _choice_problem(value, info)
    return _text_problem(found, field, str(value))


def _text_problem(found: ErrorDetails, field: str, text: str) -> tuple[str, str | None]:
    longest = found.get("ctx", {}).get("max_length", 0)
    match found["type"]:
        case "string_pattern_mismatch":
            return f"{quoted(text)} {_PATTERNS[field]}", _odd_character(text)
        case "too_short" | "string_too_short":
            return "is empty", _MISSING_HINTS.get(field) if len(found["loc"]) == 1 else "remove it"
        case "too_long":
            return f"has more than {longest:,} entries", "shorten it"
        case "string_too_long":
            return f"has more than {longest:,} characters", "shorten it"
        case "string_unicode":
            return "holds half of a surrogate pair, which is no character", None
        case _:
            return f"is refused: {found['msg']}", None


def _shape_problem(
    shape: str, value: object, info: FieldInfo, field: str
) -> tuple[str, str | None]:
    if isinstance(value, int) and not isinstance(value, bool) and "number" in shape:
        return f"is too large a number: {kind_of_value(value)}", None
    message = f"must be {shape}, not {kind_of_value(value)}"
    if value is None:
        return message, _MISSING_HINTS[field] if info.is_required() else "leave the field out"
    if shape == "a text":
        return message, _quoting_hint(value)
    if shape == "a list" and is_text(value) and len(str(value)) < SHOWN_CHARACTERS:
        return message, f"write a list of one: [{json.dumps(value)}]"
    if shape == "true or false" and is_text(value) and str(value).lower() in {"true", "false"}:
        return message, f"write it without quotes: {str(value).lower()}"
    return message, _number_hint(shape, value) if "number" in shape else None


def _quoting_hint(value: object) -> str | None:
    if isinstance(value, bool | int | float):
        return f'put it in quotes: "{_number(value)}"'
    return "put the whole text in quotes" if isinstance(value, dict) else None


def _number_hint(shape: str, value: object) -> str | None:
    if isinstance(value, str) and _reads_as_number(value):
        return f"write it without quotes: {value.strip()}"
    if shape == "a whole number" and isinstance(value, float) and value.is_integer():
        return f"write it without a decimal point: {value:.0f}"
    return None


def _reads_as_number(text: str) -> bool:
    try:
        return len(text) <= SHOWN_CHARACTERS and math.isfinite(float(text)) and text.isascii()
    except ValueError:
        return False


def _number(value: object) -> str:
    return kind_of_value(value).removeprefix("the number ")


def _bound(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def _choice_problem(value: object, info: FieldInfo) -> tuple[str, str | None]:
    annotation = info.annotation
    # `Literal[...] | None` keeps the choices one level down.
    choices = [
        choice
        for part in (get_args(annotation) or (annotation,))
        for choice in (get_args(part) or (part,))
        if isinstance(choice, str)
    ]
    hint = did_you_mean(value, choices) if isinstance(value, str) else None
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return f"must be one of {listed}, not {kind_of_value(value)}", hint


def _odd_character(text: str) -> str | None:
    odd = min(
        (character for character in text if not " " <= character <= "~"),
        key=str.isprintable,
        default=None,
    )
    return None if odd is None else f"it holds the character U+{ord(odd):04X}"
