"""The namespace of conditions: what each name means, and how its column is computed."""

from btkit.indicators.base import Indicator
from btkit.indicators.features import FeatureSet
from btkit.indicators.names import closest_names, known_names, name_hint
from btkit.indicators.position import OPTION_POSITION_DEFAULTS
from btkit.indicators.registry import POSITION_NAMES, catalogue, is_truth_value, lookup

__all__ = [
    "OPTION_POSITION_DEFAULTS",
    "POSITION_NAMES",
    "FeatureSet",
    "Indicator",
    "catalogue",
    "closest_names",
    "is_truth_value",
    "known_names",
    "lookup",
    "name_hint",
]
