"""Orders inside the bar: how a spec states stops, targets and resting entries (SEMANTICS 9.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from btkit.arguments import is_text
from btkit.conditions import fill_parameters
from btkit.errors import UsageError
from btkit.markets import Interval
from btkit.spec.bundles import refuse, refuse_part
from btkit.spec.fields import Expression, parameter_refusal

_PRICE = "price"
_LARGEST = 1_000_000.0
_MOST_BARS = 2**31 - 1
BRACED = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}")
_ONE_PARAMETER = r"^\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}$"


@dataclass(frozen=True)
class Bounds:
    """What a number may be.

    Parameters
    ----------
    rule
        In words, after "must be".
    holds
        Whether a number keeps it.
    """

    rule: str
    holds: Callable[[float], bool]


SHARE = Bounds("above 0 and below 1", lambda value: 0.0 < value < 1.0)
POSITIVE = Bounds("above 0 and at most 1,000,000", lambda value: 0.0 < value <= _LARGEST)
GAIN = Bounds("from 0 to 1,000,000", lambda value: 0.0 <= value <= _LARGEST)
COUNT = Bounds(
    f"a whole number from 1 to {_MOST_BARS:,}",
    lambda value: float(value).is_integer() and 1 <= value <= _MOST_BARS,
)
_OR_PARAMETER = ", or a parameter in braces, such as {stop}"
_OR_PRICE = ", a parameter in braces, or {price: an expression}"


def _refuse(rule: str) -> PydanticCustomError:
    return PydanticCustomError("order_number", "{rule}", {"rule": f"must be {rule}"})


def _number(value: object, bounds: Bounds, *, others: str = _OR_PARAMETER) -> object:
    if isinstance(value, str):
        if BRACED.fullmatch(value):
            return value
        raise _refuse(f"a number{others}")
    if parameter_refusal(value) is not None:
        raise _refuse(f"a number{others}")
    assert isinstance(value, int | float)
    if not bounds.holds(value):
        raise _refuse(bounds.rule)
    return int(value) if bounds is COUNT else float(value)


def _level(value: object, bounds: Bounds) -> object:
    if isinstance(value, PriceLevel):
        return value
    if not isinstance(value, dict):
        return _number(value, bounds, others=_OR_PRICE)
    if set(value) != {_PRICE} or not is_text(value[_PRICE]) or not value[_PRICE]:
        raise refuse_part("must have price alone, and an expression there")
    return value


def _interval(text: str) -> str:
    try:
        return Interval.parse(text).label
    except UsageError as error:
        raise refuse("must be a length of bars, such as 1d or 30m") from error


class OrderPart(BaseModel):
    """One of a spec's fields that has fields of its own."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    foreign_fields: ClassVar[dict[str, str]] = {}


class PriceLevel(OrderPart):
    """A stop or a target as a price.

    Parameters
    ----------
    price
        Expression, worked out at the bar at which the entry is decided.
    """

    price: Expression = Field(
        description="An expression, worked out at the bar at which the entry is decided"
    )


_Parameter = Annotated[str, Field(pattern=_ONE_PARAMETER, max_length=70)]
_Share = Annotated[float, Field(gt=0, lt=1)]
_Positive = Annotated[float, Field(gt=0, le=_LARGEST)]
_Gain = Annotated[float, Field(ge=0, le=_LARGEST)]
_Count = Annotated[int, Field(ge=1, le=_MOST_BARS)]

StopLoss = Annotated[
    Annotated[_Share | _Parameter | PriceLevel, BeforeValidator(partial(_level, bounds=SHARE))]
    | None,
    Field(
        description="Out inside the bar once the price is this fraction below the entry fill, or "
        "at {price: expression}; above it for a short",
        examples=[0.05],
    ),
]
TakeProfit = Annotated[
    Annotated[
        _Positive | _Parameter | PriceLevel, BeforeValidator(partial(_level, bounds=POSITIVE))
    ]
    | None,
    Field(
        description="Out inside the bar once the price is beyond this fraction above the entry "
        "fill, or {price: expression}; below it for a short",
        examples=[0.10],
    ),
]


class TrailingStop(OrderPart):
    """A stop that follows the highest high at each close, and never goes back.

    Parameters
    ----------
    fraction
        How far below the highest high it lies, as a fraction of it.
    atr
        How far, as a multiple of atr_14 at the bar at which the entry is decided.
    after
        Gain from which on there is one; None for from the entry on.
    """

    fraction: (
        Annotated[_Share | _Parameter, BeforeValidator(partial(_number, bounds=SHARE))] | None
    ) = Field(default=None, description="Distance as a fraction of the highest high")
    atr: (
        Annotated[_Positive | _Parameter, BeforeValidator(partial(_number, bounds=POSITIVE))] | None
    ) = Field(
        default=None, description="Distance in atr_14 of the bar at which the entry is decided"
    )
    after: Annotated[_Gain | _Parameter, BeforeValidator(partial(_number, bounds=GAIN))] | None = (
        Field(
            default=None,
            description="There is no such stop before the price has gained this fraction of the "
            "entry fill; left out: from the entry on",
        )
    )


class EntryOrder(OrderPart):
    """An entry that rests at a price instead of filling at the next open.

    Parameters
    ----------
    limit
        Expression: bought at this price or lower.
    stop
        Expression: bought once the price has reached this.
    valid_bars
        Through how many bars after the deciding one it rests.
    """

    limit: Expression | None = Field(
        default=None, description="Expression: enter at this price or a better one"
    )
    stop: Expression | None = Field(
        default=None, description="Expression: enter once the price has reached this one"
    )
    valid_bars: Annotated[_Count | _Parameter, BeforeValidator(partial(_number, bounds=COUNT))] = (
        Field(default=1, description="Through how many bars after the deciding one it rests")
    )


