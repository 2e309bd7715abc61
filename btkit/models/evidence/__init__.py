"""How much a model's answers are worth: statistics of arrays, none of which reads anything."""

from btkit.models.evidence.importance import Importance, permutation_importance
from btkit.models.evidence.margins import class_margins, return_margins
from btkit.models.evidence.probabilities import (
    Groups,
    brier_score,
    by_quantile,
    log_loss,
    reference_brier,
    reference_log_loss,
    wilson_interval,
)
from btkit.models.evidence.random_entries import Trips, random_returns, trips_return
from btkit.models.evidence.ranges import outside_ranges, stability_index
from btkit.models.evidence.ranking import RankTest, area_under_curve, rank_correlation
from btkit.models.evidence.returns import r_squared
from btkit.models.evidence.shuffling import label_block, shuffled_by_blocks

__all__ = [
    "Groups",
    "Importance",
    "RankTest",
    "Trips",
    "area_under_curve",
    "brier_score",
    "by_quantile",
    "class_margins",
    "label_block",
    "log_loss",
    "outside_ranges",
    "permutation_importance",
    "r_squared",
    "random_returns",
    "rank_correlation",
    "reference_brier",
    "reference_log_loss",
    "return_margins",
    "shuffled_by_blocks",
    "stability_index",
    "trips_return",
    "wilson_interval",
]
