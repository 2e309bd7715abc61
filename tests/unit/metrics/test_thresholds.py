"""What passes and what fails."""

import math

import pytest

from btkit.metrics import THRESHOLDS, Failure, Metrics, Threshold, check_thresholds

PASSING = {
    "win_rate": 0.5,
    "profit_factor": 1.5,
    "max_drawdown_pct": -0.25,
    "sharpe_ratio": 1.0,
    "consecutive_losses_max": 8,
}


def metrics(**changes):
    neutral = {
        name: 0 if field.annotation is int else 0.0
        for name, field in Metrics.model_fields.items()
        if field.is_required()
    }
    return Metrics(**(neutral | PASSING | changes))


def test_the_thresholds_are_the_documented_ones():
    assert {t.metric: (t.bound, t.sense) for t in THRESHOLDS} == {
        "win_rate": (0.50, "at_least"),
        "profit_factor": (1.50, "at_least"),
        "max_drawdown_pct": (-0.25, "at_least"),
        "sharpe_ratio": (1.00, "at_least"),
        "consecutive_losses_max": (8, "at_most"),
    }


def test_the_bounds_themselves_pass():
    assert check_thresholds(metrics()) == []


@pytest.mark.parametrize(
    ("metric", "value", "shown", "threshold"),
    [
        ("win_rate", 0.4999, 0.4999, 0.5),
        ("win_rate", math.nan, 0.0, 0.5),
        ("profit_factor", 1.4999, 1.4999, 1.5),
        ("profit_factor", math.nan, 0.0, 1.5),
        ("max_drawdown_pct", -0.2501, -0.2501, -0.25),
        ("max_drawdown_pct", -1.2, -1.2, -0.25),
        ("sharpe_ratio", 0.9999, 0.9999, 1.0),
        ("sharpe_ratio", math.nan, 0.0, 1.0),
        ("sharpe_ratio", -math.inf, -999999.0, 1.0),
        ("consecutive_losses_max", 9, 9, 8),
    ],
)
def test_what_fails(metric, value, shown, threshold):
    assert check_thresholds(metrics(**{metric: value})) == [
        Failure(metric=metric, value=shown, threshold=threshold)
    ]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("profit_factor", math.inf),
        ("sharpe_ratio", math.inf),
        ("win_rate", 1.0),
        ("max_drawdown_pct", 0.0),
        ("consecutive_losses_max", 0),
    ],
)
def test_what_passes(metric, value):
    assert check_thresholds(metrics(**{metric: value})) == []


def test_every_failure_is_listed_in_order():
    failures = check_thresholds(metrics(win_rate=0.1, sharpe_ratio=-1.0, consecutive_losses_max=20))
    assert [failure.metric for failure in failures] == [
        "win_rate",
        "sharpe_ratio",
        "consecutive_losses_max",
    ]


def test_whole_numbers_stay_whole_in_a_failure():
    [failure] = check_thresholds(metrics(consecutive_losses_max=9))
    assert failure.model_dump_json() == (
        '{"metric":"consecutive_losses_max","value":9,"threshold":8}'
    )


def test_other_thresholds_can_be_asked_for():
    strict = (Threshold("cagr", 0.1, "at_least"),)
    assert [f.metric for f in check_thresholds(metrics(cagr=0.05), thresholds=strict)] == ["cagr"]
