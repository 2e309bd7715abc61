from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from btkit.errors import UsageError
from btkit.validation import (
    Moments,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    moments_of,
    probabilistic_sharpe_ratio,
    probability_of_overfitting,
    sharpe_interval,
)
from btkit.validation.cross_validation import _halves, _ratios, block_edges, shares_of


def sums_of(returns, edges):
    starts = edges[:-1]
    return (
        np.add.reduceat(returns, starts, axis=1),
        np.add.reduceat(returns**2, starts, axis=1),
        np.diff(edges),
    )


def overfitting(returns):
    return probability_of_overfitting(*sums_of(returns, block_edges(returns.shape[1], 1)))


def test_probabilistic_sharpe_takes_the_raw_kurtosis():
    moments = Moments(0.45, -1.5, 3.0, 60)
    assert round(probabilistic_sharpe_ratio(moments, hurdle=0.25), 4) == 0.8755
    # The excess kurtosis in its place gives the wrong 0.8860 of other libraries.
    assert round(probabilistic_sharpe_ratio(Moments(0.45, -1.5, 0.0, 60), hurdle=0.25), 3) != 0.876


def test_the_paper_of_2014_deflates_a_sharpe_of_two_and_a_half():
    # Bailey and Lopez de Prado 2014, the numerical example: 5 years of 250 days, 100 trials whose
    # annual Sharpe ratios have a variance of 1/2.
    moments = Moments(2.5 / math.sqrt(250), -3.0, 10.0, 1250)
    variance = 0.5 / 250
    assert round(expected_maximum_sharpe(variance, 100), 4) == 0.1132
    assert deflated_sharpe_ratio(moments, variance=variance, trials=100) == pytest.approx(
        0.9004, abs=5e-5
    )
    # With 46 trials it would have been significant; with normal returns, with 88.
    assert deflated_sharpe_ratio(moments, variance=variance, trials=46) == pytest.approx(
        0.9505, abs=5e-5
    )
    normal = Moments(2.5 / math.sqrt(250), 0.0, 3.0, 1250)
    assert deflated_sharpe_ratio(normal, variance=variance, trials=88) == pytest.approx(
        0.9505, abs=5e-4
    )


def test_one_trial_deflates_nothing():
    moments = Moments(0.1, -0.4, 5.0, 500)
    assert deflated_sharpe_ratio(moments, variance=0.3, trials=1) == probabilistic_sharpe_ratio(
        moments
    )


@pytest.mark.parametrize("sharpe", [-2.0, -0.1, 0.0, 0.3, 4.0])
def test_probabilities_stay_between_0_and_1(sharpe):
    assert 0.0 <= probabilistic_sharpe_ratio(Moments(sharpe, 0.0, 3.0, 250)) <= 1.0


def test_moments_of_a_known_series():
    moments = moments_of(np.array([1.0, 1.0, -1.0, 3.0]))
    assert moments.sharpe == pytest.approx(1.0 / np.std([1, 1, -1, 3], ddof=1))
    assert (moments.skewness, moments.kurtosis, moments.count) == (0.0, 2.0, 4)


@pytest.mark.parametrize("rate", [0.0, 0.03 / 252])
def test_a_series_that_does_not_move_has_no_sharpe(rate):
    # Less a rate their mean is not quite each of them.
    returns = np.zeros(500) - rate
    moments = moments_of(returns)
    assert math.isnan(moments.sharpe)
    assert math.isnan(probabilistic_sharpe_ratio(moments))
    assert sharpe_interval(returns, annual=1.0) is None


def test_two_hundred_trials_without_skill_over_a_year_of_daily_crypto():
    # Under no skill a Sharpe ratio per day has a variance of 1/365.
    expected = expected_maximum_sharpe(1 / 365, 200) * math.sqrt(365)
    assert expected == pytest.approx(2.77, abs=0.005)
    random = np.random.default_rng(8)
    best = []
    for _ in range(200):
        returns = random.normal(0.0, 0.02, (200, 365))
        best.append((returns.mean(axis=1) / returns.std(axis=1, ddof=1)).max() * math.sqrt(365))
    assert np.mean(best) == pytest.approx(expected, rel=0.03)


