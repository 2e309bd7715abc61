"""Rolling Sharpe ratio and volatility, and exposure, on one time axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from btkit.metrics import exposure, rolling_sharpe, rolling_volatility, time_in_market
from btkit.render import text, theme, words
from btkit.render.figures.lines import area, line, panel_title, scale_for
from btkit.render.figures.marks import level
from btkit.render.pieces import Chart
from btkit.render.series import Floats, display_rows, floats, milliseconds, thinned_note
from btkit.render.view import RunView

HEIGHT = 640
MINIMUM_RETURNS = 40
PANELS = ((0.70, 1.0), (0.36, 0.60), (0.0, 0.24))


def through_time_chart(view: RunView) -> Chart:
    """Return whether the strategy held up: risk and return of the last year, and exposure."""
    window, name = rolling_window(len(view.period_ends), view.annualisation.periods_per_year)
    share = floats(exposure(view.equity, view.invested)) * 100
    rolling = _rolling(view, window) if window else ()
    rows = display_rows(share, *rolling)
    thinned = thinned_note(len(rows), len(view.equity))
    x, share = milliseconds(view.times[rows]), share[rows]
    data: list[dict[str, Any]] = [
        area(
            x,
            share,
            name="Exposure",
            hover="%{y:.1f} % of the account",
            yaxis="y",
            fillcolor="rgba(0,114,178,0.4)",
            line={"color": theme.STRATEGY, "width": 0.6, "shape": "hv"},
        )
    ]
    if not window:
        return _exposure_only(view, data, share, note=thinned)
    sharpes, risks = ([curve[rows] for curve in rolling[at : at + 2]] for at in (0, 2))
    other = view.report.benchmark.heading
    for axis, pair, hover in (("y2", sharpes, "%{y:.2f}"), ("y3", risks, "%{y:.1f} %")):
        factor = 100 if axis == "y3" else 1
        for curve, who, colour in (
            (pair[1], other, theme.BENCHMARK),
            (pair[0], "Strategy", theme.STRATEGY),
        ):
            data.append(line(x, curve * factor, name=who, colour=colour, hover=hover, yaxis=axis))
    bound = words.BOUNDS["sharpe_ratio"].bound
    sharpe_title = f"Sharpe ratio of the last {name}"
    figure = theme.figure(
        data,
        height=HEIGHT,
        title=_title(sharpes[0], bound, name),
        hovermode="x unified",
        hoversubplots="axis",
        margin={"l": 52, "r": 16, "t": 84, "b": 36},
        xaxis=theme.time_axis(anchor="y"),
        yaxis2=scale_for(*sharpes, [0, bound], allow_log=False).axis(
            domain=list(PANELS[0]), anchor="x", nticks=6
        ),
        yaxis3=scale_for(*(r * 100 for r in risks), [0], allow_log=False).axis(
            domain=list(PANELS[1]), anchor="x", ticksuffix=" %", nticks=5
        ),
        yaxis=_share_axis(share, domain=list(PANELS[2])),
        shapes=[level(bound, theme.INK, yref="y2", dash="dash")],
        annotations=[
            panel_title(f"{sharpe_title} (dashed: needs {bound:.2f})", yref="y2"),
            panel_title(f"Volatility of the last {name}, annualised", yref="y3"),
            panel_title(_share_title(view), yref="y"),
        ],
    )
    return Chart(
        figure,
        name="through-time",
        note=thinned.strip(),
        keys=(("Strategy", theme.STRATEGY), (other, theme.BENCHMARK)),
        narrow={
            "margin.l": 44,
            "margin.r": 8,
            "annotations[0].text": sharpe_title,
            "xaxis.nticks": 4,
        },
    )


def rolling_window(returns: int, periods_per_year: float) -> tuple[int, str]:
    """Return the rolling window in returns and its name: a year, a quarter, or none.

    A year where the run has one and a half of them, else a quarter of a year where the run has
    two, else 0: a shorter window would draw noise.
    """
    year, quarter = round(periods_per_year), round(periods_per_year / 4)
    if returns >= year * 1.5:
        return year, "year"
    if returns >= quarter * 2 and quarter >= MINIMUM_RETURNS:
        return quarter, "quarter"
    return 0, ""


def _rolling(view: RunView, window: int) -> list[Floats]:
    """Return the Sharpe ratios of account and benchmark, then their volatilities, by bar."""
    ends, per_year = view.period_ends, view.annualisation.periods_per_year
    curves = (view.equity.iloc[ends], view.held.iloc[ends])
    # Inside a session the ratio stands as the session before left it.
    lengths = np.diff(ends, prepend=0, append=len(view.equity))

    def at_bars(curve: pd.Series[float]) -> Floats:
        return np.repeat(np.concatenate([[np.nan], floats(curve)]), lengths)

    sharpes = [rolling_sharpe(curve, window, per_year, rates=view.rates) for curve in curves]
    risks = [rolling_volatility(curve, window, per_year) for curve in curves]
    return [at_bars(curve) for curve in (*sharpes, *risks)]


def _title(sharpe: Floats, bound: float, name: str) -> str:
    known = sharpe[np.isfinite(sharpe)]
    if not known.size:
        return "The account did not move, so there is no risk to measure"
    above = text.percent(float((known >= bound).mean()))
    return (
        f"Sharpe ratio of a {name} between {text.ratio(float(known.min()))} and "
        f"{text.ratio(float(known.max()))}, at or above {bound:.2f} for {above} of the time"
    )


def _share_title(view: RunView) -> str:
    return f"Exposure: in the market on {text.percent(time_in_market(view.invested))} of bars"


def _share_axis(share: Floats, **extra: object) -> dict[str, Any]:
    top = max(1.0, float(np.nanmax(share, initial=0.0))) * 1.1
    low = min(0.0, float(np.nanmin(share, initial=0.0))) * 1.1
    return theme.axis(range=[low, top], ticksuffix=" %", anchor="x", nticks=4, **extra)


def _exposure_only(view: RunView, data: list[dict[str, Any]], share: Floats, *, note: str) -> Chart:
    figure = theme.figure(
        data,
        height=280,
        title=_share_title(view),
        hovermode="x unified",
        margin={"l": 52, "r": 16, "t": 56, "b": 36},
        xaxis=theme.time_axis(),
        yaxis=_share_axis(share),
    )
    return Chart(
        figure,
        name="through-time",
        note="Invested share of the account. The run is too short for a rolling Sharpe ratio."
        + note,
        narrow={"margin.l": 44, "margin.r": 8, "xaxis.nticks": 4},
    )
