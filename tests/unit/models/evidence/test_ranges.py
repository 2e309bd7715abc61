import numpy as np
import pytest

from btkit.models.evidence import outside_ranges, stability_index

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def test_only_what_is_beyond_the_ends_of_training_is_outside():
    rows = np.array([[0.0, 5.0], [1.0, np.nan], [1.1, 5.0], [-0.1, 5.0], [1.0 + 1e-12, 5.0]])
    found = outside_ranges(rows, np.array([0.0, np.nan]), np.array([1.0, np.nan]))
    assert found[:, 0].tolist() == [False, False, True, True, False]
    # Nobody says what the other was.
    assert not found[:, 1].any()


def test_a_stability_index_is_the_sum_over_groups_by_hand():
    random = np.random.default_rng(2)
    quantiles = np.quantile(random.normal(size=5_000), LEVELS)
    values = random.normal(0.5, size=2_000)
    edges = [-np.inf, *quantiles, np.inf]
    total = 0.0
    for low, high, share in zip(edges, edges[1:], np.diff([0, *LEVELS, 1]), strict=False):
        actual = max(np.mean((values > low) & (values <= high)), 0.5 / 2_000)
        total += (actual - share) * np.log(actual / share)
    assert stability_index(values, LEVELS, quantiles) == pytest.approx(total, rel=1e-12)
    assert total > 0.1
    assert stability_index(random.normal(size=2_000), LEVELS, quantiles) < 0.05


@pytest.mark.parametrize(
    ("values", "quantiles"),
    [
        (np.array([np.nan]), np.linspace(0.0, 1.0, 7)),
        (np.ones(5), np.array([0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4])),
        (np.ones(5), np.empty(0)),
    ],
    ids=["no value", "one value often", "no quantiles"],
)
def test_where_shares_are_not_known_there_is_no_index(values, quantiles):
    assert stability_index(values, LEVELS, quantiles) is None
