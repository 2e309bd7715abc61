"""Whether probabilities come true, and whether the surest answers are the rightest."""

from __future__ import annotations

from typing import Any

from btkit.documents.evidence import EvidenceSection, GroupEntry, ScoresSection
from btkit.render import text, theme
from btkit.render.figures.answers import COLOURS
from btkit.render.figures.lines import scale_for
from btkit.render.figures.marks import dots, level
from btkit.render.pieces import Chart

HEIGHT = 360
MARGIN = {"l": 56, "r": 16, "t": 56, "b": 50}
_SYMBOLS = {"BUY": "circle", "SELL": "diamond"}


def reliability_chart(evidence: EvidenceSection, scores: ScoresSection) -> Chart:
    """Return how often what was foreseen came, by what was foreseen.

    Parameters
    ----------
    evidence, scores
        Of a classification with at least one label.
    """
    # Of two classes one is the other upside down.
    shown = evidence.reliability[: 1 if len(evidence.label.classes) == 2 else None]  # noqa: PLR2004
    ends = [
        100 * end
        for one in shown
        for group in one.groups
        for end in (group.low, group.high, group.foreseen)
    ]
    scale = scale_for(ends, allow_log=False)
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": scale.range,
        "y": scale.range,
        "line": {"color": theme.BENCHMARK, "width": 1.2, "dash": "dash"},
        "hoverinfo": "skip",
    }
    figure = theme.figure(
        [
            diagonal,
            *(
                _points(one.groups, name=one.of, colour=COLOURS[one.of], symbol=_SYMBOLS[one.of])
                for one in shown
            ),
        ],
        height=HEIGHT,
        title=_reliability_title(shown[0].of, shown[0].groups),
        margin=MARGIN,
        xaxis=scale.axis(title="Probability said", ticksuffix=" %", nticks=6),
        yaxis=scale.axis(title="How often it came", ticksuffix=" %", nticks=6),
    )
    return Chart(
        figure,
        name="reliability",
        note=_brier(scores),
        width="third",
        keys=[(one.of, COLOURS[one.of]) for one in shown],
    )


def deciles_chart(evidence: EvidenceSection, scores: ScoresSection) -> Chart:
    """Return how often answers were right, by how sure they were.

    Parameters
    ----------
    evidence, scores
        With at least one label.
    """
    regression = not evidence.label.classes
    groups = evidence.deciles
    right = [group.came for group in groups]
    sure = "return foreseen" if regression else "confidence"
    points = _points(groups, name="Right", colour=theme.STRATEGY, symbol="circle")
    points["x"] = list(range(1, len(groups) + 1))
    digits = 2 if regression else 1
    points["text"] = [
        f"Mean {sure} {text.percent(group.foreseen, digits=digits)}<br>right "
        f"{text.percent(group.came)} of {text.plural(group.rows, 'bar')}"
        for group in groups
    ]
    best = scores.reference_accuracy
    ends = [100 * end for group in groups for end in (group.low, group.high, best)]
    figure = theme.figure(
        [points],
        height=HEIGHT,
        title=f"Least sure answers right {text.percent(right[0])}, surest "
        f"{text.percent(right[-1])}",
        margin=MARGIN,
        xaxis=theme.axis(
            "Bars from the least sure to the surest", dtick=1, range=[0.4, len(groups) + 0.6]
        ),
        yaxis=scale_for(ends, allow_log=False).axis(title="Right", ticksuffix=" %", nticks=6),
        shapes=[level(best * 100, theme.BENCHMARK, yref="y", dash="dash")],
    )
    usual = "sign" if regression else "class"
    return Chart(
        figure,
        name="deciles",
        note=f"Dashed: always the most frequent {usual}, {text.percent(best)}. {_sureness(groups)}",
        width="half" if regression else "third",
    )


def _points(groups: list[GroupEntry], *, name: str, colour: str, symbol: str) -> dict[str, Any]:
    came = [group.came * 100 for group in groups]
    return dots(
        [group.foreseen * 100 for group in groups],
        came,
        name=name,
        marker={"color": colour, "symbol": symbol, "size": 8},
        text=[
            f"Said {text.percent(group.foreseen)}, came {text.percent(group.came)}<br>of "
            f"{text.plural(group.rows, 'bar')}"
            for group in groups
        ],
        hover="%{text}<extra></extra>",
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [group.high * 100 - at for group, at in zip(groups, came, strict=True)],
            "arrayminus": [at - group.low * 100 for group, at in zip(groups, came, strict=True)],
            "color": colour,
            "thickness": 1.2,
            "width": 0,
        },
    )


def _reliability_title(name: str, groups: list[GroupEntry]) -> str:
    surest = groups[-1]
    return (
        f"Where it gave {name} {text.percent(surest.foreseen)}, it came "
        f"{text.percent(surest.came)} of the time"
    )


def _brier(scores: ScoresSection) -> str:
    own, usual = scores.brier or 0.0, scores.reference_brier or 0.0
    verdict = (
        "the probabilities say more than how often each class comes"
        if own < usual
        else "saying how often each class comes would have been nearer"
    )
    return (
        f"On the dashed line probabilities come true. Brier score {text.ratio(own, digits=3)} "
        f"against {text.ratio(usual, digits=3)}: {verdict}."
    )


def _sureness(groups: list[GroupEntry]) -> str:
    first, last = groups[0], groups[-1]
    if len(groups) > 1 and last.low > first.high:
        return "The surest answers are right more often than the least sure, beyond chance."
    if len(groups) > 1 and last.high < first.low:
        return "The surest answers are right less often than the least sure, beyond chance."
    return "The intervals of the surest and the least sure overlap: being sure proves nothing here."
