"""What the loop of option spreads reads, remembers and writes: plain arrays and numbers, named."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from btkit.engine import Curve
from btkit.engine.inputs import Flags, Floats, Integers

SHARES_PER_CONTRACT = 100.0

# Where the loop keeps the values of the position's names; aliases share a place.
IN_POSITION, CAPITAL, BARS_HELD, PNL, CREDIT_KEPT, SHORT_DELTA = range(6)
POSITION_SLOTS = 6
OPTION_POSITION_NAMES: Mapping[str, int] = MappingProxyType(
    {
        "in_position": IN_POSITION,
        "capital": CAPITAL,
        "bars_held": BARS_HELD,
        "days_held": BARS_HELD,
        "position_pnl_pct": PNL,
        "pnl_pct_of_max_credit": CREDIT_KEPT,
        "premium_collected_pct": CREDIT_KEPT,
        "short_leg_delta": SHORT_DELTA,
        "short_strike_delta": SHORT_DELTA,
    }
)

# State.money
CASH = 0
# State.counts; SKIPPED + SpreadSkip is one counter for each reason
OPEN, CLOSED, PENDING, UNFILLED, RUINED, LAST_DECIDED, SKIPPED = range(7)
# Columns of State.spreads, and of SpreadRows.rows as far as they go
PUT_SHORT, PUT_LONG, CALL_SHORT, CALL_LONG = range(4)
CREDIT, CONTRACTS, WING, MAX_LOSS, ENTRY_COMMISSION = range(4, 9)
SPREAD_COLUMNS = 9
# What a closed spread has more
CLOSE_VALUE, EXIT_COMMISSION = range(9, 11)
VALUE_COLUMNS = 11
# Columns of State.marks; a closed spread has the exit bar in place of nothing
ENTRY_BAR, EXPIRY, REASON, EXIT_BAR = range(4)
MARK_COLUMNS = 4
# Columns of the quotes of open spreads at a close
MID, TO_CLOSE, DELTA = range(3)


class SpreadReason(IntEnum):
    """Why a spread closed; 0 in the state means that it stays open."""

    EXPIRATION = 1
    STOP = 2
    PROFIT_TARGET = 3
    EXIT = 4
    MAX_HOLDING = 5
    END_OF_DATA = 6
    RUIN = 7


class SpreadSkip(IntEnum):
    """Why a spread that was decided was not sold."""

    NO_VOLATILITY = 0
    NO_TIME_TO_EXPIRY = 1
    NO_STRIKE = 2
    STRIKES_COINCIDE = 3
    STRIKES_CROSS = 4
    NO_CREDIT = 5
    CREDIT_ABOVE_WIDTH = 6
    SIZE_BELOW_ONE_CONTRACT = 7


class OptionMarket(NamedTuple):
    """What is known at each bar, (n_bars,).

    Parameters
    ----------
    open, close
        float64: prices of the underlying.
    volatility
        float64: iv_scale x ``iv_atm`` (or vix / 100) at the bar's close; where it is missing the
        last one known.
    known
        bool: whether it is known at the bar's close itself.
    day
        int64: session date, in days since 1970.
    ends_session
        bool: whether the bar is the last of its session.
    expiry
        int64: the expiry of a spread that fills at the bar, in days since 1970.
    short_quantile, long_quantile
        float64: N⁻¹(delta e^(qT)) of the legs of a spread that fills at the bar; NaN where no
        strike has that delta.
    """

    open: Floats
    close: Floats
    volatility: Floats
    known: Flags
    day: Integers
    ends_session: Flags
    expiry: Integers
    short_quantile: Floats
    long_quantile: Floats


class SpreadRules(NamedTuple):
    """The numbers of the spec and of the account.

    Parameters
    ----------
    puts, calls
        Which sides are sold.
    at_close, filter_all, max_holding, max_positions
        As in `btkit.engine.Rules`.
    slippage, commission
        Fraction of each leg's price; $ a contract and leg.
    risk, profit_target, stop_loss
        ``per_trade_risk_pct``, ``profit_target_pct`` and ``stop_loss_pct``.
    rate, dividend_yield
        Continuously compounded, fractions a year.
    short_premium, long_premium
        What the skew adds to each leg's volatility.
    strike_step
        Strikes are multiples of this; 0 leaves them as they come.
    short_delta
        What ``short_leg_delta`` is when flat.
    """

    puts: bool
    calls: bool
    at_close: bool
    filter_all: bool
    max_holding: int
    max_positions: int
    slippage: float
    commission: float
    risk: float
    profit_target: float
    stop_loss: float
    rate: float
    dividend_yield: float
    short_premium: float
    long_premium: float
    strike_step: float
    short_delta: float


class SpreadState(NamedTuple):
    """All that the loop remembers from one bar to the next.

    Parameters
    ----------
    money
        float64: `CASH`, reserves included.
    counts
        int64: open and closed spreads and other counters.
    spreads, marks
        float64 (n, SPREAD_COLUMNS) and int64 (n, MARK_COLUMNS): open spreads, oldest first.
    """

    money: Floats
    counts: Integers
    spreads: Floats
    marks: Integers


class SpreadRows(NamedTuple):
    """Closed spreads as the loop writes them: VALUE_COLUMNS and MARK_COLUMNS wide."""

    rows: Floats
    marks: Integers


class SpreadCurve(NamedTuple):
    """The account in $, (n_bars,): after each bar's fills, and free when orders are decided."""

    equity: Floats
    cash: Floats
    decision_cash: Floats

    def account(self) -> Curve:
        """Return equity and free cash as the rule engine has them."""
        return Curve(self.equity, self.cash)


def new_spread_state(capital: float, spreads: int) -> SpreadState:
    """Return the state before the first bar.

    Parameters
    ----------
    capital
        $ in cash.
    spreads
        How many can be open at once.
    """
    counts = np.zeros(SKIPPED + len(SpreadSkip), np.int64)
    counts[LAST_DECIDED] = -1
    return SpreadState(
        np.array([capital]),
        counts,
        np.zeros((spreads, SPREAD_COLUMNS)),
        np.zeros((spreads, MARK_COLUMNS), np.int64),
    )


def new_spread_rows(bars: int) -> SpreadRows:
    """Return room for the spreads of `bars` bars: one entry a bar at the most."""
    return SpreadRows(np.empty((bars, VALUE_COLUMNS)), np.empty((bars, MARK_COLUMNS), np.int64))


def new_spread_curve(bars: int) -> SpreadCurve:
    """Return an empty curve of `bars` bars."""
    return SpreadCurve(np.empty(bars), np.empty(bars), np.empty(bars))
