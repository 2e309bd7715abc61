"""Cross-validation of labels that look ahead: what a test's labels touch, nobody trains on."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import check_whole
from btkit.errors import UsageError
from btkit.models.labels import ENDS_HINT, check_ends

Rows: TypeAlias = NDArray[np.int64]


class _PurgedSplits(ABC):
    """Splits into blocks of neighbouring rows, as scikit-learn asks for them.

    Parameters
    ----------
    blocks
        Into how many the rows are cut.
    ends : Series, shape (n_rows,)
        For each row, by its own bar, the bar at which its label is known.
    embargo
        Bars after a test's last label on which no training row begins.
    """

    def __init__(self, blocks: int, ends: pd.Series, embargo: int) -> None:
        self.ends = _checked(ends)
        self.embargo = check_whole(
            embargo, "embargo", least=0, hint="It counts bars; 0 purges labels alone."
        )
        if blocks > len(ends):
            raise UsageError(
                f"{len(ends)} rows cannot be cut into {blocks} blocks.",
                hint="Take fewer blocks, or more rows.",
                details={"argument": "ends", "rows": len(ends)},
            )
        bars = self.ends.index.unique()
        # By place among the bars that rows begin on: the first of a label, and that after its
        # last. Only beginnings can lie in another label, so these decide which labels meet.
        self._begin = bars.searchsorted(self.ends.index)
        self._until = bars.searchsorted(pd.Index(self.ends), side="right")
        self._blocks = np.array_split(np.arange(len(ends)), blocks)

    @abstractmethod
    def _tests(self) -> Iterator[tuple[Rows, ...]]:
        """Yield the blocks that each split tests."""

    @abstractmethod
    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: N803 - scikit-learn's name
        """Return the number of splits; all parameters are ignored."""

    def split(
        self,
        X: Any,  # noqa: ANN401, N803 - as scikit-learn has it: a frame, an array, a list
        y: object = None,
        groups: object = None,
    ) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows to train on, and those to test on.

        Parameters
        ----------
        X
            The rows, as many and in the order of `ends`; a frame has its index.
        y, groups
            Ignored.

        Yields
        ------
        train, test : ndarray of int64
            Places of rows, ascending.

        Raises
        ------
        UsageError
            If `ends` is of other rows, or a split leaves none to train on.
        """
        del y, groups
        self._check_rows(X)
        for number, blocks in enumerate(self._tests(), 1):
            free = np.ones(len(self.ends), np.bool_)
            for block in blocks:
                reach = self._until[block].max()
                before = self._until <= self._begin[block[0]]
                free &= before | (self._begin >= reach + self.embargo)
            train = np.flatnonzero(free)
            if not train.size:
                raise UsageError(
                    f"Split {number} has no row to train on: every label meets a test, or begins "
                    f"within {self.embargo} bars after one.",
                    hint="Take more blocks, a shorter horizon or embargo, or more rows.",
                    details={"split": number, "embargo": self.embargo},
                )
            yield train, np.concatenate(blocks)

    def _check_rows(self, rows: Any) -> None:  # noqa: ANN401 - as above
        count = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        if count != len(self.ends):
            raise UsageError(
                f"X has {count} rows, and ends is of {len(self.ends)}.",
                hint=ENDS_HINT,
                details={"argument": "ends", "rows": count, "ends": len(self.ends)},
            )
        index = getattr(rows, "index", None)
        if isinstance(index, pd.Index) and not index.equals(self.ends.index):
            raise UsageError(
                "The rows of X and those of ends are not of the same bars.",
                hint=ENDS_HINT,
                details={"argument": "ends"},
            )


