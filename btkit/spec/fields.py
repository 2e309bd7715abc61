"""The types of a spec's fields: what each may hold, and how far it may go."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

MAX_CONDITIONS = 200
MAX_PARAMETERS = 100
MAX_METADATA = 100_000
MAX_COLUMN_NAME = 100
# Beyond this a whole number is no longer exact as a float, which is what conditions compute in.
MAX_EXACT_INTEGER = 2**53

CONDITION_LISTS = ("entry_conditions", "exit_conditions", "stop_conditions", "filter_conditions")

AssetClass = Literal["equities", "options", "equity_options", "futures", "multi-leg"]
Timeframe = Literal["intraday", "daily", "swing", "position"]
CommissionModel = Literal["per_order", "per_share", "rate", "per_contract"]
SpreadType = Literal["short_put_spread", "short_call_spread", "iron_condor"]

# Control characters, line separators, bidirectional overrides and the byte order mark hide or
# reorder what a reader sees in a report, so neither a description nor a name has any.
_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
)


def as_tuple(value: object) -> object:
    """Return a list as a tuple, and anything else as it is."""
    # Files and notebooks bring lists; a frozen spec keeps them where nobody can append.
    return tuple(value) if isinstance(value, list) else value


def _printable(text: str) -> str:
    # The pattern is what a JSON Schema can say of it.
    if text.isprintable():
        return text
    raise PydanticKnownError("string_pattern_mismatch", {"pattern": "printable"})


def _number_as_text(value: object) -> object:
    # YAML and JSON take a version without quotes for a number; of very many digits it is none.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return value if isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER else repr(value)


def whole(value: object) -> object:
    """Return a whole number that is written as a float as an integer."""
    # 10.0 is ten, in JSON and in a spreadsheet.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Return metadata as a copy of its own in plain JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    # The last for what nests too deep, or in itself.
    except (TypeError, ValueError, RecursionError) as error:
        raise PydanticCustomError("no_json", "{reason}", {"reason": _first_line(error)}) from error
    if len(text) > MAX_METADATA:
        raise PydanticCustomError(
            "too_much_json", "has more than {most} characters", {"most": f"{MAX_METADATA:,}"}
        )
    plain: dict[str, Any] = json.loads(text)
    return plain


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


_VISIBLE = rf"^[^\t\n\r{_HIDDEN}]*[^ \t\n\r{_HIDDEN}][^\t\n\r{_HIDDEN}]*$"
Name = Annotated[
    str, Field(max_length=100, pattern=_VISIBLE, examples=["dip"]), AfterValidator(_printable)
]
_VersionText = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9 _.+-]+$", examples=["1.0"])
]
Version = Annotated[
    _VersionText, BeforeValidator(_number_as_text, json_schema_input_type=_VersionText | float)
]
Metadata = Annotated[dict[str, Any], AfterValidator(_as_json)]
Description = Annotated[str, Field(max_length=10_000, pattern=f"^[^{_HIDDEN}]*$")]
Instrument = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[!-~]([ -~]*[!-~])?$")]
Instruments = Annotated[tuple[Instrument, ...], BeforeValidator(as_tuple), Field(max_length=1_000)]
CALENDAR_PATTERN = r"^([A-Za-z0-9_]{2,20}|24/[57])$"
Calendar = Annotated[str, Field(pattern=CALENDAR_PATTERN, examples=["XNYS"])]

MAX_OTHERS = 50
"""Other instruments that the conditions of one spec may read: each is loaded."""
Calendars = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Calendar],
    Field(max_length=MAX_OTHERS),
]

Expression = Annotated[str, Field(min_length=1)]
Conditions = Annotated[
    tuple[Expression, ...], BeforeValidator(as_tuple), Field(max_length=MAX_CONDITIONS)
]

ParameterName = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def parameter_refusal(value: object) -> str | None:
    """Return why a value cannot be a parameter's, or None if it can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER:
        return f"must be between -{MAX_EXACT_INTEGER:,} and {MAX_EXACT_INTEGER:,}"
    return None


def _checked_parameter(value: object) -> object:
    refusal = parameter_refusal(value)
    if refusal is not None:
        raise PydanticCustomError("parameter_value", "{refusal}", {"refusal": refusal})
    return value


# One check before the union, which would let a whole number too large for it pass as a float.
ParameterValue = Annotated[
    Annotated[int, Field(ge=-MAX_EXACT_INTEGER, le=MAX_EXACT_INTEGER)] | float,
    BeforeValidator(_checked_parameter),
]
Parameters = Annotated[
    dict[ParameterName, ParameterValue],
    Field(max_length=MAX_PARAMETERS, json_schema_extra={"additionalProperties": False}),
]

MAX_COLUMNS = 100
Columns = Annotated[
    tuple[ParameterName, ...], BeforeValidator(as_tuple), Field(max_length=MAX_COLUMNS)
]

_LOWEST_RATE, _HIGHEST_RATE = -0.5, 1.0


def named_column(text: str) -> bool:
    """Return whether a text can be the heading of a column."""
    return text.strip() == text and text.isprintable() and 0 < len(text) <= MAX_COLUMN_NAME


def _checked_rate(value: object) -> object:
    if isinstance(value, str):
        if named_column(value):
            return value
        rule = "must name a column of the bars, without a space at either end"
    elif isinstance(value, bool) or not isinstance(value, int | float):
        rule = "must be a number, or the name of a column of the bars"
    elif _LOWEST_RATE <= value <= _HIGHEST_RATE:
        return float(value)
    else:
        rule = f"must be from {_LOWEST_RATE} to {_HIGHEST_RATE:.0f}"
    raise PydanticCustomError("risk_free", "{rule}", {"rule": rule})


# One check before the union, which would refuse a value once for each of its types.
RiskFree = Annotated[
    Annotated[float, Field(ge=_LOWEST_RATE, le=_HIGHEST_RATE)]
    | Annotated[str, Field(min_length=1, max_length=MAX_COLUMN_NAME)],
    BeforeValidator(_checked_rate),
]

# 2,147,483,647 is how some write "no limit"; a bar a second for a leap year bounds the second.
Bars = Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(whole)]
BarsPerYear = Annotated[float, Field(gt=0, le=31_622_400)]
Lots = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(whole)]
CalendarDays = Annotated[int, Field(ge=1, le=3_650), BeforeValidator(whole)]
RiskShare = Annotated[float, Field(gt=0, le=0.02)]
Multiplier = Annotated[float, Field(gt=0, le=1_000_000_000)]
Margin = Annotated[float, Field(gt=0, le=1_000_000_000_000)]
Delta = Annotated[float, Field(gt=0, lt=1)]
