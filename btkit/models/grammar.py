"""A v3 strategy of the other system: what its YAML says, or every reason why it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from btkit.arguments import kind_of_value
from btkit.errors import Problem, SpecError, UsageError
from btkit.models.input_reading import read_inputs, refuse_external_data
from btkit.models.inputs import NetworkInput
from btkit.models.problems import Findings
from btkit.models.strategy_settings import (
    ORIGIN,
    StrategyDecisions,
    StrategyModel,
    decisions_of,
    model_of,
)
from btkit.models.training_data import LabelSection, training_data_of
from btkit.spec.fields import Description, Name, Version
from btkit.spec.reading import parse_text
from btkit.spec.version3 import V3_PARTS, V3_PASSED_OVER
from btkit.spec.wording import no_mapping


@dataclass(frozen=True)
class StrategyV3:
    """A v3 strategy.

    Parameters
    ----------
    name, version, description
        As in a spec.
    inputs
        What feeds the network, in its order; `plan_inputs` says what to compute.
    model
        Which network it is.
    decisions
        How its outputs become signals.
    symbols
        What it is trained on.
    timeframes
        The bars that it is trained on, as it writes them, in its order.
    base_timeframe
        That of the bars on which it decides.
    label_source, label_horizon
        What it learns to foresee, and how many bars ahead; None where it does not say.
    notes
        What it says that nothing is made of, a sentence each.
    parts
        All of it, as it was written.
    """

    name: str
    version: str
    description: str
    inputs: tuple[NetworkInput, ...]
    model: StrategyModel
    decisions: StrategyDecisions
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    base_timeframe: str
    label_source: str | None
    label_horizon: int | None
    notes: tuple[str, ...]
    parts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def read_strategy_v3(source: str | Mapping[str, Any], *, origin: str = ORIGIN) -> StrategyV3:
    """Read a v3 strategy: YAML or JSON text, or a mapping of its parts.

    Parameters
    ----------
    source
        Read as a spec's text is: safely, and within its limits.
    origin
        What messages call it, such as the file's name.

    Raises
    ------
    SpecError
        If it is refused; `problems` has every reason, each with its place.
    UsageError
        If `source` is neither.

    Examples
    --------
    >>> strategy = read_strategy_v3('''
    ... name: dip
    ... version: "3.0"
    ... training_data:
    ...   symbols: {mode: single, symbol: SPX}
    ...   timeframes: {mode: single, timeframe: "1d"}
    ... indicators: {rsi_14: {type: rsi, period: 14}}
    ... fuzzy_sets: {momentum: {indicator: rsi_14, low: [0, 25, 40], high: [60, 75, 100]}}
    ... nn_inputs: [{fuzzy_set: momentum, timeframes: all}]
    ... model: {type: mlp, architecture: {hidden_layers: [16]}}
    ... decisions: {output_format: classification, confidence_threshold: 0.6}
    ... ''')
    >>> strategy.symbols, strategy.base_timeframe, strategy.decisions.confidence_threshold
    (('SPX',), '1d', 0.6)
    """
    if isinstance(source, str):
        try:
            values = parse_text(source.removeprefix("\ufeff"))
        except SpecError as error:
            raise SpecError(error.problems, origin=origin) from error
    elif isinstance(source, Mapping):
        values = source
    else:
        raise UsageError(
            f"a strategy is a text or a mapping, not {kind_of_value(source)}",
            hint="Pass the YAML text itself.",
        )
    if not isinstance(values, Mapping):
        raise SpecError([no_mapping(values)], origin=origin)
    findings = Findings()
    strategy = _strategy(values, findings)
    if findings.problems or strategy is None:
        raise SpecError(_in_order(findings.problems), origin=origin)
    return strategy


class _Head(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    name: Name
    version: Version = "3.0"
    description: Description = ""


def _strategy(values: Mapping[str, Any], findings: Findings) -> StrategyV3 | None:
    known = (*V3_PARTS, *V3_PASSED_OVER)
    values = findings.mapping(values, ("strategy",), most=100, of="parts by name")
    findings.unknown_keys(values, known, (), told=True)
    refuse_external_data(values, findings)
    head = _head(values, findings)
    data = training_data_of(values.get("training_data"), findings)
    inputs = read_inputs(values, data.timeframes if data else (), findings)
    model = model_of(values.get("model"), findings)
    decisions = decisions_of(values.get("decisions"), findings)
    training = values.get("training") or {}
    labels = training.get("labels") if isinstance(training, Mapping) else None
    label = findings.section(labels or {}, LabelSection, ("training", "labels"))
    if head is None or data is None or model is None or decisions is None or label is None:
        return None
    return StrategyV3(
        name=head.name,
        version=head.version,
        description=head.description,
        inputs=inputs,
        model=model,
        decisions=decisions,
        symbols=data.symbols,
        timeframes=data.timeframes,
        base_timeframe=data.base,
        label_source=label.source,
        label_horizon=label.horizon,
        notes=tuple(findings.notes),
        parts=values,
    )


def _head(values: Mapping[str, Any], findings: Findings) -> _Head | None:
    rules = {"name": "a printable text of one line", "version": 'a version such as "3.0"',
             "description": "a text"}  # fmt: skip
    given = {key: values[key] for key in rules if values.get(key) is not None}
    try:
        head = _Head.model_validate(given)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            key = str(found["loc"][0])
            missing = found["type"] == "missing"
            message = "this field is missing" if missing else f"must be {rules[key]}"
            findings.refuse((key,), message, f"write {rules[key]}")
        return None
    if not head.version.startswith("3"):
        findings.refuse(("version",), f"is {head.version}; strategies of version 3 are read",
                        "convert it to version 3 where it comes from")  # fmt: skip
    return head


def _in_order(problems: list[Problem]) -> list[Problem]:
    def place(problem: Problem) -> int:
        first = (problem.location or ("",))[0]
        return V3_PARTS.index(first) if first in V3_PARTS else -1

    return sorted(problems, key=place)
