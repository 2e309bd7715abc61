"""The types of a spec's fields: what each may hold, and how far it may go."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_CONDITIONS = 200
MAX_PARAMETERS = 100
# Beyond this a whole number is no longer exact as a float, which is what conditions compute in.
MAX_EXACT_INTEGER = 2**53

CONDITION_LISTS = ("entry_conditions", "exit_conditions", "stop_conditions", "filter_conditions")

AssetClass = Literal["equities", "options", "equity_options", "futures", "multi-leg"]
Timeframe = Literal["intraday", "daily", "swing", "position"]
CommissionModel = Literal["per_order", "per_share", "rate", "per_contract"]
SpreadType = Literal["short_put_spread", "short_call_spread", "iron_condor"]

# Control characters, line separators, bidirectional overrides and the byte order mark hide or
# reorder what a reader sees in a report, so a description has none.
_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
)


def _as_tuple(value: object) -> object:
    # Files and notebooks bring lists; a frozen spec keeps them where nobody can append.
    return tuple(value) if isinstance(value, list) else value


# ASCII on purpose: a look-alike letter would make two different strategies read the same.
Name = Annotated[
    str, Field(max_length=100, pattern=r"^[ _.&-]*[A-Za-z0-9][A-Za-z0-9 _.&-]*$", examples=["dip"])
]
Version = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9 _.+-]+$", examples=["1.0"])
]
Description = Annotated[str, Field(max_length=10_000, pattern=f"^[^{_HIDDEN}]*$")]
Instrument = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[!-~]([ -~]*[!-~])?$")]
Instruments = Annotated[tuple[Instrument, ...], BeforeValidator(_as_tuple), Field(max_length=1_000)]
CALENDAR_PATTERN = r"^([A-Za-z0-9_]{2,20}|24/[57])$"
Calendar = Annotated[str, Field(pattern=CALENDAR_PATTERN, examples=["XNYS"])]

Expression = Annotated[str, Field(min_length=1)]
Conditions = Annotated[
    tuple[Expression, ...], BeforeValidator(_as_tuple), Field(max_length=MAX_CONDITIONS)
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

# 2,147,483,647 is how some write "no limit"; a bar a second for a leap year bounds the second.
Bars = Annotated[int, Field(ge=1, le=2**31 - 1)]
BarsPerYear = Annotated[float, Field(gt=0, le=31_622_400)]
Lots = Annotated[int, Field(ge=1, le=10_000)]
RiskShare = Annotated[float, Field(gt=0, le=0.02)]
Delta = Annotated[float, Field(gt=0, lt=1)]
