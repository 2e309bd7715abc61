"""The spreads of a stored run, laid out over its bars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.pricing import black_scholes as pricing
from btkit.render.series import Floats, floats
from btkit.render.view import View

Rows = npt.NDArray[np.int64]
SHARES = 100.0
DAYS = 365.0
# A trader reads theta a day and vega an IV point.
UNITS = {"delta": 1.0, "gamma": 1.0, "theta": 1.0 / DAYS, "vega": 0.01}


@dataclass(frozen=True)
class Held:
    """One spread, and the bars at whose closes it was open.

    Parameters
    ----------
    spread
        As the report carries it.
    rows
        Rows of the curve, from its entry on.
    close, iv, value, days
        There: the underlying in $, volatility, cost to close in $ a share, days to expiry.
    open
        How many of these closes it outlived; a settled one is gone at its last.
    """

    spread: dict[str, Any]
    rows: Rows
    close: Floats
    iv: Floats
    value: Floats
    days: Floats
    open: int

    @property
    def contracts(self) -> int:
        """How many spreads were sold."""
        return int(self.spread["contracts"])

    @property
    def legs(self) -> list[dict[str, Any]]:
        """Its options."""
        return list(self.spread["legs"])

    def strikes(self, side: str) -> list[float]:
        """Return the strikes of the legs of one side, ``short`` or ``long``."""
        return [float(leg["strike"]) for leg in self.legs if leg["side"] == side]


@dataclass(frozen=True)
class Book:
    """All spreads of a run.

    Parameters
    ----------
    view
        The run.
    """

    view: View

    @cached_property
    def held(self) -> list[Held]:
        """The spreads in order of exit."""
        close = self.view.curve["close"].to_numpy(dtype=np.float64)
        days = self.view.times.to_numpy().astype("datetime64[D]")
        found = []
        for spread in self.view.report["spreads"]:
            first = int(self.view.times.searchsorted(moment(spread["entry_date"])))
            rows = np.arange(first, first + len(spread["life"]["iv"]))
            left = floats(days_between(days[rows], spread["expiry"]))
            leaves = self.view.times[rows] < moment(spread["exit_date"])
            found.append(
                Held(
                    spread=spread,
                    rows=rows,
                    close=close[rows],
                    iv=floats(spread["life"]["iv"]),
                    value=floats(spread["life"]["value"]),
                    days=np.maximum(left, 0.0),
                    open=int(np.count_nonzero(leaves)),
                )
            )
        return found

    @cached_property
    def shown(self) -> list[Held]:
        """Those of them that are drawn one by one: all, or the newest and largest."""
        return [self.held[place] for place in self.view.shown_places]

    def listed(self) -> pd.DataFrame:
        """Return the trade list with what a trader of spreads wants to read beside it."""
        spreads = [held.spread for held in self.held]
        trades = self.view.trades
        return trades.assign(
            costs=trades["commission"] + trades["slippage_cost"],
            expiry=[spread["expiry"] for spread in spreads],
            strikes=[_written(held) for held in self.held],
            contracts=[held.contracts for held in self.held],
            iv_entry=[spread["iv_entry"] for spread in spreads],
            iv_rank_entry=floats([_number(spread["iv_rank_entry"]) for spread in spreads]),
        )

    def premium(self, side: str) -> float:
        """Return what the skew adds to the volatility of a leg."""
        spec = self.view.spec
        return float(spec["skew"]) * abs(0.5 - float(spec[f"{side}_delta"]))

    def value(
        self, leg: dict[str, Any], spot: npt.ArrayLike, years: npt.ArrayLike, iv: npt.ArrayLike
    ) -> Floats:
        """Return the model's value of a leg in $ a share."""
        volatility = np.maximum(floats(iv) + self.premium(leg["side"]), 0.0)
        return pricing.price(leg["right"], spot, leg["strike"], years, volatility, **self._rates)

    @property
    def _rates(self) -> dict[str, float]:
        spec = self.view.spec
        return {
            "rate": float(spec["risk_free_rate"]),
            "dividend_yield": float(spec["dividend_yield"]),
        }

    def greeks(self) -> dict[str, Floats]:
        """Return the greeks of the whole book at each close.

        Delta in shares, gamma in delta a dollar, theta in $ a day, vega in $ an IV point.
        """
        functions = {name: getattr(pricing, name) for name in UNITS}
        totals = {name: np.zeros(len(self.view.times)) for name in UNITS}
        for held in self.held:
            rows = held.rows[: held.open]
            close, iv = held.close[: held.open], held.iv[: held.open]
            years = held.days[: held.open] / DAYS
            for leg in held.legs:
                sign = (-1.0 if leg["side"] == "short" else 1.0) * SHARES * held.contracts
                volatility = np.maximum(iv + self.premium(leg["side"]), 0.0)
                for name, function in functions.items():
                    values = function(
                        leg["right"], close, leg["strike"], years, volatility, **self._rates
                    )
                    totals[name][rows] += sign * UNITS[name] * values
        return totals


def days_between(dates: npt.NDArray[np.datetime64], expiry: str) -> Rows:
    """Return the calendar days from dates to an expiry."""
    last = np.array([expiry], dtype="datetime64[D]").astype(np.int64)
    return np.asarray(last - dates.astype(np.int64))


def moment(text: str) -> pd.Timestamp:
    """Return a bar's time as the view has it: UTC and naive."""
    stamp = pd.Timestamp(text)
    return stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)


def _written(held: Held) -> str:
    """Return the strikes as traders write them: P 2600/2550 sells the first, buys the second."""
    digits = 0 if all(float(leg["strike"]).is_integer() for leg in held.legs) else 2
    sides = []
    for right in ("put", "call"):
        strikes = [f"{leg['strike']:.{digits}f}" for leg in held.legs if leg["right"] == right]
        if strikes:
            sides.append(f"{right[0].upper()} {'/'.join(strikes)}")
    return " ".join(sides)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
