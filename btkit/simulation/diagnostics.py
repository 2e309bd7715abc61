"""Why things happened, or did not: counts by condition, and an account of a run without trades."""

from __future__ import annotations

import ast

import numpy as np
from pydantic import BaseModel, ConfigDict

from btkit.conditions.nodes import Position
from btkit.decisions import Clause
from btkit.engine.inputs import LOT_NAMES, Integers
from btkit.simulation.explaining import Explainer, explain_orders
from btkit.simulation.never_fired import tell_never_fired
from btkit.simulation.simulated import Simulated
from btkit.simulation.views import Views, views_of


class ConditionCount(BaseModel):
    """At how many of the bars at which orders were decided one condition held, and raised.

    Entry and filter conditions that read the position see the oldest open trade, exit and stop
    conditions and those of part exits each open trade in turn, one whose part has left among them:
    such a condition held at a bar if it did for any of them. When flat they see zeros, and None for
    a lot's prices, of which exits, stops and part exits are then not asked. Where a strategy takes
    both sides, these see the trades of theirs alone, and `capital` is what is in cash, also for an
    entry that would follow at once on a trade of the other side.
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
        For a run with trades: sentences that say which exit or stop conditions, and which part
        exits, never came into play, and how near they came.
    detail_mismatch
        Bars whose finer bars are missing or do not make them up, so that they were judged alone.
    """

    model_config = ConfigDict(frozen=True)

    conditions: list[ConditionCount]
    condition_errors: dict[str, int]
    decided_bars: int
    skipped_entries: dict[str, int]
    unfilled_orders: int
    explanation: list[str]
    never_fired: list[str]
    detail_mismatch: int = 0


def diagnose(run: Simulated, *, at_once: int | None = None) -> Diagnostics:
    """Judge every condition again at each deciding bar, with what the account was then.

    Parameters
    ----------
    run
        Of any kind of spec.
    at_once
        How many trades of how many bars are judged at once, which takes memory and changes
        nothing; None for a million, or as many as there are bars.
    """
    outcome, positions, index = run.outcome, run.positions, run.all_bars.index
    traded = len(positions.closed.reason) > 0
    # Without trades there is a row a bar, which the explanation looks at all together.
    oldest, every = views_of(run, at_once=at_once if traded else None)
    explanation: list[str] = []
    never_fired: list[str] = []
    sides = list(zip(run.clauses.sides, every, strict=True))
    with np.errstate(all="ignore"):
        judging = {
            clause.list_name: views
            for side, views in sides
            for clause in (*side.exit, *side.stop, *side.parts)
        }
        counts = [
            _count(
                judging.get(clause.list_name, oldest),
                clause,
                held_only=clause.list_name in judging and _reads_a_lot(clause),
            )
            for clause in run.clauses.conditions()
        ]
        if not traded:
            (view,) = oldest
            explanation = explain_orders(outcome.skipped, outcome.unfilled) or [
                sentence
                for side in run.clauses.sides
                for sentence in Explainer(view, index).explain(side)
            ]
            explanation += [found.told(outcome.start) for found in run.classified]
        for side, views in sides:
            never_fired += tell_never_fired(views, side, index)
    return Diagnostics(
        conditions=counts,
        condition_errors={
            clause.path: count.raised
            for clause, count in zip(run.clauses.conditions(), counts, strict=True)
            if count.raised
        },
        decided_bars=max(outcome.last_decided + 1 - outcome.start, 0),
        skipped_entries=outcome.skipped,
        unfilled_orders=outcome.unfilled,
        explanation=explanation,
        never_fired=never_fired,
        detail_mismatch=run.detail_mismatch,
    )


def _reads_a_lot(clause: Clause) -> bool:
    # As it is written: a tree lacks what folded to a constant, such as ``len((entry_price, 0))``.
    written = ast.walk(ast.parse(f"({clause.text}\n)", mode="eval"))
    return not {node.id for node in written if isinstance(node, ast.Name)}.isdisjoint(LOT_NAMES)


def _count(views: Views, clause: Clause, *, held_only: bool) -> ConditionCount:
    held = raised = 0
    for view in views:
        asked = view.met(Position("in_position")) if held_only else np.True_
        raised += _distinct(view.rows[view.spread(view.evaluate(clause.tree).failed) & asked])
        held += _distinct(view.rows[view.met(clause.tree) & asked])
    views.forget()
    return ConditionCount(
        list=clause.list_name, index=clause.index, text=clause.text, held=held, raised=raised
    )


def _distinct(bars: Integers) -> int:
    # Of bars in order, which need no sorting and no copy.
    return int(np.count_nonzero(bars[1:] != bars[:-1])) + (len(bars) > 0)
