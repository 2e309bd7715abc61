"""Whether a strategy's own definition of its features is that of the bundle that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from btkit.arguments import is_text
from btkit.errors import BundleError, Problem, SpecError, UsageError
from btkit.models.input_reading import read_inputs, refuse_external_data
from btkit.models.planning import plan_inputs
from btkit.models.problems import Findings
from btkit.models.timeframes import timeframe_interval
from btkit.models.timeline import KnownBundle

if TYPE_CHECKING:
    from btkit.markets import Interval
    from btkit.models.features import FeaturePlan
    from btkit.spec import ModelSpec

_SHOWN = 3


def check_definition(known: KnownBundle, spec: ModelSpec) -> None:
    """Refuse a bundle whose features are not those that the spec's strategy defines.

    Parameters
    ----------
    known
        The bundle. How it normalises is its own; what it was trained without may be defined.
    spec
        With ``features`` where it comes of a strategy of grammar v3.

    Raises
    ------
    SpecError
        If the definition is refused.
    BundleError
        If a feature is missing, another one, or in another order; the details list each.
    """
    if spec.features is None:
        return
    bundle, findings = known.bundle, Findings()
    stated, trained_for = spec.features.get("output_format"), bundle.output_type
    if stated is not None and (stated == "regression") is not (trained_for == "regression"):
        raise BundleError(
            f"The bundle {known.path} is a {trained_for}, and the output_format of {spec.name} is "
            f"{stated}.",
            hint="Take the strategy file that the model was trained with.",
            details={"path": known.path, "output_type": trained_for, "output_format": stated},
        )
    refuse_external_data(spec.features, findings)
    inputs = read_inputs(spec.features, bundle.timeframes, findings)
    if findings.problems:
        raise SpecError(findings.problems, origin=f"the definition of {spec.name}")
    defined = _formulas(plan_inputs(inputs, timeframes=bundle.timeframes))
    trained = _formulas(bundle.features)
    differences = [
        {"feature": name, "bundle": formula, "strategy": defined.get(name)}
        for name, formula in trained.items()
        if defined.get(name) != formula
    ]
    order = [name for name in defined if name in trained]
    if not differences and order != list(trained):
        place = next(at for at, name in enumerate(trained) if order[at] != name)
        differences = [
            {"feature": f"number {place}", "bundle": list(trained)[place], "strategy": order[place]}
        ]
    if not differences:
        return
    shown = "; ".join(
        f"{entry['feature']} is {entry['bundle']} in the bundle and "
        f"{entry['strategy'] or 'not defined'} in the strategy"
        for entry in differences[:_SHOWN]
    )
    more = len(differences) - _SHOWN
    raise BundleError(
        f"The bundle {known.path} was not trained on the features of {spec.name}: {shown}"
        + (f", and {more} more differ." if more > 0 else "."),
        hint="Take the strategy file that the model was trained with, or train it again.",
        details={"path": known.path, "differences": differences},
    )


def definition_problems(definition: Mapping[str, Any], interval: Interval) -> list[Problem]:
    """Return what is wrong with a strategy's definition of its features, whatever its bundle is.

    Parameters
    ----------
    definition
        With ``indicators``, ``fuzzy_sets`` and ``nn_inputs``.
    interval
        Of the bars that it decides on.

    Returns
    -------
    list of Problem
        Each where it stands in the definition.
    """
    findings = Findings()
    refuse_external_data(definition, findings)
    read_inputs(definition, _named_timeframes(definition, interval), findings)
    return findings.problems


def in_features(problem: Problem) -> Problem:
    """Return what is wrong with a definition where it stands in a spec."""
    place = None if problem.location is None else ("features", *problem.location)
    return replace(problem, path=f"features.{problem.path}", location=place)


def _named_timeframes(features: Mapping[str, Any], interval: Interval) -> tuple[str, ...]:
    # What it was trained on the bundle would say: here each that it names is one.
    inputs = features.get("nn_inputs")
    entries = inputs if isinstance(inputs, list) else []
    named = [entry.get("timeframes") for entry in entries if isinstance(entry, Mapping)]
    texts = [text for some in named if isinstance(some, list) for text in some if is_text(text)]
    return tuple(dict.fromkeys([interval.label, *filter(_is_timeframe, texts)]))


def _is_timeframe(text: str) -> bool:
    try:
        timeframe_interval(text)
    except UsageError:
        return False
    return True


def _formulas(plan: FeaturePlan) -> dict[str, str]:
    """Return what each feature is before it is normalised, in order."""
    return {feature.name: replace(feature, scaling=None).formula for feature in plan.features}
