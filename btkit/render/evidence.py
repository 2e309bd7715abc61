"""How much a model's answers are worth, section by section."""

from __future__ import annotations

from typing import Any

from btkit.documents import RunDocument
from btkit.documents.evidence import EvidenceLabel, EvidenceSection, MarginsSection, ScoresSection
from btkit.documents.trained import ModelReport
from btkit.render import text
from btkit.render.figures.answers import answers_chart, is_unseen
from btkit.render.figures.calibration import deciles_chart, reliability_chart
from btkit.render.figures.chance import chance_chart, ranks_chart
from btkit.render.figures.importance import importance_chart
from btkit.render.pages import markup
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.render.view import RunView
from btkit.spelling import listed

_RANGES_SHOWN = 10
_SMALL = 0.001
_FEW = 100
_NONE = "No bar had both an answer and a label that is known by the last bar."

Row = tuple[str, ...]

_AREA = (
    "Area under the ROC curve: how often a bar at which it came had a higher probability than one "
    "at which it did not; 1 is perfect, 0.5 chance."
)
# Of each measure: its name, what it means, what it is without a model, and its decimals, -1 for
# percent.
_MEASURES: dict[str, tuple[str, str, str | float | None, int]] = {
    "rows": ("Bars", "Bars with an answer and a known label.", None, 0),
    "accuracy": (
        "Right",
        "Share of bars; without a model always the most frequent answer.",
        "reference_accuracy",
        -1,
    ),
    "brier": (
        "Brier score",
        (
            "Mean squared distance of the probabilities from what came, 0 is perfect; without a "
            "model how often each class comes."
        ),
        "reference_brier",
        3,
    ),
    "log_loss": (
        "Log loss",
        (
            "Mean of -ln of the probability of what came, 0 is perfect; without a model how often "
            "each class comes."
        ),
        "reference_log_loss",
        3,
    ),
    "rank_correlation": ("Rank correlation", "Spearman's, from -1 to 1.", 0.0, 3),
    "r_squared": ("R²", "Share of the returns' variance that was foreseen.", 0.0, 3),
}


def answers(document: RunDocument) -> ReportSection:
    """Return what the model said at each bar, beneath the price."""
    return ReportSection([answers_chart(RunView.of(document), _report(document))])


def skill(document: RunDocument) -> ReportSection:
    """Return whether the answers are better than chance."""
    view, report = RunView.of(document), _report(document)
    evidence = report.model.evidence
    chance: list[Html | Chart] = []
    if evidence.chance is not None:
        held = view.benchmark("total_return_pct").number
        chance.append(chance_chart(evidence.chance, held=held, other=report.benchmark.words))
    pieces: list[Html | Chart] = []
    if evidence.scores is None:
        pieces += [Html(markup("pieces.empty", _NONE)), *chance]
    else:
        rows = _scores(evidence.scores, evidence.in_sample)
        learnt = evidence.in_sample is not None
        own = "Unseen" if is_unseen(report) else "This run"
        table = markup("evidence.scores", rows, own=own, learnt=learnt, words=_label(evidence))
        pieces.append(Html(table, width="half"))
        pieces += chance
        if evidence.ranks:
            pieces.append(ranks_chart(evidence.ranks))
        if evidence.label.classes:
            pieces.append(reliability_chart(evidence, evidence.scores))
        pieces.append(deciles_chart(evidence, evidence.scores))
    return ReportSection(pieces)


def listening(document: RunDocument) -> ReportSection:
    """Return what the model listens to, and whether it had seen the like."""
    evidence = _report(document).model.evidence
    pieces: list[Html | Chart] = []
    if evidence.importance is not None:
        regression = not evidence.label.classes
        pieces.append(importance_chart(evidence.importance, regression=regression))
    pieces.append(Html(_ranges(evidence), width="half"))
    return ReportSection(pieces)


def _report(document: RunDocument) -> ModelReport:
    report = document.report
    assert isinstance(report, ModelReport)
    return report


def _scores(own: ScoresSection, learnt: ScoresSection | None) -> list[Row]:
    """Return rows: the measure and what it means, unseen, by no model, and on the training."""
    found = []
    for name, (words, meaning, reference, digits) in _MEASURES.items():
        value = getattr(own, name)
        if value is not None:
            usual = getattr(own, reference) if isinstance(reference, str) else reference
            before = getattr(learnt, name, None)
            shown = (_number(number, digits) for number in (value, usual, before))
            found.append((words, meaning, *shown))
    for name, value in own.area.items():
        before = None if learnt is None else learnt.area.get(name)
        shown = (_number(number, 3) for number in (value, 0.5, before))
        found.append((f"ROC area, {name}", _AREA, *shown))
    return found


def _number(value: float | None, digits: int) -> str:
    return text.percent(value) if digits < 0 else text.ratio(value, digits=digits)


