"""Implied volatility, expiry and the modelled spread: what option conditions read."""

from __future__ import annotations

import numpy as np

from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Columns, Definition, Indicator
from btkit.indicators.entries import single
from btkit.indicators.events import OPTION_EXPIRY
from btkit.indicators.position import option_position
from btkit.indicators.prices import bar_field
from btkit.indicators.spread import BID_ASK_SPREAD

GROUP = "options"
IV_PREMIUM = 1.20


def is_implied_volatility(name: str) -> bool:
    """Tell whether a name is implied volatility or computed from it, also the previous bar's.

    Parameters
    ----------
    name
        As a condition has it.
    """
    while name.startswith("prev_"):
        name = name.removeprefix("prev_")
    return name.startswith("iv_") or name == "current_iv"


def _iv_hv_ratio(current_iv: Array, hv_30: Array) -> Array:
    ratio = np.full(len(hv_30), np.nan)
    np.divide(current_iv, hv_30, out=ratio, where=hv_30 > 0.0)
    return ratio


def _iv_atm(columns: Columns) -> Array:
    implied = columns.column("current_iv")
    if np.isfinite(implied).all():
        return implied
    return np.where(np.isfinite(implied), implied, columns.column("hv_30") * IV_PREMIUM)


def _iv_atm_estimated(columns: Columns) -> Mask:
    return ~np.isfinite(columns.column("current_iv")) & np.isfinite(columns.column("iv_atm"))


ENTRIES = (
    bar_field(
        "iv_rank",
        GROUP,
        "Place of implied volatility between its lowest and highest of 52 weeks, 0 to 100; "
        "missing without IV history.",
    ),
    bar_field(
        "iv_percentile",
        GROUP,
        "Share of the days of 52 weeks whose implied volatility was lower, 0 to 100; missing "
        "without IV history.",
    ),
    bar_field(
        "current_iv",
        GROUP,
        "At-the-money implied volatility, a fraction a year (0.2 is 20 %); missing without IV "
        "history.",
    ),
    single(
        "iv_hv_ratio",
        _iv_hv_ratio,
        group=GROUP,
        lookback=30,
        meaning="Implied over realised volatility, a ratio: above 1, options are dear; "
        "missing without IV history and where hv_30 is 0.",
        formula="current_iv / hv_30",
        source="bars",
    ),
    Definition(
        Indicator(
            name="iv_atm",
            group=GROUP,
            kind="float",
            lookback=0,
            meaning="At-the-money implied volatility, a fraction a year; estimated from realised "
            "volatility where it is not known, which takes 30 bars.",
            formula="current_iv, else hv_30 * 1.20",
            source="bars",
            needs=("current_iv", "hv_30"),
        ),
        _iv_atm,
        fallback=_iv_atm_estimated,
    ),
    OPTION_EXPIRY,
    option_position("short_leg_delta"),
    option_position("short_strike_delta"),
    BID_ASK_SPREAD,
    option_position("pnl_pct_of_max_credit"),
    option_position("premium_collected_pct"),
    option_position("open_interest_short_strike"),
)
