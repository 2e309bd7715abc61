"""What the loop asks of the things that a strategy holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Compiled = Callable[..., Any]


class Book(NamedTuple):
    """One kind of position: compiled functions, which the compiler puts in the loop's place.

    Each takes what it needs of the loop's own ``rules, market, state, ...``. The loop that is
    compiled for a book has no trace of another one.

    Parameters
    ----------
    columns, mark_columns
        How wide a lot is in `State.lots` and `State.marks`.
    skip_quiet
        ``(decisions, rules, market, state, curve, bar, end)``: mark bars at which nothing can
        happen, and return the first that is left.
    side_of
        ``(rules)``: which way an entry goes.
    size
        ``(rules, counts, wanted, tag)``: how much to order, 0 after counting why nothing.
    enter
        ``(rules, market, state, order, lot, bar, kind)``: write a new lot; return the `Skip` that
        keeps it from being one, or -1.
    leave
        ``(rules, market, state, lot, bar, kind)``: return exit price, commission, and what cash
        gains in $.
    expire
        ``(rules, market, state, bar)``: give lots that end at this close a reason; return whether
        any has one.
    mark
        ``(rules, market, state, bar)``: note in the lots what a close says of them.
    worth
        ``(market, state, bar)``: the account in $ at a close that was marked.
    free
        ``(state)``: cash in $ that no lot holds back.
    describe
        ``(rules, market, state, lot, bar, position)``: what the position's names say of a lot, or
        of none where none is open.
    judge
        ``(rules, state, lot)``: the reason that the book itself has to close a lot, or 0.
    """

    columns: int
    mark_columns: int
    skip_quiet: Compiled
    side_of: Compiled
    size: Compiled
    enter: Compiled
    leave: Compiled
    expire: Compiled
    mark: Compiled
    worth: Compiled
    free: Compiled
    describe: Compiled
    judge: Compiled
