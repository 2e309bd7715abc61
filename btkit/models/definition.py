"""What a bundle to be saved says of its strategy, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from btkit.arguments import check_text, kind_of_value, refusal
from btkit.errors import SpecError, UsageError
from btkit.models.features import FeaturePlan
from btkit.models.grammar import StrategyV3
from btkit.models.metadata import OutputType
from btkit.models.planning import plan_features
from btkit.models.strategy_settings import StrategyDecisions, read_decisions
from btkit.models.timeframes import fastest
from btkit.spec.reading import parse_text

_PARTS = ("indicators", "fuzzy_sets", "nn_inputs")
_EXAMPLE = (
    "Such as {name: dip, indicators: {...}, fuzzy_sets: {...}, nn_inputs: [...]}; of a file, "
    'Path("strategy.yaml").read_text().'
)


@dataclass(frozen=True)
class Trained:
    """What a model was trained for and on, as `save_bundle` is told.

    Parameters
    ----------
    strategy
        With indicators, fuzzy_sets and nn_inputs; its name, decisions, model and training_data
        stand in for what is not said otherwise.
    name
        Of the strategy.
    symbols, timeframes
        Of the training.
    normalization_params
        By feature.
    decisions
        Settings of decisions.
    output_type
        What the model answers.
    """

    strategy: object
    name: object
    symbols: object
    timeframes: object
    normalization_params: object
    decisions: object
    output_type: OutputType


@dataclass(frozen=True)
class StrategyDefinition:
    """The strategy of a bundle to be saved.

    Parameters
    ----------
    name
        Of the strategy.
    symbols, timeframes
        Of the training; the bars' timeframe is the fastest.
    parts
        indicators, fuzzy_sets, nn_inputs and normalization_params, as metadata have them.
    model
        What the strategy says of the network.
    decisions
        As config.json has them.
    settings
        The same, read.
    plan
        Of the features.
    """

    name: str
    symbols: list[str]
    timeframes: list[str]
    parts: dict[str, Any]
    model: dict[str, Any]
    decisions: dict[str, Any]
    settings: StrategyDecisions
    plan: FeaturePlan

    @property
    def base(self) -> str:
        """The timeframe of the bars that it decides on."""
        return fastest(self.timeframes)

    @property
    def training_data(self) -> dict[str, Any]:
        """The part of config.json that says what it was trained on."""
        base = self.base
        frames: dict[str, Any] = {"mode": "single", "timeframe": base}
        if len(self.timeframes) > 1:
            frames = {"mode": "multi_timeframe", "timeframes": self.timeframes}
        symbols: dict[str, Any] = {"mode": "single", "symbol": self.symbols[0]}
        if len(self.symbols) > 1:
            symbols = {"mode": "multi_symbol", "symbols": self.symbols}
        return {"symbols": symbols, "timeframes": frames | {"base_timeframe": base}}


def define(trained: Trained) -> StrategyDefinition:
    """Return the strategy of a bundle to be saved.

    Parameters
    ----------
    trained
        As `save_bundle` is told.

    Raises
    ------
    UsageError
        If something is missing.
    BundleError, SpecError
        If the features or the decisions are refused.
    """
    values = _mapping_of(trained.strategy)
    data = values.get("training_data")
    data = data if isinstance(data, Mapping) else {}
    timeframes = _first(trained.timeframes, _named(data.get("timeframes"), "timeframe"))
    timeframes = _texts(timeframes, "timeframes", "1d")
    symbols = _first(trained.symbols, _named(data.get("symbols"), "symbol"))
    symbols = _texts(symbols, "symbols", "SPX")
    parts = {name: values[name] for name in _PARTS if name in values}
    parts["normalization_params"] = _first(
        trained.normalization_params, values.get("normalization_params"), {}
    )
    is_regression = trained.output_type == "regression"
    decisions = dict(_part(_first(trained.decisions, values.get("decisions"), {}), "decisions"))
    decisions.setdefault("output_format", "regression" if is_regression else "classification")
    return StrategyDefinition(
        name=check_text(_first(trained.name, values.get("name")), "name", hint="Such as dip."),
        symbols=symbols,
        timeframes=timeframes,
        parts=parts,
        model=dict(_part(values.get("model") or {}, "model")),
        decisions=decisions,
        settings=read_decisions(decisions),
        plan=plan_features({**parts, "training_timeframes": timeframes}),
    )


def _mapping_of(strategy: object) -> Mapping[str, Any]:
    if isinstance(strategy, StrategyV3):
        return strategy.parts
    if isinstance(strategy, str):
        try:
            strategy = parse_text(strategy)
        except SpecError as error:
            raise SpecError(error.problems, origin="strategy") from error
    if isinstance(strategy, Mapping):
        return strategy
    raise refusal(
        strategy, "strategy", rule="a strategy of version 3: a mapping, or its text", hint=_EXAMPLE
    )


def _part(value: object, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise UsageError(
        f"{name} must be a mapping, not {kind_of_value(value)}.", hint="Leave it out for defaults."
    )


def _first(*values: object) -> Any:  # noqa: ANN401 - whatever was said first
    return next((value for value in values if value is not None), None)


def _named(section: object, one: str) -> object:
    if not isinstance(section, Mapping):
        return None
    return _first(section.get(f"{one}s"), section.get("list"), section.get(one))


def _texts(value: object, name: str, example: str) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, Sequence) and len(listed) > 0:
        return [check_text(entry, name, hint=f"Such as {example}.") for entry in listed]
    raise refusal(value, name, rule="a text, or a list of texts", hint=f"Such as {example}.")
