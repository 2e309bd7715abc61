"""Why things happened, or did not: counts by condition, and an account of a run without trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from btkit.conditions.columns import ColumnEvaluator, Value
from btkit.conditions.nodes import Node
from btkit.engine import Clause, Clauses, Outcome, Reason
from btkit.indicators import FeatureSet, is_truth_value
from btkit.simulation.inert import tell_inert
from btkit.simulation.nearest import tell_nearest
from btkit.spec import StrategySpec

# Lists whose conditions are judged for each open lot.
_BY_LOT = ("exit_conditions", "stop_conditions")


class ConditionCount(BaseModel):
    """At how many of the bars at which orders were decided one condition held, and raised.

    Entry and filter conditions that read the position see the oldest open lot, exit and stop
    conditions each open lot in turn: such a condition held at a bar if it did for any lot. When
    flat they see zeros.
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


def diagnose(
    clauses: Clauses,
    features: FeatureSet,
    outcome: Outcome,
    bars: pd.DataFrame,
    spec: StrategySpec,
) -> Diagnostics:
    """Judge every condition again at each deciding bar, with what the account was then."""
    account = _Account(features, outcome, bars, spec)
    oldest = account.oldest_lots()
    every = account.every_lot() if spec.max_concurrent_positions > 1 else oldest
    with np.errstate(all="ignore"):
        counts = [
            (every if clause.list_name in _BY_LOT else oldest).count(clause)
            for clause in clauses.conditions()
        ]
        explanation = (
            [] if len(outcome.trades.reason) else Explainer(oldest, bars.index).explain(clauses)
        )
        never_fired = tell_inert(every, clauses, bars.index)
    if not len(outcome.trades.reason):
        explanation = explain_orders(outcome.skipped, outcome.unfilled, _SKIPPED) or explanation
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


