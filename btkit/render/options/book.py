"""The spreads of a stored run, laid out over its bars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.documents import OptionsReport
from btkit.pricing.spreads import Leg, Spread
from btkit.render.options.position import Moment, OpenSpread, PositionLeg
from btkit.render.series import Floats, floats
from btkit.render.view import RuleFacts, RunView

Rows = npt.NDArray[np.int64]
GREEKS = ("delta", "gamma", "theta", "vega")


class SpreadFacts(RuleFacts):
    """What pages read of a spec of spreads as it ran, beyond what they read of any."""

    spread_type: str
    target_dte: int
    short_delta: float
    long_delta: float
    profit_target_pct: float
    stop_loss_pct: float
    risk_free_rate: float
    dividend_yield: float
    skew: float
    strike_step: float | None
    expiry: Literal["weekly", "monthly"] | None
    # Specs of an earlier version have neither.
    iv_source: Literal["iv_atm", "vix"] = "iv_atm"
    iv_scale: float = 1.0


@dataclass(frozen=True)
class SpreadLifetime:
    """One spread, and the bars at whose closes it was open.

    Parameters
    ----------
    spread
        As the report has it.
    rows
        Rows of the curve, from its entry on.
    close, iv, value, days
        There: the underlying in $, volatility, cost to close in $ a share, days to expiry.
    open
        How many of these closes it outlived; a settled one is gone at its last.
    """

    spread: Spread
    rows: Rows
    close: Floats
    iv: Floats
    value: Floats
    days: Floats
    open: int

    def strikes(self, side: str) -> list[float]:
        """Return the strikes of the legs of one side, ``short`` or ``long``."""
        return [leg.strike for leg in self.spread.legs if leg.side == side]


@dataclass(frozen=True)
class SpreadBook:
    """All spreads of a run.

    Parameters
    ----------
    view
        The run.
    """

    view: RunView

    @cached_property
    def rule(self) -> SpreadFacts:
        """The spec as it ran."""
        return SpreadFacts.model_validate(self.view.report.provenance.spec)

    @cached_property
    def lifetimes(self) -> list[SpreadLifetime]:
        """The spreads in order of exit."""
        close = self.view.curve["close"].to_numpy(dtype=np.float64)
        days = self.view.times.to_numpy()
        found = []
        report = self.view.report
        assert isinstance(report, OptionsReport), "a run that sold no spreads has no book"
        for spread in report.spreads:
            first = int(self.view.times.searchsorted(moment(spread.entry_date)))
            rows = np.arange(first, first + len(spread.life.iv))
            left = floats(_days_between(days[rows], spread.expiry))
            leaves = self.view.times[rows] < moment(spread.exit_date)
            found.append(
                SpreadLifetime(
                    spread=spread,
                    rows=rows,
                    close=close[rows],
                    iv=floats(spread.life.iv),
                    value=floats(spread.life.value),
                    days=np.maximum(left, 0.0),
                    open=int(np.count_nonzero(leaves)),
                )
            )
        return found

    @cached_property
    def shown(self) -> list[SpreadLifetime]:
        """Those of them that are drawn one by one: all, or the latest and largest."""
        return [self.lifetimes[place] for place in self.view.shown_places]

    def listed(self) -> pd.DataFrame:
        """Return the trade list with what a trader of spreads wants to read beside it."""
        spreads = [lifetime.spread for lifetime in self.lifetimes]
        trades = self.view.trades
        return trades.assign(
            costs=trades["commission"] + trades["slippage_cost"],
            expiry=[spread.expiry for spread in spreads],
            strikes=[_strikes(spread) for spread in spreads],
            contracts=[spread.contracts for spread in spreads],
            iv_entry=[spread.iv_entry for spread in spreads],
            iv_rank_entry=floats([number(spread.iv_rank_entry) for spread in spreads]),
        )

    def position(self, spread: Spread) -> OpenSpread:
        """Return a spread as it stood when it was sold."""
        rule, terms = self.rule, self.view.terms
        days = _days_between(moment(spread.entry_date).to_datetime64(), spread.expiry)
        sold = Moment(spread.spot_entry, spread.iv_entry, max(int(days), 0))
        return OpenSpread(
            legs=tuple(
                PositionLeg(leg.side, leg.right, leg.strike, self._premium(leg))
                for leg in spread.legs
            ),
            contracts=spread.contracts,
            sold=sold,
            now=sold,
            received=spread.credit,
            slippage=terms.slippage,
            commission=terms.commission,
            rate=rule.risk_free_rate,
            dividend_yield=rule.dividend_yield,
        )

    def _premium(self, leg: Leg) -> float:
        # What the skew adds to the volatility of a leg.
        rule = self.rule
        delta = rule.short_delta if leg.side == "short" else rule.long_delta
        return rule.skew * abs(0.5 - delta)

    def greeks(self) -> dict[str, Floats]:
        """Return the greeks of the whole book at each close.

        Delta in shares, gamma in delta a dollar, theta in $ a day, vega in $ an IV point.
        """
        totals = {name: np.zeros(len(self.view.times)) for name in GREEKS}
        for lifetime in self.lifetimes:
            position, open_ = self.position(lifetime.spread), slice(lifetime.open)
            rows, close = lifetime.rows[open_], lifetime.close[open_]
            at = {"days": lifetime.days[open_], "iv": lifetime.iv[open_]}
            for name, total in totals.items():
                total[rows] += position.greek(name, close, **at)
        return totals


def _days_between(
    dates: np.datetime64 | npt.NDArray[np.datetime64], expiry: str
) -> npt.NDArray[np.int64]:
    return np.asarray(np.datetime64(expiry, "D") - dates.astype("datetime64[D]")).astype(np.int64)


def moment(text: str) -> pd.Timestamp:
    """Return a bar's time as the view has it: UTC and naive."""
    stamp = pd.Timestamp(text)
    return stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)


def _strikes(spread: Spread) -> str:
    """Return the strikes as traders write them: P 2600/2550 sells the first, buys the second."""
    digits = 0 if all(leg.strike.is_integer() for leg in spread.legs) else 2
    sides = []
    for right in ("put", "call"):
        strikes = [f"{leg.strike:.{digits}f}" for leg in spread.legs if leg.right == right]
        if strikes:
            sides.append(f"{right[0].upper()} {'/'.join(strikes)}")
    return " ".join(sides)


def number(value: float | None) -> float:
    """Return a number that may not be known as NaN then."""
    return np.nan if value is None else float(value)
