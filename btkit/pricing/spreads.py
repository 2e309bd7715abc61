"""Closed spreads as reports carry them: typed models of plain JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Unchangeable, and nothing in it that JSON lacks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Leg(Frozen):
    """One option of a spread.

    Parameters
    ----------
    side, right
        Whether it was sold or bought, and what it gives a right to.
    strike
        In $.
    delta
        Of the option itself at the fill: below 0 for a put.
    entry_price, exit_price
        Fills in $ a share, slippage included; settled at expiration without slippage.
    """

    side: Literal["short", "long"]
    right: Literal["put", "call"]
    strike: float
    delta: float
    entry_price: float
    exit_price: float


class Greeks(Frozen):
    """What a whole position gains, as its seller: theta above 0 as a rule, vega below.

    Parameters
    ----------
    delta
        In $ as the underlying rises by $1, which is a number of shares.
    gamma
        In delta, as it rises by $1.
    theta
        In $ by the passing of a calendar day.
    vega
        In $ as implied volatility rises by one point, 0.01.
    rho
        In $ as the interest rate rises by one percentage point.
    """

    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


class Life(Frozen):
    """A spread at each close at which it was open, from the bar of its entry on.

    Parameters
    ----------
    iv
        The at-the-money volatility that it was valued with, a fraction a year.
    value
        What buying it back would have cost, in $ a share.
    """

    iv: list[float]
    value: list[float]


class Spread(Frozen):
    """One closed spread.

    Parameters
    ----------
    entry_date, exit_date
        Bars of the fills: a date for daily bars, a moment with its zone for intraday ones.
    expiry
        The session at whose close it expires.
    contracts
        How many spreads were sold; each leg has 100 shares a contract.
    legs
        Put legs before call legs, the short one before the long one.
    credit, close_value
        What was received, and what buying it back cost, in $ a share: short less long legs; within
        what the spread can be worth at expiry, slippage aside.
    max_loss
        The most that it could lose in $, all contracts, commissions included, slippage at the
        exit aside.
    pnl
        In $, after both commissions.
    exit_reason
        ``expiration``, ``stop``, ``profit_target``, ``exit``, ``max_holding``, ``end_of_data`` or
        ``ruin``.
    iv_entry
        The at-the-money volatility that the entry was priced with, a fraction a year.
    iv_rank_entry
        The IV rank at the bar that decided the entry, 0 to 100; None where it is not known.
    spot_entry, spot_exit
        Prices of the underlying at the fills in $.
    greeks
        Of the whole position at the entry.
    life
        What became of it, close by close.
    """

    entry_date: str
    exit_date: str
    expiry: str
    contracts: int
    legs: list[Leg]
    credit: float
    close_value: float
    max_loss: float
    pnl: float
    exit_reason: str
    iv_entry: float
    iv_rank_entry: float | None
    spot_entry: float
    spot_exit: float
    greeks: Greeks
    life: Life
