"""The modelled bid/ask spread: Corwin and Schultz's estimate from highs and lows."""

from __future__ import annotations

import numpy as np

from btkit.indicators.arrays import Array
from btkit.indicators.entries import single
from btkit.indicators.volatility import rolling_mean

SPREAD_ESTIMATES = 20


def corwin_schultz_spread(high: Array, low: Array, close: Array, *, estimates: int) -> Array:
    """Return the mean of the last two-bar estimates of the proportional bid/ask spread.

    A bar's range holds the volatility of one bar and one spread, the range of two bars the
    volatility of two and still one spread; the difference tells them apart. As in the paper,
    the second bar is moved back by an overnight gap first, and a negative estimate counts as 0.

    Parameters
    ----------
    high, low, close
        Shape (n,), above 0, in the same currency.
    estimates
        Number of two-bar estimates in the mean.

    Returns
    -------
    Array
        Shape (n,), a fraction of the price, NaN for the first `estimates` bars.

    References
    ----------
    Corwin, S. A. and Schultz, P. (2012), "A Simple Way to Estimate Bid-Ask Spreads from Daily
    High and Low Prices", Journal of Finance 67(2), equations 8, 14 and 18.
    """
    spread = np.full(len(close), np.nan)
    if len(close) <= estimates:
        return spread
    last_close = close[:-1]
    # A bar that opened away is moved until it touches the last close, which keeps it above 0.
    low_now = np.minimum(low[1:] + np.maximum(last_close - high[1:], 0.0), last_close)
    high_now = np.maximum(high[1:] - np.maximum(low[1:] - last_close, 0.0), last_close)
    beta = np.log(high[:-1] / low[:-1]) ** 2 + np.log(high_now / low_now) ** 2
    gamma = np.log(np.maximum(high[:-1], high_now) / np.minimum(low[:-1], low_now)) ** 2
    scale = 3.0 - 2.0 * np.sqrt(2.0)
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / scale - np.sqrt(gamma / scale)
    # 2 (e^a - 1) / (1 + e^a) in the form that cannot overflow.
    estimate = np.maximum(2.0 * np.tanh(alpha / 2.0), 0.0)
    spread[estimates:] = rolling_mean(estimate, estimates)
    return spread


def _modelled_spread(high: Array, low: Array, close: Array) -> Array:
    return corwin_schultz_spread(high, low, close, estimates=SPREAD_ESTIMATES)


BID_ASK_SPREAD = single(
    "bid_ask_spread_pct",
    _modelled_spread,
    group="options",
    lookback=SPREAD_ESTIMATES,
    meaning="Modelled bid/ask spread of the underlying, a fraction of its price (0.001 is "
    "0.1 %): an estimate from highs and lows, not a quote.",
    formula="mean of the last 20 two-bar estimates max(2 (e^a - 1) / (1 + e^a), 0); "
    "a = (sqrt(2b) - sqrt(b)) / (3 - 2 sqrt 2) - sqrt(g / (3 - 2 sqrt 2)); "
    "b = ln(high/low)^2 summed over two bars; g = ln(high/low)^2 of both bars as one; "
    "the second bar moved by an overnight gap",
    source="Corwin and Schultz (2012), Journal of Finance 67(2)",
)
