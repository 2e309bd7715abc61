"""Does a rule hold up? Walk-forward windows, sweeps, and the statistics of overfitting."""

from btkit.validation.grid import (
    ParameterSets,
    check_axes,
    make_grid,
    read_axis,
    sample_grid,
)
from btkit.validation.overfitting import (
    BacktestOverfitting,
    Interval,
    Moments,
    Superiority,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    moments_of,
    probabilistic_sharpe_ratio,
    probability_of_overfitting,
    sharpe_interval,
    superiority,
)
from btkit.validation.sweep import (
    Overfitting,
    Sweeper,
    SweepResult,
    check_objective,
    prepare,
    rank_sets,
    table_of,
    with_parameters,
)

__all__ = [
    "BacktestOverfitting",
    "Interval",
    "Moments",
    "Overfitting",
    "ParameterSets",
    "Superiority",
    "SweepResult",
    "Sweeper",
    "check_axes",
    "check_objective",
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
