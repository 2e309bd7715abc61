"""Does a rule hold up? Sweeps, walk-forward, overfitting, and whether a run looks ahead."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btkit.validation.axes import check_axes, check_constraint, read_axis
    from btkit.validation.cross_validation import BacktestOverfitting, probability_of_overfitting
    from btkit.validation.drift import check_drift
    from btkit.validation.grid import ParameterSets, make_grid, sample_grid
    from btkit.validation.lookahead import check_briefly, check_lookahead
    from btkit.validation.overfitting import Overfitting
    from btkit.validation.ranking import check_objective, rank_sets, table_of
    from btkit.validation.sharpe import (
        ConfidenceInterval,
        Moments,
        deflated_sharpe_ratio,
        expected_maximum_sharpe,
        moments_of,
        probabilistic_sharpe_ratio,
        sharpe_interval,
    )
    from btkit.validation.superiority import Superiority
    from btkit.validation.sweep import SweepResult
    from btkit.validation.sweeper import Sweeper, check_sets, prepare, with_parameters

__all__ = [
    "BacktestOverfitting",
    "ConfidenceInterval",
    "Moments",
    "Overfitting",
    "ParameterSets",
    "Superiority",
    "SweepResult",
    "Sweeper",
    "check_axes",
    "check_briefly",
    "check_constraint",
    "check_drift",
    "check_lookahead",
    "check_objective",
    "check_sets",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "make_grid",
    "moments_of",
    "prepare",
    "probabilistic_sharpe_ratio",
    "probability_of_overfitting",
    "rank_sets",
    "read_axis",
    "sample_grid",
    "sharpe_interval",
    "table_of",
    "with_parameters",
]

# Every run is checked for look-ahead, and that must not cost what the statistics of a sweep cost:
# each name is fetched from its home when it is first used (PEP 562).
_HOMES = {
    "BacktestOverfitting": "cross_validation",
    "ConfidenceInterval": "sharpe",
    "Moments": "sharpe",
    "Overfitting": "overfitting",
    "ParameterSets": "grid",
    "SweepResult": "sweep",
    "Sweeper": "sweeper",
    "check_axes": "axes",
    "check_briefly": "lookahead",
    "check_constraint": "axes",
    "check_drift": "drift",
    "check_lookahead": "lookahead",
    "check_objective": "ranking",
    "check_sets": "sweeper",
    "deflated_sharpe_ratio": "sharpe",
    "expected_maximum_sharpe": "sharpe",
    "make_grid": "grid",
    "moments_of": "sharpe",
    "prepare": "sweeper",
    "probabilistic_sharpe_ratio": "sharpe",
    "probability_of_overfitting": "cross_validation",
    "rank_sets": "ranking",
    "read_axis": "axes",
    "sample_grid": "grid",
    "sharpe_interval": "sharpe",
    "table_of": "ranking",
    "with_parameters": "sweeper",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'btkit.validation' has no attribute {name!r}")
    value = getattr(import_module(f"btkit.validation.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
