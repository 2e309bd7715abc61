"""A trained model, ready to be asked: its features, its network, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.models.features import FeaturePlan
from btkit.models.forward import Network
from btkit.models.manifest import Conversion, FeatureRange
from btkit.models.metadata import Activation, OutputType
from btkit.spelling import count_of, some_of

_SHOWN_FEATURES = 4
_SHOWN_DIGITS = 12


@dataclass(frozen=True, repr=False, eq=False)
class Bundle:
    """A trained model, ready to be asked; `load_bundle` makes one.

    Parameters
    ----------
    path
        Of the folder that it was loaded from.
    hash
        SHA-256 over its files and the formulas of its features: two bundles that have the same
        give the same outputs for the same bars.
    name
        Of the strategy that was trained.
    symbols
        What it was trained on.
    timeframes
        Intervals of its features, that of its bars first.
    features
        What the network takes, in its order.
    network
        Gives an output for each class, or one for a regression.
    architecture
        What kind of network it is, in a few words.
    output_type
        ``classification`` (BUY, SELL, HOLD), ``regression``, ``regime_classification`` or
        ``context_classification``.
    classes
        What each output stands for; None for a regression.
    activation
        Whether outputs are ``logits`` or ``probabilities``; None for a regression.
    temperature
        What logits are divided by.
    trained_from, trained_until
        The first and the last bar that training saw: a date, or for intraday bars a time in UTC.
        None where nobody says it.
    rows_until
        Likewise of the last row that it was saved with.
    label_horizon
        Bars after which a label was known at the latest, None where nobody says it.
    label
        What was learnt, as it was saved, so that it can be worked out again; None if unknown.
    ranges
        How each feature was distributed over the training rows; empty where unknown.
    decisions
        Settings that it was trained with, those that it states: ``confidence_threshold``,
        ``position_awareness``, ``allow_short_from_flat``, ``min_signal_separation`` (hours),
        ``round_trip_cost``, ``min_edge_multiplier``.
    conversion
        How far it differs from the model that was converted; None where none was.
    seed
        Of the training; None if unknown.
    versions
        Of the programs that trained and saved it.
    warnings
        What its user has to know, each a ``code`` and a ``message``.
    """

    path: Path
    hash: str
    name: str
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    features: FeaturePlan
    network: Network
    architecture: str
    output_type: OutputType
    classes: tuple[str, ...] | None
    activation: Activation | None
    temperature: float
    trained_from: pd.Timestamp | None
    trained_until: pd.Timestamp | None
    rows_until: pd.Timestamp | None
    label_horizon: int | None
    label: Mapping[str, Any] | None
    ranges: Mapping[str, FeatureRange]
    decisions: Mapping[str, float | bool]
    conversion: Conversion | None
    seed: int | None
    versions: Mapping[str, str]
    warnings: tuple[dict[str, str], ...]

    def __repr__(self) -> str:
        rows = describe(self)
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def describe(bundle: Bundle) -> dict[str, str]:
    """Return what a bundle is, in a few rows for people."""
    outputs = ", ".join(bundle.classes) if bundle.classes else "one number"
    begins, until = _day(bundle.trained_from), _day(bundle.trained_until)
    trained = f"{begins} to {until}" if begins else f"until {until}"
    rows = {
        "Bundle": bundle.name,
        "Trained on": f"{', '.join(bundle.symbols)}, {', '.join(bundle.timeframes)}",
        "Trained": trained if until else "nobody says when",
        "Label horizon": _bars(bundle.label_horizon),
        "Features": _features(bundle.features.names),
        "Network": bundle.architecture,
        "Outputs": f"{bundle.output_type.replace('_', ' ')}: {outputs}",
        "Hash": bundle.hash[:_SHOWN_DIGITS],
    }
    rows |= {
        "Warning" if not place else f"Warning {place + 1}": warning["message"]
        for place, warning in enumerate(bundle.warnings)
    }
    return rows


def _features(names: tuple[str, ...]) -> str:
    return f"{len(names)}: {some_of(names, most=_SHOWN_FEATURES)}"


def _bars(count: int | None) -> str:
    if count is None:
        return "nobody says it"
    return count_of(count, "bar")


def _day(moment: pd.Timestamp | None) -> str:
    if moment is None:
        return ""
    return str(moment.date()) if moment.tz is None else str(moment)
