"""What the loop reads for option spreads, and what their lots have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from btkit.engine.carry import Carry
from btkit.engine.inputs import (
    ANY_POSITION_NAMES,
    CREDIT_KEPT,
    SHORT_DELTA,
    Flags,
    Floats,
    Integers,
)
from btkit.engine.state import (
    LOT_COLUMNS,
    LOT_EXIT_PRICE,
    LOT_PRICE,
    LOT_QUANTITY,
    MARK_COLUMNS,
    Width,
)

SHARES_PER_CONTRACT = 100.0


# The position's names that conditions of an option spec read; aliases share a place.
OPTION_POSITION_NAMES: Mapping[str, int] = MappingProxyType(
    {
        **ANY_POSITION_NAMES,
        "pnl_pct_of_max_credit": CREDIT_KEPT,
        "premium_collected_pct": CREDIT_KEPT,
        "short_leg_delta": SHORT_DELTA,
        "short_strike_delta": SHORT_DELTA,
    }
)
# What a lot's columns mean for a spread, in $ a share and in contracts.
CREDIT, CLOSE_VALUE, CONTRACTS = LOT_PRICE, LOT_EXIT_PRICE, LOT_QUANTITY
# What its lots have more: strikes, widest wing and max loss a contract in $; and at the last close
# its value, what buying it back would cost, and the short leg's absolute delta.
LEG_COLUMNS = PUT_SHORT, PUT_LONG, CALL_SHORT, CALL_LONG = tuple(
    range(LOT_COLUMNS, LOT_COLUMNS + 4)
)
WING, MAX_LOSS, MID, TO_CLOSE, DELTA = range(LOT_COLUMNS + 4, LOT_COLUMNS + 9)
SPREAD_COLUMNS = LOT_COLUMNS + 9
EXPIRY = MARK_COLUMNS
SPREAD_MARK_COLUMNS = MARK_COLUMNS + 1
SPREAD_WIDTH = Width(SPREAD_COLUMNS, SPREAD_MARK_COLUMNS)


class OptionMarket(NamedTuple):
    """What is known at each bar.

    Parameters
    ----------
    open, high, low, close, carry
        Prices of the underlying, and what is paid, as in `btkit.engine.Market`; the rest is
        (n_bars,).
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
    high: Floats
    low: Floats
    close: Floats
    carry: Carry
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
