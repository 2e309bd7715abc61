"""Evaluators over the features of bars, and over those of the slower bars that they make.

Apart from `columns`, whose compiled functions are kept under the hash of what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable

from btkit.conditions.columns import ColumnEvaluator, Slower
from btkit.conditions.over_time import KeptCalls
from btkit.indicators import FeatureSet, SlowerFeatures, slower_features
from btkit.markets import Interval


def evaluator_over(
    features: FeatureSet,
    *,
    let_go: Callable[[], bool] | None = None,
    kept: KeptCalls | None = None,
) -> ColumnEvaluator:
    """Return what evaluates trees over the features of some bars.

    Parameters
    ----------
    features
        Of the bars.
    let_go
        As of `ColumnEvaluator`; None lets go of the features' own columns.
    kept
        As of `ColumnEvaluator`.
    """
    return ColumnEvaluator(
        features.column,
        features.is_truth_value,
        features.forget if let_go is None else let_go,
        lambda interval: slower_over(features, interval),
        features.is_text,
        features.declared,
        begin=features.begin,
        bars=len(features),
        kept=kept,
    )


def slower_over(features: FeatureSet, interval: Interval) -> Slower:
    """Return what evaluates trees over the slower bars that some bars make."""
    return evaluated(slower_features(features, interval))


def evaluated(slower: SlowerFeatures) -> Slower:
    """Return what evaluates trees over slower bars, as they are known at some bars."""
    evaluator = None if slower.features is None else evaluator_over(slower.features)
    return Slower(evaluator, slower.last_closed, slower.column)