def _label(evidence: EvidenceSection) -> list[str]:
    label = evidence.label
    said = [_right(label)]
    left = label.answered - label.known
    if left:
        said.append(f"Left out: {text.plural(left, 'bar')} without such a label by the last bar.")
    own = label.known / label.horizon_bars
    if label.horizon_bars > 1:
        said.append(
            f"Labels that look {label.horizon_bars} bars ahead share bars: these prove as much as "
            f"about {text.count(own)} that share none, and intervals are as wide."
        )
    if own < _FEW:
        said.append("So few prove little, whatever the numbers are.")
    return said


def _right(label: EvidenceLabel) -> str:
    horizon = text.plural(label.horizon_bars, "bar")
    if label.source == "forward_return":
        told = "The bundle does not say what its labels were, so "
        if label.classes:
            return (
                f"{told}BUY counts as right where the close stood higher {horizon} later, SELL "
                "where it stood lower; HOLD is left out, and the others' probabilities are taken "
                "to add up to 1."
            )
        return f"{told}what came is the return of the close over {horizon}."
    return f"What counts as right is the label of its training: {_WORDS[_kind(label)](label)}."


def _kind(label: EvidenceLabel) -> str:
    return str(label.description["kind"])


def _return_words(label: EvidenceLabel) -> str:
    words = f"the return of the close over {text.plural(label.horizon_bars, 'bar')}"
    return f"{words}, BUY above 0 and SELL below" if label.classes else words


def _class_words(label: EvidenceLabel) -> str:
    about = label.description
    return (
        f"BUY if the return of the close over {text.plural(label.horizon_bars, 'bar')} is above "
        f"{text.percent(about['buy_above'], digits=2)}, SELL if it is below "
        f"{text.percent(about['sell_below'], digits=2)}, else HOLD"
    )


def _barrier_words(label: EvidenceLabel) -> str:
    about: dict[str, Any] = label.description

    def width(key: str) -> str:
        value = about[key]
        if value is None:
            return "never"
        if about["unit"] == "volatility":
            return f"at {text.ratio(value)} times its volatility"
        return f"at {text.percent(value, digits=2)}"

    return (
        f"which barrier the price meets first, BUY above ({width('take_profit')}), SELL below "
        f"({width('stop_loss')}), within {text.plural(label.horizon_bars, 'bar')}"
    )


_WORDS = {
    "forward_return": _return_words,
    "forward_class": _class_words,
    "triple_barrier": _barrier_words,
}


def _ranges(evidence: EvidenceSection) -> str:
    known = evidence.ranges
    nearest = [] if evidence.margins is None else [_margins(evidence.margins)]
    if known is None:
        words = "No bundle says between which values its features lay in training, so whether "
        words += "these bars are like those cannot be told."
        return markup("evidence.ranges", [], [words], nearest)
    worst = known.features[0] if known.features else None
    words = (
        f"On {text.percent(known.outside)} of {text.plural(known.rows, 'bar')} at least one "
        "feature was lower or higher than ever in training: there the model guesses."
        if known.outside
        else f"On none of {text.plural(known.rows, 'bar')} was a feature lower or higher than ever "
        "in training."
    )
    moved = [
        one.feature
        for one in known.features
        if one.stability_index is not None and one.stability_index > 0.25  # noqa: PLR2004 - by custom
    ]
    said = [words]
    if worst is not None and worst.outside:
        said.append(f"Most often it is {worst.feature} ({text.percent(worst.outside)}).")
    if moved:
        said.append(
            f"{listed(moved[:3])}{' and others' if len(moved) > 3 else ''} moved away from "  # noqa: PLR2004 - a line
            "the training (stability index above 0.25)."
        )
    left = len(known.features) - _RANGES_SHOWN
    if left > 0:
        said.append(f"{text.plural(left, 'feature')} with less are not in the table.")
    rows = [
        (
            one.feature,
            one.outside,
            _span(one.lowest, one.highest),
            text.ratio(one.stability_index),
        )
        for one in known.features[:_RANGES_SHOWN]
    ]
    indexed = any(one.stability_index is not None for one in known.features[:_RANGES_SHOWN])
    if rows and not indexed:
        said.append(
            "There is no stability index of these: in training too many rows had the same value."
        )
    return markup("evidence.ranges", rows, said, nearest, indexed=indexed)


def _span(lowest: float, highest: float) -> str:
    ends = (lowest, highest)
    # Four decimals would show nothing of features that are smaller.
    if 0.0 < max(map(abs, ends)) < _SMALL:
        return f"{lowest:.1e} to {highest:.1e}".replace("-", text.MINUS)
    digits = 4 if max(map(abs, ends)) < 10 else 2  # noqa: PLR2004 - as prices have them
    return " to ".join(text.ratio(end, digits=digits) for end in ends)


def _margins(margins: MarginsSection) -> str:
    if not margins.near:
        return (
            "No decision hangs on a millionth of an output; the nearest has "
            f"{margins.least:.2g} to spare."
        )
    days = listed([one.time[:10] for one in margins.nearest[:3]])
    more = " and others" if margins.near > 3 else ""  # noqa: PLR2004 - a line
    verb = "hangs" if margins.near == 1 else "hang"
    return (
        f"{text.plural(margins.near, 'decision')} {verb} on a millionth of an output, and "
        f"may fall otherwise on another machine: {days}{more}."
    )
