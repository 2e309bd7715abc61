"""What the plain simulation is given, remembers and leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import pandas as pd

Cell: TypeAlias = float | bool | str | None
"""A feature at a bar, as Python sees it: None where it is missing."""


@dataclass(frozen=True)
class PlainBar:
    """The prices of one bar, $ a share."""

    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, eq=False)
class Instrument:
    """What is known of one instrument at each bar.

    Parameters
    ----------
    symbol
        Its name; empty where it is not known.
    times
        Of its bars, warm-up included.
    open, high, low, close
        $ a share, one a bar.
    columns
        By name, every feature that is asked for.
    days
        The session of each bar, counted in days since 1970-01-01.
    calls
        What each call of `on` and `of`, and each over time, is at each bar, or what stands for an
        error; by its key.
    dividends
        $ a share that are paid at each bar.
    cash_rates, borrow_rates, free_rates
        What cash earns, what is borrowed costs, and what is free of risk, a year: as it was known
        before each bar.
    finer
        The finer bars that are judged in the place of each bar, none where it is judged alone;
        empty without any.
    """

    symbol: str
    times: pd.DatetimeIndex
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    columns: dict[str, list[Cell]]
    days: list[int]
    calls: dict[str, list[object]] = field(default_factory=dict)
    dividends: Sequence[float] = ()
    cash_rates: Sequence[float] = ()
    borrow_rates: Sequence[float] = ()
    free_rates: Sequence[float] = ()
    finer: Sequence[Sequence[PlainBar]] = ()

    @property
    def last(self) -> int:
        """The last bar."""
        return len(self.close) - 1


@dataclass(frozen=True)
class PlainAccount:
    """What a run begins with and pays.

    Parameters
    ----------
    capital
        $ at the start.
    commission
        What the commission model multiplies.
    slippage
        Fraction by which each fill is worse than the price.
    start
        The first bar at which orders are decided.
    """

    capital: float
    commission: float
    slippage: float
    start: int


@dataclass(frozen=True)
class Carried:
    """3.14: What one bar brings and takes before its fills, in $; fees count as paid."""

    interest: float = 0.0
    borrow_fees: float = 0.0
    dividends: float = 0.0


@dataclass(eq=False)
class Lot:
    """Something held since one fill; `bar` is the fill's, `number` counts the lots from 1."""

    instrument: Instrument
    bar: int
    number: int


L = TypeVar("L", bound=Lot)


@dataclass(frozen=True)
class Resting:
    """9.1: An entry that waits for its price, through its last bar."""

    price: float
    is_limit: bool
    last: int


@dataclass(frozen=True)
class DecidedLevels:
    """9.1: What the deciding bar fixes of an entry's levels: prices, and a distance, in $ a share.

    None where the spec says nothing, or a fraction of the fill, which is not known yet.
    """

    stop: float | None = None
    target: float | None = None
    distance: float | None = None


@dataclass(eq=False)
class Order(Generic[L]):
    """What was decided at a bar: to leave a lot, or, without one, to enter.

    `quantity` is what an entry asks for, or the part of a lot that leaves; NaN where the size
    follows from the fill, and where all of a lot leaves. `short` is whether an entry sells. One
    that does not rest fills at a market's open or close.
    """

    instrument: Instrument
    reason: str
    lot: L | None = None
    quantity: float = math.nan
    short: bool = False
    resting: Resting | None = None
    levels: DecidedLevels = DecidedLevels()

    @property
    def is_entry(self) -> bool:
        """Whether it opens a lot."""
        return self.lot is None


@dataclass(frozen=True)
class PlainLeg:
    """One option of a spread; `premium` is what the skew adds to its volatility."""

    side: str
    right: str
    strike: float
    premium: float


@dataclass(frozen=True)
class PlainTrade:
    """One closed lot, or a part of it; bars count from the first one loaded, warm-up included.

    Prices are $ a share: of a spread the credit and the cost of buying it back; `shares` are 100
    a contract, `entered` those of the whole lot. `multiplier` is what one of
    them gains per point. `fill_kind` is how it was left; a spread has no excursions here.
    """

    symbol: str
    entry_bar: int
    exit_bar: int
    entry_price: float
    exit_price: float
    shares: float
    pnl: float
    return_pct: float
    exit_reason: str
    bars_held: int
    commission: float
    slippage_cost: float
    lot: int
    entered: float
    legs: tuple[PlainLeg, ...] = ()
    direction: str = "long"
    fill_kind: str = "open"
    certain: bool = True
    mae_pct: float = math.nan
    mfe_pct: float = math.nan
    multiplier: float = 1.0


@dataclass
class PlainRun:
    """All that a plain simulation leaves.

    Parameters
    ----------
    times
        Of the bars from the first deciding one on.
    trades
        In order of exit, on one bar the oldest lot first.
    equity, cash
        $ at each close: the account's worth, and what is free.
    interest, borrow_fees, dividends
        $ at each bar: what cash earned, shorts paid, and shares were paid, less what shorts were
        charged of it.
    skipped
        Entries that were not made, by reason.
    unfilled
        Orders that the end of the data left unfilled.
    ruined
        Whether the account was lost.
    detail_mismatch
        Bars whose finer bars are missing, or do not make them up.
    counts
        For each condition, by list and place: bars at which it held, bars at which it raised.
    metrics
        By name, as SEMANTICS 5 defines them; NaN where undefined.
    """

    times: pd.DatetimeIndex
    trades: list[PlainTrade] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    interest: list[float] = field(default_factory=list)
    borrow_fees: list[float] = field(default_factory=list)
    dividends: list[float] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unfilled: int = 0
    ruined: bool = False
    detail_mismatch: int = 0
    counts: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
