"""Statistics of overfitting of more sets than returns are taken of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, norm, skew
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.errors import UsageError
from btkit.jobs import load_document
from btkit.jobs.sweep import describe_sweep
from btkit.render import sweep
from btkit.render.pieces import Html
from btkit.settings import Settings
from btkit.validation.sweep import CrashedSet

AXES = {"fast": list(range(2, 12)), "slow": [15, 20, 25, 30]}


def swept(bars=None, **options):
    bars = make_bars(500) if bars is None else bars
    return bt.sweep(bt.load_spec(crossover()), bars, parameters=AXES, **options)


@pytest.mark.parametrize("most", [None, 40, 1_000])
def test_all_sets_are_taken_where_there_are_no_more(most):
    everything, found = swept().overfitting(), swept(overfitting_sample=most).overfitting()
    assert found.sampled is None
    assert _equal(found, everything)


def _equal(one, other):
    return str(one) == str(other)


def test_a_sample_has_the_best_set_and_is_the_same_whoever_draws_it():
    result = swept(overfitting_sample=15)
    assert result.sampled == 15
    taken = []
    found = result.overfitting(on_chunk=lambda _first, returns: taken.append(returns))
    again = swept(overfitting_sample=15, threads=1).overfitting()
    assert _equal(found, again)
    assert (found.trials, found.sampled) == (40, 15)
    returns = np.concatenate(taken)
    assert returns.shape[0] == 15
    best = result.run().equity.pct_change().fillna(result.run().equity.iloc[0] / 100_000 - 1)
    assert any(np.allclose(row, best, atol=1e-12) for row in returns)
    # Other sets are drawn of other values, not always the first.
    series = {row.tobytes() for row in returns}
    more = []
    swept(overfitting_sample=16).overfitting(on_chunk=lambda _f, some: more.append(some))
    assert len({row.tobytes() for row in np.concatenate(more)} & series) < 15


def test_the_deflated_ratio_of_a_sample_is_that_of_all_sets():
    everything, found = swept().overfitting(), swept(overfitting_sample=12).overfitting()
    assert found.expected_maximum == pytest.approx(everything.expected_maximum, rel=1e-9)
    assert found.deflated == pytest.approx(everything.deflated, rel=1e-9)
    assert found.probabilistic == everything.probabilistic
    assert found.interval == everything.interval
    assert found.backtest_overfitting.probability != everything.backtest_overfitting.probability


@pytest.mark.parametrize("stated", [{}, {"bars_per_year": 6_000}])
def test_the_deflated_ratio_of_intraday_bars_is_the_formula_s(stated):
    index = pd.date_range("2024-03-01 14:30", periods=900, freq="15min", tz="UTC")
    spec = bt.load_spec({**crossover(), **stated, "calendar": "24/7"})
    bars = make_bars(900, index=index)
    result = bt.sweep(spec, bars, parameters={"fast": [2, 3, 5, 8], "slow": [15, 20, 25, 30]})
    days = index.floor("D")
    last = np.ones(900, bool) if stated else np.append(days[1:] != days[:-1], True)
    series = []
    for rank in range(1, 17):
        equity = np.append(100_000.0, result.run(rank).equity.to_numpy()[last])
        series.append(equity[1:] / equity[:-1] - 1.0)
    ratios = np.array([returns.mean() / returns.std(ddof=1) for returns in series])
    quantiles = norm.ppf(1 - 1 / 16), norm.ppf(1 - 1 / (16 * np.e))
    hurdle = ratios.std(ddof=1) * (
        (1 - np.euler_gamma) * quantiles[0] + np.euler_gamma * quantiles[1]
    )
    best, count = ratios[0], last.sum()
    spread = 1 - skew(series[0]) * best + (kurtosis(series[0], fisher=False) - 1) / 4 * best**2
    deflated = norm.cdf((best - hurdle) * np.sqrt((count - 1) / spread))
    assert 0.01 < deflated < 0.99
    for most in (None, 12):
        found = replace(result, overfitting_sample=most).overfitting(repetitions=20)
        assert (found.periods, found.sampled) == (count, most)
        annual = np.sqrt(6_000 if stated else 365)
        assert found.expected_maximum == pytest.approx(hurdle * annual, rel=1e-9)
        assert found.deflated == pytest.approx(deflated, rel=1e-9)


def test_the_other_statistics_are_those_of_a_sweep_of_the_sample():
    result = swept(overfitting_sample=12)
    found = result.overfitting()
    taken = []
    result.overfitting(on_chunk=lambda _first, returns: taken.append(returns))
    everything = []
    swept().overfitting(on_chunk=lambda _first, returns: everything.append(returns))
    rows = {row.tobytes(): place for place, row in enumerate(np.concatenate(everything))}
    drawn = np.array([rows[row.tobytes()] for row in np.concatenate(taken)])
    alone = replace(
        result, sets=result.sets.take(drawn), rows=result.rows[drawn], overfitting_sample=None
    ).overfitting()
    assert _equal(alone.backtest_overfitting, found.backtest_overfitting)
    assert alone.superiority == found.superiority
    assert alone.superiority_to_holding == found.superiority_to_holding


def test_sets_that_crashed_count_as_tried():
    result = swept()
    crashed = tuple(CrashedSet({"fast": 1, "slow": place}, "It died.") for place in range(60))
    with_crashed = replace(result, crashed=crashed)
    assert with_crashed.trials == 100
    found, before = with_crashed.overfitting(), result.overfitting()
    assert found.trials == 100
    assert found.expected_maximum > before.expected_maximum
    assert found.backtest_overfitting.probability == before.backtest_overfitting.probability


def test_document_and_page_say_that_it_is_a_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(
        db_path=tmp_path / "results.db", report_dir=tmp_path / "reports", data_source="sample"
    )
    (tmp_path / "spec.json").write_text(bt.load_spec(crossover()).model_dump_json())
    asked = {"parameters": AXES, "settings": settings}
    ranged = ("SPX", "2012-01-03", "2013-12-31")
    whole = bt.sweep("spec.json", *ranged, **asked)
    result = bt.sweep("spec.json", *ranged, **asked, overfitting_sample=12)
    large = bt.sweep("spec.json", *ranged, **asked, overfitting_sample=40)
    # Other statistics of the same sets have a place of their own.
    assert large.sweep_id == whole.sweep_id != result.sweep_id
    report = describe_sweep(result, start=ranged[1], end=ranged[2], settings=settings)
    document = load_document(result.sweep_id, settings=settings)
    assert document["overfitting"]["sampled"] == 12
    assert document["overfitting"]["trials"] == document["sets"] == 40
    assert any(
        "returns of 12 of 40 parameter sets" in one["message"] for one in document["warnings"]
    )
    command = document["command"]
    assert command[command.index("--overfitting-sample") + 1] == "12"
    page = sweep.SweepPage(report, result.table)
    shown = " ".join(
        piece.markup
        for section in (sweep.headline(page), sweep.rests_on(page))
        for piece in section
        if isinstance(piece, Html)
    )
    assert "of 12 sets drawn at random" in shown
    assert "returns of 12 of 40 parameter sets" in shown


@pytest.mark.parametrize("count", [0, 11, -5, 2.5])
def test_a_sample_that_says_nothing_is_refused(count):
    with pytest.raises(UsageError) as caught:
        swept(overfitting_sample=count)
    assert caught.value.details["argument"] == "overfitting_sample"