class View:
    """Evaluates any condition at chosen bars, each with what was known of one lot, or flat.

    Parameters
    ----------
    features
        The columns of all bars.
    at
        The chosen bars; one may stand several times, for several lots.
    position
        The position's names at those bars.
    """

    def __init__(
        self,
        features: FeatureSet,
        at: NDArray[np.int64],
        position: Mapping[str, NDArray[np.float64]],
    ) -> None:
        self.rows = at
        self._features = features
        self._position = position
        self._evaluator = ColumnEvaluator(self._column, is_truth_value)

    def met(self, tree: Node) -> NDArray[np.bool_]:
        """Return at which of the bars a condition is met."""
        return self.spread(self.evaluate(tree).met())

    def evaluate(self, tree: Node) -> Value:
        """Return a tree's value at each of the bars."""
        return self._evaluator.evaluate(tree)

    def spread(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Return a mask, None or 0-dimensional ones among them, as one of all the bars."""
        return np.broadcast_to(np.False_ if mask is None else mask, len(self.rows))

    def count(self, clause: Clause) -> ConditionCount:
        """Count the bars at which a condition held, and at which it raised."""
        raised = self.spread(self.evaluate(clause.tree).failed)
        return ConditionCount(
            list=clause.list_name,
            index=clause.index,
            text=clause.text,
            held=len(np.unique(self.rows[self.met(clause.tree)])),
            raised=len(np.unique(self.rows[raised])),
        )

    def _column(self, name: str) -> NDArray[np.float64]:
        known = self._position.get(name)
        return self._features.column(name)[self.rows] if known is None else known


class _Account:
    """What conditions could know of the account at each deciding bar."""

    def __init__(
        self, features: FeatureSet, outcome: Outcome, bars: pd.DataFrame, spec: StrategySpec
    ) -> None:
        self._features = features
        self._trades = outcome.trades
        self._close = bars["close"].to_numpy()
        self._short = spec.direction == "short"
        at_close = spec.fill == "close"
        self._cash = _decision_cash(outcome, at_close=at_close)
        self._bars = np.arange(outcome.start, outcome.last_decided + 1)
        # A lot that fills or leaves at a close is decided upon from the next bar, or until then.
        self._first = outcome.trades.entry_bar + at_close
        stays = at_close | (outcome.trades.reason >= Reason.END_OF_DATA)
        self._last = outcome.trades.exit_bar + stays
        # One entry a bar at the most, so entry bars tell lots apart.
        self._order = np.argsort(outcome.trades.entry_bar)

    def oldest_lots(self) -> View:
        oldest = np.full(len(self._close), -1, np.int64)
        for trade in self._order[::-1]:
            oldest[self._first[trade] : self._last[trade]] = trade
        return self._view(self._bars, oldest[self._bars])

    def every_lot(self) -> View:
        end = self._bars[-1] + 1 if len(self._bars) else 0
        spans = [
            np.arange(self._first[trade], min(self._last[trade], end)) for trade in self._order
        ]
        held = np.concatenate([np.empty(0, np.int64), *spans])
        lots = np.repeat(self._order, [len(span) for span in spans])
        flat = np.setdiff1d(self._bars, held)
        nobody = np.full(len(flat), -1)
        return self._view(np.concatenate([held, flat]), np.concatenate([lots, nobody]))

    def _view(self, at: NDArray[np.int64], lots: NDArray[np.int64]) -> View:
        held = lots >= 0
        entry_bar = np.append(self._trades.entry_bar, 0)[lots]
        ratio = self._close[at] / np.append(self._trades.entry_price, np.nan)[lots]
        gain = np.where(held, 1.0 - ratio if self._short else ratio - 1.0, 0.0)
        bars_held = np.where(held, at - entry_bar, 0).astype(np.float64)
        return View(
            self._features,
            at,
            {
                "in_position": held.astype(np.float64),
                "capital": self._cash[at],
                "bars_held": bars_held,
                "days_held": bars_held,
                "position_pnl_pct": gain,
            },
        )


def _decision_cash(outcome: Outcome, *, at_close: bool) -> NDArray[np.float64]:
    """Return cash when each bar's orders are decided, before its fills at the close."""
    cash = outcome.curve.cash.copy()
    if at_close:
        cash[1:] = outcome.curve.cash[:-1]
        cash[outcome.start] = outcome.capital
    elif outcome.last_decided == len(cash) - 1:
        # The curve's last point comes after all lots were closed.
        cash[-1] = outcome.final_decision_cash
    return cash


def explain_orders(
    skipped: Mapping[str, int], unfilled: int, reasons: Mapping[str, str]
) -> list[str]:
    """Return sentences that say what became of entries that were decided.

    Parameters
    ----------
    skipped
        Entries not made, by reason.
    unfilled
        Orders that the end of the data left unfilled.
    reasons
        Each reason in words.
    """
    said = [
        f"{count:,} {'entry was' if count == 1 else 'entries were'} decided but not made: "
        f"{reasons[reason]}."
        for reason, count in skipped.items()
    ]
    if unfilled:
        said.append("An entry was decided at the last bar, where no later bar can fill it.")
    return said


_SKIPPED = {
    "size_missing": "the sizing formula gave no number there",
    "size_not_positive": "the sizing formula gave zero or less",
    "size_below_one_share": "the sizing formula gave less than one share; a larger capital or "
    "per_trade_risk_pct, or allow_fractional, would let them through",
    "insufficient_cash": "the cash did not pay for one share",
}


def _together(masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.asarray(np.logical_and.reduce(list(masks)))


class Explainer:
    """Finds the condition, or the smallest group, that kept every bar from an entry."""

    def __init__(self, view: View, index: pd.Index[Any]) -> None:
        self._view = view
        self._index = index

    def explain(self, clauses: Clauses) -> list[str]:
        """Return sentences that say which conditions kept every bar from an entry."""
        gates = [*clauses.entry, *clauses.filters]
        met = {clause.path: self._view.met(clause.tree) for clause in gates}
        never = [clause for clause in gates if not met[clause.path].any()]
        if never:
            everywhere = np.ones(len(self._view.rows), np.bool_)
            return [
                f"{clause.path} '{clause.text}' never held{self._near(clause, everywhere)}."
                for clause in never
            ]
        if _together(met.values()).any():
            return []
        for size in (2, 3):
            groups = [
                group
                for group in combinations(gates, size)
                if not _together(met[clause.path] for clause in group).any()
            ]
            if groups:
                return [self._together(group, met) for group in groups[:3]]
        return [self._together(tuple(self._smallest(gates, met)), met)]

    def _smallest(self, gates: list[Clause], met: dict[str, NDArray[np.bool_]]) -> list[Clause]:
        # Trying all groups takes twice as long with each condition; leaving out what is not
        # needed finds one that cannot be made smaller.
        group = gates
        for clause in gates:
            rest = [other for other in group if other is not clause]
            if not _together(met[other.path] for other in rest).any():
                group = rest
        return group

    def _together(self, group: tuple[Clause, ...], met: dict[str, NDArray[np.bool_]]) -> str:
        named = " and ".join(f"{clause.path} '{clause.text}'" for clause in group)
        held = ", ".join(str(int(met[clause.path].sum())) for clause in group)
        best = ""
        for clause in group:
            others = _together(met[other.path] for other in group if other is not clause)
            best = best or self._near(clause, others)
        return f"{named} never held on the same bar (alone on {held} bars){best}."

    def _near(self, clause: Clause, among: NDArray[np.bool_]) -> str:
        return tell_nearest(self._view, clause.tree, among, self._index)
