"""The network and the decisions that a v3 strategy asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field

from btkit.errors import SpecError
from btkit.models.problems import Findings, Labels, Place, StrategyPart, as_tuple
from btkit.spec.deciding import Factor, Hours, Probability, Share

ORIGIN: Final = "strategy"
Part = TypeVar("Part")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65_536)], ...],
    BeforeValidator(as_tuple),
    Field(max_length=100),
]
_COUNT = "a whole number of at least 1"


class Architecture(StrategyPart):
    """The network's own part of ``model``; what is left out is None."""

    hidden_layers: _Widths | None = Field(
        default=None, description="a list of whole numbers from 1 to 65536"
    )
    activation: str | None = Field(default=None, description="the name of an activation")
    output_activation: str | None = Field(default=None, description="the name of an activation")
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="a number from 0 to below 1"
    )
    sequence_length: int | None = Field(default=None, ge=1, le=10_000, description=_COUNT)
    hidden_size: int | None = Field(default=None, ge=1, le=65_536, description=_COUNT)
    num_layers: int | None = Field(default=None, ge=1, le=100, description=_COUNT)


class ModelSection(StrategyPart):
    """``model``: which network it is."""

    type: Annotated[Literal["mlp", "lstm", "gru"], BeforeValidator(_lower)] = Field(
        default="mlp", description="one of mlp, lstm, gru"
    )
    architecture: dict[str, Any] = Field(
        default_factory=dict, description="a mapping such as {hidden_layers: [32, 16]}"
    )


class CostModel(StrategyPart):
    """What a regression's forecast must be worth."""

    round_trip_cost: Share = Field(default=0.003, description="a share from 0 to 1")
    min_edge_multiplier: Factor = Field(
        default=1.5, description="a number above 0, at most 1,000,000"
    )


class Filters(StrategyPart):
    """What holds a signal back."""

    min_signal_separation: Hours = Field(
        default=4.0, description="hours, a number from 0 to 1,000,000"
    )


class DecisionSection(StrategyPart):
    """``decisions``: how an output becomes a signal.

    `model_fields_set` names what was stated; the rest are the other system's defaults.
    """

    output_format: Literal["classification", "regression"] = Field(
        default="classification", description="classification or regression"
    )
    confidence_threshold: Probability = Field(default=0.5, description="a number from 0 to 1")
    position_awareness: bool = Field(default=True, description="true or false")
    allow_short_from_flat: bool = Field(default=False, description="true or false")
    output_classes: Labels | None = Field(
        default=None, description="a list of the outputs' names, such as [BUY, SELL, HOLD]"
    )
    num_classes: int | None = Field(default=None, ge=1, le=1_000, description=_COUNT)
    filters: dict[str, Any] = Field(
        default_factory=dict, description="a mapping such as {min_signal_separation: 4}"
    )
    cost_model: dict[str, Any] = Field(
        default_factory=dict, description="a mapping such as {round_trip_cost: 0.003}"
    )


@dataclass(frozen=True)
class StrategyModel:
    """Which network a strategy asks for; None where it does not say.

    Parameters
    ----------
    type
        ``"mlp"``, ``"lstm"`` or ``"gru"``.
    architecture
        Layers, activation and the like.
    """

    type: Literal["mlp", "lstm", "gru"] = "mlp"
    architecture: Architecture = field(default_factory=Architecture)


@dataclass(frozen=True)
class StrategyDecisions:
    """How a strategy turns outputs into signals, the other system's defaults filled in.

    Parameters
    ----------
    output_format
        ``"classification"`` or ``"regression"``.
    confidence_threshold
        Below it a class is HOLD.
    position_awareness
        Whether there is no BUY while long and no SELL while flat.
    allow_short_from_flat
        Whether a SELL while flat opens a short.
    output_classes
        The outputs' names, in their order; None where it is not said.
    min_signal_separation
        Hours between two executed signals.
    round_trip_cost, min_edge_multiplier
        Their product is what a regression's forecast must exceed.
    stated
        The names of those that are not defaults.
    """

    output_format: Literal["classification", "regression"] = "classification"
    confidence_threshold: float = 0.5
    position_awareness: bool = True
    allow_short_from_flat: bool = False
    output_classes: tuple[str, ...] | None = None
    min_signal_separation: float = 4.0
    round_trip_cost: float = 0.003
    min_edge_multiplier: float = 1.5
    stated: frozenset[str] = frozenset()


def read_decisions(value: object, *, origin: str = ORIGIN) -> StrategyDecisions:
    """Read a ``decisions`` part alone, such as that of a bundle's config.json.

    Raises
    ------
    SpecError
        If it is refused.
    """
    return _alone(decisions_of, value, origin)


def read_model(value: object, *, origin: str = ORIGIN) -> StrategyModel:
    """Read a ``model`` part alone, such as that of a bundle's config.json.

    Raises
    ------
    SpecError
        If it is refused.
    """
    return _alone(model_of, value, origin)


def _alone(read: Callable[[object, Findings], Part | None], value: object, origin: str) -> Part:
    findings = Findings()
    found = read(value, findings)
    if found is None or findings.problems:
        raise SpecError(findings.problems, origin=origin)
    return found


def model_of(value: object, findings: Findings) -> StrategyModel | None:
    """Read ``model``; None where it is refused."""
    if value is None:
        findings.refuse(("model",), "this field is missing", "write such as {type: mlp}")
        return None
    place: Place = ("model",)
    found = findings.section(value, ModelSection, place)
    if found is None:
        return None
    architecture = findings.section(found.architecture, Architecture, (*place, "architecture"))
    return None if architecture is None else StrategyModel(found.type, architecture)


def decisions_of(value: object, findings: Findings) -> StrategyDecisions | None:
    """Read ``decisions``; None where it is refused."""
    if value is None:
        findings.refuse(("decisions",), "this field is missing",
                        "write such as {output_format: classification}")  # fmt: skip
        return None
    place: Place = ("decisions",)
    found = findings.section(value, DecisionSection, place, told=True)
    if found is None:
        return None
    filters = findings.section(found.filters, Filters, (*place, "filters"), told=True)
    costs = findings.section(found.cost_model, CostModel, (*place, "cost_model"), told=True)
    if filters is None or costs is None:
        return None
    stated = found.model_fields_set | filters.model_fields_set | costs.model_fields_set
    return StrategyDecisions(
        output_format=found.output_format,
        confidence_threshold=found.confidence_threshold,
        position_awareness=found.position_awareness,
        allow_short_from_flat=found.allow_short_from_flat,
        output_classes=found.output_classes,
        min_signal_separation=filters.min_signal_separation,
        round_trip_cost=costs.round_trip_cost,
        min_edge_multiplier=costs.min_edge_multiplier,
        stated=frozenset(stated) - {"filters", "cost_model", "num_classes"},
    )
