"""Part exits: which lots leave in parts, and what becomes of the rest (SEMANTICS 3.12).

Where the rules leave a choice, this is what is done:

- An entry whose share comes to less than one sells nothing at any bar, since it is a share of what
  was entered; whether it counts as made makes no difference. Fractions of a share have no least
  size, but what rounding leaves of fractions that add up to one goes with the last of them.
- Where several entries hold at one bar, each is an order of its own, in the order of the spec.
- Filters whose scope is all gate part exits as they do the exit list.
- A lot all of which leaves in parts has its exit decided, for a reversal (3.11), too.
"""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled_inline, compiled_lean
from btkit.engine.orders import Reason
from btkit.engine.reading import met_by
from btkit.engine.state import (
    LOT_COMMISSION,
    LOT_ENTERED,
    LOT_MADE,
    LOT_PARTS_DUE,
    LOT_PARTS_MADE,
    LOT_QUANTITY,
    LOT_REASON,
    LOT_STAYS,
    LOTS,
)

_SCALE_OUT = int(Reason.SCALE_OUT)
# A share of what was entered that is no rest, but what rounding left of fractions.
_LEFT_OVER = 1e-9


@compiled_inline
def _part_of(rules, fraction, entered, left):
    """Return how much of a lot leaves by one entry; 0 for nothing."""
    wanted = fraction * entered
    if rules.fractional:
        return left if left - wanted <= _LEFT_OVER * entered else wanted
    wanted = min(np.floor(wanted), left)
    return wanted if wanted >= 1.0 else 0.0


@compiled_inline
def _left_of(rules, parts, lots, marks, lot):
    """Return what the parts that are due leave of a lot."""
    left, due = lots[lot, LOT_QUANTITY], marks[lot, LOT_PARTS_DUE]
    for part in range(parts.fractions.size):
        if due >> part & 1:
            left -= _part_of(rules, parts.fractions[part], lots[lot, LOT_ENTERED], left)
    return left


@compiled_inline
def leaves_whole(rules, parts, lots, marks, lot):
    """Return whether nothing of a lot will be left once what was decided has filled."""
    if marks[lot, LOT_REASON] != 0:
        return True
    return marks[lot, LOT_PARTS_DUE] != 0 and _left_of(rules, parts, lots, marks, lot) <= 0.0


@compiled_lean
def judge_parts(book, rules, closes, money, counts, lots, marks, decisions, in_scope, bar, room):
    """Decide which parts leave of lots that have no reason to leave; return whether any does."""
    parts, leaving = decisions.parts, False
    if not in_scope:
        return False
    for lot in range(counts[LOTS]):
        if marks[lot, LOT_REASON] != 0:
            continue
        described, left = False, lots[lot, LOT_QUANTITY]
        for part in range(parts.fractions.size):
            if marks[lot, LOT_PARTS_MADE] >> part & 1 or not parts.gates[part, bar]:
                continue
            first, last = parts.programs[part, 0], parts.programs[part, 1]
            if first < last:
                if not described:
                    described = True
                    book.describe(
                        rules, closes, money, counts, lots, marks, lot, bar, room.position
                    )
                if not met_by(decisions, first, last, bar, room):
                    continue
            size = _part_of(rules, parts.fractions[part], lots[lot, LOT_ENTERED], left)
            if size > 0.0:
                marks[lot, LOT_PARTS_DUE] |= 1 << part
                left -= size
                leaving = True
    return leaving


@compiled_inline
def cut_part(rules, parts, lots, marks, lot, part):
    """Make a lot its part that leaves now; return shares and commission of the rest.

    Of part and rest the larger one's share of the commission is worked out, and the other is what
    remains: the difference of a number and one between its half and itself is exact, so that the
    shares of it add up to it.
    """
    whole, paid = lots[lot, LOT_QUANTITY], lots[lot, LOT_COMMISSION]
    size = _part_of(rules, parts.fractions[part], lots[lot, LOT_ENTERED], whole)
    rest = whole - size
    if rest > size:
        kept = paid * max(rest / whole, 0.5)
        borne = paid - kept
    else:
        borne = paid * max(size / whole, 0.5)
        kept = paid - borne
    lots[lot, LOT_QUANTITY], lots[lot, LOT_COMMISSION] = size, borne
    marks[lot, LOT_REASON], marks[lot, LOT_STAYS] = _SCALE_OUT, rest > 0.0
    return rest, kept


@compiled_inline
def keep_rest(lots, marks, lot, rest, kept, made):
    """Make a lot what a part that has made so many $ left of it."""
    lots[lot, LOT_QUANTITY], lots[lot, LOT_COMMISSION] = rest, kept
    lots[lot, LOT_MADE] += made
    marks[lot, LOT_REASON] = marks[lot, LOT_STAYS] = 0


@compiled_inline
def drop_due(marks, lot):
    """Let parts of a lot that were decided lapse; return how many."""
    dropped = 0
    while marks[lot, LOT_PARTS_DUE] != 0:
        marks[lot, LOT_PARTS_DUE] &= marks[lot, LOT_PARTS_DUE] - 1
        dropped += 1
    return dropped
