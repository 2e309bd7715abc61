"""The kinds of labels, each as plain JSON from which any bars can be labelled again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from btkit.arguments import shown
from btkit.data import take_bars
from btkit.errors import UsageError
from btkit.indicators.volatility import realized_volatility

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]

CLASSES = ("BUY", "SELL", "HOLD")
"""The classes of labels, in the order of their codes."""

UNKNOWN = -1
"""The code of a label that is not known, and its bar."""

MOST_BARS = 10_000
"""No label looks further ahead."""

_BUY, _SELL, _HOLD = range(len(CLASSES))


class _Prices(NamedTuple):
    """Prices of n bars, each an array of shape (n_bars,)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


class _BaseLabel(BaseModel, ABC):
    """What all labels say; each is plain JSON, from which any bars can be labelled again."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    horizon: int = Field(
        ge=1, le=MOST_BARS, description="Bars after which a label is known at the latest"
    )

    def compute(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Label bars.

        Parameters
        ----------
        bars
            As `simulate` takes them.

        Returns
        -------
        DataFrame, shape (n_bars, 2)
            By bar time: ``label``, and ``end``, the time of the bar at whose close it is known.
            Both are missing where it is not known by the last bar.

        Raises
        ------
        DataError
            If the bars are broken beyond harmless repair.
        """
        taken = take_bars(bars).bars
        columns = (taken[name].to_numpy(np.float64) for name in _Prices._fields)
        label, end = self._known(_Prices(*columns))
        times = pd.DatetimeIndex(taken.index)
        ends = pd.Series(times.take(np.maximum(end, 0)), index=times).where(end != UNKNOWN)
        return pd.DataFrame({"label": label, "end": ends}, index=times)

    @abstractmethod
    def _known(self, prices: _Prices) -> tuple[Any, Places]:
        """Return the labels, and the place of the bar at which each is known, or `UNKNOWN`."""


class ForwardReturn(_BaseLabel):
    """The return of the close over the next bars; see `btkit.models.labels.forward_return`."""

    kind: Literal["forward_return"] = "forward_return"

    def _known(self, prices: _Prices) -> tuple[Floats, Places]:
        return _returns(prices.close, self.horizon)


class ForwardClass(_BaseLabel):
    """The class of the return over the next bars; see `btkit.models.labels.forward_class`."""

    kind: Literal["forward_class"] = "forward_class"

    buy_above: float = Field(description="A return above it is a BUY, a fraction")
    sell_below: float = Field(description="A return below it is a SELL, a fraction")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sell_below > self.buy_above:
            raise ValueError("sell_below is above buy_above: a return would be both")
        return self

    def _known(self, prices: _Prices) -> tuple[pd.Categorical[str], Places]:
        returns, end = _returns(prices.close, self.horizon)
        codes = np.select(
            [end == UNKNOWN, returns > self.buy_above, returns < self.sell_below],
            [UNKNOWN, _BUY, _SELL],
            _HOLD,
        )
        return _categorical(codes), end


