"""Run the loop: in one piece, or in parts that can be watched, stopped, saved and taken up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from btkit.conditions.compiled import sources_hash
from btkit.decisions.records import NO_FINER, BothSides, FinerBars
from btkit.engine.inputs import Floats, Integers, Rules
from btkit.engine.loop import run_bars
from btkit.engine.loop_decisions import AnyDecisions, AnyMarket, AnyRules, loop_decisions, width_of
from btkit.engine.orders import Skip
from btkit.engine.reading import new_room
from btkit.engine.state import (
    FINAL,
    FINAL_EQUITY,
    LAST_DECIDED,
    RUINED,
    SKIPPED,
    TRADES,
    UNFILLED,
    Curve,
    Snapshot,
    State,
    Trades,
    new_curve,
    new_state,
    new_trades,
)


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Parameters
    ----------
    start
        The first bar at which orders were decided.
    capital
        $ at the start.
    final_decision_cash
        $ free when the last bar's orders were decided, before the books closed.
    final_decision_equity
        $ that the account was worth then.
    trades
        Closed lots in order of exit, on one bar the oldest first; bars count from the first bar
        given, warm-up included.
    curve
        The account from bar 0 on; meaningless before `start`.
    skipped
        Entries not made, by reason, where there were any.
    unfilled
        Orders that the end of the data left unfilled.
    ruined
        Whether equity fell to zero or below.
    last_decided
        The last bar at which orders were decided, -1 for none.
    """

    start: int
    capital: float
    final_decision_cash: float
    final_decision_equity: float
    trades: Trades
    curve: Curve
    skipped: dict[str, int]
    unfilled: int
    ruined: bool
    last_decided: int

    @property
    def decision_cash(self) -> Floats:
        """Free cash in $ when each bar's orders were decided; meaningless where none were."""
        curve = self.curve
        return self._when_decided(curve.decision_cash, curve.cash, self.final_decision_cash)

    @property
    def decision_equity(self) -> Floats:
        """The account's worth in $ when each bar's orders were decided; likewise."""
        curve = self.curve
        return self._when_decided(curve.decision_equity, curve.equity, self.final_decision_equity)

    def _when_decided(self, decided: Floats, after_fills: Floats, final: float) -> Floats:
        if decided.size:
            return decided
        seen = after_fills.copy()
        if self.last_decided == len(seen) - 1:
            # The curve's last point comes after all lots were closed.
            seen[-1] = final
        return seen


def commission_rules(model: str, commission: float) -> dict[str, float]:
    """Return the commission's three parts (SEMANTICS 3.7); the parts not in use are 0.

    Parameters
    ----------
    model
        ``per_order``, ``per_share``, ``rate`` or ``per_contract``.
    commission
        $ an order, a share or a contract, or a fraction of the amount.
    """
    part = {"per_order": "per_order", "rate": "rate"}.get(model, "per_share")
    return {"per_order": 0.0, "per_share": 0.0, "rate": 0.0, part: float(commission)}


def run_decisions(
    market: AnyMarket,
    decisions: AnyDecisions,
    rules: AnyRules,
    *,
    capital: float,
    start: int = 0,
    finer: FinerBars = NO_FINER,
) -> Outcome:
    """Simulate from bar `start` to the last bar.

    Parameters
    ----------
    market, decisions, rules
        See `btkit.engine.inputs` and `btkit.decisions`; for option spreads
        `btkit.engine.books.spread_records`.
    capital
        $ at the start.
    start
        The first bar at which orders are decided; bars before it are warm-up.
    finer
        What says what came first inside a bar; nothing but the bar without.
    """
    run = ChunkedRun(market, decisions, rules, capital=capital, start=start, finer=finer)
    return run.finish(chunk_bars=run.bars)


def _most_parts(decisions: AnyDecisions) -> int:
    sides = decisions[:2] if isinstance(decisions, BothSides) else (decisions,)
    return max(len(side.parts.fractions) for side in sides)


def rests(decisions: AnyDecisions) -> bool:
    """Return whether entries may wait for more than the next fill."""
    sides = decisions[:2] if isinstance(decisions, BothSides) else (decisions,)
    return any(side.levels is not None and side.levels.order >= 0 for side in sides)


