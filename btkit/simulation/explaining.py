"""An account of a run without trades: which conditions kept it from an entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.decisions import Clause, Clauses
from btkit.simulation.evaluator import Evaluator
from btkit.simulation.nearest import tell_nearest
from btkit.spec.skipping import SKIPPED


def explain_orders(skipped: Mapping[str, int], unfilled: int) -> list[str]:
    """Return sentences that say what became of entries that were decided.

    Parameters
    ----------
    skipped
        Entries not made, by reason.
    unfilled
        Orders that the end of the data left unfilled.
    """
    said = [
        f"{count:,} {'entry was' if count == 1 else 'entries were'} decided but not made: "
        f"{SKIPPED[reason]}."
        for reason, count in skipped.items()
    ]
    if unfilled:
        said.append("An entry was decided at the last bar, where no later bar can fill it.")
    return said


def _together(masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.asarray(np.logical_and.reduce(list(masks)))


class Explainer:
    """Finds the condition, or the smallest group, that kept every bar from an entry."""

    def __init__(self, view: Evaluator, index: pd.Index[Any]) -> None:
        self._view = view
        self._index = index

    def explain(self, clauses: Clauses) -> list[str]:
        """Return sentences that say which conditions kept every bar from an entry."""
        gates = [*clauses.entry, *clauses.filters]
        met = {clause.path: self._view.met(clause.tree) for clause in gates}
        never = [clause for clause in gates if not met[clause.path].any()]
        if never:
            everywhere = np.ones(len(self._view.rows), np.bool_)
            return [
                f"{clause.path} '{clause.text}' never held{self._near(clause, everywhere)}."
                for clause in never
            ]
        if _together(met.values()).any():
            return []
        for size in (2, 3):
            groups = [
                group
                for group in combinations(gates, size)
                if not _together(met[clause.path] for clause in group).any()
            ]
            if groups:
                return [self._together(group, met) for group in groups[:3]]
        return [self._together(tuple(self._smallest(gates, met)), met)]

    def _smallest(self, gates: list[Clause], met: dict[str, NDArray[np.bool_]]) -> list[Clause]:
        # Trying all groups takes twice as long with each condition; leaving out what is not
        # needed finds one that cannot be made smaller.
        group = gates
        for clause in gates:
            rest = [other for other in group if other is not clause]
            if not _together(met[other.path] for other in rest).any():
                group = rest
        return group

    def _together(self, group: tuple[Clause, ...], met: dict[str, NDArray[np.bool_]]) -> str:
        named = " and ".join(f"{clause.path} '{clause.text}'" for clause in group)
        held = ", ".join(str(int(met[clause.path].sum())) for clause in group)
        best = ""
        for clause in group:
            others = _together(met[other.path] for other in group if other is not clause)
            best = best or self._near(clause, others)
        return f"{named} never held on the same bar (alone on {held} bars){best}."

    def _near(self, clause: Clause, among: NDArray[np.bool_]) -> str:
        return tell_nearest([self._view], clause.tree, lambda _: among, self._index)
