import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from btkit.models.evidence import (
    area_under_curve,
    label_block,
    rank_correlation,
    shuffled_by_blocks,
)


@pytest.mark.parametrize("digits", [1, 12])
def test_the_area_is_scikit_learns_ties_included(digits):
    random = np.random.default_rng(3)
    came = random.random(600) < 0.3
    scores = (random.random(600) + 0.2 * came).round(digits)
    tested = area_under_curve(scores, came, block=1, seed=0)
    assert tested.value == pytest.approx(roc_auc_score(came, scores), rel=1e-12)


def test_shuffled_areas_are_those_of_labels_whose_blocks_changed_places():
    random = np.random.default_rng(4)
    scores, came = random.random(103), random.random(103) < 0.5
    tested = area_under_curve(scores, came, block=10, seed=7, shuffles=20)
    again = np.random.default_rng(7)
    known = [roc_auc_score(shuffled_by_blocks(came, 10, again), scores) for _ in range(20)]
    np.testing.assert_allclose(tested.shuffled, known, rtol=1e-12)
    reached = sum(value >= tested.value for value in known)
    assert tested.p_value == pytest.approx((1 + reached) / 21)


def test_skill_is_told_from_none():
    random = np.random.default_rng(5)
    came = random.random(2_000) < 0.5
    none, some = random.random(2_000), random.random(2_000) + 0.3 * came
    assert area_under_curve(some, came, block=1, seed=0).p_value == pytest.approx(1 / 201)
    assert area_under_curve(none, came, block=1, seed=0).p_value > 0.05
    # What ranks the wrong way round is no skill.
    assert area_under_curve(-some, came, block=1, seed=0).p_value == 1.0


def test_labels_that_overlap_do_not_make_skill_of_chance():
    random = np.random.default_rng(6)
    rejected = {1: 0, label_block(20): 0}
    for trial in range(60):
        walk = np.cumsum(random.normal(size=1_020))
        came = walk[20:] > walk[:-20]
        scores = np.convolve(random.normal(size=1_059), np.ones(60), "valid")
        for block in rejected:
            tested = area_under_curve(scores, came, block=block, seed=trial)
            rejected[block] += tested.p_value <= 0.05
    # At 5 %: three are expected, and of single bars shuffled many more.
    assert rejected[label_block(20)] <= 8 < rejected[1]


@pytest.mark.parametrize("came", [np.zeros(5, bool), np.ones(5, bool)])
def test_where_all_or_none_came_there_is_no_area(came):
    assert area_under_curve(np.arange(5.0), came, block=1, seed=0) is None


def test_a_rank_correlation_is_scipys():
    random = np.random.default_rng(8)
    outcomes = random.normal(size=300).round(1)
    scores = (outcomes + random.normal(size=300)).round(1)
    tested = rank_correlation(scores, outcomes, block=1, seed=0)
    assert tested.value == pytest.approx(spearmanr(scores, outcomes).statistic, rel=1e-12)
    assert tested.p_value == pytest.approx(1 / 201)
    assert rank_correlation(np.ones(5), np.arange(5.0), block=1, seed=0) is None


def test_blocks_keep_their_order_within_and_the_rest_its_place():
    moved = shuffled_by_blocks(np.arange(23), 5, np.random.default_rng(0))
    assert sorted(moved.tolist()) == list(range(23))
    assert moved[20:].tolist() == [20, 21, 22]
    starts = moved[:20:5]
    assert starts.tolist() != [0, 5, 10, 15]
    assert (moved[:20].reshape(4, 5) - starts[:, None] == np.arange(5)).all()
