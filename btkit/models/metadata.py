"""What a bundle says beside its weights, in metadata_v3.json, config.json and features.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

METADATA, CONFIG, FEATURES = "metadata_v3.json", "config.json", "features.json"
"""The names of the files."""

MAX_FEATURES = 10_000
MAX_CLASSES = 100
_MAX_TEXT = 1_000

OutputType: TypeAlias = Literal[
    "classification", "regression", "regime_classification", "context_classification"
]
ModelType: TypeAlias = Literal["mlp", "lstm", "gru"]
Activation: TypeAlias = Literal["logits", "probabilities"]

CLASSES: dict[str, frozenset[str]] = {
    "classification": frozenset({"BUY", "SELL", "HOLD"}),
    "regime_classification": frozenset({"TRENDING_UP", "TRENDING_DOWN", "RANGING", "VOLATILE"}),
    "context_classification": frozenset({"BULLISH", "BEARISH", "NEUTRAL"}),
}
"""The classes that a model of each output type tells apart; a regression has none."""

Text = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT)]
Texts = Annotated[list[Text], Field(max_length=MAX_FEATURES)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Classes = Annotated[list[Text], Field(min_length=2, max_length=MAX_CLASSES)]
Whole = Annotated[int, Field(ge=0, le=2**53)]


class BundleDocument(BaseModel):
    """A part of a file that another program may have written, with keys of its own."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class TrainedConfig(BundleDocument):
    """config.json: the strategy as it was trained, or its ``model`` section alone."""

    model: dict[str, Any] | None = None
    type: Any = None
    architecture: dict[str, Any] | None = None
    decisions: dict[str, Any] | None = None
    training_data: dict[str, Any] | None = None

    @property
    def network(self) -> dict[str, Any] | None:
        """What it says of the network, wherever it says it."""
        if self.model is not None or self.architecture is None:
            return self.model
        said = {"architecture": self.architecture}
        return said if self.type is None else said | {"type": self.type}

    @property
    def base_timeframe(self) -> object:
        """The interval of the bars, None where it does not say it."""
        timeframes = (self.training_data or {}).get("timeframes")
        return timeframes.get("base_timeframe") if isinstance(timeframes, dict) else None


class FeatureCount(BundleDocument):
    """features.json: how many features there are."""

    feature_count: Whole | None = None


class BundleMetadata(BundleDocument):
    """metadata_v3.json, the source of truth."""

    model_name: Text
    strategy_name: Text
    created_at: Text | None = None
    strategy_version: Text = "3.0"
    indicators: dict[Text, dict[str, Any]] = {}
    fuzzy_sets: dict[Text, dict[str, Any]] = {}
    nn_inputs: Annotated[list[dict[str, Any]], Field(max_length=MAX_FEATURES)] = []
    resolved_features: Annotated[list[Text], Field(min_length=1, max_length=MAX_FEATURES)]
    training_symbols: Annotated[Texts, Field(min_length=1)]
    training_timeframes: Annotated[Texts, Field(min_length=1)]
    training_metrics: dict[str, Any] | None = None
    output_type: OutputType = "classification"
    model_type: ModelType | None = None
    sequence_length: Annotated[int, Field(ge=1, le=10_000)] | None = None
    normalization_params: dict[Text, Any] | None = None
    context_data_config: Any = None
    context_source_ids: list[Any] | None = None
    output_classes: Classes | None = None
    output_activation: Activation | None = None
    temperature: Annotated[Finite, Field(gt=0, le=1_000_000)] | None = None
    decisions: dict[str, Any] | None = None
    trained_from: Text | None = None
    trained_until: Text | None = None
    label_horizon_bars: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
