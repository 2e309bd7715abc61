"""Places of a grid, some at a time: nobody need hold all sets to know them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btkit.errors import UsageError
from btkit.validation.axes import Axes, count_places
from btkit.validation.grid import (
    ParameterSets,
    check_grid_size,
    check_sample_size,
    decode,
    met_by,
    nothing_left,
    sample_grid,
)

Places = NDArray[np.int64]

# The first look is small: most constraints hold somewhere near the beginning.
_FIRST_LOOK = 1_024
_LOOK = 131_072
# A grid with more places is drawn from rather than looked through.
_LOOKED_THROUGH = 5_000_000


def sets_between(
    axes: Axes, first: int, last: int, *, constraint: str | None = None
) -> tuple[Places, ParameterSets]:
    """Return some of the sets of a grid.

    Parameters
    ----------
    axes
        The values of each parameter.
    first, last
        Places `first` to `last` - 1, counted as `decode` does.
    constraint
        Sets at which it does not hold are left out, all of them perhaps.

    Returns
    -------
    tuple
        The places, int64 (n_sets,), and the sets at them.

    Examples
    --------
    >>> axes = {"fast": [5, 10], "slow": [5, 10, 20]}
    >>> places, sets = sets_between(axes, 0, 6, constraint="fast < slow")
    >>> places.tolist(), sets.at(0)
    ([1, 2, 5], {'fast': 5, 'slow': 10})
    """
    places = np.arange(first, last)
    sets = decode(axes, places)
    if constraint is None:
        return places, sets
    held = met_by(constraint, sets)
    return places[held], sets.take(held)


def check_grid(axes: Axes, *, constraint: str | None, max_sets: int) -> None:
    """Refuse what `make_grid` refuses, without making the sets.

    Parameters
    ----------
    axes, constraint, max_sets
        As for `make_grid`.

    Raises
    ------
    UsageError
        As `make_grid`.
    """
    _look_through(axes, check_grid_size(axes, max_sets=max_sets), constraint)


def check_sample(axes: Axes, *, count: int, seed: int, constraint: str | None) -> None:
    """Refuse what `sample_grid` refuses, without drawing the sets.

    Parameters
    ----------
    axes, count, seed, constraint
        As for `sample_grid`.

    Raises
    ------
    UsageError
        As `sample_grid`.
    """
    total = check_sample_size(axes, count=count)
    if total <= _LOOKED_THROUGH:
        _look_through(axes, total, constraint)
        return
    try:
        sample_grid(axes, count=1, seed=seed, constraint=constraint)
    except UsageError:
        # More draws are made for more samples, and may find some.
        sample_grid(axes, count=count, seed=seed, constraint=constraint)


def may_have_sets(axes: Axes, constraint: str) -> bool:
    """Tell whether a constraint is known to hold somewhere in a grid.

    Parameters
    ----------
    axes, constraint
        As for `make_grid`, accepted before. A very large grid is not looked through: no.
    """
    total = count_places(axes)
    return total <= _LOOKED_THROUGH and _holds_somewhere(axes, total, constraint)


def _look_through(axes: Axes, total: int, constraint: str | None) -> None:
    if constraint and not _holds_somewhere(axes, total, constraint):
        raise nothing_left(constraint)


def _holds_somewhere(axes: Axes, total: int, constraint: str) -> bool:
    first, look = 0, _FIRST_LOOK
    while first < total:
        last = min(first + look, total)
        if len(sets_between(axes, first, last, constraint=constraint)[0]):
            return True
        first, look = last, _LOOK
    return False
