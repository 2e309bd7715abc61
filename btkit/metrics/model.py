"""The metrics of one run as a typed record, and the JSON form of its values."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

JSON_INFINITY = 999_999.0
"""What an infinite metric is written as, since JSON has no Infinity."""


class TradeColumns(NamedTuple):
    """Closed trades as columns, in the order of exit.

    Parameters
    ----------
    pnl : ndarray of float64, shape (n_trades,)
        Profit or loss in $, commissions and slippage included.
    return_pct : ndarray of float64, shape (n_trades,)
        Profit or loss as a fraction of shares x entry fill.
    entry_time, exit_time : ndarray of datetime64, shape (n_trades,)
        Times of the bars at which the trade was opened and closed.
    """

    pnl: NDArray[np.float64]
    return_pct: NDArray[np.float64]
    entry_time: NDArray[np.datetime64]
    exit_time: NDArray[np.datetime64]

    @classmethod
    def empty(cls) -> TradeColumns:
        """Return the columns of a run that made no trade."""
        numbers = np.empty(0, dtype=np.float64)
        times = np.empty(0, dtype="datetime64[ns]")
        return cls(numbers, numbers, times, times)


class Metrics(BaseModel):
    """Every metric of a run, with its true value: NaN is undefined, inf is infinite.

    Money is in $, ``*_pct`` and rates are fractions (0.15 is 15 %), holding periods are hours of
    calendar time. Ratios are of returns from bar to bar, of intraday bars from session to session,
    annualised by the square root of their number in a year. The three walk-forward fields are
    None unless the run is a part of a walk-forward.

    Notes
    -----
    A quotient follows IEEE arithmetic: a gain over nothing is infinite (profit factor without a
    losing trade, Sortino without a falling bar, Calmar without a drawdown), nothing over nothing
    is undefined. `largest_win` and `largest_loss` are 0 by definition where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float
    profit_factor: float
    expectancy_per_trade: float
    avg_win_pct: float
    avg_loss_pct: float
    largest_win: float
    largest_loss: float
    consecutive_losses_max: int
    cagr: float
    max_drawdown_pct: float
    max_drawdown_duration_days: int
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    recovery_factor: float
    is_sharpe: float | None = None
    oos_sharpe: float | None = None
    walk_forward_efficiency: float | None = None
    total_return: float
    total_return_pct: float
    annualized_return: float
    volatility: float
    max_drawdown: float
    avg_win: float
    avg_loss: float
    avg_holding_period: float
    avg_win_holding_period: float
    avg_loss_holding_period: float

    def to_json_values(self) -> dict[str, Any]:
        """Return the metrics as plain JSON values.

        Returns
        -------
        dict
            A key per field: NaN is written as 0.0, an infinity as 999999.0 or -999999.0. The key
            ``undefined`` lists the names of the fields so replaced, in the order of the fields.
        """
        values: dict[str, Any] = self.model_dump()
        undefined = [
            name
            for name, value in values.items()
            if isinstance(value, float) and not math.isfinite(value)
        ]
        for name in undefined:
            values[name] = json_number(values[name])
        values["undefined"] = undefined
        return values


MEASURED: tuple[str, ...] = tuple(
    name for name, field in Metrics.model_fields.items() if field.is_required()
)
"""What every run and every set of a sweep is measured by; the order of a row of numbers."""

WHOLE_METRICS: frozenset[str] = frozenset(
    name for name, field in Metrics.model_fields.items() if field.annotation is int
)
"""The metrics that are counts or days."""


def metrics_of(row: NDArray[np.float64]) -> Metrics:
    """Return a row of numbers as the record that a run reports.

    Parameters
    ----------
    row : ndarray of float64, shape (n_metrics,) or longer
        In the order of `MEASURED`.
    """
    values: dict[str, Any] = {}
    for name, value in zip(MEASURED, row.tolist(), strict=False):
        # The same object for each NaN, or equal metrics would not compare equal.
        number = math.nan if math.isnan(value) else value
        values[name] = int(number) if name in WHOLE_METRICS else number
    return Metrics(**values)


@overload
def json_number(value: int) -> int: ...
@overload
def json_number(value: float) -> float: ...
def json_number(value: float) -> float:
    """Return a number that JSON can carry.

    Parameters
    ----------
    value
        Any number.

    Returns
    -------
    int or float
        0.0 for NaN, 999999.0 or -999999.0 for an infinity, else `value` as it is.
    """
    if isinstance(value, int) or math.isfinite(value):
        return value
    if math.isnan(value):
        return 0.0
    return math.copysign(JSON_INFINITY, value)