TrailingStopField = Annotated[
    TrailingStop | None,
    Field(
        description="A stop that follows the highest high (of a short the lowest low) at each "
        "close: {fraction: 0.08} or {atr: 3}, with after: 0.05 once 5 % are gained",
    ),
]
EntryOrderField = Annotated[
    EntryOrder | None,
    Field(
        description="Enter at a price instead of the next open: {limit: expression} or "
        "{stop: expression}, and valid_bars",
    ),
]

Intrabar = Annotated[
    Literal["pessimistic", "optimistic", "path"],
    Field(
        description="What is taken to have come first inside a bar in which a stop and a target "
        "were both within reach: the stop, the target, or open, nearer extreme, other extreme, "
        "close",
    ),
]
LimitTouch = Annotated[
    bool,
    Field(
        description="Whether a target or limit is filled where the bar only reaches it; else the "
        "bar has to go beyond it"
    ),
]

IntervalText = Annotated[str, Field(max_length=20), AfterValidator(_interval)]
DetailField = Annotated[
    IntervalText | None,
    Field(
        description="A finer interval, such as 1m, whose bars say what came first inside each bar "
        "for stops, targets and entries at a price; a bar that they do not make up is judged alone",
        examples=["1m"],
    ),
]

ORDER_FIELDS: Final = ("stop_loss", "take_profit", "trailing_stop", "entry_order")
"""Those that a short side may have, too."""
INTRABAR_FIELDS: Final = ("intrabar", "limit_touch", "detail")
"""Those that both sides share."""
Number: TypeAlias = float | str


@dataclass(frozen=True)
class Trailing:
    """A trailing stop with its numbers filled in: of `fraction` and `atr` one is there."""

    fraction: float | None
    atr: float | None
    after: float | None


@dataclass(frozen=True)
class RestingEntry:
    """A resting entry with its expression filled in: of `limit` and `stop` one is there."""

    limit: str | None
    stop: str | None
    valid_bars: int


@dataclass(frozen=True)
class StatedOrders:
    """What a spec says of orders inside the bar for one side, parameters filled in.

    Parameters
    ----------
    stop_loss, take_profit
        Fractions of the entry fill.
    stop_price, target_price
        Expressions that stand in their place.
    trailing_stop
        How the trailing stop follows.
    entry_order
        Where entries rest.
    """

    stop_loss: float | None
    stop_price: str | None
    take_profit: float | None
    target_price: str | None
    trailing_stop: Trailing | None
    entry_order: RestingEntry | None

    @property
    def has_any(self) -> bool:
        """Whether it says anything."""
        return any(value is not None for value in vars(self).values())


NO_LEVELS: Final = StatedOrders(None, None, None, None, None, None)


def price_texts(
    stop_loss: Number | PriceLevel | None,
    take_profit: Number | PriceLevel | None,
    trailing_stop: TrailingStop | None,
    entry_order: EntryOrder | None,
) -> dict[str, str]:
    """Return the expression of each price that one side asks for, by its path in the spec.

    A distance in atr_14 is one, too.
    """
    texts = {
        "entry_order.limit": None if entry_order is None else entry_order.limit,
        "entry_order.stop": None if entry_order is None else entry_order.stop,
        "stop_loss.price": stop_loss.price if isinstance(stop_loss, PriceLevel) else None,
        "take_profit.price": take_profit.price if isinstance(take_profit, PriceLevel) else None,
    }
    distance = None if trailing_stop is None else trailing_stop.atr
    if distance is not None:
        times = distance if isinstance(distance, str) else fill_parameters("{k}", {"k": distance})
        texts["trailing_stop.atr"] = f"{times} * atr_14"
    return {path: text for path, text in texts.items() if text is not None}


def filled_levels(
    stop_loss: Number | PriceLevel | None,
    take_profit: Number | PriceLevel | None,
    trailing_stop: TrailingStop | None,
    entry_order: EntryOrder | None,
    parameters: Mapping[str, float],
) -> StatedOrders:
    """Return what the fields of one side say, parameters filled in."""
    stop, stop_price = _filled_level(stop_loss, parameters)
    target, target_price = _filled_level(take_profit, parameters)
    trailing = resting = None
    if trailing_stop is not None:
        trailing = Trailing(
            _filled(trailing_stop.fraction, parameters),
            _filled(trailing_stop.atr, parameters),
            _filled(trailing_stop.after, parameters),
        )
    if entry_order is not None:
        bars = _filled(entry_order.valid_bars, parameters)
        assert bars is not None
        resting = RestingEntry(
            _filled_text(entry_order.limit, parameters),
            _filled_text(entry_order.stop, parameters),
            int(bars),
        )
    return StatedOrders(stop, stop_price, target, target_price, trailing, resting)


def _filled_level(
    value: Number | PriceLevel | None, parameters: Mapping[str, float]
) -> tuple[float | None, str | None]:
    if isinstance(value, PriceLevel):
        return None, _filled_text(value.price, parameters)
    return _filled(value, parameters), None


def parameter_of(text: str) -> str:
    """Return the parameter that stands for a number, of a text such as ``{stop}``."""
    found = BRACED.fullmatch(text)
    assert found is not None
    return found[1]


def _filled(value: Number | None, parameters: Mapping[str, float]) -> float | None:
    return float(parameters[parameter_of(value)]) if isinstance(value, str) else value


def _filled_text(text: str | None, parameters: Mapping[str, float]) -> str | None:
    return None if text is None else fill_parameters(text, parameters)
