"""Save a trained model as a bundle that `load_bundle` reads, and that gives the same answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from pydantic import BaseModel

from btkit.arguments import check_choice, check_flag
from btkit.models.bundle import Bundle
from btkit.models.definition import Trained, define
from btkit.models.grammar import StrategyV3
from btkit.models.loading import load_bundle
from btkit.models.metadata import OutputType
from btkit.models.recording import Record, write_bundle
from btkit.models.saving_arguments import (
    check_names,
    take_activation,
    take_calibration,
    take_created,
    take_horizon,
    take_label,
    take_last_row,
    take_metrics,
    take_outputs,
    take_place,
    take_rows,
    take_whole,
)
from btkit.models.trained_models import model_of
from btkit.models.training import read_span
from btkit.writing import folder_aside, publish_folder

_OUTPUT_TYPES: tuple[OutputType, ...] = (
    "classification", "regression", "regime_classification", "context_classification",
)  # fmt: skip


def save_bundle(  # noqa: PLR0913 - what the model is, and how it was trained, each with its default
    path: str | Path,
    model: object,
    *,
    strategy: Mapping[str, Any] | str | StrategyV3,
    rows: ArrayLike,
    name: str | None = None,
    symbols: str | Sequence[str] | None = None,
    timeframes: str | Sequence[str] | None = None,
    normalization_params: Mapping[str, Any] | None = None,
    output_type: OutputType = "classification",
    output_classes: Sequence[str] | None = None,
    activation: str | None = None,
    sequence_length: int | None = None,
    decisions: Mapping[str, Any] | None = None,
    trained_from: date | str | None = None,
    trained_until: date | str | None = None,
    label: Mapping[str, Any] | BaseModel | None = None,
    label_horizon: int | None = None,
    calibration: tuple[ArrayLike, Sequence[object]] | None = None,
    seed: int | None = None,
    metrics: Mapping[str, Any] | None = None,
    created_at: datetime | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Save a trained model with all that a backtest of it needs.

    What is saved is compared with the model on `rows`, and refused where it answers otherwise.
    The folder appears whole or not at all.

    Parameters
    ----------
    path
        Of the folder, such as ``models/dip/SPX_1d``; those above it are made.
    model
        A ``torch.nn.Module`` of linear layers with one activation between them and a linear head,
        or with an LSTM or GRU called ``lstm`` or ``gru`` before a head called ``fc``; the state
        dict of one, also as arrays; or a fitted estimator or pipeline of scikit-learn, which is
        saved as ONNX (needs ``btkit[onnx]``).
    strategy
        Indicators, fuzzy_sets and nn_inputs, as a mapping or YAML text of version 3 of the
        grammar, or as `btkit.models.read_strategy_v3` returns it. Its name, decisions, model and
        training_data stand in for what is not given.
    rows
        The features of the training, in time's order, shape (n_rows, n_features), finite. Of a
        frame with dates the last one may not lie after `trained_until`, and is kept.
    name
        Of the strategy.
    symbols, timeframes
        What it was trained on; the fastest timeframe is that of its bars.
    normalization_params
        How raw inputs were normalised, by feature, such as ``{"method": "minmax", "min": 20.0,
        "max": 80.0}``, ``{"method": "zscore", "mean": 0.0, "std": 0.01}``, ``{"method": "none"}``.
    output_type
        ``classification`` (BUY, SELL, HOLD), ``regression``, ``regime_classification`` or
        ``context_classification``.
    output_classes
        What each output stands for, in their order. A scikit-learn classifier knows it.
    activation
        Of a state dict between its layers, such as ``relu``; a module shows its own.
    sequence_length
        Rows that an LSTM or GRU reads.
    decisions
        Settings of decisions, such as ``{"confidence_threshold": 0.6}``.
    trained_from, trained_until
        Times of the first and the last bar that training saw. Bars up to the last one, and as many
        after it as a label looks ahead, are never scored.
    label
        What was learnt, as `bt.labels` says it: a ``kind``, a ``horizon`` and the rest.
    label_horizon
        Bars after which a label is known at the latest, no fewer than the label's own horizon;
        None takes that.
    calibration
        Rows and labels (class names) of a slice after the training rows and before
        `trained_until`, never of the run: the temperature that makes them the least surprising
        divides the logits from then on.
    seed
        Of the training.
    metrics
        Whatever training measured.
    created_at
        None for now.
    overwrite
        Whether a bundle that is there is replaced.

    Returns
    -------
    Bundle
        As it was loaded from there.

    Raises
    ------
    BundleError
        If it cannot be saved so that it answers as the model does, or there is something at `path`
        already.
    UsageError, SpecError
        If an argument makes no sense.

    Examples
    --------
    >>> layers = {"0.weight": np.eye(2), "0.bias": np.zeros(2),
    ...           "2.weight": np.ones((3, 2)), "2.bias": np.zeros(3)}
    >>> strategy = {
    ...     "name": "dip",
    ...     "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
    ...     "fuzzy_sets": {"rsi": {"indicator": "rsi_14", "low": [0, 25, 40], "up": [60, 75, 99]}},
    ...     "nn_inputs": [{"fuzzy_set": "rsi", "timeframes": "all"}],
    ... }
    >>> save_bundle("models/dip/SPX_1d", layers, strategy=strategy, rows=[[0.0, 1.0]],
    ...             symbols="SPX", timeframes="1d", activation="relu",
    ...             output_classes=["BUY", "SELL", "HOLD"])  # doctest: +SKIP
    """
    kind = check_choice(output_type, _OUTPUT_TYPES, name="output_type", noun="output type")
    definition = define(
        Trained(strategy, name, symbols, timeframes, normalization_params, decisions, kind)
    )
    matrix = take_rows(rows, definition, "rows")
    check_names(getattr(model, "feature_names_in_", None), definition, "The estimator")
    prepared = model_of(
        model,
        activation=take_activation(activation),
        stated=definition.model,
        window=None if sequence_length is None else take_whole(sequence_length, "sequence_length"),
    )
    known = take_label(label)
    span = read_span(trained_from, trained_until, interval=definition.base)
    calibrating = take_calibration(calibration, definition)
    learnt = {"training rows": rows, "calibration rows": calibration and calibration[0]}
    record = Record(
        definition=definition,
        model=prepared,
        outputs=take_outputs(kind, output_classes, prepared.classes, prepared.activation),
        output_type=kind,
        rows=matrix,
        span=span,
        rows_until=take_last_row(learnt, until=span[1], interval=definition.base),
        label=known,
        horizon=take_horizon(label_horizon, known),
        calibration=calibrating,
        seed=None if seed is None else take_whole(seed, "seed"),
        metrics=take_metrics(metrics),
        created_at=take_created(created_at),
    )
    place = take_place(path, overwrite=check_flag(overwrite, "overwrite"))
    with folder_aside(place) as aside:
        written = aside / place.name
        write_bundle(written, record, place=place)
        publish_folder(written, place)
    return load_bundle(place)
