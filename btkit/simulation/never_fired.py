"""Exit and stop lists, and part exits, that never came into play, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.nodes import Position
from btkit.decisions import Clause, Clauses
from btkit.simulation.evaluator import Evaluator
from btkit.simulation.nearest import tell_nearest
from btkit.simulation.views import Views

_IN_POSITION = Position("in_position")


def tell_never_fired(views: Views, clauses: Clauses, index: pd.Index[Any]) -> list[str]:
    """Return a sentence for each condition for which its list, or its part exit, never held.

    Parameters
    ----------
    views
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
    return [
        sentence
        for group in (clauses.exit, clauses.stop, *((clause,) for clause in clauses.parts))
        if group
        for sentence in _of_list(views, group, index)
    ]


def _of_list(views: Views, group: tuple[Clause, ...], index: pd.Index[Any]) -> list[str]:
    opened, came = False, np.zeros(len(group), np.bool_)
    for view in views:
        held = _held(view)
        met = [view.met(clause.tree) & held for clause in group]
        if np.logical_and.reduce(met).any():
            return []
        opened |= bool(held.any())
        came |= [mask.any() for mask in met]
    if not opened:
        return []
    never = [clause for clause, met_once in zip(group, came, strict=True) if not met_once]
    if never:
        return [
            f"{clause.path} '{clause.text}' never held while a position was open"
            f"{tell_nearest(views, clause.tree, _held, index)}."
            for clause in never
        ]
    named = " and ".join(f"{clause.path} '{clause.text}'" for clause in group)
    return [f"{named} never held on the same bar while a position was open."]


def _held(view: Evaluator) -> NDArray[np.bool_]:
    return view.met(_IN_POSITION)
