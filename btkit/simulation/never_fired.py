"""Exit and stop lists that never came into play, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from btkit.conditions.nodes import Position
from btkit.decisions import Clause, Clauses
from btkit.simulation.evaluator import Evaluator
from btkit.simulation.nearest import tell_nearest

_IN_POSITION = Position("in_position")


def tell_never_fired(view: Evaluator, clauses: Clauses, index: pd.Index[Any]) -> list[str]:
    """Return a sentence for each exit or stop condition for which its list never held.

    Parameters
    ----------
    view
        Every open trade at each bar at which it could have been closed.
    clauses
        The conditions.
    index
        The times of all bars.

    Returns
    -------
    list of str
        Empty where each list that has conditions held at some bar, or nothing was ever held.
    """
    held = view.met(_IN_POSITION)
    if not held.any():
        return []
    return [
        sentence
        for group in (clauses.exit, clauses.stop)
        if group
        for sentence in _of_list(view, group, held, index)
    ]


def _of_list(
    view: Evaluator, group: tuple[Clause, ...], held: np.ndarray, index: pd.Index[Any]
) -> list[str]:
    met = [view.met(clause.tree) & held for clause in group]
    if np.logical_and.reduce(met).any():
        return []
    never = [clause for clause, mask in zip(group, met, strict=True) if not mask.any()]
    if never:
        return [
            f"{clause.path} '{clause.text}' never held while a position was open"
            f"{tell_nearest(view, clause.tree, held, index)}."
            for clause in never
        ]
    named = " and ".join(f"{clause.path} '{clause.text}'" for clause in group)
    return [f"{named} never held on the same bar while a position was open."]