def test_of_worthless_rules_one_in_twenty_seems_to_be_worth_something():
    random = np.random.default_rng(9)
    seeming = [
        probabilistic_sharpe_ratio(moments_of(random.standard_t(6, 400))) > 0.95
        for _ in range(2_000)
    ]
    assert 0.035 < np.mean(seeming) < 0.065


@pytest.mark.parametrize("count", [2, 12, 29])
def test_few_returns_have_no_interval(count):
    returns = np.random.default_rng(10).normal(0.0, 0.01, count)
    assert sharpe_interval(returns, annual=16.0) is None


def test_impossible_trials_are_refused():
    with pytest.raises(UsageError, match="0 trials"):
        expected_maximum_sharpe(0.1, 0)


def test_a_set_that_is_always_best_is_never_overfitted():
    noise = np.random.default_rng(1).normal(0.0, 0.01, (20, 320))
    noise[7] += 0.02
    found = overfitting(noise)
    assert found.probability == 0.0
    assert (found.blocks, found.splits) == (16, math.comb(16, 8))


def test_a_set_that_wins_one_half_by_losing_the_other_is_overfitted():
    # Each set has its whole gain in one block and pays for it in all others.
    returns = np.full((16, 320), -0.001) + np.random.default_rng(2).normal(0, 1e-5, (16, 320))
    for block in range(16):
        returns[block, block * 20 : block * 20 + 20] = 0.0149
    assert overfitting(returns).probability > 0.95


def test_noise_is_overfitted_about_half_of_the_time():
    found = [
        overfitting(np.random.default_rng(seed).normal(0, 0.01, (40, 480))).probability
        for seed in range(12)
    ]
    assert 0.35 < np.mean(found) < 0.65


def test_block_sums_give_the_splits_own_sharpe_ratios():
    returns = np.random.default_rng(3).normal(0, 0.01, (6, 40))
    edges = np.linspace(0, 40, 5).astype(int)
    found = probability_of_overfitting(*sums_of(returns, edges))
    blocks = np.split(returns, 4, axis=1)
    logits = []
    for chosen in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
        inside = np.concatenate([blocks[index] for index in chosen], axis=1)
        outside = np.concatenate([blocks[i] for i in range(4) if i not in chosen], axis=1)
        winner = (inside.mean(axis=1) / inside.std(axis=1)).argmax()
        ratio = outside.mean(axis=1) / outside.std(axis=1)
        rank = ((ratio < ratio[winner]).sum() + 1) / 7
        logits.append(math.log(rank / (1 - rank)))
    np.testing.assert_allclose(found.logits, logits)


def test_many_sets_take_fewer_blocks():
    assert len(block_edges(5_000, 100)) - 1 == 16
    assert len(block_edges(5_000, 1_000_000)) - 1 == 8
    assert len(block_edges(10, 5)) - 1 == 4


def test_sets_that_earn_the_same_in_a_half_tie_there():
    # The second half of the sets differs from the first in one block only.
    random = np.random.default_rng(7)
    some = random.normal(0.0, 0.01, (33, 320))
    others = some.copy()
    others[:, 300:] = random.normal(0.0, 0.01, (33, 20))
    edges = block_edges(320, 66)
    shares, ratios = shares_of(*sums_of(np.vstack([some, others]), edges)), np.empty(66)
    for half in _halves(16):
        if not half >> 15:
            _ratios(half, 8, shares, ratios)
            assert np.array_equal(ratios[:33], ratios[33:])


def test_a_half_and_its_other_stand_as_far_from_the_ends():
    for blocks in (2, 6, 16):
        halves = _halves(blocks)
        assert np.array_equal(halves + halves[::-1], np.full(len(halves), (1 << blocks) - 1))


def test_sharpe_interval_is_archs_stationary_bootstrap():
    returns = np.random.default_rng(5).normal(0.001, 0.01, 400)
    found = sharpe_interval(returns, annual=math.sqrt(252), repetitions=300, seed=7)
    theirs = StationaryBootstrap(int(found.block), returns, seed=7).conf_int(
        lambda sample: np.array([sample.mean() / sample.std(ddof=1) * math.sqrt(252)]),
        300,
        method="percentile",
    )
    assert (found.low, found.high) == pytest.approx(tuple(theirs[:, 0]))
    assert found.low < moments_of(returns).sharpe * math.sqrt(252) < found.high
