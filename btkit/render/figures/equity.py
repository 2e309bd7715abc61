"""Equity against the benchmark, and both drawdowns beneath on the same time axis."""

from __future__ import annotations

from btkit.metrics import drawdown_series
from btkit.render import text
from btkit.render.figures.account import NARROW, AccountCurves
from btkit.render.pieces import Chart
from btkit.render.series import floats
from btkit.render.view import RunView


def equity_chart(view: RunView) -> Chart:
    """Return the picture that decides: what became of the money, and how far it fell."""
    own, held = floats(view.equity), floats(view.held)
    fall, held_fall = (drawdown_series(curve, view.initial) * 100 for curve in (own, held))
    curves = AccountCurves(
        view.times,
        own,
        held,
        fall,
        held_fall,
        also=[view.initial],
        held_name=view.report.benchmark.heading,
    )
    figure, thinned = curves.draw(height=600, title=_title(view), fall_title=_fall_title(view))
    return Chart(
        figure,
        name="equity",
        note=f"Account value in ${', log scale' if curves.money.log else ''}; "
        f"beneath it the fall from the last high, in %.{thinned}",
        narrow={
            **NARROW,
            "margin.r": 82,
            "annotations[0].text": _fall_title(view, short=True),
        },
    )


def _title(view: RunView) -> str:
    own, held = float(view.equity.iloc[-1]), float(view.held.iloc[-1])
    start, other = text.money(view.initial), view.report.benchmark.words
    if not len(view.trades):
        return f"{start} stayed {text.money(own)}; {other} ended at {text.money(held)}"
    verb = "grew" if own > view.initial else "shrank"
    return f"{start} {verb} to {text.money(own)}; {other} ended at {text.money(held)}"


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
