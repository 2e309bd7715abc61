"""What a model listens to."""

from __future__ import annotations

from html import escape

from btkit.documents.evidence import FeatureImportance, ImportanceSection
from btkit.render import text, theme
from btkit.render.pieces import Chart
from btkit.render.series import floats

SHOWN = 12
_SURE = 2.0  # standard errors


def importance_chart(found: ImportanceSection, *, regression: bool) -> Chart:
    """Return by how much the answers got worse as each feature was shuffled.

    Parameters
    ----------
    found
        At least one feature.
    regression
        Whether the loss is that of returns.
    """
    shown = found.features[:SHOWN][::-1]
    # Squared returns are as small as they are hard to read.
    factor = 1e6 if regression else 1.0
    loss = "squared error, millionths" if regression else "log loss"
    rises = floats([one.rise for one in shown]) * factor
    figure = theme.figure(
        [
            {
                "type": "bar",
                "orientation": "h",
                "y": [escape(_short(one.feature)) for one in shown],
                "x": rises,
                "width": 0.6,
                "marker": {
                    "color": [theme.STRATEGY if _helps(one) else theme.BENCHMARK for one in shown]
                },
                "error_x": {
                    "type": "data",
                    "array": [one.error * factor for one in shown],
                    "color": theme.INK,
                    "thickness": 1,
                    "width": 0,
                },
                "text": [
                    f"{escape(one.feature)}<br>{loss} rises by {one.rise * factor:.4f} "
                    f"(± {one.error * factor:.4f})<br>{text.percent(one.changed)} of the answers "
                    "change"
                    for one in shown
                ],
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }
        ],
        height=max(260, 120 + 26 * len(shown)),
        title=_title(found.features),
        margin={"l": 150, "r": 16, "t": 56, "b": 50},
        xaxis=theme.axis(f"Rise of the {loss} when shuffled", nticks=5),
        yaxis=theme.axis(showgrid=False, zeroline=False, type="category"),
    )
    return Chart(
        figure,
        name="importance",
        note=_note(found),
        width="half",
        narrow={"margin.l": 128, "xaxis.title.text": "Rise when shuffled", "xaxis.nticks": 4},
    )


def _helps(one: FeatureImportance) -> bool:
    return one.rise > _SURE * one.error


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"  # noqa: PLR2004 - room beside


def _title(features: list[FeatureImportance]) -> str:
    helping = sum(map(_helps, features))
    if not helping:
        return "No feature was of use beyond chance"
    return f"{helping} of {text.plural(len(features), 'feature')} " + (
        "was of use" if helping == 1 else "were of use"
    )


def _note(found: ImportanceSection) -> str:
    most = max(found.features, key=lambda one: one.changed)
    sentence = (
        f"Its answers hang most on {most.feature}: shuffled, {text.percent(most.changed)} of them "
        f"change. Blue: the answers got worse by more than {_SURE:.0f} standard errors. "
        f"Asked again on {text.plural(found.rows, 'bar')}."
    )
    if found.left_out:
        sentence += f" {text.plural(found.left_out, 'feature')} beyond the first {found.asked} "
        sentence += "were not shuffled."
    if found.bundles > 1:
        sentence += f" Of the bundles, {found.bundles} were asked."
    return sentence
