"""`backtest indicators`."""

from __future__ import annotations

from functools import partial

from btkit.cli.next_steps import step
from btkit.cli.options import AsJson
from btkit.cli.outcome import CommandOutcome

NAME = "indicators"
HELP = """
List every name that a condition may use, and every call.

Each with what it means, its formula, and where that is from. At a terminal it is a table; --json,
a pipe or a file give the document. `lookback` is the index of the first bar that has a value.
Names of events that BT_EVENTS brings, and of indicators that installed packages register, are
listed, too. Two averages that are equal on paper can differ in their last digits: where a tie
matters, compare with a margin, such as sma_5 <= sma_50 * 1.000001.
Of the clock and of sessions some have values on intraday bars alone, in the calendar's time zone.
`calls` are what conditions may ask about the bars before, such as mean(volume, 20) or
crossed_above(close, sma_50): x is any expression that reads bars alone, n a whole number or a
parameter. on("1w", x) reads names of bars of a slower interval: on("1w", close > sma_10), as of
the last week that has closed; minutes, hours, 1d, 1w or 1mo. There weekly and longer bars have the
date of their last session, realised volatilities their own year, and iv_rank, vix and events the
last value. of("SPY", x) reads names of another instrument's bars: close / of("SPY", close), as of
its last bar that closed no later, at most 5 sessions old; its bars come from the same source.
Exit codes: 0, 2 error.

\b
Example:
  backtest indicators
"""

_KEYS = ("name", "group", "kind", "lookback", "meaning", "formula", "source")


def command(
    *,
    as_json: AsJson = False,
) -> CommandOutcome:
    """List the namespace."""
    from btkit.cli.tables import show_indicators  # noqa: PLC0415 - lazy start-up
    from btkit.conditions import listed_calls  # noqa: PLC0415 - lazy start-up
    from btkit.indicators import catalogue  # noqa: PLC0415 - likewise
    from btkit.jobs import read_settings  # noqa: PLC0415 - likewise
    from btkit.spec import read_events  # noqa: PLC0415 - likewise

    file = read_settings().events
    entries = [*catalogue(), *([] if file is None else read_events(file).indicators())]
    document = {
        "indicators": [{key: getattr(entry, key) for key in _KEYS} for entry in entries],
        "calls": listed_calls(),
    }
    return CommandOutcome(
        document,
        next=[step("Shows the fields of a spec that conditions stand in.", "schema")],
        people=None if as_json else partial(show_indicators, document),
    )
