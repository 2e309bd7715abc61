"""Trained models: what a bundle holds, and what it says of each bar."""

from btkit.models.bundle import Bundle
from btkit.models.features import Feature, FeaturePlan
from btkit.models.findings import refused_bundle
from btkit.models.grammar import StrategyV3, read_strategy_v3
from btkit.models.loading import inspect_bundle, load_bundle
from btkit.models.outputs import class_probabilities
from btkit.models.planning import plan_features, plan_inputs
from btkit.models.saving import save_bundle
from btkit.models.splits import CombinatorialPurged, PurgedKFold
from btkit.models.strategy_settings import (
    StrategyDecisions,
    StrategyModel,
    read_decisions,
    read_model,
)

__all__ = [
    "Bundle",
    "CombinatorialPurged",
    "Feature",
    "FeaturePlan",
    "PurgedKFold",
    "StrategyDecisions",
    "StrategyModel",
    "StrategyV3",
    "class_probabilities",
    "inspect_bundle",
    "load_bundle",
    "plan_features",
    "plan_inputs",
    "read_decisions",
    "read_model",
    "read_strategy_v3",
    "refused_bundle",
    "save_bundle",
]
