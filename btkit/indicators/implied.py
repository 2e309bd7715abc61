"""Implied volatility, expiry and the modelled spread: what option conditions read."""

from __future__ import annotations

import numpy as np

from btkit.indicators.base import Array, Columns, Definition, Indicator, Mask
from btkit.indicators.events import OPTION_EXPIRY
from btkit.indicators.position import option_position
from btkit.indicators.prices import bar_field
from btkit.indicators.spread import BID_ASK_SPREAD

GROUP = "options"
IV_PREMIUM = 1.20


def iv_hv_ratio(columns: Columns) -> Array:
    """Return implied over realised volatility.

    Parameters
    ----------
    columns
        Where both come from.

    Returns
    -------
    Array
        A ratio, missing where either is missing or the realised volatility is 0.
    """
    realized = columns.column("hv_30")
    ratio = np.full(len(realized), np.nan)
    np.divide(columns.column("current_iv"), realized, out=ratio, where=realized > 0.0)
    return ratio


def iv_atm(columns: Columns) -> Array:
    """Return implied volatility, estimated from the realised one where it is not known.

    Parameters
    ----------
    columns
        Where both come from.

    Returns
    -------
    Array
        A fraction a year, missing where neither is known.
    """
    implied = columns.column("current_iv")
    if np.isfinite(implied).all():
        return implied
    return np.where(np.isfinite(implied), implied, columns.column("hv_30") * IV_PREMIUM)


def iv_atm_estimated(columns: Columns) -> Mask:
    """Return the bars whose ``iv_atm`` is estimated from realised volatility.

    Parameters
    ----------
    columns
        Where both volatilities come from.

    Returns
    -------
    Mask
        True where there is an estimate; False where nothing is known at all.
    """
    return ~np.isfinite(columns.column("current_iv")) & np.isfinite(columns.column("iv_atm"))


DEFINITIONS = (
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
    Definition(
        Indicator(
            name="iv_hv_ratio",
            group=GROUP,
            kind="float",
            lookback=30,
            meaning="Implied over realised volatility, a ratio: above 1, options are dear; "
            "missing without IV history and where hv_30 is 0.",
            formula="current_iv / hv_30",
            source="bars",
            needs=("current_iv", "hv_30"),
        ),
        iv_hv_ratio,
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
        iv_atm,
        fallback=iv_atm_estimated,
    ),
    OPTION_EXPIRY,
    option_position("short_leg_delta"),
    option_position("short_strike_delta"),
    BID_ASK_SPREAD,
    option_position("pnl_pct_of_max_credit"),
    option_position("premium_collected_pct"),
    option_position("open_interest_short_strike"),
)
