"""Does a rule hold up? Walk-forward windows, sweeps, and the statistics of overfitting."""

from btkit.validation.cross_validation import BacktestOverfitting, probability_of_overfitting
from btkit.validation.grid import (
    ParameterSets,
    check_axes,
    check_constraint,
    make_grid,
    read_axis,
    sample_grid,
)
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
from btkit.validation.superiority import Superiority, superiority
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
    "check_constraint",
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
    "superiority",
    "table_of",
    "with_parameters",
]
