"""From a network's outputs to signals: classes, thresholds, edges, separation, and what held."""

import numpy as np
import pytest

from btkit.decisions import Signal
from btkit.models.decisions import (
    DecisionRules,
    Held,
    classify,
    regress,
    separation_of,
    silence,
    tell_decisions,
)

CLASSES = ("BUY", "SELL", "HOLD")
HOUR = 3_600_000_000_000


def said(rows, classes=CLASSES, **rules):
    return classify(np.array(rows, np.float64), classes, DecisionRules(**rules))


@pytest.mark.parametrize("classes", [CLASSES, ("BUY", "HOLD", "SELL"), ("HOLD", "SELL", "BUY")])
def test_the_stated_order_of_classes_decides(classes):
    rows = np.eye(3)
    answers = said(rows, classes)
    assert [Signal(value).name for value in answers.signals] == list(classes)
    assert answers.raw.tolist() == [0, 1, 2]
    assert answers.confidence.tolist() == [1.0, 1.0, 1.0]


def test_a_tie_goes_to_the_first_class():
    answers = said([[0.5, 0.5, 0.0], [0.2, 0.4, 0.4]], confidence_threshold=0.0)
    assert answers.signals.tolist() == [Signal.BUY, Signal.SELL]


def test_the_threshold_itself_is_enough():
    answers = said([[0.6, 0.2, 0.2], [0.59, 0.21, 0.2], [0.2, 0.2, 0.6]], confidence_threshold=0.6)
    assert answers.signals.tolist() == [Signal.BUY, Signal.HOLD, Signal.HOLD]
    assert answers.held.tolist() == [Held.NOTHING, Held.THRESHOLD, Held.ANSWER]
    # What it would have said stays to be read.
    assert answers.raw.tolist() == [0, 0, 2]


def test_what_is_not_finite_is_held_and_has_no_answer():
    answers = said([[np.nan] * 3, [0.8, 0.1, 0.1]])
    assert answers.signals.tolist() == [Signal.HOLD, Signal.BUY]
    assert answers.held.tolist() == [Held.NOT_FINITE, Held.NOTHING]
    assert answers.raw[0] == -1
    assert np.isnan(answers.confidence[0])


def test_a_regression_has_to_exceed_what_a_round_trip_costs():
    rules = DecisionRules(round_trip_cost=0.002, min_edge_multiplier=2.0)
    outputs = np.array([0.004, 0.0041, -0.004, -0.0041, np.inf, np.nan, 0.012, 1.0])[:, None]
    answers = regress(outputs, rules)
    buy, sell, hold = Signal.BUY, Signal.SELL, Signal.HOLD
    assert answers.signals.tolist() == [hold, buy, hold, sell, hold, hold, buy, buy]
    assert answers.held[[4, 5]].tolist() == [Held.NOT_FINITE] * 2
    assert answers.confidence[[0, 6, 7]] == pytest.approx([1 / 3, 1.0, 1.0], rel=1e-15)


def test_a_regression_without_a_cost_trades_on_every_sign():
    answers = regress(np.array([[1e-9], [0.0], [-1e-9]]), DecisionRules(round_trip_cost=0.0))
    assert answers.signals.tolist() == [Signal.BUY, Signal.HOLD, Signal.SELL]
    assert answers.confidence.tolist() == [1.0, 0.0, 1.0]


def test_separation_counts_hours_between_keys():
    times = np.array([0, 1, 4, 5, 24]) * HOUR
    assert separation_of(times, 4.0).tolist() == [-1, -1, 0, 1, 3]
    assert separation_of(times, 0.0) is None
    assert separation_of(times, 1e9).tolist() == [-1] * 5


def test_the_spec_comes_before_the_bundle_and_the_bundle_before_the_usual():
    rules = DecisionRules.of(
        {"confidence_threshold": 0.7, "position_awareness": None},
        {"confidence_threshold": 0.6, "position_awareness": False},
    )
    assert rules == DecisionRules(confidence_threshold=0.7, position_awareness=False)
    assert DecisionRules.of().to_dict() == {
        "confidence_threshold": 0.5,
        "position_awareness": True,
        "allow_short_from_flat": False,
        "min_signal_separation": 4.0,
        "round_trip_cost": 0.003,
        "min_edge_multiplier": 1.5,
    }


def test_what_is_silenced_keeps_its_answer():
    answers = silence(said([[0.8, 0.1, 0.1]] * 2), np.array([True, False]), Held.WARM_UP)
    assert answers.signals.tolist() == [Signal.HOLD, Signal.BUY]
    assert answers.held.tolist() == [Held.WARM_UP, Held.NOTHING]
    assert answers.raw.tolist() == [0, 0]


def test_numbers_are_told_in_words():
    columns = {
        "signal": np.array([1, 0], np.int8),
        "answer": np.array([0, -1], np.int16),
        "held": np.array([0, int(Held.NOT_FINITE)], np.int8),
        "confidence": np.array([0.8, np.nan]),
        "bundle": np.array([0, -1], np.int16),
        "p_buy": np.array([0.8, np.nan]),
    }
    table = tell_decisions(columns, classes=CLASSES, dates=["2012-01-03"], index=[1, 2])
    assert table["signal"].tolist() == ["BUY", "HOLD"]
    assert table["answer"].tolist()[0] == "BUY"
    assert table["answer"].isna().tolist() == [False, True]
    assert table["held_by"].isna().tolist() == [True, False]
    assert table["held_by"].tolist()[1] == "not_finite"
    assert table["bundle"].tolist()[0] == "2012-01-03"
    assert table["p_buy"].tolist()[0] == 0.8
