"""Why spreads were sold, or were not: counts by condition, and an account of a run without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from btkit.engine.books.spread_lives import Lives, follow
from btkit.engine.books.spread_records import (
    CREDIT,
    ENTRY_BAR,
    EXIT_BAR,
    MAX_LOSS,
    OPTION_POSITION_NAMES,
    REASON,
    SHARES_PER_CONTRACT,
    SpreadReason,
)
from btkit.simulation.diagnostics import (
    ConditionCount,
    Diagnostics,
    Explainer,
    View,
    explain_orders,
)
from btkit.simulation.inert import tell_inert

if TYPE_CHECKING:
    from btkit.simulation.options import OptionsResult

_BY_SPREAD = ("exit_conditions", "stop_conditions")
SKIPPED = {
    "no_volatility": "iv_atm was missing, or not above zero with the skew added, when the "
    "order filled",
    "no_time_to_expiry": "the last session before the day that target_dte leads to was the day of "
    "the fill itself",
    "no_strike": "no strike has the delta asked for, or strike_step rounded it to zero",
    "strikes_coincide": "the two strikes of a side fell together after rounding to strike_step",
    "strikes_cross": "the put that was to be sold lay above the call that was to be sold",
    "no_credit": "the spread would have brought no credit after slippage",
    "credit_above_width": "the credit reached the width of the spread, which no market pays",
    "size_below_one_contract": "the max loss of one contract was more than the risk allowed; a "
    "larger capital or per_trade_risk_pct, or a narrower spread, would let them through",
}
"""Why a spread that was decided was not sold, in words."""


def diagnose_spreads(result: OptionsResult) -> Diagnostics:
    """Judge every condition again at each deciding bar, with what the account was then."""
    outcome, clauses = result.outcome, result.clauses
    account = _Account(result)
    oldest = account.oldest()
    every = account.every() if result.spec.max_concurrent_positions > 1 else oldest
    traded = len(outcome.rows) > 0
    with np.errstate(all="ignore"):
        counts: list[ConditionCount] = [
            (every if clause.list_name in _BY_SPREAD else oldest).count(clause)
            for clause in clauses.conditions()
        ]
        explanation = [] if traded else Explainer(oldest, result.all_bars.index).explain(clauses)
        never_fired = tell_inert(every, clauses, result.all_bars.index)
    if not traded:
        explanation = explain_orders(outcome.skipped, outcome.unfilled, SKIPPED) or explanation
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


class _Account:
    """What conditions could know of the account at each deciding bar."""

    def __init__(self, result: OptionsResult) -> None:
        self._result = result
        outcome, marks = result.outcome, result.outcome.marks
        self._bars = np.arange(outcome.start, outcome.last_decided + 1)
        lives: Lives = follow(result.market, result.rules, outcome.rows, marks)
        settled = marks[lives.spread, REASON] == SpreadReason.EXPIRATION
        # A spread that fills at a close is decided upon from the next bar, a settled one no more.
        seen = lives.bar >= marks[lives.spread, ENTRY_BAR] + result.rules.at_close
        seen &= ~(settled & (lives.bar == marks[lives.spread, EXIT_BAR]))
        seen &= lives.bar <= outcome.last_decided
        self._lives = _chosen(lives, seen)

    def oldest(self) -> View:
        bars, spreads = self._lives.bar, self._lives.spread
        # By bar, and among the spreads of one bar by age: the first of each bar is the oldest.
        order = np.lexsort((self._result.outcome.marks[spreads, ENTRY_BAR], bars))
        _, first = np.unique(bars[order], return_index=True)
        return self._view(order[first])

    def every(self) -> View:
        return self._view(np.arange(len(self._lives.bar)))

    def _view(self, rows: NDArray[np.int64]) -> View:
        held = _chosen(self._lives, rows)
        flat = np.setdiff1d(self._bars, held.bar)
        values, marks = self._result.outcome.rows, self._result.outcome.marks
        credit = values[held.spread, CREDIT]
        kept = credit - held.to_close
        nothing = np.zeros(len(flat))
        delta = np.full(len(flat), self._result.rules.short_delta)
        slots = (
            np.ones(len(rows)),
            self._result.outcome.decision_cash[held.bar],
            (held.bar - marks[held.spread, ENTRY_BAR]).astype(np.float64),
            kept * SHARES_PER_CONTRACT / values[held.spread, MAX_LOSS],
            kept / credit,
            held.short_delta,
        )
        free = self._result.outcome.decision_cash[flat]
        when_flat = (nothing, free, nothing, nothing, nothing, delta)
        columns = [np.concatenate(pair) for pair in zip(slots, when_flat, strict=True)]
        at = np.concatenate([held.bar, flat])
        # In order of bars, so that what came nearest is told with its first date.
        order = np.argsort(at, kind="stable")
        return View(
            self._result.feature_set,
            at[order],
            {name: columns[slot][order] for name, slot in OPTION_POSITION_NAMES.items()},
        )


def _chosen(lives: Lives, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Lives:
    return Lives(
        lives.spread[rows],
        lives.bar[rows],
        lives.mid[rows],
        lives.to_close[rows],
        lives.short_delta[rows],
    )
