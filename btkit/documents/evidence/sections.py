"""The typed parts of the evidence; every number is finite, and None where there is none."""

from __future__ import annotations

from typing import Any, Literal

from btkit.documents.models import IsoBar, Section


class EvidenceLabel(Section):
    """What counts as right.

    Parameters
    ----------
    source
        ``"bundle"``: the label that the bundle describes, computed again on these bars;
        ``"forward_return"``: the return of the close over `horizon_bars`, its sign for a
        classification, since the bundle describes none that can be computed for its answers.
    description
        The label as plain values, see `btkit.models.labels.read_label`.
    horizon_bars
        Bars that it looks ahead; labels less far apart share some.
    classes
        What it tells apart and the model answers, in the order of all that is said by class;
        empty for a regression.
    known
        Bars of the run with an answer and a label that is known by the last bar.
    answered
        Bars of the run with an answer.
    """

    source: Literal["bundle", "forward_return"]
    description: dict[str, Any]
    horizon_bars: int
    classes: list[str]
    known: int
    answered: int


class ScoresSection(Section):
    """How right the answers were, on some bars.

    Parameters
    ----------
    rows
        Bars that count.
    accuracy
        Share of bars at which the class of highest probability came; of a regression, at which
        the return had the sign that was foreseen.
    reference_accuracy
        What always the most frequent class gets.
    brier, reference_brier, log_loss, reference_log_loss
        Of a classification, over all classes, and what is got by saying at each bar how often
        each class comes.
    area
        By class: the area under the ROC curve of its probability.
    r_squared, rank_correlation
        Of a regression; of ranks Spearman's.
    """

    rows: int
    accuracy: float
    reference_accuracy: float
    brier: float | None = None
    reference_brier: float | None = None
    log_loss: float | None = None
    reference_log_loss: float | None = None
    area: dict[str, float]
    r_squared: float | None = None
    rank_correlation: float | None = None


class RankEntry(Section):
    """A measure of order against labels that were shuffled by blocks.

    Parameters
    ----------
    of
        The class whose probability it is of; None for the output of a regression.
    measure
        ``"area"`` under the ROC curve, 0.5 by chance, or ``"rank_correlation"``, 0 by chance.
    value
        Of the labels as they came.
    p_value
        How often shuffled ones are as good.
    block
        Bars that a shuffle keeps together.
    shuffled
        The measure of each shuffle, rising.
    """

    of: str | None
    measure: Literal["area", "rank_correlation"]
    value: float
    p_value: float
    block: int
    shuffled: list[float]


class GroupEntry(Section):
    """Bars with about the same foreseen.

    Parameters
    ----------
    rows
        How many.
    foreseen
        The mean of what was foreseen.
    came
        The share of bars at which it came.
    low, high
        The ends of that share's 95 % interval (Wilson), of as many bars as share no prices.
    """

    rows: int
    foreseen: float
    came: float
    low: float
    high: float


class ClassReliability(Section):
    """Whether the probabilities of a class come true.

    Parameters
    ----------
    of
        The class.
    groups
        Of equal size, the lowest probability first.
    """

    of: str
    groups: list[GroupEntry]


class FeatureImportance(Section):
    """What became of the answers as a feature was shuffled.

    Parameters
    ----------
    feature
        Its name.
    rise, error
        By how much the mean loss rose (log loss; of a regression the squared error), and the
        standard error of that.
    changed
        The share of bars that were answered otherwise.
    """

    feature: str
    rise: float
    error: float
    changed: float


class ImportanceSection(Section):
    """Permutation importance.

    Parameters
    ----------
    features
        The largest rise first.
    rows, block
        Bars that were asked again, and how many a shuffle keeps together.
    asked, left_out
        Features that were shuffled, and those that were not.
    bundles
        How many of the run's bundles were asked.
    """

    features: list[FeatureImportance]
    rows: int
    block: int
    asked: int
    left_out: int
    bundles: int


class FeatureRangeEntry(Section):
    """A feature against its training.

    Parameters
    ----------
    feature
        Its name.
    outside
        Share of bars at which it lies below the least or above the highest of the training.
    lowest, highest
        Those, of the newest bundle.
    stability_index
        How far its distribution has moved; None where the training's quantiles do not say it.
    """

    feature: str
    outside: float
    lowest: float
    highest: float
    stability_index: float | None


class RangesSection(Section):
    """Whether the model was asked about what it had seen.

    Parameters
    ----------
    rows
        Bars that were looked at.
    outside
        Share of them with a feature outside its training range.
    features
        The one that is outside most often first.
    bundles
        How many of the run's bundles say their ranges and were looked at.
    """

    rows: int
    outside: float
    features: list[FeatureRangeEntry]
    bundles: int


class NearDecision(Section):
    """A decision that hangs on very little."""

    time: IsoBar
    margin: float


class MarginsSection(Section):
    """How little would have changed a decision.

    Parameters
    ----------
    rows
        Bars with an answer.
    limit
        What counts as near.
    near
        How many bars would be decided otherwise if an output changed by no more.
    least
        The least margin of any bar.
    nearest
        The nearest of those bars, at most ten.
    """

    rows: int
    limit: float
    near: int
    least: float
    nearest: list[NearDecision]


class ChanceSection(Section):
    """The run's trades at random times.

    Parameters
    ----------
    trades, draws
        How many trades, and how often they were put elsewhere.
    total_return_pct
        Of the run, a fraction, net of costs.
    percentile
        Share of draws that brought less; a draw as good counts a half.
    returns
        Those of the draws, rising.
    """

    trades: int
    draws: int
    total_return_pct: float
    percentile: float
    returns: list[float]


class EvidenceSection(Section):
    """How much a model's answers are worth, on the bars that it was not trained on.

    Parameters
    ----------
    seed
        Of all that is drawn.
    label
        What counts as right.
    scores, in_sample
        How right the answers were, and on the bars of the training; None without a bar.
    ranks
        Whether what scores high comes more often.
    reliability
        Whether probabilities come true, by class.
    deciles
        How right the answers were by how sure they were: of a classification by the probability
        of the answer, of a regression by the return foreseen without its sign.
    importance
        What the model listens to; None where no bar has a label.
    ranges
        Its features against its training; None where no bundle says their ranges.
    margins
        What hangs on very little; None without an answer.
    chance
        The same trades at random times; None without a trade.
    """

    seed: int
    label: EvidenceLabel
    scores: ScoresSection | None
    in_sample: ScoresSection | None
    ranks: list[RankEntry]
    reliability: list[ClassReliability]
    deciles: list[GroupEntry]
    importance: ImportanceSection | None
    ranges: RangesSection | None
    margins: MarginsSection | None
    chance: ChanceSection | None
