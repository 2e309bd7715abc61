"""When a model is trained again, and on which rows: those whose labels are known by then."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import check_flag, check_whole
from btkit.errors import NoDataError
from btkit.markets import Days, Interval
from btkit.models.labels import uniqueness
from btkit.models.scaling import Scaling

Method: TypeAlias = Literal["minmax", "zscore", "none"]
"""How a feature is normalised."""

FEWEST_ROWS = 30
"""Fewer rows teach nothing, and are refused."""


class Trainer(Protocol):
    """A function of the user's that fits a model; all that it draws, it draws by the seed."""

    def __call__(self, X: pd.DataFrame, y: pd.Series, weights: pd.Series, seed: int) -> Any:  # noqa: ANN401, N803 - whatever `save_bundle` takes; scikit-learn's name
        """Return a fitted model."""


@dataclass(frozen=True)
class Rhythm:
    """When a model is trained again, and on how many bars.

    Parameters
    ----------
    every
        Bars from one training to the next.
    window
        Bars whose labels a training learns; without one whole window before it there is none.
    anchored
        Whether each training learns from the first row of the first one on, so that windows grow.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """

    every: int = 63
    window: int = 1_000
    anchored: bool = False

    def __post_init__(self) -> None:
        check_whole(self.every, "every", least=1, hint="63 bars are a quarter of a year of days.")
        check_whole(
            self.window,
            "window",
            least=FEWEST_ROWS,
            hint="1000 is usual; fewer than 30 rows teach nothing.",
        )
        check_flag(self.anchored, "anchored")


@dataclass(frozen=True)
class Training:
    """One training: what it may know, and from when on its model decides.

    Parameters
    ----------
    date
        The session from which on its model decides, as YYYY-MM-DD.
    known
        Place of the last bar that it may know anything of.
    first, last
        Places of the first and the last row that it may learn; the label of the last one is
        known at the close of `known`.
    """

    date: str
    known: int
    first: int
    last: int


def bar_moments(index: pd.DatetimeIndex, dates: Days, interval: Interval) -> pd.DatetimeIndex:
    """Return by what bundles name each bar; see `Lesson`.

    Parameters
    ----------
    index, dates, interval
        Of the bars.
    """
    return index if interval.is_intraday else pd.DatetimeIndex(dates)


def plan_trainings(
    dates: Days, *, begin: int, horizon: int, rhythm: Rhythm, intraday: bool
) -> list[Training]:
    """Return the trainings over bars, the oldest first.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_bars,)
        The session of each bar.
    begin
        Place of the bar of the first training; there is one at each `every`-th from it on.
    horizon
        h: bars after which every label is known.
    rhythm
        How often, and on how many bars.
    intraday
        Whether a session has several bars. What is trained at bar r of daily and longer bars
        knows bars up to r, at whose close it decides first. A model of intraday bars is dated by
        the session of r, with whose first bar it may decide, so that it knows the sessions before
        alone; a session has one.

    Returns
    -------
    list of Training
        Its rows are the last `window` bars t with t + h <= `known`: a row is there when its
        horizon is over, whether or not its label was known earlier. Rows that met a barrier early
        are no fair sample of the last h.

    Raises
    ------
    NoDataError
        If there are too few bars before `begin`.
    """
    trainings: list[Training] = []
    for at in range(begin, len(dates), rhythm.every):
        known = int(dates.searchsorted(dates[at])) - 1 if intraday else at
        last = known - horizon
        date = str(dates[at])
        if trainings and trainings[-1].date == date:
            continue
        if last + 1 < rhythm.window:
            raise NoDataError(
                f"By {date} the labels of {max(last + 1, 0):,} bars are known, and a training "
                f"learns {rhythm.window:,}.",
                hint="Begin later, or take a smaller window.",
                details={"date": date, "bars": max(last + 1, 0), "window": rhythm.window},
            )
        first = last + 1 - rhythm.window
        if rhythm.anchored and trainings:
            first = trainings[0].first
        trainings.append(Training(date, known, first, last))
    return trainings


