"""The types of trend indicators: `btkit.models.trend_lines` computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from btkit.models import trend_lines
from btkit.models.indicator_parameters import (
    SOURCE,
    WIDTH,
    IndicatorType,
    Output,
    Value,
    at_once,
    change,
    choice,
    every,
    flag,
    number,
    of_span,
    of_wilder,
    one,
    whole,
    window,
)


def _macd_line(fast_period: int, slow_period: int, **_: Value) -> int:
    return max(fast_period, slow_period) - 1


def _macd_signal(signal_period: int, **others: int) -> int:
    return _macd_line(**others) + signal_period - 1


def _band(period: int, atr_period: int, **_: Value) -> int:
    return max(period, atr_period) - 1


def _of_average(ma_type: str, **parameters: Value) -> float | None:
    return of_span("period")(**parameters) if ma_type == "EMA" else None


def _span(name: str) -> Callable[..., int]:
    return lambda **parameters: parameters[name] - 1


_SQUEEZE_WIDTH = number(2.0, 0.0, 5.0, above=True)
_MACD_SPANS = ("fast_period", "slow_period", "signal_period")
_MACD = {
    "fast_period": whole(12, 1, 100),
    "slow_period": whole(26, 1, 200),
    "signal_period": whole(9, 1, 50),
    "source": SOURCE,
}
_ICHIMOKU = {
    "tenkan_period": whole(9, 1, 50),
    "kijun_period": whole(26, 1, 100),
    "senkou_b_period": whole(52, 1, 200),
    "displacement": whole(26, 1, 100),
}
TREND_TYPES: Final = (
    IndicatorType(
        "sma",
        {"period": whole(20, 2, 500), "source": SOURCE},
        one(window),
        trend_lines.sma,
        "simple moving average",
        ("simplemovingaverage",),
    ),
    IndicatorType(
        "ema",
        {"period": whole(20, 1, 500), "source": SOURCE, "adjust": flag(default=True)},
        one(window, decay=of_span("period")),
        trend_lines.ema,
        "exponential moving average",
        ("exponentialmovingaverage",),
    ),
    IndicatorType(
        "wma",
        {"period": whole(20, 2, 500), "source": SOURCE},
        one(window),
        trend_lines.wma,
        "weighted moving average",
        ("weightedmovingaverage",),
    ),
    IndicatorType(
        "macd",
        _MACD,
        (
            Output("line", _macd_line, of_span("fast_period", "slow_period")),
            *every(_macd_signal, "signal", "histogram", decay=of_span(*_MACD_SPANS)),
        ),
        trend_lines.macd,
        "moving average convergence and divergence",
    ),
    IndicatorType(
        "bbands",
        {"period": whole(20, 2, 200), "multiplier": WIDTH, "source": SOURCE},
        every(window, "upper", "middle", "lower"),
        trend_lines.bollinger_bands,
        "Bollinger bands",
        ("bollingerbands",),
    ),
    IndicatorType(
        "bollingerbandwidth",
        {"period": whole(20, 2, 200), "multiplier": WIDTH, "source": SOURCE},
        one(window),
        trend_lines.bollinger_band_width,
        "width of the Bollinger bands",
    ),
    IndicatorType(
        "atr",
        {"period": whole(14, 1, 100)},
        one(window),
        trend_lines.atr,
        "average true range, a simple mean",
    ),
    IndicatorType(
        "adx",
        {"period": whole(14, 2, 200)},
        (
            Output("adx", lambda period: 2 * period - 1, of_wilder),
            *every(change, "plus_di", "minus_di", decay=of_wilder),
        ),
        trend_lines.adx,
        "average directional index",
    ),
    IndicatorType(
        "aroon",
        {"period": whole(14, 1, 200), "include_oscillator": flag(default=False)},
        every(window, "up", "down", "oscillator"),
        trend_lines.aroon,
        "Aroon: how fresh the extremes are",
    ),
    IndicatorType(
        "donchianchannels",
        {"period": whole(20, 2, 500), "include_middle": flag(default=True)},
        every(window, "upper", "middle", "lower"),
        trend_lines.donchian_channels,
        "Donchian channels",
    ),
    IndicatorType(
        "keltnerchannels",
        {"period": whole(20, 2, 500), "atr_period": whole(10, 2, 200), "multiplier": WIDTH},
        (
            Output("upper", _band, of_span("period")),
            Output("middle", window, of_span("period")),
            Output("lower", _band, of_span("period")),
        ),
        trend_lines.keltner_channels,
        "Keltner channels",
    ),
    IndicatorType(
        "squeezeintensity",
        {
            "bb_period": whole(20, 2, 100),
            "bb_multiplier": _SQUEEZE_WIDTH,
            "kc_period": whole(20, 2, 100),
            "kc_multiplier": _SQUEEZE_WIDTH,
            "source": SOURCE,
        },
        one(
            lambda bb_period, kc_period, **_: (
                max(bb_period, kc_period, trend_lines.KELTNER_BARS) - 1
            ),
            decay=of_span("kc_period"),
        ),
        trend_lines.squeeze_intensity,
        "how deep the Bollinger bands lie inside the Keltner channels",
    ),
    IndicatorType(
        "distancefromma",
        {"period": whole(20, 1, 200), "ma_type": choice("SMA", "EMA"), "source": SOURCE},
        one(window, decay=_of_average),
        trend_lines.distance_from_average,
        "distance from a moving average in percent",
    ),
    IndicatorType(
        "ichimoku",
        _ICHIMOKU,
        (
            Output("tenkan", _span("tenkan_period")),
            Output("kijun", _span("kijun_period")),
            Output(
                "senkou_a",
                lambda tenkan_period, kijun_period, **_: max(tenkan_period, kijun_period) - 1,
            ),
            Output("senkou_b", _span("senkou_b_period")),
            Output("chikou", at_once),
        ),
        trend_lines.ichimoku,
        "Ichimoku lines, none of them drawn ahead or back",
    ),
    IndicatorType(
        "parabolicsar",
        {
            "initial_af": number(0.02, 0.001, 0.1),
            "step_af": number(0.02, 0.001, 0.1),
            "max_af": number(0.2, 0.01, 1.0),
        },
        one(lambda **_: 1),
        trend_lines.parabolic_sar,
        "parabolic stop and reverse",
    ),
)
