"""What options are worth, and the strikes of a spread: SEMANTICS 4.1 to 4.3.

Black and Scholes's formulas with Merton's dividend yield, with Python's own math.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from btkit.crosscheck.evaluation import number
from btkit.crosscheck.records import Instrument, PlainLeg
from btkit.spec import OptionsSpec

_DAYS_PER_YEAR = 365.0


def normal(x: float) -> float:
    """Return the normal distribution at x."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


class OptionPrices:
    """The model that prices every leg of a run.

    Parameters
    ----------
    spec
        An option spec.
    instrument
        The underlying.
    """

    def __init__(self, spec: OptionsSpec, instrument: Instrument) -> None:
        self.underlying = instrument
        self.kind = spec.spread_type
        self.source, self.scale = spec.iv_source, float(spec.iv_scale)
        self.r, self.q = float(spec.risk_free_rate), float(spec.dividend_yield)
        self.skew, self.strike_step = float(spec.skew), spec.strike_step
        self.deltas = {"short": float(spec.short_delta), "long": float(spec.long_delta)}

    # 4.1: volatility and time

    def source_iv(self, i: int) -> float | None:
        """4.1: Volatility comes from `iv_atm`, or with `iv_source: vix` from vix / 100."""
        known = self.underlying.columns[self.source][i]
        if known is None:
            return None
        return number(known) / 100 if self.source == "vix" else number(known)

    def scaled(self, iv: float) -> float:
        """4.1: It is multiplied by `iv_scale`, before the skew is added."""
        return self.scale * iv

    def iv(self, i: int) -> float:
        """4.1: The last volatility known at the close of bar i stays in force."""
        for back in range(i, -1, -1):
            known = self.source_iv(back)
            if known is not None:
                return self.scaled(float(known))
        return math.nan

    def premium(self, side: str) -> float:
        """4.1: `skew` adds volatility for each unit of delta away from 0.5."""
        return self.skew * abs(0.5 - self.deltas[side])

    def leg_iv(self, iv: float, premium: float) -> float:
        """4.1: A leg's volatility, never below 0."""
        return max(iv + premium, 0.0)

    def years(self, expiry: int, i: int) -> float:
        """4.1: T is calendar days to expiry / 365, 0 once it has passed."""
        return max(expiry - self.underlying.days[i], 0) / _DAYS_PER_YEAR

    # 4.1: Black-Scholes

    def price(self, leg: PlainLeg, spot: float, years: float, volatility: float) -> float:
        """4.1: A European option's value in $ a share, at expiry its intrinsic value."""
        spot_now, strike_now = (
            spot * math.exp(-self.q * years),
            leg.strike * math.exp(-self.r * years),
        )
        deviation = volatility * math.sqrt(years)
        call = leg.right == "call"
        if deviation <= 0:
            return max(spot_now - strike_now if call else strike_now - spot_now, 0.0)
        d1 = self.d1(leg, spot, years, volatility)
        d2 = d1 - deviation
        if call:
            return max(spot_now * normal(d1) - strike_now * normal(d2), 0.0)
        return max(strike_now * normal(-d2) - spot_now * normal(-d1), 0.0)

    def d1(self, leg: PlainLeg, spot: float, years: float, volatility: float) -> float:
        """Return Black and Scholes's d1."""
        drift = self.drift(years, volatility)
        return (math.log(spot / leg.strike) + drift) / (volatility * math.sqrt(years))

    def drift(self, years: float, volatility: float) -> float:
        """4.1: r is `risk_free_rate`, and `dividend_yield` is taken off it."""
        return (self.r - self.q + 0.5 * volatility * volatility) * years

    def delta(self, leg: PlainLeg, spot: float, years: float, volatility: float) -> float:
        """4.2, 4.7: A leg's absolute delta."""
        discount = math.exp(-self.q * years)
        call = leg.right == "call"
        if volatility * math.sqrt(years) <= 0:
            gap = spot * discount - leg.strike * math.exp(-self.r * years)
            inside = gap > 0 if call else gap < 0
            return 0.5 * discount if gap == 0 else discount if inside else 0.0
        d1 = self.d1(leg, spot, years, volatility)
        return discount * normal(d1 if call else -d1)

    # 4.2: strikes

    def strike(self, side: str, right: str, spot: float, years: float, iv: float) -> float:
        """4.2: The strike of the delta asked for, in closed form; NaN where there is none."""
        reached = self.deltas[side] * math.exp(self.q * years)
        if reached >= 1:
            return math.nan
        quantile = float(ndtri(reached))
        drift, shift = self.drift(years, iv), quantile * (iv * math.sqrt(years))
        return self.snapped(spot * math.exp(drift - shift if right == "call" else drift + shift))

    def snapped(self, strike: float) -> float:
        """4.2: `strike_step` snaps it to the nearest multiple, of two the higher."""
        step = self.strike_step
        return math.floor(strike / step + 0.5) * step if step else strike

    def rights(self) -> list[str]:
        """4.2: Puts, calls, or for an iron condor both."""
        return {"short_put_spread": ["put"], "short_call_spread": ["call"]}.get(
            self.kind, ["put", "call"]
        )

    def pair(
        self, right: str, spot: float, years: float, iv: float
    ) -> tuple[PlainLeg, PlainLeg] | str:
        """4.2: The leg that is sold and the one further out that is bought, or why not."""
        legs = {}
        for side in ("short", "long"):
            premium = self.premium(side)
            strike = self.strike(side, right, spot, years, self.leg_iv(iv, premium))
            if math.isnan(strike):
                return "no_strike"
            legs[side] = PlainLeg(side, right, strike, premium)
        short, long = legs["short"], legs["long"]
        if min(short.strike, long.strike) <= 0:
            return "no_strike"
        wide = short.strike - long.strike if right == "put" else long.strike - short.strike
        return (short, long) if wide > 0 else "strikes_coincide"

    def legs(self, spot: float, years: float, iv: float) -> list[PlainLeg] | str:
        """4.2: All legs of a new spread, or why there is none."""
        if min(self.leg_iv(iv, self.premium(side)) for side in self.deltas) <= 0:
            return "no_volatility"
        found: list[PlainLeg] = []
        for right in self.rights():
            pair = self.pair(right, spot, years, iv)
            if isinstance(pair, str):
                return pair
            found += pair
        # Both sides could be in the money at once, and the widest wing would not bound the loss.
        if len(found) > 2 and found[0].strike > found[2].strike:  # noqa: PLR2004 - put, call
            return "strikes_cross"
        return found

    # 4.3, 4.5 and 4.6: a spread's value

    def sums(
        self, legs: list[PlainLeg], spot: float, years: float, iv: float
    ) -> tuple[float, float]:
        """Return the values of all short legs and of all long legs, $ a share."""
        totals = {"short": 0.0, "long": 0.0}
        for leg in legs:
            totals[leg.side] += self.price(leg, spot, years, self.leg_iv(iv, leg.premium))
        return totals["short"], totals["long"]
