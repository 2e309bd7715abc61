"""Purged splits against every pair of rows, and inside scikit-learn."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.random_bars import make_bars

from btkit.errors import UsageError
from btkit.models import CombinatorialPurged, PurgedKFold, labels

DAYS = pd.bdate_range("2020-01-01", periods=200)


@st.composite
def some_ends(draw):
    """Return ends of rows on some of the bars, several rows a bar now and then."""
    count = draw(st.integers(8, 40))
    begin = sorted(draw(st.lists(st.integers(0, 80), min_size=count, max_size=count)))
    long = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    last = [first + more for first, more in zip(begin, long, strict=True)]
    return pd.Series(DAYS[last], index=DAYS[begin])


def meets(ends, one, other):
    """Return whether the labels of two rows have a bar in common."""
    return ends.index[one] <= ends.iloc[other] and ends.index[other] <= ends.iloc[one]


def held_back(ends, row, test, embargo):
    """Return whether a row begins within the embargo after a run of neighbouring test rows."""
    bars = ends.index.unique()
    for run in np.split(test, np.flatnonzero(np.diff(test) > 1) + 1):
        after = bars[bars > ends.iloc[run].max()][:embargo]
        if ends.index[row] in after:
            return True
    return False


def check_splits(splits, ends, *, tested):
    """Hold splits to the text: who trains, who is tested, and how often."""
    times = np.zeros(len(ends), int)
    made = list(splits.split(np.zeros((len(ends), 1))))
    assert len(made) == splits.get_n_splits() == splits.get_n_splits(ends, None, None)
    for train, test in made:
        times[test] += 1
        assert np.all(np.diff(train) > 0)
        assert np.all(np.diff(test) > 0)
        assert not set(train) & set(test)
        for row in range(len(ends)):
            purged = any(meets(ends, row, other) for other in test)
            kept = not purged and not held_back(ends, row, test, splits.embargo)
            # Not one row more is left out than has to be.
            assert (row in train) == kept
    assert times.tolist() == [tested] * len(ends)


def or_none(splits, ends, **expected):
    """Check splits; those that leave nothing to train on are refused, which is right, too."""
    try:
        check_splits(splits, ends, **expected)
    except UsageError as error:
        assert "no row to train on" in error.message  # noqa: PT017 - drawn cases may have none


@given(some_ends(), st.integers(2, 8), st.integers(0, 12))
def test_no_training_label_meets_a_fold_that_is_tested(ends, folds, embargo):
    or_none(PurgedKFold(folds, ends, embargo=embargo), ends, tested=1)


@given(some_ends(), st.integers(2, 6), st.integers(0, 6), st.data())
def test_no_training_label_meets_a_choice_of_groups(ends, groups, embargo, data):
    chosen = data.draw(st.integers(1, groups - 1))
    splits = CombinatorialPurged(groups, chosen, ends, embargo=embargo)
    assert splits.get_n_splits() == math.comb(groups, chosen)
    or_none(splits, ends, tested=math.comb(groups - 1, chosen - 1))
    tests = [tuple(test) for _, test in itertools.islice(_tests(splits, ends), 500)]
    assert len(set(tests)) == len(tests)


def _tests(splits, ends):
    try:
        yield from splits.split(ends)
    except UsageError:
        return


def test_labels_of_their_own_bar_alone_are_split_as_by_kfold():
    ends = pd.Series(DAYS[:23], index=DAYS[:23])
    ours, theirs = PurgedKFold(5, ends), KFold(5)
    for (train, test), (their_train, their_test) in zip(
        ours.split(ends), theirs.split(ends), strict=True
    ):
        assert train.tolist() == their_train.tolist()
        assert test.tolist() == their_test.tolist()


def learnable(count=300):
    """Return features, labels that they foretell, and the labels' ends."""
    bars = make_bars(count, seed=3)
    frame = labels.forward_class(bars, 5, buy_above=0.0, sell_below=0.0)
    close = bars["close"]
    features = pd.DataFrame({"back": close.pct_change(5), "ahead": close.pct_change(5).shift(-5)})
    known = (features.notna().all(axis=1) & frame["end"].notna()).to_numpy()
    return features[known], frame["label"][known], frame["end"][known]


def pairs(folds, ends, **more):
    """Return splits that test two groups each."""
    return CombinatorialPurged(folds, 2, ends, **more)


@pytest.mark.parametrize("make", [PurgedKFold, pairs])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_scikit_learn_takes_the_splits(make, as_arrays):
    rows, wanted, ends = learnable()
    cv = make(5, ends, embargo=5)
    taken = (rows.to_numpy(), np.asarray(wanted)) if as_arrays else (rows, wanted)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_score(model, *taken, cv=cv)
    assert len(scores) == cv.get_n_splits()
    assert scores.min() > 0.8
    search = GridSearchCV(model, {"logisticregression__C": [1e-6, 1.0]}, cv=cv).fit(*taken)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    assert search.n_splits_ == cv.get_n_splits()


def test_scikit_learn_predicts_each_row_once():
    rows, wanted, ends = learnable()
    predicted = cross_val_predict(LogisticRegression(), rows, wanted, cv=PurgedKFold(4, ends))
    assert len(predicted) == len(rows)


def test_splits_do_not_import_scikit_learn():
    asked = (
        "import sys, btkit.models, btkit as bt; bt.labels, btkit.models.PurgedKFold;"
        "print({'sklearn', 'torch', 'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


ENDS = pd.Series(DAYS[3:23], index=DAYS[:20])
REFUSED = {
    "cannot be cut into 25 blocks": lambda: PurgedKFold(25, ENDS),
    "n_splits is 1": lambda: PurgedKFold(1, ENDS),
    "embargo is -1": lambda: PurgedKFold(5, ENDS, embargo=-1),
    "ends is a value of type ndarray": lambda: PurgedKFold(5, ENDS.to_numpy()),
    "not in order": lambda: PurgedKFold(5, ENDS[::-1]),
    "known before its bar": lambda: PurgedKFold(5, pd.Series(DAYS[:20], index=DAYS[1:21])),
    "3 of 20 labels are not known": lambda: PurgedKFold(5, ENDS[:20].mask(ENDS.isin(DAYS[20:]))),
    r"Series of datetime64\[us, UTC\] by datetime64\[us\]": lambda: PurgedKFold(
        5, ENDS.dt.tz_localize("UTC")
    ),
    "n_test_groups is 5": lambda: CombinatorialPurged(5, 5, ENDS),
    "can be chosen in": lambda: CombinatorialPurged(20, 10, ENDS),
    "X has 19 rows, and ends is of 20": lambda: next(PurgedKFold(5, ENDS).split(np.ones((19, 2)))),
    "not of the same bars": lambda: next(
        PurgedKFold(5, ENDS).split(pd.DataFrame({"a": 1.0}, index=DAYS[1:21]))
    ),
    "Split 2 has no row to train on": lambda: list(
        PurgedKFold(3, pd.Series(DAYS[9:29], index=DAYS[:20])).split(ENDS)
    ),
}


@pytest.mark.parametrize("said", REFUSED)
def test_ends_that_do_not_fit_are_refused_with_a_hint(said):
    with pytest.raises(UsageError, match=said) as refused:
        REFUSED[said]()
    assert refused.value.hint
