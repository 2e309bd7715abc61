"""Evaluators over the features of bars, and over those of other bars that they know.

Apart from `columns`, whose compiled functions are kept under the hash of what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable

from btkit.conditions.columns import ColumnEvaluator, Elsewhere
from btkit.conditions.over_time import KeptCalls
from btkit.indicators import AsOfFeatures, FeatureSet, features_as_of


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
        lambda where: evaluated(features_as_of(features, where)),
        features.is_text,
        features.declared,
        begin=features.begin,
        bars=len(features),
        kept=kept,
    )


def evaluated(other: AsOfFeatures) -> Elsewhere:
    """Return what evaluates trees over other bars, as they are known at some bars."""
    evaluator = None if other.features is None else evaluator_over(other.features)
    return Elsewhere(evaluator, other.last_closed, other.column)