class TripleBarrier(_BaseLabel):
    """Which of three barriers the price meets first; see `btkit.models.labels.triple_barrier`."""

    kind: Literal["triple_barrier"] = "triple_barrier"

    take_profit: float | None = Field(gt=0, description="Width above the close; null for none")
    stop_loss: float | None = Field(gt=0, description="Width below the close; null for none")
    unit: Literal["fraction", "volatility"] = Field(
        default="fraction", description="Of the widths: of the close, or its volatility"
    )
    volatility_bars: int = Field(
        default=20, ge=2, le=MOST_BARS, description="Log returns that the volatility is of"
    )
    prices: Literal["high_low", "close"] = Field(
        default="high_low", description="Prices that meet a barrier"
    )
    both: Literal["stop_loss", "take_profit", "hold"] = Field(
        default="stop_loss", description="Which was met where one bar meets both, open between"
    )
    expired: Literal["hold", "sign"] = Field(
        default="hold", description="The label where none was met: HOLD, or by the return's sign"
    )

    @model_validator(mode="after")
    def _a_barrier(self) -> Self:
        if self.take_profit is None and self.stop_loss is None:
            raise ValueError("neither take_profit nor stop_loss is given: nothing can be met")
        return self

    def _known(self, prices: _Prices) -> tuple[pd.Categorical[str], Places]:
        close = prices.close
        upper, lower = self._barriers(close)
        walked = prices if self.prices == "high_low" else _Prices(close, close, close, close)
        bars, last = len(close), len(close) - 1
        codes, end = np.full(bars, UNKNOWN), np.full(bars, UNKNOWN)
        waiting = np.flatnonzero(~np.isnan(upper))
        for ahead in range(1, self.horizon + 1):
            waiting = waiting[waiting <= last - ahead]
            if not waiting.size:
                break
            met = self._met(walked, waiting + ahead, upper[waiting], lower[waiting])
            if ahead == self.horizon:
                left = met == UNKNOWN
                met[left] = self._left(close, waiting[left])
            decided = met != UNKNOWN
            codes[waiting[decided]] = met[decided]
            end[waiting[decided]] = waiting[decided] + ahead
            waiting = waiting[~decided]
        return _categorical(codes), end

    def _barriers(self, close: Floats) -> tuple[Floats, Floats]:
        """Return both barriers of each bar, NaN where their width is not known or none."""
        width = np.ones(len(close))
        if self.unit == "volatility":
            width = realized_volatility(close, window=self.volatility_bars, bars_per_year=1.0)
            width[width == 0.0] = np.nan
        above, below = (
            np.inf if multiple is None else multiple
            for multiple in (self.take_profit, self.stop_loss)
        )
        return close * (1.0 + above * width), close * (1.0 - below * width)

    def _met(self, prices: _Prices, at: Places, upper: Floats, lower: Floats) -> Places:
        """Return the class of the barrier that each bar meets, or `UNKNOWN`."""
        above, below = prices.high[at] >= upper, prices.low[at] <= lower
        # What a bar opens beyond was met before all else that it did.
        opened = [prices.open[at] >= upper, prices.open[at] <= lower]
        tie = {"stop_loss": _SELL, "take_profit": _BUY, "hold": _HOLD}[self.both]
        return np.select([*opened, above & below, above, below], [_BUY, _SELL, tie, _BUY, _SELL],
                         UNKNOWN)  # fmt: skip

    def _left(self, close: Floats, rows: Places) -> Places:
        """Return the class of rows whose horizon is over without a barrier met."""
        if self.expired == "hold":
            return np.full(len(rows), _HOLD)
        moved = close[rows + self.horizon] - close[rows]
        return np.select([moved > 0.0, moved < 0.0], [_BUY, _SELL], _HOLD)


Label: TypeAlias = Annotated[
    ForwardReturn | ForwardClass | TripleBarrier, Field(discriminator="kind")
]
"""How bars are labelled, as plain JSON: any of them, told apart by ``kind``."""

_LABELS: TypeAdapter[Label] = TypeAdapter(Label)


def read_label(description: object) -> Label:
    """Return the label that a description is of.

    Parameters
    ----------
    description
        A mapping of plain values, such as ``{"kind": "forward_return", "horizon": 5}``; or the
        label itself.

    Raises
    ------
    UsageError
        If it is no label's.

    Examples
    --------
    >>> read_label({"kind": "forward_return", "horizon": 5}).horizon
    5
    """
    try:
        return _LABELS.validate_python(description)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = found["loc"][-1] if len(found["loc"]) > 1 else "label"
        reason = found["msg"].replace("Input should", "it must").replace("Value error, ", "")
        raise UsageError(
            f"{place} is {shown(found['input'])}: {reason}.",
            hint="A label is for example {kind: forward_return, horizon: 5}; others are "
            "forward_class and triple_barrier.",
            details={"argument": str(place)},
        ) from error


def _returns(close: Floats, horizon: int) -> tuple[Floats, Places]:
    known = max(len(close) - horizon, 0)
    returns, end = np.full(len(close), np.nan), np.full(len(close), UNKNOWN)
    returns[:known] = close[horizon:] / close[:known] - 1.0
    end[:known] = np.arange(known) + horizon
    return returns, end


def _categorical(codes: Places) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, categories=pd.Index(CLASSES))
