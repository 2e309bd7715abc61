"""Equity against buy-and-hold, and both drawdowns beneath on the same time axis."""

from __future__ import annotations

from btkit.metrics import drawdown_series
from btkit.render import text, theme
from btkit.render.figures.lines import Scale, end_labels, line, panel_title, scale_for
from btkit.render.pieces import Chart
from btkit.render.series import display_rows, floats, milliseconds, thinned_note
from btkit.render.view import RunView

HEIGHT = 600
TOP, BOTTOM = 56, 36
UPPER, LOWER = (0.40, 1.0), (0.0, 0.29)


def equity_chart(view: RunView) -> Chart:
    """Return the picture that decides: what became of the money, and how far it fell."""
    own, held = floats(view.equity), floats(view.held)
    whole = [floats(drawdown_series(curve, view.initial)) * 100 for curve in (own, held)]
    rows = display_rows(own, held, *whole)
    x = milliseconds(view.times[rows])
    falls = [fall[rows] for fall in whole]
    money = scale_for(own, held, [view.initial])
    depth = Scale(min(-1.0, *(float(fall.min()) for fall in falls)) * 1.08, 0.0, log=False)

    data = [
        line(x, held[rows], name="Buy-and-hold", colour=theme.BENCHMARK, hover="%{y:$,.0f}"),
        line(x, own[rows], name="Strategy", colour=theme.STRATEGY, hover="%{y:$,.0f}"),
        line(
            x, falls[1], name="Buy-and-hold", colour=theme.BENCHMARK, hover="%{y:.1f} %", yaxis="y2"
        ),
        line(
            x,
            falls[0],
            name="Strategy",
            colour=theme.STRATEGY,
            hover="%{y:.1f} %",
            yaxis="y2",
            fill="tozeroy",
            fillcolor="rgba(0,114,178,0.14)",
        ),
    ]
    pixels = (HEIGHT - TOP - BOTTOM) * (UPPER[1] - UPPER[0])
    ends = [
        (f"Strategy<br>{text.money(float(own[-1]))}", float(own[-1]), theme.STRATEGY),
        (f"Buy-and-hold<br>{text.money(float(held[-1]))}", float(held[-1]), theme.BENCHMARK),
    ]
    labels = end_labels(ends, money, pixels=pixels, yref="y", gap=34)
    arrangement = theme.layout(
        height=HEIGHT,
        title=_title(view),
        hovermode="x unified",
        hoversubplots="axis",
        margin={"l": 58, "r": 104, "t": TOP, "b": BOTTOM},
        xaxis=theme.time_axis(anchor="y2"),
        yaxis=money.axis(domain=list(UPPER), tickformat="$~s", anchor="x"),
        yaxis2=depth.axis(domain=list(LOWER), ticksuffix=" %", anchor="x", nticks=5),
        annotations=[panel_title(_fall_title(view), yref="y2"), *labels],
    )
    note = thinned_note(len(rows), len(own))
    return Chart(
        theme.figure(data, arrangement),
        name="equity",
        note=f"Account value in ${', log scale' if money.log else ''}; "
        f"beneath it the fall from the last high, in %.{note}",
        narrow={
            "margin.l": 46,
            "margin.r": 82,
            "annotations[0].text": _fall_title(view, short=True),
            "annotations[1].font.size": 11,
            "annotations[2].font.size": 11,
            "xaxis.nticks": 4,
        },
    )


def _title(view: RunView) -> str:
    own, held = float(view.equity.iloc[-1]), float(view.held.iloc[-1])
    start = text.money(view.initial)
    if not len(view.trades):
        return f"{start} stayed {text.money(own)}; buy-and-hold ended at {text.money(held)}"
    verb = "grew" if own > view.initial else "shrank"
    return f"{start} {verb} to {text.money(own)}; buy-and-hold ended at {text.money(held)}"


def _fall_title(view: RunView, *, short: bool = False) -> str:
    fall = view.fall
    if fall is None:
        return "The account never fell below a high"
    start, low = text.month(fall.peak), text.month(fall.trough)
    when = start if start == low else f"{start} to {low}"
    depth = f"Worst fall {text.percent(fall.depth)}"
    if short:
        return f"{depth}<br>{when}"
    if fall.recovery is None:
        return f"{depth}, {when}, not recovered by the end"
    return f"{depth}, {when}, recovered after {text.span(fall.days)}"
