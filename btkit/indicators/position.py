"""Names that describe the open position: documented here, filled in by the simulation."""

from __future__ import annotations

from btkit.indicators.base import Definition, Indicator, Kind

OPTION_POSITION_DEFAULTS: dict[str, float] = {
    "short_leg_delta": 0.30,
    "short_strike_delta": 0.30,
    "pnl_pct_of_max_credit": 0.0,
    "premium_collected_pct": 0.0,
    "open_interest_short_strike": 2000.0,
}
"""What the option position's names are in a run that trades no options."""

OPTION_POSITION_TEXTS = {
    "short_leg_delta": (
        "Absolute delta of the short leg (a condor's put); spec's when flat, 0.30 in a rule run.",
        "|Black-Scholes delta| at the bar's close",
    ),
    "short_strike_delta": ("Absolute delta of the short leg.", "short_leg_delta"),
    "pnl_pct_of_max_credit": (
        "Share of the credit that closing now would keep, a fraction; 0 when flat, in rule runs.",
        "(credit - value to close) / credit",
    ),
    "premium_collected_pct": (
        "Share of the credit that closing now would keep, a fraction.",
        "pnl_pct_of_max_credit",
    ),
    "open_interest_short_strike": (
        "Open interest at the short strike, in contracts; no source has it, so always 2000.",
        "2000",
    ),
}


def option_position(name: str) -> Definition:
    """Return the definition of a name that describes an open option position.

    Parameters
    ----------
    name
        A key of `OPTION_POSITION_DEFAULTS`.

    Returns
    -------
    Definition
        Without a computation.
    """
    meaning, formula = OPTION_POSITION_TEXTS[name]
    return Definition(
        Indicator(name, "options", "float", 0, meaning, formula, "simulation", per_bar=False), None
    )


def position(name: str, kind: Kind, meaning: str, formula: str) -> Definition:
    """Return the definition of a name that describes any open position.

    Parameters
    ----------
    name
        As it is written in a condition.
    kind
        Float or bool.
    meaning
        What it says, with its unit.
    formula
        How it is computed.

    Returns
    -------
    Definition
        Without a computation.
    """
    return Definition(
        Indicator(name, "position", kind, 0, meaning, formula, "simulation", per_bar=False), None
    )


ENTRIES = (
    position("in_position", "bool", "True while any lot is open.", "open lots > 0"),
    position(
        "capital",
        "float",
        "Free cash at the bar's close, before fills at that close, in account currency.",
        "cash",
    ),
    position(
        "bars_held",
        "float",
        "Bars since the lot's entry filled; 0 when flat.",
        "i - bar of the entry fill",
    ),
    position("days_held", "float", "bars_held, in bars, not in days.", "bars_held"),
    position(
        "position_pnl_pct",
        "float",
        "Unrealised profit of the lot, a fraction of its entry price (of its largest loss, for a "
        "spread); 0 when flat.",
        "long: close / entry fill - 1; short: 1 - close / entry fill",
    ),
    position(
        "entry_price",
        "float",
        "Price at which the lot was bought or sold short, slippage included; None when flat. An "
        "option spec does not know it.",
        "entry fill",
    ),
    position(
        "highest_since_entry",
        "float",
        "Highest high of the bars from the lot's entry fill to this one; a bar entered at its "
        "close counts by its fill and close. None when flat; an option spec does not know it.",
        "max(high[bar of the entry fill .. i])",
    ),
    position(
        "lowest_since_entry",
        "float",
        "Lowest low of the bars from the lot's entry fill to this one; a bar entered at its close "
        "counts by its fill and close. None when flat; an option spec does not know it.",
        "min(low[bar of the entry fill .. i])",
    ),
    position(
        "equity",
        "float",
        "Cash and open lots at the bar's close, before fills at that close, in account currency.",
        "cash + value of the open lots at close[i]",
    ),
    position(
        "open_lots",
        "float",
        "How many lots are open, those that leave next among them.",
        "open lots",
    ),
    position(
        "bars_since_exit",
        "float",
        "Bars since the last exit filled, 0 on its own bar; None before any.",
        "i - bar of the last exit fill",
    ),
    position(
        "last_return_pct",
        "float",
        "Return of the trade closed last, a fraction of what it was entered for (of its largest "
        "loss, for a spread); None before any.",
        "return_pct of the last trade of the list",
    ),
    position(
        "last_pnl",
        "float",
        "Profit of the trade closed last, less commissions, in account currency; None before any.",
        "pnl of the last trade of the list",
    ),
    position(
        "losing_streak",
        "float",
        "How many trades in a row, up to the one closed last, lost money; 0 before any.",
        "trades of the list after the last one with pnl >= 0",
    ),
)
