"""What the loop takes of a strategy's decisions: each thing by itself, and None for what is absent.

By their types alone the compiler knows what a kind of strategy never does, and leaves it out.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from btkit.decisions.records import BothSides, Decisions, FinerBars, Inside, Parts
from btkit.engine.books.choice import book_of
from btkit.engine.books.spread_records import OptionMarket, SpreadRules
from btkit.engine.inputs import Market, Rules
from btkit.engine.reading import Reading, reading_of, reads_any
from btkit.engine.state import Width

AnyMarket: TypeAlias = Market | OptionMarket
AnyRules: TypeAlias = Rules | SpreadRules
AnyDecisions: TypeAlias = Decisions | BothSides


class LoopDecisions(NamedTuple):
    """What `btkit.engine.loop.run_bars` takes, in its order.

    Parameters
    ----------
    decisions
        Of a strategy of one side.
    both
        Of one with lots of either side.
    parts
        How lots of one side leave in parts; None where they leave as a whole.
    levels
        Orders inside the bar. Those in `decisions` and in `both` are None, so that a run and a
        sweep are of one signature.
    reading
        What is run bar by bar; None where nothing is, nor any lot leaves in parts: most
        strategies, which are faster for it.
    """

    decisions: Decisions | None
    both: BothSides | None
    parts: Parts | None
    levels: Inside | None
    reading: Reading | None


def loop_decisions(rules: AnyRules, decisions: AnyDecisions, finer: FinerBars) -> LoopDecisions:
    """Return what the loop takes of some decisions.

    Parameters
    ----------
    rules, decisions, finer
        See `btkit.engine.runs.run_decisions`.
    """
    if isinstance(decisions, BothSides):
        long, short = decisions.long, decisions.short
    else:
        long = short = decisions
    levels = None
    if long.levels is not None and short.levels is not None:
        levels = Inside(long.levels, short.levels, finer)
        long, short = long._replace(levels=None), short._replace(levels=None)
    reading = reading_of(long)
    if isinstance(decisions, BothSides):
        either = (one or other for one, other in zip(reading, reading_of(short), strict=True))
        both = decisions._replace(long=long, short=short)
        return LoopDecisions(None, both, None, levels, Reading(*either))
    if isinstance(rules, SpreadRules):
        return LoopDecisions(long, None, None, None, reading)
    if not long.parts.fractions.size and not reads_any(reading):
        return LoopDecisions(long, None, None, levels, None)
    return LoopDecisions(long, None, long.parts, levels, reading)


def width_of(rules: AnyRules) -> Width:
    """Return how wide lots are.

    Parameters
    ----------
    rules
        Of shares or of option spreads.
    """
    book = book_of(rules)
    return Width(book.columns, book.mark_columns)


__all__ = ["AnyDecisions", "AnyMarket", "AnyRules", "LoopDecisions", "loop_decisions", "width_of"]
