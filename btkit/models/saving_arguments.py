"""What `save_bundle` is given: taken, or refused with what to give instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from btkit.arguments import check_text, check_whole, refusal
from btkit.errors import BundleError, UsageError
from btkit.models.consistency import listed
from btkit.models.definition import StrategyDefinition
from btkit.models.metadata import CLASSES, METADATA, Activation, OutputType
from btkit.models.outputs import Outputs, check_classes, take_classes
from btkit.models.training import check_rows, last_time
from btkit.writing import make_folder

_MATRIX = 2
_PAIR = 2


def take_rows(
    rows: ArrayLike, definition: StrategyDefinition, argument: str
) -> NDArray[np.float64]:
    """Return finite rows, shape (n_rows, n_features)."""
    check_names(getattr(rows, "columns", None), definition, argument)
    try:
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
    except Exception as error:  # whatever an object's own code raises
        raise refusal(
            rows, argument, rule="an array of numbers", hint="Shape (n_rows, n_features)."
        ) from error
    features = len(definition.plan.names)
    if matrix.ndim != _MATRIX or matrix.shape[1] != features or not len(matrix):
        raise UsageError(
            f"{argument} has the shape {matrix.shape}; it must be (n_rows, {features}), a "
            "column for each feature.",
            hint="`plan_features(...).matrix(bars, interval=...)` gives such rows.",
            details={"argument": argument, "features": list(definition.plan.names)},
        )
    if not np.isfinite(matrix).all():
        raise UsageError(
            f"{argument} has NaN or infinite values; a model learns from whole rows.",
            hint="Leave out rows in which a feature is missing, as training did.",
            details={"argument": argument},
        )
    return matrix


def check_names(names: object, definition: StrategyDefinition, whose: str) -> None:
    """Refuse columns that are named, and not as the features are, in their order."""
    if not isinstance(names, Iterable):
        return
    found, wanted = [str(name) for name in names], list(definition.plan.names)
    if found != wanted:
        raise UsageError(
            f"{whose} has the columns {listed(found)}; the strategy gives {listed(wanted)}, in "
            "this order.",
            hint="Train on the features as the strategy gives them.",
            details={"columns": found, "features": wanted},
        )


def take_outputs(
    output_type: OutputType,
    given: object,
    own: tuple[str, ...] | None,
    activation: Activation,
) -> Outputs:
    """Return what outputs mean: by the model's own classes, or the given ones."""
    if output_type == "regression":
        if given is not None or own is not None:
            raise UsageError(
                "A regression has no classes.", hint="Say which output_type it is: classification."
            )
        return Outputs(None, None, 1.0)
    # The codes 0, 1, 2 name nothing; whoever trained on them says what they stand for.
    named = own if own is not None and set(own) <= CLASSES[output_type] else None
    classes = named if given is None else take_classes(given)
    if classes is None:
        raise UsageError(
            "Nobody says which output stands for which class.",
            hint="Give output_classes in the order of the outputs, such as "
            '["BUY", "SELL", "HOLD"]: a wrong order would trade the opposite. A model that gives '
            'a number, such as a return, is saved with output_type="regression".',
        )
    if named is not None and classes != named:
        raise BundleError(
            f"output_classes are {', '.join(classes)}, and the model's own order is "
            f"{', '.join(named)}.",
            hint="Leave output_classes out: scikit-learn knows it.",
        )
    wrong = check_classes(classes, output_type)
    if wrong is not None:
        raise BundleError(f"{wrong}.", hint="Name each class once, by its own name.")
    return Outputs(classes, activation, 1.0)


def take_label(label: Mapping[str, Any] | BaseModel | None) -> dict[str, Any] | None:
    """Return what was learnt, as JSON can say it."""
    if label is None or isinstance(label, Mapping):
        return None if label is None else dict(label)
    if isinstance(label, BaseModel):
        return label.model_dump(mode="json")
    raise refusal(label, "label", rule="a mapping such as that of a label", hint="Leave it out.")


def take_calibration(
    calibration: tuple[ArrayLike, Sequence[object]] | None, definition: StrategyDefinition
) -> tuple[NDArray[np.float64], list[object]] | None:
    """Return the rows and labels to calibrate on."""
    if calibration is None:
        return None
    if not isinstance(calibration, tuple | list) or len(calibration) != _PAIR:
        raise refusal(calibration, "calibration", rule="rows and labels", hint="(rows, labels).")
    rows, labels = calibration
    return take_rows(rows, definition, "calibration rows"), list(labels)


def take_horizon(label_horizon: object, label: Mapping[str, Any] | None) -> int | None:
    """Return after how many bars a label is known: at least as many as the label itself says."""
    own = None if label is None else label.get("horizon")
    own = None if own is None else take_whole(own, "label horizon")
    if label_horizon is None:
        return own
    given = take_whole(label_horizon, "label_horizon")
    if own is not None and given < own:
        raise UsageError(
            f"label_horizon is {given}, and the label looks {own} bars ahead: bars that the last "
            "labels were made of would be scored.",
            hint="Leave label_horizon out: the label says it.",
            details={"argument": "label_horizon", "label_horizon": given, "label": own},
        )
    return given


def take_last_row(
    learnt: Mapping[str, object], *, until: pd.Timestamp | None, interval: str
) -> pd.Timestamp | None:
    """Return the time of the last of rows that were learnt from; None where none has a date."""
    found = {what: last_time(rows, interval=interval) for what, rows in learnt.items()}
    for what, last in found.items():
        check_rows(until, last, what)
    return max((last for last in found.values() if last is not None), default=None)


def take_whole(value: object, name: str) -> int:
    """Return a whole number of at least 0."""
    return check_whole(value, name, least=0, most=2**53, hint="Leave it out if it is unknown.")


def take_place(path: object, *, overwrite: bool) -> Path:
    """Return where a bundle is written: a place that is free, or a bundle's to be replaced."""
    text = str(path) if isinstance(path, Path) else path
    place = Path(check_text(text, "path", hint="Such as models/dip/SPX_1d.")).expanduser()
    if "\0" in str(place) or not place.name:
        raise refusal(path, "path", rule="the path of a folder", hint="Such as models/dip/SPX_1d.")
    try:
        taken = place.exists() or place.is_symlink()
        empty = taken and place.is_dir() and not any(place.iterdir())
        ours = (place / METADATA).is_file()
        make_folder(place.parent)
    except (OSError, ValueError) as error:
        raise BundleError(
            f"The bundle cannot be written to {place}: {error}", hint="Choose another folder."
        ) from error
    if taken and not empty and not (overwrite and ours):
        raise BundleError(
            f"There is something at {place} already.",
            hint="overwrite=True replaces it." if ours else "It is no bundle: choose another path.",
            details={"path": str(place)},
        )
    return place.absolute()


def take_activation(activation: object) -> str | None:
    """Return the name of an activation."""
    if activation is None:
        return None
    return check_text(activation, "activation", hint="Such as relu.")


def take_metrics(metrics: object) -> dict[str, Any]:
    """Return what training measured."""
    if metrics is None:
        return {}
    if isinstance(metrics, Mapping):
        return dict(metrics)
    raise refusal(metrics, "metrics", rule="a mapping of names to numbers", hint="Leave it out.")


def take_created(moment: object) -> str:
    """Return when a bundle was made, in ISO 8601; now, where nobody says it."""
    known = datetime.now(UTC) if moment is None else moment
    # Something that is not a time is one to Python.
    if isinstance(known, datetime) and not pd.isna(known):
        return known.isoformat()
    raise refusal(moment, "created_at", rule="a datetime", hint="Leave it out for now.")
