"""Look for good parameters without trying them all: optuna's sampler over the same grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from btkit.errors import UsageError
from btkit.metrics import MEASURED, columns_for, lower_is_better
from btkit.validation.axes import Axes
from btkit.validation.grid import Floats, ParameterSets, decode, met_by
from btkit.validation.sweeper import Sweeper

OnBatch = Callable[[int, NDArray[np.int64], Floats], None]
"""Called with how many sets are done, and the places and rows of those that are new."""

_BATCH = 32
_FRUITLESS = 50


def search(  # noqa: PLR0913 - the grid, what is looked for, and what is known
    sweeper: Sweeper,
    axes: Axes,
    *,
    count: int,
    objective: str,
    min_trades: int,
    constraint: str | None,
    seed: int,
    known: Mapping[int, Floats] | None = None,
    on_batch: OnBatch | None = None,
) -> tuple[ParameterSets, Floats]:
    """Try sets that optuna's TPE sampler proposes, in batches; none twice.

    What it proposes depends on the seed and on the results alone, so that with some sets
    known already it goes the same way.

    Parameters
    ----------
    sweeper
        Simulates sets.
    axes
        The values of each parameter.
    count
        How many sets to try at most.
    objective
        The metric to be as good as possible; undefined or with too few trades counts as worst.
    min_trades
        See `rank_sets`.
    constraint
        Sets at which it does not hold are not tried.
    seed
        Of the sampler.
    known
        Rows of sets that an earlier attempt tried, by place in the grid.
    on_batch
        Notified of each batch.

    Returns
    -------
    tuple
        The sets in the order in which they were tried, and their rows.

    Raises
    ------
    UsageError
        If optuna is not installed, or no set was found at which the constraint holds.
    """
    optuna = _optuna()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    names = list(axes)
    sizes = np.array([len(axes[name]) for name in names])
    weights = np.append(np.cumprod(sizes[:0:-1])[::-1], 1).astype(np.int64)
    merits: dict[int, float] = {}
    places: list[int] = []
    rows: list[Floats] = []
    fruitless = 0
    while len(places) < min(count, math.prod(sizes.tolist())) and fruitless < _FRUITLESS:
        trials = [study.ask() for _ in range(min(_BATCH, count - len(places)))]
        asked = np.array(
            [
                [
                    trial.suggest_int(name, 0, int(size) - 1)
                    for name, size in zip(names, sizes, strict=True)
                ]
                for trial in trials
            ]
        )
        proposed = asked @ weights
        sets = decode(axes, proposed)
        allowed = np.ones(len(proposed), bool) if constraint is None else met_by(constraint, sets)
        fresh = list(dict.fromkeys(
            place for place, good in zip(proposed.tolist(), allowed.tolist(), strict=True)
            if good and place not in merits
        ))  # fmt: skip
        fruitless = 0 if fresh else fruitless + 1
        if fresh:
            measured = _rows_of(fresh, known or {}, sweeper, axes, on_batch, len(places))
            for place, row in zip(fresh, measured, strict=True):
                merits[place] = _merit(row, objective, min_trades)
            places += fresh
            rows.append(measured)
        for trial, place, good in zip(trials, proposed.tolist(), allowed.tolist(), strict=True):
            study.tell(trial, merits[place] if good else -1e300)
    if not places:
        raise UsageError(
            f"No parameter set was found at which the constraint {constraint!r} holds.",
            hint="Compare it with the ranges.",
        )
    return decode(axes, np.array(places)), np.concatenate(rows)


def _rows_of(
    places: list[int],
    known: Mapping[int, Floats],
    sweeper: Sweeper,
    axes: Axes,
    on_batch: OnBatch | None,
    before: int,
) -> Floats:
    new = np.array([place for place in places if place not in known], np.int64)
    found = sweeper.measure(decode(axes, new)) if new.size else np.zeros((0, len(sweeper.columns)))
    if on_batch is not None:
        on_batch(before + len(places), new, found)
    measured = dict(zip(new.tolist(), found, strict=True))
    return np.stack([measured[place] if place in measured else known[place] for place in places])


def _merit(row: Floats, objective: str, min_trades: int) -> float:
    value = float(row[columns_for(objective).index(objective)])
    if math.isnan(value) or row[MEASURED.index("total_trades")] < min_trades:
        return -1e300
    if lower_is_better(objective):
        value = -value
    return min(max(value, -1e300), 1e300)


def _optuna() -> Any:  # noqa: ANN401 - a module that may not be there
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            "--method optuna needs the package optuna, which is not installed.",
            hint="Install it with: pip install 'btkit[optuna]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
