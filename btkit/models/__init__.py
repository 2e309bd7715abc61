"""Trained models: what a bundle holds, and what it says of each bar."""

from btkit.models.features import Feature, FeaturePlan
from btkit.models.grammar import StrategyV3, is_strategy_v3, read_strategy_v3
from btkit.models.planning import plan_features, plan_inputs
from btkit.models.splits import CombinatorialPurged, PurgedKFold
from btkit.models.strategy_settings import (
    StrategyDecisions,
    StrategyModel,
    read_decisions,
    read_model,
)

__all__ = [
    "CombinatorialPurged",
    "Feature",
    "FeaturePlan",
    "PurgedKFold",
    "StrategyDecisions",
    "StrategyModel",
    "StrategyV3",
    "is_strategy_v3",
    "plan_features",
    "plan_inputs",
    "read_decisions",
    "read_model",
    "read_strategy_v3",
]
