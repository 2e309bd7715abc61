"""A fitted scikit-learn model as ONNX, which runs without scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.errors import BundleError

_EXTRA = "Install btkit[onnx]."
_WITHOUT_ONNX = (
    "Take an estimator that skl2onnx converts, such as LogisticRegression, RandomForestClassifier "
    "or MLPClassifier, or a pipeline of such."
)


def is_estimator(model: object) -> bool:
    """Tell whether a model has scikit-learn's interface."""
    return all(callable(getattr(model, name, None)) for name in ("fit", "predict", "get_params"))


def is_fitted(model: object) -> bool:
    """Tell whether an estimator was fitted."""
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415 - of whoever trained with it
    from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415 - likewise

    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def classes_of(model: object) -> tuple[str, ...] | None:
    """Return the classes of a fitted classifier, in its order; None for a regression."""
    classes = getattr(model, "classes_", None)
    return None if classes is None else tuple(str(name) for name in classes)


def convert(model: object, rows: NDArray[np.float64], *, double: bool) -> bytes:
    """Return a fitted estimator or pipeline as ONNX with one output: probabilities, or a number.

    Parameters
    ----------
    model
        Of scikit-learn.
    rows
        Shape (n_rows, n_features); their number of columns is taken.
    double
        Whether it is to compute in double precision, which not all operators of ONNX can.

    Raises
    ------
    BundleError
        If skl2onnx cannot convert it, or is not installed.
    """
    try:
        from skl2onnx import to_onnx  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BundleError(
            "A scikit-learn model is saved as ONNX, and skl2onnx is not installed.", hint=_EXTRA
        ) from error
    is_classifier = classes_of(model) is not None
    # Probabilities as an array, not as a list of mappings.
    options: dict[Any, Any] | None = {id(model): {"zipmap": False}} if is_classifier else None
    example = rows[:1].astype(np.float64 if double else np.float32)
    try:
        # Without a name it would be another file each time.
        converted = to_onnx(model, example, options=options, name="model")
    except Exception as error:  # skl2onnx raises whatever its converters do
        raise BundleError(
            f"skl2onnx cannot convert {type(model).__name__}: {first_line(error)}",
            hint=_WITHOUT_ONNX,
        ) from error
    # The last output has the probabilities; the label would be decided on by another rule.
    del converted.graph.output[:-1]
    content: bytes = converted.SerializeToString()
    return content


def check_probabilities(model: object) -> None:
    """Refuse a classifier that gives no probabilities.

    Raises
    ------
    BundleError
        If it is one.
    """
    if classes_of(model) is not None and not callable(getattr(model, "predict_proba", None)):
        raise BundleError(
            f"{type(model).__name__} gives no probabilities.",
            hint="Wrap it into CalibratedClassifierCV, or set probability=True.",
        )


def ask_estimator(model: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: ANN401
    """Return what an estimator itself answers: probabilities by class, or one number a row."""
    names = getattr(model, "feature_names_in_", None)
    given = rows if names is None else pd.DataFrame(rows, columns=names)
    try:
        answers = model.predict(given) if classes_of(model) is None else model.predict_proba(given)
        return np.asarray(answers, dtype=np.float64).reshape(len(rows), -1)
    except Exception as error:  # whatever an estimator's own code raises
        raise BundleError(
            f"{type(model).__name__} cannot be asked what it answers: {first_line(error)}",
            hint="Give the estimator as it was fitted on the rows.",
        ) from error


def first_line(error: BaseException) -> str:
    """Return what another library says, short enough for a message."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