class _Place(NamedTuple):
    next_bar: int
    state: State


class ChunkedRun:
    """A run that simulates some bars at a time.

    However it is cut, stopped, saved and taken up again, it gives what one piece gives, to the
    last bit.

    Parameters
    ----------
    market, decisions, rules, capital, start, finer
        See `run_decisions`.
    """

    def __init__(
        self,
        market: AnyMarket,
        decisions: AnyDecisions,
        rules: AnyRules,
        *,
        capital: float,
        start: int = 0,
        finer: FinerBars = NO_FINER,
    ) -> None:
        self.bars: int = market.close.shape[1]
        self.start = start
        self.capital = float(capital)
        self._inputs = market, decisions, rules
        self._finer = finer
        self._taken, width = loop_decisions(rules, decisions, finer), width_of(rules)
        self._trades = new_trades(self.bars, width, _most_parts(decisions))
        self._curve = new_curve(
            self.bars, at_close=rules.at_close, carried=market.carry.days.size > 0
        )
        lots = min(rules.max_positions, self.bars)
        orders = lots if rests(decisions) else 1
        self._place = _Place(start, new_state(self.capital, lots, width, orders))
        self._room = new_room()

    @property
    def inputs(self) -> tuple[AnyMarket, AnyDecisions, AnyRules]:
        """What the loop reads: prices, decisions, and the numbers of spec and account."""
        return self._inputs

    @property
    def next_bar(self) -> int:
        """The first bar that is not simulated yet; the number of bars once all are."""
        return self._place.next_bar

    def advance(self, bars: int) -> bool:
        """Simulate some more bars.

        An exception that arrives meanwhile, such as KeyboardInterrupt, leaves the run as it was
        before or as it is after them, never between.

        Parameters
        ----------
        bars
            How many, at most.

        Returns
        -------
        bool
            Whether there are more.
        """
        first, before = self._place
        last = min(first + bars, self.bars)
        state = before.copy()
        market, _, rules = self._inputs
        run_bars(
            first, last, market, *self._taken, rules, state, self._trades, self._curve, self._room
        )
        # After ruin the loop has filled the curve to its end and is not to be entered again.
        self._place = _Place(self.bars if state.counts[RUINED] else last, state)
        return self.next_bar < self.bars

    def snapshot(self, *, since: Snapshot | None = None) -> Snapshot:
        """Return where the run stands.

        Parameters
        ----------
        since
            An earlier snapshot of this run: trades and curve then begin where it ended.

        Returns
        -------
        Snapshot
            Its arrays are copies.
        """
        next_bar, state = self._place
        first_bar = self.start if since is None else since.next_bar
        first_trade = 0 if since is None else int(since.state.counts[TRADES])
        rows = slice(first_trade, int(state.counts[TRADES]))
        points = slice(first_bar, next_bar)
        return Snapshot(
            next_bar,
            state.copy(),
            self._trades.cut(rows),
            self._curve.cut(points),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot with all trades and the whole curve.

        Parameters
        ----------
        snapshot
            Of a run with the same `fingerprint`.

        Raises
        ------
        ValueError
            If its arrays do not have the sizes that it needs itself, or this run.
        """
        next_bar, state, trades, curve = snapshot
        own = self._place.state
        done = int(state.counts[TRADES]) if state.counts.shape == own.counts.shape else -1
        points = slice(self.start, next_bar)
        sound = (
            self.start <= next_bar <= self.bars
            and all(array.shape == mine.shape for array, mine in zip(state, own, strict=True))
            and 0 <= done <= len(self._trades.marks)
            and all(len(array) == done for array in trades)
            and all(
                array.shape == mine[points].shape
                for array, mine in zip(curve, self._curve, strict=True)
            )
        )
        if not sound:
            raise ValueError("the snapshot is of another run, or incomplete")
        for mine, array in zip(self._trades, trades, strict=True):
            mine[:done] = array
        for series, array in zip(self._curve, curve, strict=True):
            series[points] = array
        self._place = _Place(next_bar, state.copy())

    def finish(
        self, *, chunk_bars: int, after_chunk: Callable[[Self], None] | None = None
    ) -> Outcome:
        """Simulate what is left.

        Parameters
        ----------
        chunk_bars
            Bars between two calls of `after_chunk`.
        after_chunk
            Called between chunks, not after the last; what it raises stops the run.
        """
        more = self.next_bar < self.bars
        while more:
            more = self.advance(chunk_bars)
            if more and after_chunk is not None:
                after_chunk(self)
        state = self._place.state
        done = int(state.counts[TRADES])
        return Outcome(
            start=self.start,
            capital=self.capital,
            final_decision_cash=float(state.money[FINAL]),
            final_decision_equity=float(state.money[FINAL_EQUITY]),
            trades=self._trades.cut(slice(done)),
            curve=self._curve,
            skipped={
                reason.name.lower(): int(state.counts[SKIPPED + reason])
                for reason in Skip
                if state.counts[SKIPPED + reason]
            },
            unfilled=int(state.counts[UNFILLED]),
            ruined=bool(state.counts[RUINED]),
            last_decided=int(state.counts[LAST_DECIDED]),
        )

    def fingerprint(self, *, salt: str = "") -> str:
        """Return a hash of all that the bars to come depend on, but the snapshot.

        Parameters
        ----------
        salt
            What else must be the same, such as versions.

        Returns
        -------
        str
            SHA-256 in hexadecimal over prices, carry, decisions, rules, capital, start and the
            loop's own code.
        """
        market, decisions, rules = self._inputs
        digest = hashlib.sha256(f"{sources_hash()} {self.start} {self.capital!r}".encode())
        digest.update(f" {tuple(rules)!r} {salt}".encode())
        for value in _leaves((market, decisions, self._finer)):
            array = np.ascontiguousarray(value)
            digest.update(f" {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for part in value:
            yield from _leaves(part)
    elif value is not None:
        yield value


@dataclass(frozen=True)
class TradeValues:
    """Money made and costs paid by each trade in $, (n_trades,)."""

    pnl: Floats
    return_pct: Floats
    commission: Floats
    slippage_cost: Floats
    bars_held: Integers


def value_trades(trades: Trades, rules: Rules) -> TradeValues:
    """Work out each trade's profit and costs (SEMANTICS 3.9 to 3.13); see `value_lots`, too.

    Parameters
    ----------
    trades
        Closed lots of shares or contracts, and parts of lots.
    rules
        Multiplier.
    """
    shares = trades.quantity * rules.multiplier
    gain = trades.exit_price - trades.entry_price
    commission = trades.entry_commission + trades.exit_commission
    pnl = shares * (trades.side * gain) - trades.entry_commission - trades.exit_commission
    slippage = shares * np.abs(trades.entry_price - trades.entry_offered) + shares * np.abs(
        trades.exit_price - trades.exit_offered
    )
    return TradeValues(
        pnl=pnl,
        return_pct=pnl / (shares * trades.entry_price),
        commission=commission,
        slippage_cost=slippage,
        bars_held=trades.exit_bar - trades.entry_bar,
    )


@dataclass(frozen=True)
class LotValues:
    """Money made by each whole lot in $ and as a fraction, (n_lots,), in order of last exit."""

    pnl: Floats
    return_pct: Floats


def value_lots(trades: Trades, pnl: Floats, rules: Rules) -> LotValues:
    """Take the parts of each lot as one trade, at its last exit (SEMANTICS 3.12).

    Parameters
    ----------
    trades
        Closed lots of shares or contracts, and parts of lots.
    pnl
        Of each of them.
    rules
        Multiplier.
    """
    ends = trades.ends_lot
    whole = pnl[ends] + trades.made_before[ends]
    paid = trades.entered[ends] * rules.multiplier * trades.entry_price[ends]
    return LotValues(whole, whole / paid)


__all__ = [
    "ChunkedRun",
    "LotValues",
    "Outcome",
    "TradeValues",
    "commission_rules",
    "run_decisions",
    "value_lots",
    "value_trades",
]
