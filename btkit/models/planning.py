"""From a definition of features to the plan that computes them, or every reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from btkit.arguments import is_text, kind_of_value, quoted
from btkit.errors import BundleError, SpecError, UsageError
from btkit.markets import Interval, check_slower
from btkit.models.features import Feature, FeaturePlan
from btkit.models.input_reading import read_inputs, refuse_external_data
from btkit.models.inputs import MAX_FEATURES, NetworkInput
from btkit.models.problems import Findings, Place
from btkit.models.scaling import Scaling, read_scalings
from btkit.models.timeframes import fastest, timeframe_interval
from btkit.spelling import some_of

_ORIGIN: Final = "the definition of the features"
_SHOWN: Final = 5


def plan_inputs(
    inputs: Sequence[NetworkInput],
    *,
    timeframes: Sequence[str],
    base: str | None = None,
    scalings: Mapping[str, Scaling] | None = None,
) -> FeaturePlan:
    """Return what to compute for a network's inputs.

    Parameters
    ----------
    inputs
        In the order of the network, such as those of a `StrategyV3`.
    timeframes
        Of the training.
    base
        The one whose bars decide; None takes the fastest.
    scalings
        Normalisation by feature, as it was in training; None for a network that is yet to be
        trained, whose lines keep their own values.

    Raises
    ------
    SpecError
        If two features have one name, a line's own value has no normalisation, or bars of `base`
        do not make those of a timeframe; `problems` has every reason.
    """
    findings = Findings()
    plan = _plan(inputs, timeframes, base, scalings, findings)
    if findings.problems or plan is None:
        raise SpecError(findings.problems, origin=_ORIGIN)
    return plan


def plan_features(metadata: Mapping[str, Any]) -> FeaturePlan:
    """Return what to compute for a trained bundle.

    Parameters
    ----------
    metadata
        With ``indicators``, ``fuzzy_sets``, ``nn_inputs``, ``training_timeframes``,
        ``normalization_params`` and, where it is trained, ``resolved_features``.

    Raises
    ------
    BundleError
        If a part is refused (``problems`` of its details has every reason, each with its place),
        or the features are not those that it was trained on.

    Examples
    --------
    >>> plan = plan_features({
    ...     "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
    ...     "fuzzy_sets": {"momentum": {"indicator": "rsi_14", "low": [0, 25, 40]}},
    ...     "nn_inputs": [{"fuzzy_set": "momentum", "timeframes": "all"}],
    ...     "training_timeframes": ["1d"],
    ... })
    >>> plan.names, plan.lookback
    (('1d_momentum_low',), 14)
    >>> plan.formulas
    ("1d rsi(period=14, source='close') > triangular(0.0, 25.0, 40.0)",)
    """
    findings = Findings()
    refuse_external_data(metadata, findings)
    timeframes = _trained_timeframes(metadata.get("training_timeframes"), findings)
    inputs = read_inputs(metadata, timeframes, findings)
    scalings = read_scalings(metadata.get("normalization_params"), findings)
    resolved = _resolved(metadata.get("resolved_features"), findings)
    whole = not findings.problems
    plan = _plan(inputs, timeframes, None, scalings, findings, needed=resolved) if whole else None
    if findings.problems or plan is None:
        refused = SpecError(findings.problems, origin=_ORIGIN)
        raise BundleError(refused.message, hint=refused.hint, details=refused.details)
    plan = replace(plan, notes=(*findings.notes, *plan.notes))
    return plan if resolved is None else plan.select(resolved)


def _trained_timeframes(value: object, findings: Findings) -> tuple[str, ...]:
    place: Place = ("training_timeframes",)
    if not isinstance(value, list | tuple) or not value:
        findings.refuse(place, "names no timeframe", 'write such as ["1h"]')
        return ()
    for at, text in enumerate(value):
        try:
            timeframe_interval(text)
        except UsageError as error:
            findings.refuse((*place, at), error.message.rstrip("."), error.hint)
    return tuple(text for text in value if is_text(text))


def _resolved(value: object, findings: Findings) -> list[str] | None:
    if value is None:
        return None
    place: Place = ("resolved_features",)
    if not isinstance(value, list | tuple) or not value:
        found = "is empty" if value == [] else f"must be a list, not {kind_of_value(value)}"
        findings.refuse(place, found, "list the features in the order of the training")
        return None
    for at, name in enumerate(value):
        if not is_text(name):
            findings.refuse((*place, at), f"must be a text, not {kind_of_value(name)}",
                            "list the features in the order of the training")  # fmt: skip
    return list(value)


def _plan(
    inputs: Sequence[NetworkInput],
    timeframes: Sequence[str],
    base: str | None,
    scalings: Mapping[str, Scaling] | None,
    findings: Findings,
    *,
    needed: Sequence[str] | None = None,
) -> FeaturePlan | None:
    length = timeframe_interval(base or fastest(timeframes))
    _check_timeframes(inputs, length, findings)
    features: dict[str, Feature] = {}
    again: dict[Place, list[str]] = {}
    for place, entry, feature in islice(_each(inputs), MAX_FEATURES + 1):
        if feature.name in features:
            again.setdefault(place, []).append(feature.name)
        scaling = None if scalings is None else scalings.get(feature.name)
        plain = feature.membership is not None or entry.normalization == "none"
        is_needed = scalings is not None and (needed is None or feature.name in needed)
        if is_needed and scaling is None and not plain:
            findings.refuse(
                place,
                f"{quoted(feature.name)} has no entry in normalization_params",
                'copy it from the training, or write {method: "none"} if it learnt from plain '
                "values",
            )
        features[feature.name] = replace(feature, scaling=scaling)
    for place, names in again.items():
        twice = some_of(names, most=_SHOWN)
        findings.refuse(place, f"makes features that are there already: {twice}",
                        "name each input once")  # fmt: skip
    if len(features) > MAX_FEATURES:
        findings.refuse(("nn_inputs",), f"makes more than {MAX_FEATURES:,} features",
                        "shorten it")  # fmt: skip
    if not features or findings.problems:
        return None
    return FeaturePlan(tuple(features.values()), length, tuple(_notes(features, scalings or {})))


def _each(inputs: Sequence[NetworkInput]) -> Iterator[tuple[Place, NetworkInput, Feature]]:
    for at, entry in enumerate(inputs):
        place: Place = ("nn_inputs", at)
        for timeframe in entry.timeframes:
            interval = timeframe_interval(timeframe)
            if entry.memberships is None:
                name = f"{timeframe}_{entry.name}_raw"
                yield place, entry, Feature(name, interval, entry.line)
                continue
            for member in entry.memberships.items():
                name = f"{timeframe}_{entry.name}_{member[0]}"
                yield place, entry, Feature(name, interval, entry.line, member)


def _check_timeframes(inputs: Sequence[NetworkInput], base: Interval, findings: Findings) -> None:
    first = {
        timeframe: at
        for at, entry in reversed([*enumerate(inputs)])
        for timeframe in entry.timeframes
    }
    for timeframe, at in first.items():
        interval = timeframe_interval(timeframe)
        try:
            if interval != base:
                check_slower(base, interval)
        except UsageError as error:
            place: Place = ("nn_inputs", at, "timeframes")
            findings.refuse(place, error.message.rstrip("."), error.hint)


def _notes(features: Mapping[str, Feature], scalings: Mapping[str, Scaling]) -> list[str]:
    notes = []
    unused = [name for name in scalings if name not in features]
    if unused:
        notes.append(
            f"normalization_params of no feature are not read: {some_of(unused, most=_SHOWN)}."
        )
    constant = [
        f"{name} ({feature.scaling.formula})"
        for name, feature in features.items()
        if feature.scaling is not None and feature.scaling.width == 0.0
    ]
    if constant:
        notes.append(
            f"normalization_params have no width of {some_of(constant, most=_SHOWN)}: 0.0 at every "
            "bar, whatever the market does, so that the model hears nothing of it."
        )
    counted = [name for name, feature in features.items() if feature.line.decay == 1.0]
    if counted:
        notes.append(
            f"The level of {some_of(counted, most=_SHOWN)} is counted from the first bar loaded, "
            "so that it depends on where history begins."
        )
    return notes
