"""A bundle that reads slower timeframes says the same of a bar whoever asks (SEMANTICS 1.3)."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
from support.broken_off import StopAfter
from support.small_models import SLOWER, write_bundle

import btkit as bt
from btkit.errors import InterruptedRunError
from btkit.jobs import check_lookahead, list_runs, resume, verify
from btkit.jobs.loading import slower_intervals_of
from btkit.markets import Interval
from btkit.models.features import FeaturePlan
from btkit.widgets.market import LoadedMarket, MarketRequest

PATH = "models/slow/SPX_1d"
# Trained until 2014-12-30, and a label looked five bars ahead.
LONG = ("SPX", "2012-01-03", "2017-12-29")
LATER = ("SPX", "2015-01-08", "2017-12-29")
SPEC = {
    "name": "slow",
    "model_path": PATH,
    "confidence_threshold": 0.4,
    "allow_short_from_flat": True,
    "filter_conditions": ["ema_200 > 0 and on('1mo', ema_20) > 0"],
    "stop_conditions": ["position_pnl_pct < -0.05 and atr_14 > 0"],
}
OF_A_WINDOW = {"is_sharpe", "oos_sharpe", "walk_forward_efficiency"}
READING = {
    "name": "by what it says",
    "classifiers": {"answer": PATH},
    "entry_conditions": ["answer == 'BUY'"],
    "exit_conditions": ["answer == 'SELL'"],
    "stop_conditions": [],
    "max_holding_bars": 1000,
}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return write_bundle(tmp_path / PATH, **SLOWER)


@pytest.fixture(scope="module")
def frame():
    return bt.load_bars("SPX", "1999-01-04", "2017-12-29", source="sample")


def assert_same(found, expected):
    """Compare every number of two runs to the last bit."""
    for name in ("trades", "decisions", "features"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        pd.testing.assert_frame_equal(ours, theirs, check_freq=False, check_exact=True)
    pd.testing.assert_series_equal(
        found.equity, expected.equity, check_freq=False, check_exact=True
    )
    ours, theirs = (run.metrics.model_dump(exclude=OF_A_WINDOW) for run in (found, expected))
    assert ours == theirs
    for name, column in expected.answers.features.items():
        ours = found.answers.features[name][found.outcome.start :]
        np.testing.assert_array_equal(ours, column[expected.outcome.start :])


def test_the_part_out_of_sample_is_the_run_of_its_dates(settings, frame):
    whole, alone = (bt.run(SPEC, *span, settings=settings) for span in (LONG, LATER))
    assert len(alone.trades) >= 5
    assert alone.in_sample is None
    assert_same(whole, alone)
    assert whole.warmup == alone.warmup
    assert whole.warmup["bars"] == 2_000
    # Nor does it matter who hands bars over, and how many.
    for handed in (
        bt.run(SPEC, frame, *LONG[1:], settings=settings),
        bt.run(SPEC, frame, *LATER[1:], settings=settings),
        bt.simulate(SPEC, frame, start=LONG[1]),
        bt.simulate(SPEC, frame),
        LoadedMarket(MarketRequest(*LONG, source="sample"), settings=settings).simulate(
            bt.load_spec(SPEC)
        ),
    ):
        assert_same(handed, alone)
    assert verify(whole.run_id, settings=settings)["reproduced"]


def test_the_part_in_sample_is_its_own_as_well(settings, frame):
    learnt = bt.run(SPEC, *LONG, settings=settings).in_sample
    assert_same(bt.simulate(SPEC, frame, start=LONG[1]).in_sample, learnt)
    assert str(learnt.bars.index[-1].date()) == "2015-01-07"


def test_each_part_of_a_walk_forward_is_the_run_of_its_dates(settings, frame):
    span = ("2013-09-03", "2017-12-29")
    asked = {"windows": 2, "is_ratio": 0.5, "settings": settings}
    stored = bt.walk_forward(SPEC, "SPX", *span, **asked)
    handed = bt.walk_forward(SPEC, frame, *span, **asked)
    for part, other in zip(stored.out_of_sample, handed.out_of_sample, strict=True):
        days = (str(day.date()) for day in part.bars.index[[0, -1]])
        assert_same(part, bt.run(SPEC, "SPX", *days, settings=settings))
        assert_same(other, part)
    for part, other in zip(stored.in_sample, handed.in_sample, strict=True):
        assert_same(other, part)


def test_a_run_that_is_stopped_goes_on_to_the_same_bits(settings):
    known = settings.model_copy(update={"checkpoint_bars": 1})
    span = ("SPX", "2014-12-01", "2015-04-30")
    whole = bt.run(SPEC, *span, settings=settings)
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        bt.run(SPEC, *span, settings=known, progress=StopAfter(30))
    run_id = list_runs(settings=settings)[0]["run_id"]
    assert_same(resume(run_id, settings=settings), whole)


def test_its_features_are_what_on_gives(settings):
    names = {"1w_rsi_100_raw": "on('1w', rsi_100)", "1mo_sma_10_raw": "on('1mo', sma_10)"}
    rules = {
        "name": "r",
        "entry_conditions": [f"{name} > 0" for name in names.values()],
        "exit_conditions": [],
        "stop_conditions": [],
    }
    run = bt.run(SPEC, *LATER, settings=settings)
    plain = bt.run(rules, *LATER, settings=settings)
    scaled = SLOWER["normalization_params"]
    for name, call in names.items():
        own = plain.features[call.replace("'", '"')].to_numpy()
        expected = (own - scaled[name]["mean"]) / scaled[name]["std"]
        found = run.answers.features[name][run.outcome.start :]
        # Means are added up in another order there.
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_classifier_says_the_same_whoever_asks(settings, frame):
    run = bt.run(READING, *LATER, settings=settings)
    [said] = run.classified
    known = said.texts[run.outcome.start :]
    assert set(known.dropna()) == {"BUY", "SELL", "HOLD"}
    market = LoadedMarket(MarketRequest(*LATER, source="sample"), settings=settings)
    for other in (
        bt.simulate(READING, frame, start=LATER[1]),
        bt.run(READING, frame, *LATER[1:], settings=settings),
        market.simulate(bt.load_spec(READING)),
    ):
        [again] = other.classified
        assert again.texts[other.outcome.start :].tolist() == known.tolist()
        for name, column in said.outputs.items():
            np.testing.assert_array_equal(
                again.outputs[name][other.outcome.start :], column[run.outcome.start :]
            )


def test_what_is_loaded_is_what_the_bundle_reads(settings):
    spec = bt.load_spec(READING)
    slower = (Interval.parse("1w"), Interval.parse("1mo"))
    assert slower_intervals_of(spec, symbol="SPX", interval="1d") == slower
    # Of a month there are no 600 bars, and all there are is loaded.
    run = bt.run(READING, *LATER, settings=settings)
    assert str(run.all_bars.index[0].date()) == "1999-01-04"
    assert run.warmup["bars"] == 2_000


def test_bars_are_loaded_again_where_another_bundle_reads_more(settings, tmp_path):
    write_bundle(tmp_path / "models" / "plain")
    market = LoadedMarket(MarketRequest(*LATER, source="sample"), settings=settings)
    plain = market.simulate(bt.load_spec({**SPEC, "model_path": "models/plain"}))
    slow = market.simulate(bt.load_spec({**SPEC, "filter_conditions": []}))
    assert len(slow.all_bars) >= len(plain.all_bars)
    assert_same(slow, bt.run({**SPEC, "filter_conditions": []}, *LATER, settings=settings))


def test_a_leak_in_a_slow_feature_is_named(settings, monkeypatch):
    document = check_lookahead(SPEC, *LONG, source="sample", settings=settings, bars=6)
    assert document["passed"]
    drift = {one["name"]: one for one in document["drift"]}
    # Of 600 weeks half are left out, and what an average of 100 keeps of the others shows.
    assert 1e-6 < drift["1w_rsi_100_raw"]["difference"] < 1.0
    assert 0 < drift["1d_ema_150_raw"]["difference"] < 1e-3
    assert document["first"] == LATER[1]
    matrix = FeaturePlan.matrix

    def planted(plan, bars, **more):
        made = matrix(plan, bars, **more).copy()
        column = pd.Series(made[:, 0])
        made[:, 0] = column.shift(-5)
        return made

    monkeypatch.setattr(FeaturePlan, "matrix", planted)
    monkeypatch.setattr("btkit.models.predictions._kept", OrderedDict())
    found = check_lookahead(SPEC, *LONG, source="sample", settings=settings, bars=6)
    assert not found["passed"]
