"""A spec over bars from a source is checked for look-ahead, and every run briefly."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.data import Answer, Observations, Source
from btkit.data import registering as sources
from btkit.errors import UsageError
from btkit.indicators.registry import REGISTERED
from btkit.jobs import check_lookahead, load_document, verify
from btkit.settings import Settings

SPAN = ("2013-06-03", "2014-11-28")
BARS = make_bars(800, 4)
RULES = crossover(entry_conditions=["sma_{fast} > sma_{slow} and vix < 90"])


class Honest(Source):
    """Made-up bars, and a VIX."""

    name = "honest"

    def bars(self, request):
        return Answer(BARS[BARS.index <= request.last], "Made up")

    def vix(self, request):
        days = pd.Series(np.linspace(10, 40, len(BARS)), BARS.index)
        return Observations(days[days.index <= request.last].to_frame("vix"))


class Smoothing(Honest):
    """Whose closes are means of what it is asked for, the day after included."""

    name = "smoothing"

    def bars(self, request):
        frame = super().bars(request).frame
        close = frame["close"].rolling(3, center=True, min_periods=1).mean()
        close = close.clip(frame["low"], frame["high"])
        return Answer(frame.assign(close=close), "Made up, and smoothed")


@pytest.fixture(autouse=True)
def own_lists(monkeypatch):
    """Let nothing that a test registers outlive it."""
    for registry in (REGISTERED, sources.SOURCES):
        monkeypatch.setattr(registry, "_entries", {})
        monkeypatch.setattr(registry, "_asked", True)
    bt.register_source("honest", Honest)
    bt.register_source("smoothing", Smoothing)


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, db_path=tmp_path / "runs.db", curve_dir=tmp_path / "curves",
                    report_dir=tmp_path / "reports")  # fmt: skip


def plant_label(monkeypatch):
    monkeypatch.setattr("btkit.indicators.registering.check_definition", lambda _: None)
    bt.register_indicator(
        "my_label", lambda close: np.append(close[5:], [np.nan] * 5) > close, kind="bool",
        lookback=0, meaning="Whether the price is higher in five bars.",
    )  # fmt: skip


def test_what_is_honest_passes(settings):
    document = check_lookahead(RULES, "ABC", *SPAN, source="honest", settings=settings, bars=20)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["passed"]
    assert document["leaks"] == []
    assert document["bars_checked"] == 20
    # Six ways at each bar; eight loads of what was known, and two more of what the source says.
    assert document["checks"] == 6 * 20 + 8 + 2
    assert document["symbol"] == "ABC"
    assert (document["first"], document["last"]) == SPAN


def test_a_source_that_answers_otherwise_when_it_is_asked_for_less_is_named(settings):
    document = check_lookahead(RULES, "ABC", *SPAN, source="smoothing", settings=settings, bars=5)
    assert not document["passed"]
    [leak] = document["leaks"]
    assert (leak["kind"], leak["name"], leak["altered"]) == ("bars", "close", "not asked for")
    assert leak["bar"] == leak["known_until"]
    assert leak["was"] != leak["became"]


def test_a_join_that_takes_a_later_day_is_named(settings, monkeypatch):
    def joined_early(values, bars, **_):
        return values.reindex(bars).shift(-1).to_numpy()

    monkeypatch.setattr("btkit.data.observe.join_by_date", joined_early)
    document = check_lookahead(RULES, "ABC", *SPAN, source="honest", settings=settings, bars=5)
    named = {(leak["kind"], leak["name"], leak["altered"]) for leak in document["leaks"]}
    assert named == {("bars", "vix", "not known yet")}


def test_an_option_spec_is_checked_as_any_other(settings):
    spec = {"name": "sold", "spread_type": "short_put_spread", "entry_conditions": ["rsi_14 < 40"]}
    document = check_lookahead(spec, "ABC", *SPAN, source="honest", settings=settings, bars=5)
    assert (document["kind"], document["passed"]) == ("options", True)


def test_bars_that_are_handed_over_are_checked_without_a_loader():
    document = check_lookahead(crossover(), BARS, "2013-06-03", bars=4)
    assert document["passed"]
    assert document["command"] is None
    assert {one["name"] for one in document["drift"]} == set()
    recursive = crossover(entry_conditions=["ema_{fast} > sma_{slow}"])
    [one] = check_lookahead(recursive, BARS, "2013-06-03", bars=4)["drift"]
    assert one["name"] == "ema_5"
    assert 0 < one["seed_weight"] < 1e-50


@pytest.mark.parametrize("wrong", [2, 10_001, "many", True])
def test_a_number_of_bars_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError, match="bars") as caught:
        check_lookahead(crossover(), BARS, bars=wrong)
    assert caught.value.hint


def test_every_run_says_how_often_it_was_checked(settings):
    result = bt.run(RULES, "ABC", *SPAN, source="honest", settings=settings)
    assert (result.lookahead.checks, result.lookahead.leaks) == (5, ())
    document = load_document(result.run_id, settings=settings)
    assert document["lookahead"] == {"checks": 5, "bars": 5, "whole": True, "leaks": []}
    assert verify(result.run_id, settings=settings)["reproduced"]


def test_simulate_checks_nothing():
    result = bt.simulate(crossover(), BARS)
    assert result.lookahead is None
    assert bt.report(result)["lookahead"] is None


def test_a_run_that_looks_ahead_says_so_first(settings, monkeypatch):
    plant_label(monkeypatch)
    spec = crossover(entry_conditions=["my_label and sma_{fast} > sma_{slow}"])
    result = bt.run(spec, "ABC", *SPAN, source="honest", settings=settings)
    document = load_document(result.run_id, settings=settings)
    assert document["lookahead"]["leaks"][0]["name"] == "my_label"
    first = document["warnings"][0]
    assert first["code"] == "looks_ahead"
    assert "my_label" in first["message"]


def test_windows_of_a_walk_forward_are_runs_that_are_checked(settings, monkeypatch):
    plant_label(monkeypatch)
    spec = crossover(entry_conditions=["my_label and sma_{fast} > sma_{slow}"])
    result = bt.walk_forward(spec, "ABC", *SPAN, source="honest", settings=settings, windows=2)
    assert [run.lookahead.leaks[0].name for run in result.out_of_sample] == ["my_label"] * 2
    assert "looks_ahead" in {entry.code for entry in result.report.warnings}


def test_slower_bars_are_checked_with_the_history_that_a_run_loads(settings):
    spec = {**RULES, "entry_conditions": ["ema_{fast} > on('1w', ema_{slow})", "rsi_2 < 90"]}
    found = check_lookahead(spec, "SPX", "2014-01-02", "2015-12-31", bars=4, source="sample",
                            settings=settings)  # fmt: skip
    run = bt.run(spec, "SPX", "2014-01-02", "2015-12-31", source="sample", settings=settings)
    assert found["passed"]
    # Six hundred weeks are more than two thousand days, and only `on` sees them.
    assert run.feature_set.begin > 800
    (drift,) = [one for one in found["drift"] if one["name"] == "ema_5"]
    assert drift["at_start"] == run.features["ema_5"].iloc[0]
    assert found["history"]["begins"] == str(run.all_bars.index[run.feature_set.begin].date())
    assert run.warmup["bars"] == 2_000
