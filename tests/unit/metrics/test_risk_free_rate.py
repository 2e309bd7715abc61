"""Sharpe and Sortino ratios less a risk-free rate, against empyrical-reloaded."""

import math

import empyrical
import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.crosscheck import differences
from btkit.errors import DataError, SpecError
from btkit.metrics import MEASURED, bar_returns


@pytest.fixture(scope="module")
def bars():
    # A rate that steps each bar, so that reading the wrong one shows.
    return make_bars().assign(tbill=np.linspace(0.0, 0.08, 400))


def returns_of(result):
    return bar_returns(result.equity.to_numpy(), result.initial_capital)


@pytest.mark.parametrize("rate", [0.04, -0.01])
def test_a_rate_is_taken_off_the_ratios_alone(bars, rate):
    without = bt.simulate(crossover(), bars).metrics
    result = bt.simulate(crossover(sharpe_risk_free=rate), bars)
    returns, clock = returns_of(result), {"annualization": 252}
    expected = {
        "sharpe_ratio": empyrical.sharpe_ratio(returns, risk_free=rate / 252, **clock),
        "sortino_ratio": empyrical.sortino_ratio(returns, required_return=rate / 252, **clock),
    }
    metrics = result.metrics.model_dump(exclude_none=True)
    assert metrics == pytest.approx(without.model_dump(exclude_none=True) | expected, rel=1e-12)
    assert expected["sharpe_ratio"] != pytest.approx(without.sharpe_ratio)


def test_a_column_is_read_one_bar_before(bars):
    result = bt.simulate(crossover(sharpe_risk_free="tbill"), bars, start=bars.index[50])
    excess = returns_of(result) - bars["tbill"].to_numpy()[49:-1] / 252
    assert result.metrics.sharpe_ratio == pytest.approx(
        empyrical.sharpe_ratio(excess, annualization=252), rel=1e-12
    )
    assert differences(result) == []


def test_before_the_first_bar_its_own_rate_stands_in(bars):
    changed = bars.assign(tbill=[0.05] * 399 + [math.nan])
    column = bt.simulate(crossover(sharpe_risk_free="tbill"), changed)
    assert column.metrics == bt.simulate(crossover(sharpe_risk_free=0.05), bars).metrics


def test_a_return_of_a_session_takes_the_rate_known_before_the_session():
    index = pd.DatetimeIndex(
        [f"2024-03-{day:02d} {hour}:30" for day in (4, 5, 6, 7, 8, 11, 12) for hour in (15, 17, 19)]
    ).tz_localize("UTC")
    bars = make_bars(len(index), index=index).assign(rate=np.arange(len(index)) / 100)
    spec = crossover(sharpe_risk_free="rate", parameters={"fast": 2, "slow": 3})
    result = bt.simulate(spec, bars)
    ends = np.arange(2, len(index), 3)
    returns = bar_returns(result.equity.to_numpy()[ends], result.initial_capital)
    excess = returns - np.r_[0.0, ends[:-1] / 100] / 252
    assert result.metrics.sharpe_ratio == pytest.approx(
        empyrical.sharpe_ratio(excess, annualization=252), rel=1e-12
    )
    assert differences(result) == []


def test_an_account_that_earns_nothing_is_infinitely_worse_than_a_rate(bars):
    never = crossover(entry_conditions=["sma_{fast} < -1", "close > sma_{slow}"])
    assert math.isnan(bt.simulate(never, bars).metrics.sharpe_ratio)
    assert bt.simulate(never | {"sharpe_risk_free": 0.02}, bars).metrics.sharpe_ratio == -math.inf


def test_every_set_of_a_sweep_has_the_ratio_of_its_run(bars):
    spec = crossover(sharpe_risk_free="tbill")
    swept = bt.sweep(spec, bars, parameters={"fast": [3, 5, 8], "slow": [20, 30]})
    for place, row in enumerate(swept.rows):
        alone = bt.simulate(spec | {"parameters": swept.sets.at(place)}, bars).metrics
        assert row[MEASURED.index("sharpe_ratio")] == alone.sharpe_ratio
    best = swept.run().metrics.sharpe_ratio
    assert swept.overfitting(repetitions=20).sharpe_ratio == pytest.approx(best, rel=1e-9)


def test_sets_that_never_trade_have_no_ratio_to_be_expected_of(bars):
    spec = crossover(sharpe_risk_free=0.03, entry_conditions=["sma_{fast} > sma_{slow} + {far}"])
    spec["parameters"] = {"fast": 5, "slow": 20, "far": 0}
    found = bt.sweep(spec, bars, parameters={"far": [0, 0.5, 1e6]}).overfitting(repetitions=20)
    assert 0.0 < found.expected_maximum < 10.0


def test_a_file_has_the_column(bars, tmp_path, monkeypatch):
    bars.to_csv(tmp_path / "ABC.csv")
    monkeypatch.setenv("BT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    spec = crossover(sharpe_risk_free="tbill")
    loaded = bt.run(spec, "ABC", "2012-01-03", "2013-07-15", source="files")
    assert loaded.metrics == bt.simulate(spec, bars).metrics
    other = bars.assign(tbill=0.01)
    hashes = {
        bt.report(bt.simulate(spec, frame))["provenance"]["bars_hash"] for frame in (bars, other)
    }
    assert len(hashes) == 2


def test_a_column_that_is_not_there_is_refused(bars):
    with pytest.raises(DataError, match="lack the column libor") as caught:
        bt.simulate(crossover(sharpe_risk_free="libor"), bars)
    assert "add it" in caught.value.hint


def test_a_rate_that_is_missing_is_refused(bars):
    holed = bars.assign(tbill=bars["tbill"].where(bars.index != bars.index[70]))
    with pytest.raises(DataError, match="no number on 1 bars, first on 2012-04-10") as caught:
        bt.simulate(crossover(sharpe_risk_free="tbill"), holed)
    assert "ffill" in caught.value.hint


@pytest.mark.parametrize("rate", [3, -1.0, True, "", " tbill", math.nan, [0.02]])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(SpecError) as caught:
        bt.load_spec(crossover(sharpe_risk_free=rate))
    (problem,) = caught.value.problems
    assert problem.path == "sharpe_risk_free"
    assert "0.03 is 3 %" in problem.hint
