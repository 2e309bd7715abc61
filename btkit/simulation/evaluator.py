"""Conditions judged again after a run, with what was known of the account at each bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from btkit.conditions.columns import ColumnEvaluator, Elsewhere, Value
from btkit.conditions.evaluators import evaluated, evaluator_over
from btkit.conditions.nodes import Node
from btkit.engine.inputs import Floats, Integers
from btkit.indicators import FeatureSet, features_as_of
from btkit.markets import Interval


class Evaluator:
    """Evaluates any condition at chosen bars, each with what was known of one trade, or flat.

    Parameters
    ----------
    features
        The columns of all bars.
    at
        The chosen bars; one may stand several times, for several trades.
    position
        What gives each of the position's names at those bars.
    whole
        Evaluates over all bars what calls over time look back at; None makes one.
    """

    def __init__(
        self,
        features: FeatureSet,
        at: Integers,
        position: Mapping[str, Callable[[], Floats]],
        whole: ColumnEvaluator | None = None,
    ) -> None:
        self.rows = at
        self.declared = features.declared
        # Bars without a hole are read where they are.
        span = slice(at[0], at[0] + len(at)) if _is_run(at) else at

        # No method of this object, which would keep itself and every column alive.
        def column(name: str) -> NDArray[np.float64]:
            known = position.get(name)
            return features.column(name)[span] if known is None else known()

        def elsewhere(where: Interval | str) -> Elsewhere:
            return evaluated(features_as_of(features, where).at(span))

        self._evaluator = ColumnEvaluator(
            column,
            features.is_truth_value,
            features.forget,
            elsewhere,
            features.is_text,
            features.declared,
            whole=(whole or evaluator_over(features), span),
        )

    def met(self, tree: Node) -> NDArray[np.bool_]:
        """Return at which of the bars a condition is met."""
        return self.spread(self.evaluate(tree).met())

    def evaluate(self, tree: Node) -> Value:
        """Return a tree's value at each of the bars."""
        return self._evaluator.evaluate(tree)

    def forget(self) -> None:
        """Let go of all but truth values."""
        self._evaluator.forget()

    def spread(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Return a mask, None or 0-dimensional ones among them, as one of all the bars."""
        return np.broadcast_to(np.False_ if mask is None else mask, len(self.rows))


def _is_run(at: Integers) -> bool:
    return len(at) > 0 and bool((np.diff(at) == 1).all())
