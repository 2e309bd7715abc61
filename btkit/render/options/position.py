"""An option spread as it stands: what it is worth, can make and lose, and its greeks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from btkit.engine.books.spread_records import SHARES_PER_CONTRACT
from btkit.pricing import black_scholes as pricing
from btkit.pricing.scalar import DAYS_PER_YEAR
from btkit.render.series import Floats

Value = float | Floats
"""One number, or one for each price."""

_STEPS = 241
# A trader reads theta a day, vega an IV point, rho a percentage point.
UNITS = {"delta": 1.0, "gamma": 1.0, "theta": 1.0 / DAYS_PER_YEAR, "vega": 0.01, "rho": 0.01}


@dataclass(frozen=True)
class PositionLeg:
    """One option: sold or bought, with what the skew adds to its volatility."""

    side: Literal["short", "long"]
    right: Literal["put", "call"]
    strike: float
    premium: float

    @property
    def sign(self) -> float:
        """Of what is held: −1 for an option that was sold."""
        return -1.0 if self.side == "short" else 1.0

    @property
    def name(self) -> str:
        """What it is called, such as ``short put``."""
        return f"{self.side} {self.right}"


@dataclass(frozen=True)
class Moment:
    """What the market says: price in $, at-the-money volatility as a fraction, days to expiry."""

    spot: float
    iv: float
    days: int


@dataclass(frozen=True)
class OpenSpread:
    """A spread that was sold, and the moment at which it is looked at.

    Parameters
    ----------
    legs
        Put legs before call legs, the short one before the long one.
    contracts
        How many spreads; each leg has 100 shares a contract.
    sold, now
        When it was sold, and the moment that is looked at.
    received
        The credit in $ a share, if it is known; None works it out at `sold`.
    slippage, commission, rate, dividend_yield
        As the run has them.
    """

    legs: tuple[PositionLeg, ...]
    contracts: int
    sold: Moment
    now: Moment
    received: float | None
    slippage: float
    commission: float
    rate: float
    dividend_yield: float

    @property
    def shares(self) -> float:
        """Shares of each leg."""
        return SHARES_PER_CONTRACT * self.contracts

    @cached_property
    def credit(self) -> float:
        """What was received in $ a share, slippage paid (SEMANTICS 4.3)."""
        if self.received is not None:
            return self.received
        at = self.sold
        return sum(
            -leg.sign
            * (1.0 + leg.sign * self.slippage)
            * float(self._priced("price", leg, at.spot, at.days, at.iv))
            for leg in self.legs
        )

    @property
    def fee(self) -> float:
        """Commission that was paid to sell it, in $."""
        return self.commission * len(self.legs) * self.contracts

    @property
    def most_kept(self) -> float:
        """What is kept if every option expires worthless, in $."""
        return self.shares * self.credit - self.fee

    @property
    def max_loss(self) -> float:
        """The most that it could lose in $, both commissions included (SEMANTICS 4.4)."""
        return self.shares * (self._widest_wing - self.credit) + 2.0 * self.fee

    @property
    def evens(self) -> list[float]:
        """Prices of the underlying at expiry at which it neither makes nor loses."""
        strikes = sorted({leg.strike for leg in self.legs})
        # The payoff is straight between strikes and flat beyond the outer ones, where both
        # legs of a side are there.
        corners = np.array([strikes[0] * 0.5, *strikes, strikes[-1] * 2.0])
        profit = self.profit(corners, days=0)
        crossed = np.flatnonzero(np.signbit(profit[1:]) != np.signbit(profit[:-1]))
        return [
            float(
                corners[at]
                - profit[at] * (corners[at + 1] - corners[at]) / (profit[at + 1] - profit[at])
            )
            for at in crossed
        ]

    @property
    def chance(self) -> float:
        """The model's risk-neutral probability of a profit at expiry, as things stand."""
        bounds = [0.0, *self.evens, np.inf]
        total = 0.0
        for low, high in pairwise(bounds):
            middle = low * 1.5 + 1e-9 if np.isinf(high) else (low + high) / 2.0
            if self.profit(np.array([max(middle, 1e-9)]), days=0)[0] > 0.0:
                total += self._above(low) - self._above(high)
        return total

    def prices(self, *, room: float) -> Floats:
        """Return prices to draw it over, its corners among them.

        Parameters
        ----------
        room
            At both ends, as a share of what its strikes and the price at the sale span.
        """
        strikes = sorted(leg.strike for leg in self.legs)
        spot = self.sold.spot
        low, high = min(strikes[0], spot), max(strikes[-1], spot)
        beside = max(high - low, 0.02 * spot) * room
        steps = np.linspace(max(low - beside, low * 0.01), high + beside, _STEPS)
        return np.unique(np.concatenate([steps, strikes, [spot]]))

    def profit(self, spot: Value, *, days: Value | None = None, iv: Value | None = None) -> Floats:
        """Return what it has made in $ at a price: at mid, commission at the sale included.

        Parameters
        ----------
        spot
            Prices of the underlying.
        days, iv
            None takes them as they stand now; arrays broadcast against the prices.
        """
        days, iv = self._at(days, iv)
        value = np.zeros(np.broadcast_shapes(*map(np.shape, (spot, days, iv))))
        for leg in self.legs:
            value -= leg.sign * self._priced("price", leg, spot, days, iv)
        return np.asarray(self.shares * (self.credit - value) - self.fee)

    def greek(
        self, name: str, spot: Value, *, days: Value | None = None, iv: Value | None = None
    ) -> Floats:
        """Return a greek of the whole position, in the units of `UNITS`.

        Parameters
        ----------
        name
            ``delta gamma theta vega rho``.
        spot, days, iv
            As in `profit`.
        """
        days, iv = self._at(days, iv)
        total = np.zeros(np.broadcast_shapes(*map(np.shape, (spot, days, iv))))
        for leg in self.legs:
            priced = self._priced(name, leg, spot, days, iv)
            total += leg.sign * UNITS[name] * self.shares * priced
        return total

    def leg_delta(self, leg: PositionLeg) -> float:
        """Return the delta of one option as things stand: below 0 for a put."""
        return self._priced_now("delta", leg)

    def with_strike(self, place: int, strike: float) -> OpenSpread:
        """Return the position that would have been sold with another strike.

        Its credit is worked out anew, with the market as it was at the sale.
        """
        legs = list(self.legs)
        legs[place] = replace(legs[place], strike=strike)
        return replace(self, legs=tuple(legs), received=None)

    @property
    def _widest_wing(self) -> float:
        pairs = zip(self.legs[::2], self.legs[1::2], strict=True)
        return max(abs(short.strike - long.strike) for short, long in pairs)

    def _at(self, days: Value | None, iv: Value | None) -> tuple[Value, Value]:
        return self.now.days if days is None else days, self.now.iv if iv is None else iv

    def _priced(self, what: str, leg: PositionLeg, spot: Value, days: Value, iv: Value) -> Floats:
        function = getattr(pricing, what)
        values: Floats = function(
            leg.right,
            spot,
            leg.strike,
            days / DAYS_PER_YEAR,
            np.maximum(iv + leg.premium, 0.0),
            rate=self.rate,
            dividend_yield=self.dividend_yield,
        )
        return values

    def _priced_now(self, what: str, leg: PositionLeg) -> float:
        now = self.now
        return float(self._priced(what, leg, now.spot, now.days, now.iv))

    def _above(self, level: float) -> float:
        """Return the risk-neutral probability that the price ends above a level: N(d2).

        From C = S Δ − K e^(−rT) N(d2), so that the pricing module alone knows the formula.
        """
        if level <= 0.0:
            return 1.0
        if np.isinf(level):
            return 0.0
        plain = PositionLeg("long", "call", level, 0.0)
        now = self.now
        held = now.spot * self._priced_now("delta", plain) - self._priced_now("price", plain)
        discounted = level * np.exp(-self.rate * now.days / DAYS_PER_YEAR)
        return float(np.clip(held / discounted, 0.0, 1.0))


def refused_moment(name: str, value: object) -> str:
    """Return why a `Moment` cannot have a value, or nothing."""
    words = {"spot": "The price", "iv": "IV", "days": "Days left"}[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{words} must be a number."
    if name == "days" and (value < 0 or value != int(value)):
        return "Days left must be a whole number, 0 or more."
    if name == "spot" and value <= 0:
        return "The price must be above 0."
    return "IV must not be below 0." if name == "iv" and value < 0 else ""


def refused_strikes(position: OpenSpread, strikes: Sequence[Any]) -> str:
    """Return why no spread has these strikes, or nothing."""
    if not all(isinstance(strike, int | float) and strike > 0 for strike in strikes):
        return "A strike must be a number above 0."
    by_name = dict(zip((leg.name for leg in position.legs), strikes, strict=True))
    put, call = by_name.get("short put"), by_name.get("short call")
    if put is not None and by_name["long put"] >= put:
        return "The put bought must lie below the put sold."
    if call is not None and by_name["long call"] <= call:
        return "The call bought must lie above the call sold."
    if put is not None and call is not None and put > call:
        return "The put sold must not lie above the call sold."
    return ""