class PurgedKFold(_PurgedSplits):
    """K folds of neighbouring rows; no training label meets the labels of the fold tested.

    Parameters
    ----------
    n_splits
        k, at least 2. Each row is tested once. Where k does not divide the rows the first folds
        have one more, as those of scikit-learn's `KFold`.
    ends : Series, shape (n_rows,)
        The ``end`` of the labels of `btkit.models.labels` by bar time, of exactly the rows that
        are split, ascending. A label is of the bars from its own to its end, both included.
    embargo
        Further bars after the last bar of the fold's labels on which no training row begins:
        as many as a feature looks back keep what the test saw out of the training.

    Raises
    ------
    UsageError
        If `ends` is unsorted, ends before it begins, or is missing somewhere.

    Notes
    -----
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 7. It goes wherever
    scikit-learn takes a splitter: ``cross_val_score(model, X, y, cv=PurgedKFold(5, ends))``.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=6)
    >>> ends = pd.Series(days[1:], index=days[:5])
    >>> [train.tolist() for train, test in PurgedKFold(5, ends).split(ends)]
    [[2, 3, 4], [3, 4], [0, 4], [0, 1], [0, 1, 2]]
    """

    def __init__(self, n_splits: int, ends: pd.Series, *, embargo: int = 0) -> None:
        self.n_splits = check_whole(n_splits, "n_splits", least=2, hint="5 is usual.")
        super().__init__(self.n_splits, ends, embargo)

    def _tests(self) -> Iterator[tuple[Rows, ...]]:
        return zip(self._blocks)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: N803 - scikit-learn's name
        """Return k; all parameters are ignored."""
        del X, y, groups
        return self.n_splits


class CombinatorialPurged(_PurgedSplits):
    """Every choice of some groups of neighbouring rows as the test, purged like `PurgedKFold`.

    Parameters
    ----------
    n_groups
        N, at least 2, into which the rows are cut.
    n_test_groups
        k, from 1 to N - 1, that each split tests. There are C(N, k) splits, and each row is
        tested in C(N - 1, k - 1) of them, which make as many paths through all rows.
    ends, embargo
        As for `PurgedKFold`.

    Raises
    ------
    UsageError
        If `ends` is unsorted, ends before it begins, or is missing somewhere, or more than
        100,000 splits would be made.

    Notes
    -----
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 12. A row is tested more
    than once, which `cross_val_predict` refuses; `cross_val_score` and `GridSearchCV` do not.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=9)
    >>> ends = pd.Series(days[1:], index=days[:8])
    >>> splits = CombinatorialPurged(4, 2, ends)
    >>> splits.get_n_splits()
    6
    >>> [train.tolist() for train, test in splits.split(ends)][:2]
    [[5, 6, 7], [7]]
    """

    MOST_SPLITS = 100_000

    def __init__(
        self, n_groups: int, n_test_groups: int, ends: pd.Series, *, embargo: int = 0
    ) -> None:
        self.n_groups = check_whole(n_groups, "n_groups", least=2, hint="6 to 10 are usual.")
        self.n_test_groups = check_whole(
            n_test_groups,
            "n_test_groups",
            least=1,
            most=self.n_groups - 1,
            hint="2 is usual; some groups must be left to train on.",
        )
        super().__init__(self.n_groups, ends, embargo)
        if self.get_n_splits() > self.MOST_SPLITS:
            raise UsageError(
                f"{self.n_test_groups} of {self.n_groups} groups can be chosen in "
                f"{self.get_n_splits():,} ways; {self.MOST_SPLITS:,} are allowed.",
                hint="Take fewer groups: 10 of which 2 are tested make 45 splits.",
                details={"argument": "n_groups"},
            )

    def _tests(self) -> Iterator[tuple[Rows, ...]]:
        return itertools.combinations(self._blocks, self.n_test_groups)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: N803 - scikit-learn's name
        """Return C(N, k); all parameters are ignored."""
        del X, y, groups
        return math.comb(self.n_groups, self.n_test_groups)


def _checked(ends: object) -> pd.Series:
    ends = check_ends(ends)
    if ends.isna().any():
        raise UsageError(
            f"{int(ends.isna().sum())} of {len(ends)} labels are not known yet: their end is "
            "missing.",
            hint='Leave such rows out, of X and y, too: known = labels["end"].notna().',
            details={"argument": "ends"},
        )
    if not ends.index.is_monotonic_increasing:
        raise UsageError(
            "The rows of ends are not in order of time.",
            hint="Sort X, y and ends by time first.",
            details={"argument": "ends"},
        )
    if (pd.Index(ends) < ends.index).any():
        raise UsageError(
            "A label of ends is known before its bar.",
            hint=ENDS_HINT,
            details={"argument": "ends"},
        )
    return ends
