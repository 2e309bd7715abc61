"""The metrics of one run as a typed record, and the JSON form of its values."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from btkit.metrics.entry import Metric

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
    fill_value : ndarray of float64, shape (n_trades,)
        $ of the entry fill and of the exit fill, added.
    entry_time, exit_time : ndarray of datetime64, shape (n_trades,)
        Times of the bars at which the trade was opened and closed.
    """

    pnl: NDArray[np.float64]
    return_pct: NDArray[np.float64]
    fill_value: NDArray[np.float64]
    entry_time: NDArray[np.datetime64]
    exit_time: NDArray[np.datetime64]

    @classmethod
    def empty(cls) -> TradeColumns:
        """Return the columns of a run that made no trade."""
        numbers = np.empty(0, dtype=np.float64)
        times = np.empty(0, dtype="datetime64[ns]")
        return cls(numbers, numbers, numbers, times, times)


class MeasuredMetrics(BaseModel):
    """The metrics that every set of a sweep has, too: true values, NaN undefined, inf infinite.

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

    model_config = ConfigDict(frozen=True, extra="allow")

    total_trades: Annotated[
        int,
        Metric(
            "Trades",
            "count",
            "Completed round trips",
            "Closed trades, break-even ones included",
            "neither",
        ),
    ]
    winning_trades: Annotated[
        int,
        Metric(
            "Winning trades",
            "count",
            "Trades with a profit",
            "Trades with P&L > 0, costs included",
        ),
    ]
    losing_trades: Annotated[
        int,
        Metric(
            "Losing trades",
            "count",
            "Trades with a loss",
            "Trades with P&L < 0, costs included",
            "lower",
        ),
    ]
    win_rate: Annotated[
        float,
        Metric(
            "Win rate",
            "percent",
            "Trades with a profit over all trades",
            "winning_trades / total_trades",
        ),
    ]
    profit_factor: Annotated[
        float,
        Metric(
            "Profit factor",
            "ratio",
            "Dollars won over dollars lost, costs included",
            "sum of wins / |sum of losses|",
        ),
    ]
    expectancy_per_trade: Annotated[
        float,
        Metric(
            "Expectancy a trade",
            "money",
            "Mean profit or loss of a trade, costs included",
            "mean(P&L)",
        ),
    ]
    avg_win_pct: Annotated[
        float,
        Metric(
            "Mean win in %",
            "percent",
            "Mean return of the winning trades",
            "mean(return_pct of the winners)",
        ),
    ]
    avg_loss_pct: Annotated[
        float,
        Metric(
            "Mean loss in %",
            "percent",
            "Mean return of the losing trades",
            "mean(return_pct of the losers)",
        ),
    ]
    largest_win: Annotated[
        float,
        Metric(
            "Largest win",
            "money",
            "Best single trade",
            "max(P&L), 0 without a winner",
        ),
    ]
    largest_loss: Annotated[
        float,
        Metric(
            "Largest loss",
            "money",
            "Worst single trade",
            "min(P&L), 0 without a loser",
        ),
    ]
    consecutive_losses_max: Annotated[
        int,
        Metric(
            "Losses in a row",
            "count",
            "Longest streak of losing trades",
            "Longest run of P&L < 0, in order of exit",
            "lower",
        ),
    ]
    cagr: Annotated[
        float,
        Metric(
            "Return a year",
            "percent",
            "Compound annual growth rate (CAGR): the steady yearly return that ends at the same "
            "value",
            "(last equity / initial capital)^(365.25 / calendar days) - 1; -1 if ruined",
        ),
    ]
    max_drawdown_pct: Annotated[
        float,
        Metric(
            "Maximum drawdown",
            "percent",
            "Deepest fall of the account from a previous high",
            "min(equity / highest equity so far - 1), the initial capital being the first high",
        ),
    ]
    max_drawdown_duration_days: Annotated[
        int,
        Metric(
            "Longest time below a high",
            "days",
            "Calendar time from a high of the account until it was reached again",
            "Longest span from a high to its recovery, or to the end",
            "lower",
        ),
    ]
    sharpe_ratio: Annotated[
        float,
        Metric(
            "Sharpe ratio",
            "ratio",
            "Mean return over its standard deviation, annualised, less the spec's risk-free rate; "
            "of intraday bars a return spans a session",
            "mean(e) / std(e, ddof 1) x sqrt(A), e = r - sharpe_risk_free / A",
        ),
    ]
    sortino_ratio: Annotated[
        float,
        Metric(
            "Sortino ratio",
            "ratio",
            "Like the Sharpe ratio, with only the losses as risk",
            "mean(e) / sqrt(mean(min(e, 0)^2)) x sqrt(A), e = r - sharpe_risk_free / A",
        ),
    ]
    calmar_ratio: Annotated[
        float,
        Metric(
            "Calmar ratio",
            "ratio",
            "Return a year over maximum drawdown",
            "cagr / |max_drawdown_pct|",
        ),
    ]
    recovery_factor: Annotated[
        float,
        Metric(
            "Recovery factor",
            "ratio",
            "Net profit over the largest drawdown in dollars",
            "total_return / |max_drawdown|",
        ),
    ]
    is_sharpe: Annotated[
        float | None,
        Metric(
            "Sharpe ratio in sample",
            "ratio",
            "Sharpe ratio of the in-sample part before this out-of-sample part",
            "sharpe_ratio of the in-sample run; None outside of a walk-forward",
        ),
    ] = None
    oos_sharpe: Annotated[
        float | None,
        Metric(
            "Sharpe ratio out of sample",
            "ratio",
            "Sharpe ratio of this out-of-sample part",
            "sharpe_ratio of this run; None outside of a walk-forward",
        ),
    ] = None
    walk_forward_efficiency: Annotated[
        float | None,
        Metric(
            "Walk-forward efficiency",
            "ratio",
            "What of the in-sample Sharpe ratio was left out of sample",
            "oos_sharpe / is_sharpe, clipped to [-2, 2]; None where is_sharpe is not above 0",
        ),
    ] = None
    total_return: Annotated[
        float,
        Metric(
            "Net profit",
            "money",
            "Last equity less initial capital",
            "last equity - initial capital",
        ),
    ]
    total_return_pct: Annotated[
        float,
        Metric(
            "Total return",
            "percent",
            "Last equity over initial capital, −1",
            "last equity / initial capital - 1",
        ),
    ]
    annualized_return: Annotated[
        float,
        Metric(
            "Annualised return",
            "percent",
            "The return a year under the name that other programs use",
            "cagr",
        ),
    ]
    volatility: Annotated[
        float,
        Metric(
            "Volatility a year",
            "percent",
            "Standard deviation of returns, annualised; of intraday bars a return spans a session",
            "std(r, ddof 1) x sqrt(A)",
            "lower",
        ),
    ]
    max_drawdown: Annotated[
        float,
        Metric(
            "Maximum drawdown in $",
            "money",
            "Deepest fall in dollars from a previous high",
            "min(equity - highest equity so far)",
        ),
    ]
    avg_win: Annotated[
        float,
        Metric(
            "Mean win",
            "money",
            "Mean profit of the winning trades",
            "mean(P&L of the winners)",
        ),
    ]
    avg_loss: Annotated[
        float,
        Metric(
            "Mean loss",
            "money",
            "Mean loss of the losing trades",
            "mean(P&L of the losers)",
        ),
    ]
    avg_holding_period: Annotated[
        float,
        Metric(
            "Mean holding time",
            "hours",
            "Calendar time from entry to exit",
            "mean(exit time - entry time)",
            "neither",
        ),
    ]
    avg_win_holding_period: Annotated[
        float,
        Metric(
            "Mean holding time of wins",
            "hours",
            "Calendar time from entry to exit of the winning trades",
            "mean(exit time - entry time of the winners)",
            "neither",
        ),
    ]
    avg_loss_holding_period: Annotated[
        float,
        Metric(
            "Mean holding time of losses",
            "hours",
            "Calendar time from entry to exit of the losing trades",
            "mean(exit time - entry time of the losers)",
            "neither",
        ),
    ]

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