class Lesson(NamedTuple):
    """What a training learns.

    Parameters
    ----------
    training
        When.
    X : DataFrame, shape (n_rows, n_features)
        Features as the model will be asked with them, by bar time: whole rows alone.
    y : Series, shape (n_rows,)
        Their labels.
    weights : Series, shape (n_rows,)
        Uniqueness of the labels among these, scaled to a mean of 1.
    normalization_params
        How features that are an indicator's own value were normalised, by these rows alone; as in
        a bundle.
    first, last, known
        The first and the last of its bars, and that at whose close it is held: by the session of
        daily and longer ones, as runs know them, by the time of others.
    """

    training: Training
    X: pd.DataFrame
    y: pd.Series
    weights: pd.Series
    normalization_params: dict[str, dict[str, Any]]
    first: pd.Timestamp
    last: pd.Timestamp
    known: pd.Timestamp

    @property
    def sha256(self) -> str:
        """Of all that the trainer is handed, in hexadecimal digits."""
        digest = hashlib.sha256(repr(list(self.X.columns)).encode())
        times = pd.DatetimeIndex(self.X.index).asi8
        label = self.y.cat.codes if isinstance(self.y.dtype, pd.CategoricalDtype) else self.y
        for part in (times, self.X.to_numpy(), label.to_numpy(), self.weights.to_numpy()):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Lessons:
    """Features and labels of all bars, of which each training takes its rows.

    Parameters
    ----------
    features : DataFrame, shape (n_bars, n_features)
        By bar time, not normalised; NaN where missing.
    labels : DataFrame, shape (n_bars, 2)
        As of `btkit.models.labels`.
    methods
        How to normalise a feature, by its name; what is not named stays as it is.
    moments
        By which bundles name each bar; see `Lesson`.
    """

    features: pd.DataFrame
    labels: pd.DataFrame
    methods: Mapping[str, Method]
    moments: pd.DatetimeIndex

    def of(self, training: Training) -> Lesson:
        """Return what a training learns: nothing that is known later than it may know.

        Parameters
        ----------
        training
            As of `plan_trainings`.

        Raises
        ------
        NoDataError
            If fewer than 30 of its rows are whole and have a label.
        """
        rows = slice(training.first, training.last + 1)
        features, labels, moments = self.features[rows], self.labels[rows], self.moments[rows]
        whole = (features.notna().all(axis=1) & labels["end"].notna()).to_numpy()
        if whole.sum() < FEWEST_ROWS:
            raise NoDataError(
                f"Of the {len(whole):,} bars to learn from for {training.date}, {whole.sum()} have "
                f"all features and a label; a training needs {FEWEST_ROWS}.",
                hint="Begin later, so that features have their history, or take a larger window.",
                details={"date": training.date, "rows": int(whole.sum())},
            )
        features, labels, moments = features[whole], labels[whole], moments[whole]
        columns = {name: features[name].to_numpy() for name in self.methods}
        params = {
            name: fit_normalization(method, columns[name]) for name, method in self.methods.items()
        }
        times = pd.DatetimeIndex(self.features.index[: training.known + 1])
        weights = uniqueness(labels["end"], times)
        return Lesson(
            training,
            features.assign(
                **{name: _normalised(params[name], column) for name, column in columns.items()}
            ),
            labels["label"],
            (weights / weights.mean()).rename("weight"),
            params,
            moments[0],
            moments[-1],
            self.moments[training.known],
        )


def fit_normalization(method: Method, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return how a feature is normalised that has these values in training.

    Parameters
    ----------
    method
        ``"minmax"``, ``"zscore"`` (n in the denominator) or ``"none"``.
    values : ndarray, shape (n_rows,)
        None of them missing.

    Returns
    -------
    dict
        As in a bundle's ``normalization_params``.
    """
    if method == "minmax":
        return {"method": method, "min": float(values.min()), "max": float(values.max())}
    if method == "zscore":
        return {"method": method, "mean": float(values.mean()), "std": float(values.std())}
    return {"method": method}


def _normalised(params: Mapping[str, Any], values: NDArray[np.float64]) -> NDArray[np.float64]:
    numbers = tuple(value for name, value in params.items() if name != "method")
    return Scaling(params["method"], numbers).apply(values)
