"""Why things happened, or did not: counts by condition, and an account of a run without trades."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from btkit.decisions import Clause
from btkit.engine.inputs import Integers
from btkit.engine.orders import Side
from btkit.simulation.evaluator import Evaluator
from btkit.simulation.explaining import Explainer, explain_orders
from btkit.simulation.never_fired import tell_never_fired
from btkit.simulation.simulated import Simulated


class ConditionCount(BaseModel):
    """At how many of the bars at which orders were decided one condition held, and raised.

    Entry and filter conditions that read the position see the oldest open trade, exit and stop
    conditions each open trade in turn: such a condition held at a bar if it did for any of them.
    When flat they see zeros. Where a strategy takes both sides, exit and stop conditions see the
    trades of theirs alone, and `capital` is what is in cash, also for an entry that would follow
    at once on a trade of the other side.
    """

    model_config = ConfigDict(frozen=True)

    list: str
    index: int
    text: str
    held: int
    raised: int


class Diagnostics(BaseModel):
    """What happened to conditions and orders.

    Parameters
    ----------
    conditions
        One entry for each condition, in the order of the spec.
    condition_errors
        Bars at which a condition raised, by path; those where none did are left out.
    decided_bars
        Bars at which orders were decided.
    skipped_entries
        Entries not made, by reason.
    unfilled_orders
        Orders that the end of the data left unfilled.
    explanation
        For a run without trades: sentences that say why. Empty otherwise.
    never_fired
        For a run with trades: sentences that say which exit or stop conditions never came into
        play, and how near they came.
    """

    model_config = ConfigDict(frozen=True)

    conditions: list[ConditionCount]
    condition_errors: dict[str, int]
    decided_bars: int
    skipped_entries: dict[str, int]
    unfilled_orders: int
    explanation: list[str]
    never_fired: list[str]


def diagnose(run: Simulated) -> Diagnostics:
    """Judge every condition again at each deciding bar, with what the account was then.

    Parameters
    ----------
    run
        Of any kind of spec.
    """
    outcome, positions, index = run.outcome, run.positions, run.all_bars.index
    oldest, every = _evaluators(run)
    explanation: list[str] = []
    never_fired: list[str] = []
    sides = list(zip(run.clauses.sides, every, strict=True))
    with np.errstate(all="ignore"):
        judging = {
            clause.list_name: view for side, view in sides for clause in (*side.exit, *side.stop)
        }
        counts = [
            _count(judging.get(clause.list_name, oldest), clause)
            for clause in run.clauses.conditions()
        ]
        if not len(positions.closed.reason):
            explanation = explain_orders(outcome.skipped, outcome.unfilled) or [
                sentence
                for side in run.clauses.sides
                for sentence in Explainer(oldest, index).explain(side)
            ]
            explanation += [found.told(outcome.start) for found in run.classified]
        for side, view in sides:
            never_fired += tell_never_fired(view, side, index)
    return Diagnostics(
        conditions=counts,
        condition_errors={
            f"{count.list}[{count.index}]": count.raised for count in counts if count.raised
        },
        decided_bars=max(outcome.last_decided + 1 - outcome.start, 0),
        skipped_entries=outcome.skipped,
        unfilled_orders=outcome.unfilled,
        explanation=explanation,
        never_fired=never_fired,
    )


def _count(evaluator: Evaluator, clause: Clause) -> ConditionCount:
    raised = evaluator.spread(evaluator.evaluate(clause.tree).failed)
    met = evaluator.met(clause.tree)
    evaluator.forget()
    return ConditionCount(
        list=clause.list_name,
        index=clause.index,
        text=clause.text,
        held=_distinct(evaluator.rows[met]),
        raised=_distinct(evaluator.rows[raised]),
    )


def _distinct(bars: Integers) -> int:
    # Of bars in order, which need no sorting and no copy.
    return int(np.count_nonzero(bars[1:] != bars[:-1])) + (len(bars) > 0)


def _evaluators(run: Simulated) -> tuple[Evaluator, list[Evaluator]]:
    """Return what sees the oldest open trade at each deciding bar, and what sees every one.

    The latter for each side of a strategy by itself, to which a trade of the other side is none.
    """
    positions, outcome = run.positions, run.outcome
    end = outcome.last_decided + 1
    first, last = positions.decided_upon()
    # One entry a bar at the most, so entry bars tell trades apart.
    order = np.argsort(positions.closed.entry_bar)
    count = np.maximum(np.minimum(last, end) - first, 0)[order]
    held = np.repeat(order, count)
    at = np.arange(len(held)) - np.repeat(np.cumsum(count) - count, count) + first[held]
    # In order of bars, so that what came nearest is reported with its first date.
    held = held[np.argsort(at, kind="stable")]
    # A bar without a trade has a row, too.
    open_at = np.bincount(at - outcome.start, minlength=max(end - outcome.start, 0))
    bars = outcome.start + np.repeat(np.arange(len(open_at)), np.maximum(open_at, 1))
    # A long run has millions of them.
    del at
    trades = np.full(len(bars), -1)
    trades[open_at[bars - outcome.start] > 0] = held
    is_oldest = np.diff(bars, prepend=-1) != 0

    def judging(bars: Integers, trades: Integers) -> Evaluator:
        return Evaluator(run.feature_set, bars, positions.known(bars, trades))

    if run.clauses.short is None:
        every = [judging(bars, trades)]
        if is_oldest.all():
            return every[0], every
    else:
        # No trade, -1, is of no side.
        of = np.append(outcome.trades.side, 0)[trades]
        every = [judging(bars, np.where(of == side, trades, -1)) for side in (Side.BUY, Side.SELL)]
    return judging(bars[is_oldest], trades[is_oldest]), every
