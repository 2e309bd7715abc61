"""What a simulation gives: plain data, with tables made when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from btkit.data import DataInfo, describe_bars
from btkit.engine.orders import Side
from btkit.engine.state import BORROW_FEES, DIVIDENDS, INTEREST
from btkit.metrics import SHORT_RANGE_DAYS, spanned_days
from btkit.simulation.diagnostics import Diagnostics, diagnose
from btkit.simulation.simulated import Simulated
from btkit.simulation.warmup import warmup_of
from btkit.simulation.warnings import find_warnings

if TYPE_CHECKING:
    from btkit.models.features import FeaturePlan
    from btkit.pricing.spreads import Spread


@dataclass(frozen=True, eq=False, repr=False)
class Result(Simulated):
    """One simulated run of any kind of spec; see `Simulated` for its fields.

    Examples
    --------
    >>> result = simulate(load_spec("strategies/golden_cross.yaml"), bars)  # doctest: +SKIP
    >>> result.trades["pnl"].sum()  # doctest: +SKIP
    """

    @cached_property
    def data(self) -> DataInfo:
        """Where the bars come from, what was found in them, which sessions they lack."""
        return describe_bars(
            pd.DatetimeIndex(self.all_bars.index),
            start=self.outcome.start,
            interval=self.annualisation.interval,
            calendar=self.spec.calendar,
            findings=self.quality,
            stated=self.stated,
        )

    @cached_property
    def other_data(self) -> dict[str, DataInfo]:
        """Where the bars of other instruments come from that conditions read, by symbol."""
        begins = self.bars.index[0]
        return {
            symbol: other.described(pd.DatetimeIndex(self.seen_of(symbol).index), begins)
            for symbol, other in self.others.items()
        }

    @cached_property
    def detail_data(self) -> DataInfo | None:
        """Where the finer bars come from that the run went by; None without any."""
        if self.detail is None or self.seen_detail is None:
            return None
        return describe_bars(
            pd.DatetimeIndex(self.seen_detail.index),
            start=0,
            interval=self.detail.interval,
            calendar=self.spec.calendar,
            findings=self.detail.quality,
            stated=self.detail.stated,
        )

    @property
    def equity(self) -> pd.Series[float]:
        """Account value in $ at each bar's close, open spreads at mid."""
        return self._series(self.outcome.curve.equity, "equity")

    @property
    def cash(self) -> pd.Series[float]:
        """Free cash in $ at each bar's close, after its fills.

        What spreads reserve is not free, nor what margined lots have lost.
        """
        return self._series(self.outcome.curve.cash, "cash")

    @property
    def invested(self) -> pd.Series[float]:
        """What open trades tie up in $ at each bar's close.

        Lots count with their value, a short's with its collateral, a margined one with its margin
        and what it has gained; spreads with their reserve less what they are worth.
        """
        return (self.equity - self.cash).rename("invested")

    @property
    def interest(self) -> pd.Series[float]:
        """What cash earned in $ at each bar, before its fills."""
        return self._carried(INTEREST, "interest")

    @property
    def borrow_fees(self) -> pd.Series[float]:
        """What open shorts paid in $ at each bar, before its fills."""
        return self._carried(BORROW_FEES, "borrow_fees")

    @property
    def dividends(self) -> pd.Series[float]:
        """Dividends in $ at each bar, before its fills: those of longs less those of shorts."""
        return self._carried(DIVIDENDS, "dividends")

    @property
    def carry(self) -> dict[str, float] | None:
        """What holding brought and cost in $, each the sum over its bars; None without carry.

        With open trades closed at the end, the last equity less the initial capital is the profit
        of all trades, plus ``interest``, less ``borrow_fees``, plus ``dividends``.
        """
        if not self.outcome.curve.carry.size:
            return None
        items = (self.interest, self.borrow_fees, self.dividends)
        return {str(item.name): float(item.sum()) for item in items}

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Closed trades in order of exit, one row each; prices per share, the rest in $.

        A trade is a lot of shares or contracts, whose ``return_pct`` is the profit over shares x
        multiplier x entry price, or a spread: then ``entry_price`` is the credit and
        ``exit_price`` the cost of buying back, ``shares`` are 100 a contract, and ``return_pct``
        is the profit over the max loss.

        ``mae_pct`` (at most 0) and ``mfe_pct`` (at least 0) are the maximum adverse and favourable
        excursion (Sweeney 1997): the worst and the best price from fill to exit against the entry
        fill, as fractions. Highs and lows of its bars count, and both fills; the bar of an entry
        inside it, or at its close, counts by fill and close, the exit's bar by its open, if it was
        held there, and the exit fill. Of a
        spread, which has no high and low, they are the profit over the max loss if it were bought
        back at each close, and at its exit.

        Of lots of shares ``fill_kind`` says at which price they left: at the ``open`` or ``close``
        of their bar, at a ``level`` inside it, or at an open beyond it, a ``gap``. ``certain`` is
        False where, in any of a lot's bars, nobody knows whether its stop or its target was
        reached first (`intrabar` of the spec decided).

        Of a run that might hold either side there is a column ``direction``, too: ``long`` or
        ``short``.

        Of a spec with part exits (``scale_out``) each part is a row, and there is a column
        ``lot``: the number of the lot in the order of entries, from 1. The entry's commission is
        shared by shares, and metrics take all rows of a lot as one trade, at its last exit.
        """
        closed, index = self.positions.closed, self.all_bars.index
        sides: dict[str, Any] = {}
        if self.positions.directed:
            words = np.where(self.outcome.trades.side == Side.SELL, "short", "long")
            sides["direction"] = pd.array(words.tolist(), dtype="str")
        if self.spec.leaves_in_parts:
            sides["lot"] = self.outcome.trades.lot
        worst, best = self.positions.excursions(self.all_bars)
        named = {reason.value: reason.name.lower() for reason in self.positions.reasons}
        return pd.DataFrame(
            {
                "entry_date": index[closed.entry_bar],
                "exit_date": index[closed.exit_bar],
                "entry_price": closed.entry_price,
                "exit_price": closed.exit_price,
                "shares": closed.shares,
                "pnl": closed.pnl,
                "return_pct": closed.return_pct,
                "exit_reason": pd.array(
                    [named[reason] for reason in closed.reason.tolist()], dtype="str"
                ),
                "bars_held": closed.bars_held,
                "commission": closed.commission,
                "slippage_cost": closed.slippage_cost,
                "mae_pct": worst,
                "mfe_pct": best,
                **sides,
                **self.positions.fills,
            }
        )

    @property
    def spreads(self) -> list[Spread]:
        """Closed spreads in order of exit, with their legs and their greeks at entry."""
        return self.positions.spreads

    @cached_property
    def legs(self) -> pd.DataFrame:
        """The legs of every spread, one row each, prices in $ a share; see `Leg`.

        ``spread`` counts in the order of `trades` and of `spreads`. Empty where trades are lots.
        """
        rows = [
            {"spread": place, **leg.model_dump()}
            for place, spread in enumerate(self.spreads)
            for leg in spread.legs
        ]
        return pd.DataFrame(rows)

    @property
    def valuations(self) -> pd.DataFrame:
        """Every spread at every close at which it was open, spread by spread.

        ``spread`` counts in the order of `spreads`; ``mid`` and ``to_close`` are in $ a share,
        ``days_to_expiry`` are calendar days, ``short_delta`` is absolute. Empty where trades are
        lots.
        """
        return self.positions.valuations

    @cached_property
    def features(self) -> pd.DataFrame:
        """Every per-bar column that the run reads, from the first deciding bar on.

        One of a slower interval is called as it is written, such as ``on("1w", sma_10)``, and so
        is a call over time, such as ``mean(close, 20)``: missing is NaN, and a truth value 1 or 0.
        A text column is categorical.
        """
        start, declared = self.outcome.start, self.feature_set.declared
        columns: dict[str, Any] = {}
        for label, reader, name in self.columns():
            values = reader.column(name)[start:]
            is_text = reader.is_text(name)
            columns[label] = declared.categories(values) if is_text else values
        for call, value in self.calls():
            numbers = value.floats()[start:]
            is_text = bool(np.all(value.is_text))
            columns[call.label] = declared.categories(numbers) if is_text else numbers
        return pd.DataFrame(columns, index=self.all_bars.index[start:])

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """How often each condition held, what was skipped, and why nothing was traded."""
        return diagnose(self)

    @cached_property
    def fallbacks(self) -> dict[str, int]:
        """For each name that the run reads: bars on which its value is a documented fallback."""
        counts: dict[str, int] = {}
        for label, reader, name in self.columns():
            mask = reader.fallback(name)
            if mask is not None and mask[self.outcome.start :].any():
                counts[label] = int(mask[self.outcome.start :].sum())
        return counts

    @property
    def runtime(self) -> dict[str, str]:
        """What its numbers hang on beside the packages of any run, by name."""
        return {
            name: value
            for found in self.classified
            for known in found.bundles
            for name, value in known.bundle.network.provenance.items()
        }

    @cached_property
    def warnings(self) -> list[dict[str, str]]:
        """What a reader must know before trusting the numbers: ``{code, message}``."""
        found = find_warnings(self, self.data)
        return found + self.positions.warnings(self.fallbacks, len(self.bars))

    @property
    def trained_features(self) -> Iterator[tuple[str, FeaturePlan]]:
        """What each trained model reads, and what is put before the names of its features."""
        for found in self.classified:
            for known in found.bundles:
                yield f"{found.name} ", known.bundle.features

    @property
    def learnt_bars(self) -> int:
        """How many bars of the run a trained model is known to have learnt from, at the most."""
        ends = [found.in_sample or 0 for found in self.classified]
        return min(max(max(ends, default=0) - self.outcome.start, 0), len(self.bars))

    @cached_property
    def warmup(self) -> dict[str, Any]:
        """How far the bars before the start reach.

        ``bars``: their number, without those that only slower intervals are made of.
        ``missing_until``: for each name or call still missing at the start, the date of its first
        value, None if it has none. ``drift``: for each recursive name, and each feature of a
        trained model that is made of a recursive line, the weight that its seed still has at the
        start (0 is none), as far back as calls over time look from there.
        """
        return warmup_of(self)

    def __repr__(self) -> str:
        metrics = self.metrics
        index = self.bars.index
        label = f"{self.positions.noun}s"
        lines = [
            f"{self.spec.name} on {self.symbol or 'the bars given'}, {self.side}",
            f"  {_date(index[0])} to {_date(index[-1])}, {len(index)} bars",
            f"  {self._growth}",
            f"  Sharpe        {_ratio(metrics.sharpe_ratio)}",
            f"  max drawdown  {_percent(metrics.max_drawdown_pct)}",
            f"  win rate      {_percent(metrics.win_rate)}",
            f"  profit factor {_ratio(metrics.profit_factor)}",
            f"  {label:<13} {metrics.total_trades:>8}",
        ]
        return "\n".join(lines)

    @property
    def side(self) -> str:
        """Which side of the instrument it might take, in words."""
        return self.spec.side

    @property
    def _growth(self) -> str:
        if spanned_days(pd.DatetimeIndex(self.bars.index)) < SHORT_RANGE_DAYS:
            return f"total return  {_percent(self.metrics.total_return_pct)}"
        return f"CAGR          {_percent(self.metrics.cagr)}"

    def _carried(self, item: int, name: str) -> pd.Series[float]:
        paid = self.outcome.curve.carry
        return self._series(paid[:, item] if paid.size else np.zeros(len(self.all_bars)), name)

    def _series(self, values: np.ndarray[Any, Any], name: str) -> pd.Series[float]:
        start = self.outcome.start
        return pd.Series(values[start:], index=self.all_bars.index[start:], name=name)


def _date(stamp: pd.Timestamp) -> str:
    return stamp.isoformat() if stamp.tz is not None else stamp.date().isoformat()


def _percent(value: float) -> str:
    return f"{value:8.1%}" if np.isfinite(value) else f"{'–':>8}"


def _ratio(value: float) -> str:
    return f"{value:8.2f}" if np.isfinite(value) else f"{'–':>8}"
