"""What holding brings and costs: how a spec states interest, borrow fees and dividends (3.14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from btkit.arguments import is_text
from btkit.errors import Problem
from btkit.spec.fields import MAX_COLUMN_NAME, named_column
from btkit.spec.orders import BRACED, Bounds

_LOWEST, _HIGHEST, _HIGHEST_FEE = -0.5, 1.0, 10.0
CASH_RATE: Final = Bounds(
    f"from {_LOWEST} to {_HIGHEST:.0f}", lambda value: _LOWEST <= value <= _HIGHEST
)
BORROW_RATE: Final = Bounds(
    f"from 0 to {_HIGHEST_FEE:.0f}", lambda value: 0.0 <= value <= _HIGHEST_FEE
)
RATES: Final[Mapping[str, Bounds]] = {"cash_rate": CASH_RATE, "borrow_rate": BORROW_RATE}
"""The fields that are rates a year, and what each may be."""


def _checked(value: object, bounds: Bounds) -> object:
    if isinstance(value, str):
        if BRACED.fullmatch(value) or named_column(value):
            return value
        rule = "must name a column of the bars, without a space at either end"
    elif isinstance(value, bool) or not isinstance(value, int | float):
        rule = "must be a number, a parameter in braces, or the name of a column of the bars"
    elif bounds.holds(value):
        return float(value)
    else:
        rule = f"must be {bounds.rule}"
    raise PydanticCustomError("risk_free", "{rule}", {"rule": rule})


_Column = Annotated[str, Field(min_length=1, max_length=MAX_COLUMN_NAME)]
CashRate = Annotated[
    Annotated[float, Field(ge=_LOWEST, le=_HIGHEST)] | _Column,
    BeforeValidator(partial(_checked, bounds=CASH_RATE)),
]
BorrowRate = Annotated[
    Annotated[
        Annotated[float, Field(ge=0, le=_HIGHEST_FEE)] | _Column,
        BeforeValidator(partial(_checked, bounds=BORROW_RATE)),
    ]
    | None,
    Field(
        description="What open shorts pay a year, as a fraction of their last close: 0.02, a "
        "parameter in braces, or a column of the bars that has it, read one bar before; left "
        "out: nothing",
        examples=[0.02],
    ),
]
PaidDividends = Annotated[
    Literal["none", "cash"],
    Field(
        description="cash: on the ex-date longs are paid, and shorts charged, by the bars' column "
        "dividends, or what adj_close implies; none: what prices are not adjusted for is left out"
    ),
]


def rate_parameters(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Bounds]]:
    """Yield path, text, parameter and bounds of each rate that a parameter stands for."""
    for path, bounds in RATES.items():
        text = data.get(path)
        found = BRACED.fullmatch(str(text)) if is_text(text) else None
        if found is not None:
            yield path, str(text), found[1], bounds


def filled_rate(rate: float | str | None, parameters: Mapping[str, float]) -> float | str | None:
    """Return a rate with its parameter filled in: a number, or the name of a column."""
    found = BRACED.fullmatch(rate) if isinstance(rate, str) else None
    return rate if found is None else float(parameters[found[1]])


def dividend_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Return that dividends would count twice, if they would."""
    stated = data.get("dividends"), data.get("price_adjustment")
    if not all(is_text(value) for value in stated) or stated != ("cash", "splits_dividends"):
        return []
    return [
        Problem(
            "dividends",
            "are paid in cash, and price_adjustment: splits_dividends has them in the prices "
            "already",
            "keep one of the two: price_adjustment none or splits pays them in cash",
        )
    ]
