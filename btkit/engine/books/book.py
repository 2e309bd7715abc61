"""What the loop asks of the things that a strategy holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Compiled = Callable[..., Any]


class Book(NamedTuple):
    """One kind of position: compiled functions, which the compiler puts in the loop's place.

    Arrays come one by one, not in their tuples, since handing those on costs even what is put in
    place: ``closes`` is the market's, ``money, counts, lots, marks, orders`` are the state's.

    Parameters
    ----------
    columns, mark_columns
        How wide a lot is in `State.lots` and `State.marks`.
    pay
        ``(market, rules, state, bar, paid)``: pay what is due for holding, and note it in
        `Curve.carry`.
    skip_quiet
        ``(entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, marks, equity,
        bar, end)``: mark bars at which nothing can happen, and return the first that is left.
    side_of
        ``(rules)``: which way an entry goes.
    size
        ``(rules, counts, wanted, tag)``: how much to order, 0 after counting why nothing.
    enter
        ``(rules, market, money, counts, lots, marks, orders, order, lot, bar, kind)``: write a new
        lot; return the `Skip` that keeps it from being one, or -1.
    leave
        ``(rules, market, lots, marks, lot, bar, kind)``: return exit price, commission, and what
        cash gains in $.
    expire
        ``(market, counts, marks, bar)``: give lots that end at this close a reason; return
        whether any has one.
    mark
        ``(rules, market, counts, lots, marks, bar)``: note in the lots what a close says of them.
    worth
        ``(rules, closes, money, counts, lots, marks, bar)``: the account in $ at a close that was
        marked.
    free
        ``(rules, closes, money, counts, lots, marks, bar)``: cash in $ that no lot holds back.
    called
        ``(rules, closes, money, counts, lots, marks, bar)``: whether the account does not cover
        what its lots hold, so that all of them have to leave.
    describe
        ``(rules, closes, money, counts, lots, marks, lot, bar, position)``: what the position's
        names say of a lot, or of none where none is open.
    profit
        ``(rules, lots, marks, trade)``: what a closed lot made in $, and its return.
    judge
        ``(rules, lots, lot)``: the reason that the book itself has to close a lot, or 0.
    """

    columns: int
    mark_columns: int
    pay: Compiled
    skip_quiet: Compiled
    side_of: Compiled
    size: Compiled
    enter: Compiled
    leave: Compiled
    expire: Compiled
    mark: Compiled
    worth: Compiled
    free: Compiled
    called: Compiled
    describe: Compiled
    profit: Compiled
    judge: Compiled
