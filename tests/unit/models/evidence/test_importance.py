import numpy as np
import pytest
from sklearn.inspection import permutation_importance as oracle
from sklearn.linear_model import LinearRegression

from btkit.models.evidence import permutation_importance

TRUTH = np.array([2.0, 0.5, 0.0])


def regression(rows=3_000):
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, 3))
    return features, features @ TRUTH + random.normal(size=rows)


def judge_against(target):
    def judge(outputs):
        return (outputs[:, 0] - target) ** 2, np.sign(np.nan_to_num(outputs[:, 0])).astype(np.int64)

    return judge


def forward(rows):
    return (rows @ TRUTH)[:, None]


def test_importance_is_that_of_scikit_learn():
    features, target = regression()
    model = LinearRegression().fit(features, target)
    found = permutation_importance(
        lambda rows: model.predict(rows)[:, None], judge_against(target), features,
        features=np.arange(3), block=1, horizon=1, seed=0,
    )  # fmt: skip
    known = oracle(
        model, features, target, scoring="neg_mean_squared_error", n_repeats=20, random_state=0
    )
    # Other shuffles: what they differ by is the noise of one.
    np.testing.assert_allclose(found.rise, known.importances_mean, atol=0.3)
    # Twice the square of the coefficient, for features of variance 1.
    np.testing.assert_allclose(found.rise, 2.0 * TRUTH**2, atol=0.5)
    assert found.rise[0] > 10 * found.error[0]
    assert found.changed[0] > found.changed[1] > found.changed[2]


def test_what_the_model_does_not_read_changes_nothing():
    features, target = regression(200)
    found = permutation_importance(
        forward, judge_against(target), features,
        features=np.array([2]), block=5, horizon=5, seed=1,
    )  # fmt: skip
    assert (found.rise.tolist(), found.error.tolist(), found.changed.tolist()) == ([0], [0], [0])


def test_rows_without_an_answer_or_a_label_count_for_nothing():
    features, target = regression(300)
    features[:50] = np.nan
    target[-50:] = np.nan
    found = permutation_importance(
        forward, judge_against(target), features,
        features=np.arange(2), block=1, horizon=1, seed=2,
    )  # fmt: skip
    assert np.isfinite(found.rise).all()
    nothing = permutation_importance(
        forward, judge_against(np.full(300, np.nan)), features,
        features=np.arange(2), block=1, horizon=1, seed=2,
    )  # fmt: skip
    assert np.isnan(nothing.rise).all()


@pytest.mark.parametrize("horizon", [1, 9])
def test_the_error_is_of_rows_that_share_no_bars(horizon):
    features, target = regression(900)
    found = permutation_importance(
        forward, judge_against(target), features,
        features=np.array([0]), block=1, horizon=horizon, seed=3,
    )  # fmt: skip
    single = permutation_importance(
        forward, judge_against(target), features,
        features=np.array([0]), block=1, horizon=1, seed=3,
    )  # fmt: skip
    assert found.error[0] == pytest.approx(single.error[0] * np.sqrt(horizon))
