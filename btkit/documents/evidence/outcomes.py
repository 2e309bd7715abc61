"""What came after each bar, as far as it is known by the last: what answers are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.errors import UsageError
from btkit.models.decisions import Held
from btkit.models.evidence import label_block
from btkit.models.labelling import CLASSES, MOST_BARS, UNKNOWN, Label
from btkit.models.labels import read_label
from btkit.spec import ModelSpec

if TYPE_CHECKING:
    from btkit.simulation.trained import ModelResult

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Bars of which the model was not asked, or to which it had no answer.
_UNANSWERED = (Held.NO_MODEL, Held.WARM_UP, Held.MISSING_FEATURE, Held.NOT_FINITE)


@dataclass(frozen=True)
class Outcomes:
    """The labels of a run's bars, warm-up included.

    Parameters
    ----------
    source
        See `btkit.documents.evidence.EvidenceLabel`.
    description
        The label as plain values.
    horizon
        Bars that it looks ahead, at least 1.
    classes
        What is told apart and answered; empty for a regression.
    columns
        The place of each among the model's own classes.
    codes
        int64 (n_bars,): the place of each bar's label in `classes`, -1 where there is none.
    returns
        float64 (n_bars,): of a regression the label, NaN where there is none.
    """

    source: Literal["bundle", "forward_return"]
    description: dict[str, Any]
    horizon: int
    classes: tuple[str, ...]
    columns: list[int]
    codes: Integers
    returns: Floats

    @property
    def known(self) -> Flags:
        """Where there is a label."""
        return self.codes != UNKNOWN if self.classes else np.isfinite(self.returns)

    @property
    def block(self) -> int:
        """Bars that a shuffle keeps together."""
        return label_block(self.horizon)


def shares_of(probabilities: Floats, columns: list[int]) -> Floats:
    """Return the probabilities of some classes alone, adding up to 1; NaN where all are 0.

    Parameters
    ----------
    probabilities : ndarray, shape (n_rows, n_classes)
        Of all that a model answers.
    columns
        The places of those that count.
    """
    own = probabilities[:, columns]
    total = own.sum(axis=1, keepdims=True)
    shares: Floats = np.full_like(own, np.nan)
    np.divide(own, total, out=shares, where=total > 0.0)
    return shares


def outcomes_of(run: ModelResult) -> Outcomes:
    """Label the bars of a run as its newest bundle was trained, or by the return that came.

    Parameters
    ----------
    run
        Of a model spec.
    """
    bundle = run.bundles[-1].bundle
    described = _described(bundle.label)
    found = None if described is None else _labelled(run, described, "bundle")
    if found is not None:
        return found
    spec = run.spec
    assert isinstance(spec, ModelSpec)
    horizon = max(1, spec.label_horizon or 0, bundle.label_horizon or 0)
    plain = read_label({"kind": "forward_return", "horizon": min(horizon, MOST_BARS)})
    found = _labelled(run, plain, "forward_return")
    assert found is not None
    return found


def answered(run: ModelResult) -> Flags:
    """Return at which bars of a run, warm-up included, its model had an answer.

    Parameters
    ----------
    run
        Of a model spec.
    """
    said = run.answers.said
    there = np.isfinite(said.confidence) & ~np.isin(said.held, _UNANSWERED)
    there[: run.outcome.start] = False
    return there


def _described(description: object) -> Label | None:
    if description is None:
        return None
    try:
        return read_label(description)
    except UsageError:
        # Somebody's own words for a label of their own.
        return None


def _labelled(
    run: ModelResult, label: Label, source: Literal["bundle", "forward_return"]
) -> Outcomes | None:
    """Return what a label says of bars; None where the model answers something else."""
    bars, own = len(run.all_bars), run.answers.classes
    column = label.compute(run.all_bars)["label"]
    is_class = isinstance(column.dtype, pd.CategoricalDtype)
    if is_class and not own:
        return None
    if is_class:
        codes = column.cat.codes.to_numpy(np.int64)
        # Of the last only those are known that met a barrier, which is no fair sample.
        codes = np.where(np.arange(bars) + label.horizon < bars, codes, UNKNOWN)
        names: tuple[str, ...] = CLASSES
        returns: Floats = np.full(bars, np.nan)
    else:
        returns = column.to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            codes = np.select([returns > 0.0, returns < 0.0], [0, 1], UNKNOWN)
        names = CLASSES[:2]
    classes = tuple(name for name in names if name in own)
    if own and len(classes) < 2:  # noqa: PLR2004 - nothing to tell apart
        return None
    # The last is for what is unknown already.
    places = [classes.index(name) if name in classes else UNKNOWN for name in names] + [UNKNOWN]
    return Outcomes(
        source,
        label.model_dump(mode="json"),
        label.horizon,
        classes,
        [own.index(name) for name in classes],
        np.array(places, np.int64)[codes],
        returns,
    )
