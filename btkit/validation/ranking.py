"""The rows of a sweep as a table, and in order of merit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import check_choice
from btkit.metrics import MEASURED, WHOLE_METRICS, columns_for, lower_is_better, objectives
from btkit.validation.grid import ParameterSets

Floats = NDArray[np.float64]


def table_of(sets: ParameterSets, rows: Floats, *, objective: str) -> pd.DataFrame:
    """Return the table of a sweep.

    Parameters
    ----------
    sets
        The parameters.
    rows : ndarray of float64, shape (n_sets, n_metrics)
        What `Sweeper.measure` returned.
    objective
        What the sets are ranked by.

    Returns
    -------
    DataFrame, shape (n_sets, n_parameters + n_metrics)
        One row a set; true values, NaN where undefined, inf where infinite.
    """
    columns: dict[str, Any] = {
        name: values.astype(np.int64) if name in sets.whole else values
        for name, values in sets.columns.items()
    }
    for place, name in enumerate(columns_for(objective)):
        column = rows[:, place]
        # A parameter may be called like a metric; its column then is told apart.
        key = f"metric_{name}" if name in columns else name
        columns[key] = column.astype(np.int64) if name in WHOLE_METRICS else column.copy()
    return pd.DataFrame(columns)


def check_objective(name: str) -> str:
    """Return the name of a metric.

    Raises
    ------
    UsageError
        If there is no such metric.
    """
    return check_choice(name, objectives(), name="objective", noun="metric")


def rank_sets(rows: Floats, *, objective: str, min_trades: int) -> NDArray[np.int64]:
    """Return the sets in order of merit, the best first.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_sets, n_metrics)
        What `Sweeper.measure` returned.
    objective
        The metric to be as good as possible: low for a volatility, else high.
    min_trades
        Sets with fewer trades come after all others.

    Returns
    -------
    ndarray of int64, shape (n_sets,)
        Of equals the first comes first; undefined values come after all others.
    """
    values = rows[:, columns_for(objective).index(objective)]
    sign = 1.0 if lower_is_better(objective) else -1.0
    keys = np.where(np.isnan(values), np.inf, sign * values)
    few = rows[:, MEASURED.index("total_trades")] < min_trades
    return np.lexsort((keys, np.isnan(values), few))
