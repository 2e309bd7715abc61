"""Sets of parameters: grids, random samples, and what a constraint leaves of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from btkit.conditions import names_of, parse_expression
from btkit.conditions.columns import ColumnEvaluator
from btkit.conditions.nodes import AsOf, Over
from btkit.errors import UsageError
from btkit.validation.axes import Axes, Number, count_places

Floats = NDArray[np.float64]
MOST_SETS = 10_000_000
"""However many are allowed, more do not fit into memory with their metrics."""

_LARGEST_GRID = 2**62
_ENUMERATED = 5_000_000
_DRAWS = 200


@dataclass(frozen=True)
class ParameterSets:
    """Sets of parameters as columns.

    Parameters
    ----------
    columns
        float64 (n_sets,) by parameter.
    whole
        The parameters that are whole numbers.
    """

    columns: Mapping[str, Floats]
    whole: frozenset[str]

    @classmethod
    def of(cls, axes: Axes, columns: Mapping[str, Floats]) -> Self:
        """Return sets of values of some axes: a parameter is whole where all its values are."""
        whole = (name for name, axis in axes.items() if all(isinstance(one, int) for one in axis))
        return cls(columns, frozenset(whole))

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def at(self, index: int) -> dict[str, Number]:
        """Return one set as plain numbers."""
        return {
            name: int(column[index]) if name in self.whole else float(column[index])
            for name, column in self.columns.items()
        }

    def take(self, which: Any) -> ParameterSets:  # noqa: ANN401 - whatever NumPy indexes with
        """Return some of the sets."""
        return ParameterSets(
            {name: column[which] for name, column in self.columns.items()}, self.whole
        )


def check_grid_size(axes: Axes, *, max_sets: int) -> int:
    """Return how many places a grid has.

    Parameters
    ----------
    axes, max_sets
        As for `make_grid`.

    Raises
    ------
    UsageError
        If these are too many.
    """
    total = count_places(axes)
    allowed = min(max_sets, MOST_SETS)
    if total > allowed:
        more = "" if max_sets >= MOST_SETS else "raise --max-sets, "
        raise UsageError(
            f"The grid has {total:,} parameter sets, more than the {allowed:,} allowed.",
            hint=f"Take larger steps, {more}or sample it with --method random.",
            details={"sets": total, "max_sets": allowed},
        )
    return total


def check_sample_size(axes: Axes, *, count: int) -> int:
    """Return how many places a grid has that is sampled.

    Parameters
    ----------
    axes, count
        As for `sample_grid`.

    Raises
    ------
    UsageError
        If these, or the samples, are too many.
    """
    total = count_places(axes)
    if count > MOST_SETS:
        raise UsageError(
            f"{count:,} samples are more than the {MOST_SETS:,} allowed.",
            hint="Take fewer samples.",
            details={"argument": "samples", "received": count},
        )
    if total > _LARGEST_GRID:
        raise UsageError(
            f"The grid has {total:.1e} parameter sets, more than can be numbered.",
            hint="Take larger steps, or fewer parameters.",
            details={"sets": str(total)},
        )
    return total


def make_grid(axes: Axes, *, constraint: str | None = None, max_sets: int) -> ParameterSets:
    """Return every combination of the values, the last parameter varying fastest.

    Parameters
    ----------
    axes
        The values of each parameter.
    constraint
        An expression over the parameters in the grammar of conditions, such as
        ``"fast < slow"``; sets at which it does not hold are left out.
    max_sets
        The grid may not have more, the constraint not yet applied.

    Raises
    ------
    UsageError
        If the grid is too large, the constraint is refused, or no set is left.
    """
    total = check_grid_size(axes, max_sets=max_sets)
    sets = decode(axes, np.arange(total))
    return sets.take(held_by(constraint, sets)) if constraint else sets


def sample_grid(
    axes: Axes, *, count: int, seed: int, constraint: str | None = None
) -> ParameterSets:
    """Return some of the combinations, drawn at random without repetition.

    Parameters
    ----------
    axes, constraint
        As for `make_grid`.
    count
        How many; fewer if there are fewer.
    seed
        Of the draws.

    Raises
    ------
    UsageError
        If there are too many, the constraint is refused, or no set is left.
    """
    total = check_sample_size(axes, count=count)
    random = np.random.default_rng(seed)
    if total <= _ENUMERATED:
        places = random.permutation(total)
        sets = decode(axes, places)
        if constraint:
            sets = sets.take(held_by(constraint, sets))
        return sets.take(slice(count))
    found = np.zeros(0, np.int64)
    for _ in range(_DRAWS):
        drawn = random.integers(0, total, max(4 * count, 1_000))
        if constraint:
            drawn = drawn[met_by(constraint, decode(axes, drawn))]
        _, first = np.unique(np.concatenate([found, drawn]), return_index=True)
        found = np.concatenate([found, drawn])[np.sort(first)]
        if len(found) >= count:
            break
    if not len(found):
        raise nothing_left(str(constraint))
    return decode(axes, found[:count])


def decode(axes: Axes, places: NDArray[np.int64]) -> ParameterSets:
    """Return the sets at some places of the grid.

    Parameters
    ----------
    axes
        The values of each parameter.
    places : ndarray of int64, shape (n_sets,)
        Counted with the last parameter varying fastest.
    """
    values: dict[str, Floats] = {}
    for name in reversed(list(axes)):
        axis = np.array(axes[name], np.float64)
        values[name] = axis[places % len(axis)]
        places = places // len(axis)
    return ParameterSets.of(axes, {name: values[name] for name in axes})


def held_by(constraint: str, sets: ParameterSets) -> NDArray[np.bool_]:
    """Return at which sets a constraint holds.

    Raises
    ------
    UsageError
        If it is refused, or holds at none.
    """
    held = met_by(constraint, sets)
    if not held.any():
        raise nothing_left(constraint)
    return held


def nothing_left(constraint: str) -> UsageError:
    """Return what refuses a constraint that holds at no set."""
    return UsageError(
        f"The constraint {constraint!r} leaves no set of parameters.",
        hint="Compare it with the ranges.",
        details={"constraint": constraint},
    )


def met_by(constraint: str, sets: ParameterSets) -> NDArray[np.bool_]:
    """Return at which sets a constraint holds, none perhaps.

    Parameters
    ----------
    constraint
        In the grammar of conditions; where its evaluation would raise, it does not hold.
    sets
        The parameters that it may read.

    Raises
    ------
    UsageError
        If it is refused, or reads anything else.
    """
    known = list(sets.columns)
    tree, problems = parse_expression(constraint, path="constraint", further_names=frozenset(known))
    if tree is None:
        unknown = [problem for problem in problems if problem.message.startswith("unknown name")]
        hint = f"It may read {', '.join(known)}." if unknown else problems[0].hint
        raise UsageError(
            f"The constraint {constraint!r} was refused: {problems[0].message}.",
            hint=hint,
            details={"constraint": constraint, "known": known},
        )
    others = sorted(names_of(tree) - set(known))
    others += [node.call for node in tree.walk() if isinstance(node, AsOf)]
    others += [node.call for node in tree.walk() if isinstance(node, Over)]
    if others:
        raise UsageError(
            f"The constraint {constraint!r} reads {others[0]!r}, which is no parameter that is "
            "varied.",
            hint=f"It may read {', '.join(known)}.",
            details={"constraint": constraint, "known": known},
        )
    evaluator = ColumnEvaluator(lambda name: sets.columns[name], lambda _name: False)
    with np.errstate(all="ignore"):
        met = evaluator.evaluate(tree).met()
    return np.broadcast_to(met, len(sets)).copy()
