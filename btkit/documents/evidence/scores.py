"""How right a run's answers were: scores, order, and whether probabilities come true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from btkit.documents.evidence.outcomes import Outcomes, shares_of
from btkit.documents.evidence.sections import (
    ClassReliability,
    GroupEntry,
    RankEntry,
    ScoresSection,
)
from btkit.models.evidence import (
    RankTest,
    area_under_curve,
    brier_score,
    by_quantile,
    log_loss,
    r_squared,
    rank_correlation,
    reference_brier,
    reference_log_loss,
    wilson_interval,
)

if TYPE_CHECKING:
    from btkit.models.decisions import Answers

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

Tests = list[tuple[str | None, RankTest]]
"""By class; of a regression by None."""

_TRADED = ("BUY", "SELL")


class Scored:
    """The answers of some bars beside what came.

    Parameters
    ----------
    said
        What the model said of all bars.
    outcomes
        What came.
    rows : ndarray of bool, shape (n_bars,)
        The bars that count, if they have a label.
    """

    def __init__(self, said: Answers, outcomes: Outcomes, rows: Flags) -> None:
        self._outcomes = outcomes
        rows = rows & outcomes.known
        if outcomes.classes:
            shares = shares_of(said.probabilities, outcomes.columns)
            rows &= np.isfinite(shares).all(axis=1)
            self._shares, self._labels = shares[rows], outcomes.codes[rows]
            self._sure = self._shares.max(axis=1)
            self._right: Flags = self._shares.argmax(axis=1) == self._labels
        else:
            self._came = outcomes.returns[rows]
            self._foreseen = said.probabilities[rows, 0]
            self._sure = np.abs(self._foreseen)
            self._right = np.sign(self._foreseen) == np.sign(self._came)
        self._scores = said.probabilities[rows]
        self.rows = int(np.count_nonzero(rows))

    def tests(self, *, seed: int, shuffles: int) -> Tests:
        """Return what each class' probability, or the return foreseen, is worth as an order."""
        if not self.rows:
            return []
        block = self._outcomes.block
        if not self._outcomes.classes:
            tested = rank_correlation(
                self._foreseen, self._came, block=block, seed=seed, shuffles=shuffles
            )
            return [] if tested is None else [(None, tested)]
        found: Tests = []
        for place, name in enumerate(self._outcomes.classes):
            if name not in _TRADED:
                continue
            column = self._outcomes.columns[place]
            tested = area_under_curve(
                self._scores[:, column], self._labels == place, block=block, seed=seed,
                shuffles=shuffles,
            )  # fmt: skip
            if tested is not None:
                found.append((name, tested))
        return found

    def scores(self, tests: Tests) -> ScoresSection | None:
        """Return how right the answers were, `tests` among it; None without any."""
        if not self.rows:
            return None
        hit = float(self._right.mean())
        if not self._outcomes.classes:
            signs = np.bincount((np.sign(self._came) + 1).astype(np.int64))
            return ScoresSection(
                rows=self.rows,
                accuracy=hit,
                reference_accuracy=float(signs.max() / self.rows),
                area={},
                r_squared=r_squared(self._foreseen, self._came),
                rank_correlation=tests[0][1].value if tests else None,
            )
        labels = self._labels
        return ScoresSection(
            rows=self.rows,
            accuracy=hit,
            reference_accuracy=float(np.bincount(labels).max() / self.rows),
            brier=brier_score(self._shares, labels),
            reference_brier=reference_brier(labels),
            log_loss=log_loss(self._shares, labels),
            reference_log_loss=reference_log_loss(labels),
            area={str(name): test.value for name, test in tests},
        )

    def ranks(self, tests: Tests) -> list[RankEntry]:
        """Return `tests` as the document has them."""
        return [
            RankEntry(
                of=name,
                measure="area" if name else "rank_correlation",
                value=test.value,
                p_value=test.p_value,
                block=self._outcomes.block,
                shuffled=np.sort(test.shuffled).round(5).tolist(),
            )
            for name, test in tests
        ]

    def reliability(self) -> list[ClassReliability]:
        """Return whether the probabilities of buying and selling come true."""
        return [
            ClassReliability(
                of=name, groups=self._groups(self._shares[:, place], self._labels == place)
            )
            for place, name in enumerate(self._outcomes.classes)
            if name in _TRADED and self.rows
        ]

    def deciles(self) -> list[GroupEntry]:
        """Return how right the answers were by how sure they were."""
        return self._groups(self._sure, self._right)

    def _groups(self, foreseen: Floats, came: Flags) -> list[GroupEntry]:
        groups = by_quantile(foreseen, came)
        # Those of less than a horizon apart share prices, and prove the same thing.
        apart = np.maximum(groups.rows / self._outcomes.horizon, 1.0)
        columns = (groups.rows, groups.foreseen, groups.came, *wilson_interval(groups.came, apart))
        return [
            GroupEntry(rows=rows, foreseen=foreseen, came=came, low=low, high=high)
            for rows, foreseen, came, low, high in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]
