"""How far the bars before a run's start reach: for indicators, and for features of models."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions import lookback_of
from btkit.data import format_time
from btkit.indicators import AsOfFeatures, FeatureSet, lookup, slower_features

if TYPE_CHECKING:
    from btkit.simulation.result import Result

Flags = NDArray[np.bool_]


def warmup_of(run: Result) -> dict[str, Any]:
    """Return what `Result.warmup` says.

    Parameters
    ----------
    run
        Of any kind of spec.
    """
    start = run.outcome.start
    index = pd.DatetimeIndex(run.all_bars.index)
    missing: dict[str, str | None] = {}
    drift: dict[str, float] = {}
    for label, present, weight in chain(_of_indicators(run), _of_calls(run), _of_features(run)):
        if not present[start]:
            first = int(present[start:].argmax())
            missing[label] = format_time(index[start + first]) if present[start + first] else None
        if weight is not None:
            # Of several bundles two may have one name for a feature.
            drift[label] = max(weight, drift.get(label, 0.0))
    return {"bars": start - run.feature_set.begin, "missing_until": missing, "drift": drift}


def _of_indicators(run: Result) -> Iterator[tuple[str, Flags, float | None]]:
    reaches = {column.label: bars for column, bars in run.clauses.columns().items()}
    for label, reader, name in run.columns():
        entry = lookup(name)
        decay, lookback = (None, 0) if entry is None else (entry.decay, entry.lookback)
        # What a call over time looks back at settled later.
        weight = _seed_weight(run, reader, decay, lookback + reaches.get(label, 0))
        yield label, np.isfinite(reader.column(name)), weight
        run.feature_set.forget()


def _of_calls(run: Result) -> Iterator[tuple[str, Flags, float | None]]:
    for call, value in run.calls():
        # Long ago is no answer of `bars_since` that is still to come.
        if lookback_of(call):
            yield call.label, ~value.missing(), None


def _of_features(run: Result) -> Iterator[tuple[str, Flags, float | None]]:
    for whose, plan in run.trained_features:
        for feature in plan.features:
            line, own = feature.line, run.feature_set
            # Where a model reads bars of another length than its own, they stand in for its own.
            is_own = feature.interval == plan.base
            reader = own if is_own else slower_features(own, feature.interval)
            weight = _seed_weight(run, reader, line.decay, line.lookback)
            yield f"{whose}{feature.name}", _places(reader) >= line.lookback, weight


def _places(reader: FeatureSet | AsOfFeatures) -> NDArray[np.int64]:
    """Return the place of each bar among those that are seen, of slower ones the last closed."""
    if isinstance(reader, AsOfFeatures):
        return reader.last_closed
    return np.arange(len(reader)) - reader.begin


def _seed_weight(
    run: Result, reader: FeatureSet | AsOfFeatures, decay: float | None, lookback: int
) -> float | None:
    """Return the weight that a recursive line's seed still has at the start, None of others."""
    if decay is None:
        return None
    start = run.outcome.start
    before = (
        int(reader.last_closed[: start + 1].max()) + 1
        if isinstance(reader, AsOfFeatures)
        else start - reader.begin
    )
    weight: float = decay ** max(before - lookback, 0)
    return weight
