"""Look for good parameters without trying them all: optuna's sampler over the same grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from btkit.engine.measure import METRIC_NAMES
from btkit.errors import UsageError
from btkit.validation.grid import Axes, Floats, ParameterSets, decode, met_by
from btkit.validation.ranking import LOWER_IS_BETTER
from btkit.validation.sweeper import OnChunk, Sweeper

_BATCH = 32
_FRUITLESS = 50


def search(
    sweeper: Sweeper,
    axes: Axes,
    *,
    count: int,
    objective: str,
    min_trades: int,
    constraint: str | None,
    seed: int,
    on_chunk: OnChunk | None = None,
) -> tuple[ParameterSets, Floats]:
    """Try sets that optuna's TPE sampler proposes, in batches; none twice.

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
    on_chunk
        Told of each batch.

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
    known: dict[int, float] = {}
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
            if good and place not in known
        ))  # fmt: skip
        fruitless = 0 if fresh else fruitless + 1
        if fresh:
            measured = sweeper.measure(decode(axes, np.array(fresh)))
            for place, row in zip(fresh, measured, strict=True):
                known[place] = _merit(row, objective, min_trades)
            if on_chunk is not None:
                on_chunk(len(places), measured)
            places += fresh
            rows.append(measured)
        for trial, place, good in zip(trials, proposed.tolist(), allowed.tolist(), strict=True):
            study.tell(trial, known[place] if good else -1e300)
    if not places:
        raise UsageError(
            f"No set was found at which the constraint {constraint!r} holds.",
            hint="Compare it with the ranges.",
        )
    return decode(axes, np.array(places)), np.concatenate(rows)


def _merit(row: Floats, objective: str, min_trades: int) -> float:
    value = float(row[METRIC_NAMES.index(objective)])
    if math.isnan(value) or row[METRIC_NAMES.index("total_trades")] < min_trades:
        return -1e300
    if objective in LOWER_IS_BETTER:
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
