"""Run the loop of spreads over all bars and cut what it wrote to size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from btkit.decisions import Decisions
from btkit.engine import Curve
from btkit.engine.books.spread_records import (
    CLOSED,
    ENTRY_BAR,
    EXIT_BAR,
    LAST_DECIDED,
    RUINED,
    SKIPPED,
    UNFILLED,
    OptionMarket,
    SpreadCurve,
    SpreadRows,
    SpreadRules,
    SpreadSkip,
    SpreadState,
    new_spread_curve,
    new_spread_rows,
    new_spread_state,
)
from btkit.engine.inputs import Floats, Integers
from btkit.engine.spread_loop import run_spreads


@dataclass(frozen=True)
class SpreadOutcome:
    """What a run did.

    Parameters
    ----------
    start, capital, skipped, unfilled, ruined, last_decided
        As in `btkit.engine.Outcome`.
    rows, marks
        Closed spreads in order of exit, the oldest first on one bar: float64
        (n_spreads, VALUE_COLUMNS) and int64 (n_spreads, MARK_COLUMNS).
    curve
        Equity and free cash in $ from bar 0 on; meaningless before `start`.
    decision_cash
        Free cash in $ when each bar's orders were decided.
    """

    start: int
    capital: float
    rows: Floats
    marks: Integers
    curve: Curve
    decision_cash: Floats
    skipped: dict[str, int]
    unfilled: int
    ruined: bool
    last_decided: int


def run_options(
    market: OptionMarket,
    decisions: Decisions,
    rules: SpreadRules,
    *,
    capital: float,
    start: int = 0,
) -> SpreadOutcome:
    """Simulate from bar `start` to the last bar.

    Parameters
    ----------
    market, rules
        See `btkit.engine.books.spread_records`.
    decisions
        When to act, as `btkit.decisions.plan_decisions` gives it.
    capital
        $ at the start.
    start
        The first bar at which orders are decided; bars before it are warm-up.
    """
    bars = market.close.size
    state = new_spread_state(float(capital), min(rules.max_positions, bars))
    closed, curve = new_spread_rows(bars), new_spread_curve(bars)
    run_spreads(start, bars, market, decisions, rules, state, closed, curve)
    return gather_spreads(state, closed, curve, capital=float(capital), start=start)


def gather_spreads(
    state: SpreadState, closed: SpreadRows, curve: SpreadCurve, *, capital: float, start: int
) -> SpreadOutcome:
    """Cut what the loop wrote to size, once it has come to the last bar.

    Parameters
    ----------
    state, closed, curve
        As the loop left them.
    capital
        $ at the start.
    start
        The first bar at which orders were decided.
    """
    done = int(state.counts[CLOSED])
    order = np.lexsort((closed.marks[:done, ENTRY_BAR], closed.marks[:done, EXIT_BAR]))
    return SpreadOutcome(
        start=start,
        capital=capital,
        rows=closed.rows[:done][order],
        marks=closed.marks[:done][order],
        curve=curve.account(),
        decision_cash=curve.decision_cash,
        skipped={
            reason.name.lower(): int(state.counts[SKIPPED + reason])
            for reason in SpreadSkip
            if state.counts[SKIPPED + reason]
        },
        unfilled=int(state.counts[UNFILLED]),
        ruined=bool(state.counts[RUINED]),
        last_decided=int(state.counts[LAST_DECIDED]),
    )
