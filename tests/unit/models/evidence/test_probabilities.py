import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as oracle_log_loss

from btkit.models.evidence import (
    brier_score,
    by_quantile,
    log_loss,
    reference_brier,
    reference_log_loss,
    wilson_interval,
)


def drawn(rows=400, classes=3, seed=0):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), size=rows)
    return probabilities, random.integers(classes, size=rows)


@pytest.mark.parametrize("seed", range(5))
def test_a_reliability_curve_is_scikit_learns(seed):
    random = np.random.default_rng(seed)
    # Rounded, so that some are equal and none of them may be parted.
    foreseen = random.random(500).round(2)
    came = random.random(500) < foreseen**2
    groups = by_quantile(foreseen, came)
    share, mean = calibration_curve(came, foreseen, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(groups.came, share, rtol=1e-12)
    np.testing.assert_allclose(groups.foreseen, mean, rtol=1e-12)
    assert groups.rows.sum() == 500


def test_equal_values_are_one_group_and_no_rows_are_none():
    groups = by_quantile(np.full(20, 0.4), np.arange(20) < 5)
    assert (groups.rows.tolist(), groups.came.tolist()) == ([20], [0.25])
    assert all(not len(part) for part in by_quantile(np.empty(0), np.empty(0, bool)))


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10), (2_600, 5_031)])
def test_an_interval_is_wilsons(hits, rows):
    low, high = wilson_interval(np.array([hits / rows]), np.array([float(rows)]))
    known = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert (low[0], high[0]) == pytest.approx((known.low, known.high), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_brier_score_and_log_loss_are_scikit_learns(classes):
    probabilities, labels = drawn(classes=classes)
    names = list(range(classes))
    known = brier_score_loss(labels, probabilities, labels=names, scale_by_half=False)
    assert brier_score(probabilities, labels) == pytest.approx(known, rel=1e-12)
    known = oracle_log_loss(labels, probabilities, labels=names)
    assert log_loss(probabilities, labels) == pytest.approx(known, rel=1e-12)


def test_what_is_ruled_out_and_comes_costs_much_but_not_all():
    assert log_loss(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(36.04, abs=0.01)


def test_references_are_the_scores_of_saying_how_often_each_class_comes():
    _, labels = drawn()
    shares = np.tile(np.bincount(labels) / len(labels), (len(labels), 1))
    assert reference_brier(labels) == pytest.approx(brier_score(shares, labels), rel=1e-12)
    assert reference_log_loss(labels) == pytest.approx(log_loss(shares, labels), rel=1e-12)
