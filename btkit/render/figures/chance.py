"""The run against chance: labels that were shuffled, and the same trades at random times."""

from __future__ import annotations

from typing import Any

import numpy as np

from btkit.documents.evidence import ChanceSection, RankEntry
from btkit.render import text, theme
from btkit.render.figures.answers import COLOURS
from btkit.render.figures.lines import panel_title
from btkit.render.figures.marks import upright
from btkit.render.pieces import Chart
from btkit.render.series import Floats, floats
from btkit.spelling import listed

HEIGHT = 360
MARGIN = {"l": 52, "r": 16, "t": 62, "b": 50}
LEVEL = 0.05
"""A p-value up to here is called beyond chance."""


def ranks_chart(ranks: list[RankEntry]) -> Chart:
    """Return each measure of order against labels that were shuffled.

    Parameters
    ----------
    ranks
        At least one.
    """
    panels = [_panel(place, len(ranks)) for place in range(len(ranks))]
    figure = theme.figure(
        [
            _spread(floats(one.shuffled), "%{x:.3f}: %{y} of the shuffles", bins=24)
            | {"yaxis": f"y{name}"}
            for one, (name, _) in zip(ranks, panels, strict=True)
        ],
        height=HEIGHT,
        title=_ranks_title(ranks),
        margin={**MARGIN, "t": 62},
        bargap=0,
        xaxis=theme.axis(_NAMES[ranks[0].measure], anchor=f"y{panels[-1][0]}", nticks=6),
        shapes=[
            upright(one.value, COLOURS.get(one.of or "", theme.STRATEGY), width=3, dash="solid")
            | {"yref": f"y{name} domain"}
            for one, (name, _) in zip(ranks, panels, strict=True)
        ],
        annotations=[
            panel_title(_measured(one), yref=f"y{name}")
            for one, (name, _) in zip(ranks, panels, strict=True)
        ],
        **{
            f"yaxis{name}": theme.axis(domain=domain, nticks=4, rangemode="tozero")
            for name, domain in panels
        },
    )
    width = "third" if ranks[0].of else "half"
    return Chart(figure, name="order", note=_ranks_note(ranks), width=width)


def _panel(place: int, count: int) -> tuple[str, list[float]]:
    """Return what plotly calls a panel's axis, and where it lies, the first at the top."""
    height = 1.0 / count
    top = 1.0 - place * height
    # Between two there is the title of the lower one.
    room = 0.34 * height if count > 1 else 0.0
    return "" if place == 0 else str(place + 1), [top - height, top - room]


def _spread(values: Floats, hover: str, *, bins: int) -> dict[str, Any]:
    counts, edges = np.histogram(values, bins=bins)
    return {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": counts,
        "width": np.diff(edges),
        "marker": {"color": theme.BENCHMARK},
        "hovertemplate": f"{hover}<extra></extra>",
    }


_NAMES = {"area": "Area under the ROC curve", "rank_correlation": "Correlation of ranks"}


def _measured(one: RankEntry) -> str:
    about = f"{one.of}: " if one.of else ""
    return f"{about}{text.ratio(one.value, digits=3)}, p {text.ratio(one.p_value, digits=3)}"


def _ranks_title(ranks: list[RankEntry]) -> str:
    beyond = [one for one in ranks if one.p_value <= LEVEL]
    if not beyond:
        return "What it scores high comes no more often than by chance"
    if ranks[0].of is None:
        return "Higher returns foreseen were followed by higher returns"
    names = listed([str(one.of) for one in beyond])
    return f"Higher probabilities of {names} came true more often"


def _ranks_note(ranks: list[RankEntry]) -> str:
    first = ranks[0]
    middle = "0.5" if first.measure == "area" else "0"
    blocks = "one by one" if first.block == 1 else f"in blocks of {first.block} bars"
    best = min(ranks, key=lambda one: one.p_value)
    times = round(best.p_value * (len(best.shuffled) + 1)) - 1
    return (
        f"Coloured: this run; grey: {len(first.shuffled)} shuffles of what came, {blocks}; "
        f"{middle} is chance. {text.plural(times, 'shuffle')} did as well"
        + (f" for {best.of}." if best.of else ".")
    )


def chance_chart(chance: ChanceSection, *, held: float | None, other: str) -> Chart:
    """Return what the same trades brought at random times, and the run among them.

    Parameters
    ----------
    chance
        Of a run with trades.
    held, other
        What holding the benchmark brought, a fraction, and what it is called.
    """
    returns = floats(chance.returns) * 100
    own = chance.total_return_pct * 100
    ends = [returns.min(), returns.max(), own]
    inside = held is not None and min(ends) <= held * 100 <= max(ends)
    shapes = [upright(own, theme.STRATEGY, width=3, dash="solid")]
    if inside and held is not None:
        shapes.append(upright(held * 100, theme.INK, width=2, dash="dash"))
    figure = theme.figure(
        [_spread(returns, "%{x:.1f} %: %{y} draws", bins=32)],
        height=HEIGHT,
        title=f"Earned more than {text.percent(chance.percentile, digits=0)} of random entries",
        margin=MARGIN,
        bargap=0,
        xaxis=theme.axis("Total return after costs", ticksuffix=" %", nticks=6),
        yaxis=theme.axis("Draws", nticks=5, rangemode="tozero"),
        shapes=shapes,
    )
    return Chart(
        figure, name="random-entries", note=_chance_note(chance, held, other), width="half"
    )


def _chance_note(chance: ChanceSection, held: float | None, other: str) -> str:
    middle = float(np.median(chance.returns))
    if chance.percentile >= 1.0 - LEVEL:
        verdict = "its timing was worth something"
    elif chance.percentile <= LEVEL:
        verdict = "its timing cost money"
    else:
        verdict = "its timing is not told from luck"
    return (
        f"Blue: this run, {text.percent(chance.total_return_pct)}; grey: its "
        f"{text.plural(chance.trades, 'trade')} with their sizes, holding times and costs, "
        f"{chance.draws} times at random times (median {text.percent(middle)}); {other} made "
        f"{text.percent(held)}. So {verdict}."
    )
