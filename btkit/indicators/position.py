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
)
