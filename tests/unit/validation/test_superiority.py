"""White's reality check and Hansen's test for superior predictive ability."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import SPA, RealityCheck, StationaryBootstrap

from btkit.validation.resampling import runs_of, stationary_resamples
from btkit.validation.superiority import SuperiorityTest, mean_block, superiority
from btkit.validation.superiority_loop import deviations, in_stretches

PERIODS = 120
NOTHING = np.zeros(PERIODS)


def random_sets(seed, *, sets=7, periods=PERIODS, edge=0.002):
    random = np.random.default_rng(seed)
    spread = random.uniform(0.002, 0.03, sets)
    returns = random.normal(0.0, 1.0, (sets, periods)) * spread[:, None]
    returns[2] += edge
    returns[4] -= 0.006
    # Something to correlate: each return carries a third of the one before.
    returns[:, 1:] += returns[:, :-1] / 3
    return returns


def runs_over(periods, *, repetitions, seed):
    resamples = stationary_resamples(periods, repetitions=repetitions, seed=seed)
    return runs_of(periods, mean_block(periods), resamples)


def hansen(returns, benchmark, *, repetitions, seed):
    """Hansen (2005), sections 3 and 4, equation by equation, without any trick."""
    n = len(benchmark)
    q = 1 / round(n ** (1 / 3))
    d = [row - benchmark for row in returns]
    means = [sum(row) / n for row in d]
    omega = []
    for row, mean in zip(d, means, strict=True):
        gamma = [
            sum((row[j] - mean) * (row[j + i] - mean) for j in range(n - i)) / n for i in range(n)
        ]
        kappa = [(n - i) / n * (1 - q) ** i + i / n * (1 - q) ** (n - i) for i in range(n)]
        omega.append(math.sqrt(gamma[0] + 2 * sum(kappa[i] * gamma[i] for i in range(1, n))))
    threshold = math.sqrt(2 * math.log(math.log(n)))
    recentrings = {
        "lower": [max(0.0, mean) for mean in means],
        "consistent": [
            mean if math.sqrt(n) * mean / w >= -threshold else 0.0
            for mean, w in zip(means, omega, strict=True)
        ],
        "upper": means,
    }
    observed = max(0.0, *(math.sqrt(n) * mean / w for mean, w in zip(means, omega, strict=True)))
    reached = dict.fromkeys(recentrings, 0)
    # The resamples themselves are arch's, which are the stationary bootstrap of Politis and Romano.
    for (index,), _ in StationaryBootstrap(round(1 / q), np.arange(n), seed=seed).bootstrap(
        repetitions
    ):
        for name, centres in recentrings.items():
            statistic = max(
                0.0,
                *(
                    math.sqrt(n) * (row[index].mean() - centre) / w
                    for row, centre, w in zip(d, centres, omega, strict=True)
                ),
            )
            reached[name] += statistic >= observed
    return [count / repetitions for count in reached.values()]


@pytest.mark.parametrize("edge", [0.0, 0.002, 0.004])
@pytest.mark.parametrize("held", [False, True])
def test_p_values_are_those_of_the_papers_definition(edge, held):
    benchmark = np.random.default_rng(1).normal(0.0005, 0.01, PERIODS) if held else NOTHING
    returns = random_sets(3, edge=edge)
    found = superiority([returns[:3], returns[3:]], benchmark, repetitions=200, seed=5)
    expected = hansen(returns, benchmark, repetitions=200, seed=5)
    assert [found.spa_lower, found.spa_consistent, found.spa_upper] == expected
    assert 0.0 < found.spa_lower < 1.0


def test_the_three_recentrings_differ_where_a_set_is_poor():
    returns = random_sets(3)
    found = superiority([returns], NOTHING, repetitions=2_000, seed=5)
    assert found.spa_lower < found.spa_consistent <= found.spa_upper


@pytest.mark.parametrize("edge", [0.0, 0.001, 0.003])
def test_arch_agrees_where_it_is_given_series_of_one_standard_error(edge):
    # arch does not studentise; of series divided by their ω there is nothing to studentise.
    returns = random_sets(4, edge=edge)
    block, omega = round(PERIODS ** (1 / 3)), np.empty(len(returns))
    runs = runs_over(PERIODS, repetitions=1, seed=0)
    deviations(returns, in_stretches(runs, PERIODS, block), omega)
    ours = superiority([returns], NOTHING, repetitions=400, seed=11)
    theirs = SPA(NOTHING, -(returns / omega[:, None]).T, block_size=block, reps=400, seed=11)
    theirs.compute()
    assert (ours.spa_lower, ours.spa_consistent, ours.spa_upper) == tuple(theirs.pvalues)
    np.testing.assert_allclose(theirs._loss_diff_var, 1.0, rtol=1e-10)


# The longer ones take more than one stretch of running sums.
@pytest.mark.parametrize("periods", [PERIODS, 1_100])
@pytest.mark.parametrize("edge", [0.0, 0.001, 0.003])
def test_the_reality_check_is_archs(edge, periods):
    returns = random_sets(4, edge=edge, periods=periods)
    held = np.random.default_rng(2).normal(0.0, 0.01, periods)
    block = round(periods ** (1 / 3))
    for benchmark in (np.zeros(periods), held):
        ours = superiority([returns[:4], returns[4:]], benchmark, repetitions=400, seed=11)
        white = RealityCheck(-benchmark, -returns.T, block_size=block, reps=400, seed=11)
        white.compute()
        assert ours.reality_check == white.pvalues["upper"]


def test_noisy_sets_do_not_hide_a_steady_one():
    # A rule with a t-statistic of 5.5 beside 24 noisy ones: White's means hide it.
    random = np.random.default_rng(12)
    noisy = random.normal(0.0, 0.05, (24, 1_000))
    good = random.normal(0.0, 0.002, 1_000)
    good += 5.5 * 0.002 / math.sqrt(1_000) - good.mean()
    found = superiority([np.vstack([noisy, good])], np.zeros(1_000), repetitions=1_000)
    assert found.spa_consistent < 0.001
    assert found.reality_check > 0.2


def test_of_worthless_rules_few_seem_to_be_worth_something():
    # Nominally 5 and 10 % of them; 200 draws have a standard error of 1.5 and 2.1 points.
    random = np.random.default_rng(13)
    spread = np.linspace(0.002, 0.03, 25)[:, None]
    found = [
        superiority(
            [random.standard_normal((25, 500)) * spread], np.zeros(500), repetitions=200, seed=1
        ).spa_consistent
        for _ in range(200)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.10
    assert 0.06 < np.mean(np.array(found) <= 0.10) < 0.16


def test_rules_that_hold_the_instrument_are_better_than_nothing_but_not_than_holding():
    random = np.random.default_rng(14)
    market = random.normal(0.0008, 0.008, 2_500)
    rules = [market * (random.random(2_500) < share) for share in (0.7, 0.8, 0.9, 1.0)]
    assert superiority([np.array(rules)], np.zeros(2_500)).spa_consistent < 0.01
    assert superiority([np.array(rules)], market).spa_consistent > 0.2


NEVER_TRADED = np.zeros((4, 300))
LOSERS = np.random.default_rng(6).normal(-0.001, 0.01, (3, 300))


@pytest.mark.parametrize(
    "returns",
    [NEVER_TRADED, np.vstack([NEVER_TRADED, LOSERS]), LOSERS - 0.01],
    ids=["no set trades", "the best set is one that never trades", "every set loses"],
)
def test_doing_nothing_or_losing_is_no_skill(returns):
    # arch's p-values of the first two are 0: nothing is "above" the best, which is nothing.
    found = superiority([returns], np.zeros(300), repetitions=200)
    assert (found.spa_lower, found.spa_consistent, found.spa_upper) == (1.0, 1.0, 1.0)
    assert found.reality_check > 0.4


def test_holding_the_benchmark_itself_is_no_skill_however_it_is_rounded():
    market = np.random.default_rng(15).normal(0.001, 0.01, 300)
    rounded = market * (1.0 + 2e-16 * np.random.default_rng(16).integers(-2, 3, (5, 300)))
    found = superiority([rounded], market, repetitions=200)
    assert (found.reality_check, found.spa_lower, found.spa_upper) == (1.0, 1.0, 1.0)


def test_what_earns_the_same_in_every_period_is_certain():
    found = superiority([np.full((1, 100), 0.001)], np.zeros(100), repetitions=50)
    assert found.spa_upper == 0.0


def test_a_resample_that_only_ties_counts_against_the_best():
    # One trade: a resample that drew it twice earns, less the mean, just what was observed.
    returns = np.zeros((1, 300))
    returns[0, 100] = 0.01
    runs = runs_over(300, repetitions=500, seed=2)
    drawn = np.cumsum((runs.starts <= 100) & (runs.stops > 100))
    counts = np.diff(np.r_[0, drawn[runs.offsets[1:] - 1]])
    found = superiority([returns], np.zeros(300), repetitions=500, seed=2)
    assert found.spa_consistent == (counts >= 2).mean() > (counts > 2).mean()


def test_neither_the_parts_nor_their_order_change_anything():
    returns = random_sets(8, sets=600, periods=60)
    whole = superiority([returns], np.zeros(60), repetitions=50, seed=3)
    parts = np.split(returns, [1, 255, 256, 257, 580])
    assert superiority(reversed(parts), np.zeros(60), repetitions=50, seed=3) == whole


def test_threads_change_nothing():
    returns, market = random_sets(9, sets=75), np.random.default_rng(1).normal(0, 0.01, PERIODS)
    found = []
    for threads in (1, 3):
        runs = runs_over(PERIODS, repetitions=100, seed=4)
        test = SuperiorityTest(np.stack([NOTHING, market]), runs, threads=threads)
        test.add(returns)
        found.append(test.results())
    assert found[0] == found[1]
