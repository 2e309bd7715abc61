"""The namespace of conditions: what each name means, and how its column is computed."""

from btkit.indicators.announcements import EventDates
from btkit.indicators.as_of import (
    OTHER_WARMUP,
    AsOfFeatures,
    features_as_of,
    slower_features,
)
from btkit.indicators.base import Indicator
from btkit.indicators.declared import NO_COLUMNS, DeclaredColumns, plain_values
from btkit.indicators.event_names import EventName, event_name_in, event_of
from btkit.indicators.features import FeatureSet
from btkit.indicators.implied import is_implied_volatility
from btkit.indicators.names import closest_names, known_names, name_hint
from btkit.indicators.other_bars import NO_OTHERS, OtherBars
from btkit.indicators.position import OPTION_POSITION_DEFAULTS
from btkit.indicators.registering import register_indicator
from btkit.indicators.registry import (
    POSITION_NAMES,
    catalogue,
    is_truth_value,
    lookup,
    plugins_of,
    split_previous,
)
from btkit.indicators.user_events import (
    NO_USER_EVENTS,
    EventDay,
    UserEvents,
    refuse_event_name,
)

__all__ = [
    "NO_COLUMNS",
    "NO_OTHERS",
    "NO_USER_EVENTS",
    "OPTION_POSITION_DEFAULTS",
    "OTHER_WARMUP",
    "POSITION_NAMES",
    "AsOfFeatures",
    "DeclaredColumns",
    "EventDates",
    "EventDay",
    "EventName",
    "FeatureSet",
    "Indicator",
    "OtherBars",
    "UserEvents",
    "catalogue",
    "closest_names",
    "event_name_in",
    "event_of",
    "features_as_of",
    "is_implied_volatility",
    "is_truth_value",
    "known_names",
    "lookup",
    "name_hint",
    "plain_values",
    "plugins_of",
    "refuse_event_name",
    "register_indicator",
    "slower_features",
    "split_previous",
]
