"""The types of momentum and volume indicators: `btkit.models.momentum_lines` computes them."""

from __future__ import annotations

from typing import Final

from btkit.models import momentum_lines
from btkit.models.indicator_parameters import (
    SOURCE,
    IndicatorType,
    Output,
    Parameter,
    Value,
    at_once,
    change,
    every,
    flag,
    of_span,
    of_sum,
    of_wilder,
    one,
    whole,
    window,
)


def _k(k_period: int, smooth_k: int, **_: Value) -> int:
    return k_period + smooth_k - 2


def _d(d_period: int, **others: int) -> int:
    return _k(**others) + d_period - 1


def _of_signal(**_: Value) -> float:
    return 1.0 - 2.0 / (momentum_lines.SIGNAL_BARS + 1)


def _since_the_first(period: int, **_: Value) -> float | None:
    return 1.0 if period == 0 else None


_UNSMOOTHED = Parameter(
    False,
    "false: smoothed, the line has no value in the system that it comes from either",
    lambda value: value is False,
)
_FLOW = ("mf_multiplier", "mf_volume")

MOMENTUM_TYPES: Final = (
    IndicatorType(
        "rsi",
        {"period": whole(14, 2, 100), "source": SOURCE},
        one(change, decay=of_wilder),
        momentum_lines.rsi,
        "relative strength index",
    ),
    IndicatorType(
        "stochastic",
        {
            "k_period": whole(14, 1, 100),
            "d_period": whole(3, 1, 20),
            "smooth_k": whole(3, 1, 20),
        },
        (Output("k", _k), Output("d", _d)),
        momentum_lines.stochastic,
        "stochastic oscillator",
    ),
    IndicatorType(
        "williamsr",
        {"period": whole(14, 1, 100)},
        one(window),
        momentum_lines.williams_r,
        "Williams %R",
    ),
    IndicatorType(
        "cci",
        {"period": whole(20, 2, 100)},
        one(window),
        momentum_lines.cci,
        "commodity channel index",
    ),
    IndicatorType(
        "roc",
        {"period": whole(10, 1, 100), "source": SOURCE},
        one(change),
        momentum_lines.roc,
        "rate of change in percent",
    ),
    IndicatorType(
        "momentum",
        {"period": whole(10, 1, 100), "source": SOURCE},
        one(change),
        momentum_lines.momentum,
        "change over some bars",
    ),
    IndicatorType(
        "fishertransform",
        {"period": whole(10, 2, 100), "smoothing": whole(3, 1, 20)},
        (
            Output(
                "fisher", lambda period, smoothing: period + smoothing - 2, of_span("smoothing")
            ),
            Output(
                "signal", lambda period, smoothing: period + smoothing - 1, of_span("smoothing")
            ),
        ),
        momentum_lines.fisher_transform,
        "Fisher transform",
    ),
    IndicatorType(
        "rvi",
        {"period": whole(10, 4, 100), "signal_period": whole(4, 1, 50)},
        (
            Output("rvi", lambda period, **_: period + 2),
            Output("signal", lambda period, signal_period: period + signal_period + 1),
        ),
        momentum_lines.rvi,
        "relative vigor index",
    ),
)
VOLUME_TYPES: Final = (
    IndicatorType(
        "obv",
        {},
        one(at_once, decay=of_sum),
        momentum_lines.obv,
        "on-balance volume",
    ),
    IndicatorType(
        "mfi",
        {"period": whole(14, 1, 100)},
        one(change),
        momentum_lines.mfi,
        "money flow index",
    ),
    IndicatorType(
        "cmf",
        {"period": whole(21, 2, 500)},
        (
            Output("cmf", window),
            *every(at_once, *_FLOW),
            Output("momentum", lambda period: period + 4),
            *every(lambda period: period + 7, "signal", "histogram", decay=_of_signal),
            *every(window, "above_zero", "below_zero"),
        ),
        momentum_lines.cmf,
        "Chaikin money flow",
    ),
    IndicatorType(
        "adline",
        {"use_sma_smoothing": _UNSMOOTHED, "smoothing_period": whole(21, 2, 200)},
        (
            Output("line", at_once, of_sum),
            *every(at_once, *_FLOW),
            Output("roc_10", lambda **_: 10, of_sum),
            Output("momentum_21", lambda **_: 21),
            Output("relative_strength", lambda **_: 19, of_sum),
        ),
        momentum_lines.accumulation,
        "accumulation and distribution line",
    ),
    IndicatorType(
        "volumeratio",
        {"period": whole(20, 2, 100)},
        one(window),
        momentum_lines.volume_ratio,
        "volume as a multiple of its mean",
    ),
    IndicatorType(
        "vwap",
        {"period": whole(20, 0, 200), "use_typical_price": flag(default=True)},
        one(lambda period, **_: max(period - 1, 0), decay=_since_the_first),
        momentum_lines.vwap,
        "price weighted by volume",
    ),
)
