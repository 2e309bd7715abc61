"""The bars of a benchmark beside those of a run: by time, carried over holidays, or refused."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.crosscheck import differences
from btkit.errors import DataError, NoDataError, UsageError
from btkit.metrics import bar_returns


@pytest.fixture(scope="module")
def bars():
    return make_bars(300)


@pytest.fixture(scope="module")
def other():
    return make_bars(300, seed=9)


def beta_of(result, closes):
    r = bar_returns(result.equity.to_numpy(), result.initial_capital)
    covariance = np.cov(r, bar_returns(np.asarray(closes, float), float(closes[0])))
    return covariance[0, 1] / covariance[1, 1]


def closes_beside(bars, other):
    """What pandas finds."""
    left = pd.DataFrame({"time": bars.index})
    right = other[["close"]].rename_axis("time").reset_index()
    return pd.merge_asof(left, right, on="time")["close"].to_numpy()


def told(result):
    return {warning["code"] for warning in result.warnings}


def test_without_one_the_instrument_is_held(bars):
    result = bt.simulate(crossover(), bars, start=bars.index[40])
    held = result.bars["close"].to_numpy()
    assert result.metrics.beta == pytest.approx(beta_of(result, held), rel=1e-10)
    report = bt.report(result)["benchmark"]
    assert (report["name"], report["symbol"]) == ("buy_and_hold", None)


def test_another_ones_bars_are_what_a_run_is_measured_against(bars, other):
    start = bars.index[40]
    other.attrs["btkit"] = {}
    result = bt.simulate(crossover(), bars, start=start, benchmark=other)
    plain = bt.simulate(crossover(), bars, start=start)
    held = other.loc[start:, "close"].to_numpy()
    assert result.metrics.beta == pytest.approx(beta_of(result, held), rel=1e-10)
    assert result.metrics.beta != pytest.approx(plain.metrics.beta)
    assert differences(result) == []
    pd.testing.assert_series_equal(result.equity, plain.equity)
    report, own = bt.report(result), bt.report(plain)
    assert report["benchmark"]["name"] == "benchmark"
    assert report["benchmark"]["total_return_pct"] == pytest.approx(held[-1] / held[0] - 1)
    assert report["provenance"]["benchmark_hash"] != own["provenance"]["benchmark_hash"] is None
    changed = other.assign(close=other["close"] * np.linspace(1.0, 1.001, 300))
    again = bt.report(bt.simulate(crossover(), bars, start=start, benchmark=changed))
    assert again["provenance"]["benchmark_hash"] != report["provenance"]["benchmark_hash"]


def test_where_its_market_is_closed_the_last_close_stands_in(bars, other):
    holidays = other.drop(other.index[[60, 61, 100, 150]])
    result = bt.simulate(crossover(), bars, benchmark=holidays)
    held = closes_beside(bars, holidays)
    assert held[60] == held[61] == other["close"].iloc[59]
    assert result.metrics.beta == pytest.approx(beta_of(result, held), rel=1e-10)
    assert result.benchmark.carried == bt.report(result)["benchmark"]["carried"] == 4
    assert "benchmark_carried" not in told(result)


def test_many_that_stand_in_are_a_warning(bars, other):
    result = bt.simulate(crossover(), bars, benchmark=other.iloc[::2])
    assert result.benchmark.carried == 150
    assert "benchmark_carried" in told(result)


def test_days_of_its_own_are_put_together():
    bars = make_bars(150)
    index = pd.date_range(bars.index[0], bars.index[-1], freq="D", name="date")
    coin = make_bars(len(index), seed=4, index=index)
    result = bt.simulate(crossover(), bars, benchmark=coin)
    assert result.metrics.beta == pytest.approx(beta_of(result, closes_beside(bars, coin)))
    assert result.benchmark.carried == 0


def test_weeks_are_matched_by_their_last_session():
    mondays = pd.date_range("2012-01-02", periods=120, freq="W-MON", name="date")
    bars, other = make_bars(120, index=mondays), make_bars(120, seed=5, index=mondays)
    fridays = other.set_axis(mondays + pd.Timedelta(days=4))
    spec = crossover(parameters={"fast": 3, "slow": 8})
    results = [bt.simulate(spec, bars, benchmark=each).metrics for each in (other, fridays)]
    assert results[0] == results[1]


def intraday(seed=0, *, drop=()):
    days = pd.bdate_range("2024-04-01", periods=30)
    clock = pd.timedelta_range("13:30:00", periods=13, freq="30min")
    index = pd.DatetimeIndex([day + time for day in days for time in clock]).tz_localize("UTC")
    bars = make_bars(len(index), seed, index=index.rename("time"))
    return bars.drop(bars.index[list(drop)])


def test_intraday_runs_take_the_last_bars_of_sessions():
    # Of one session the last bar is missing, and of another one all bars.
    bars, other = intraday(), intraday(3, drop=[25, *range(130, 143)])
    result = bt.simulate(crossover(parameters={"fast": 3, "slow": 8}), bars, benchmark=other)
    closes = closes_beside(bars, other)
    ends = np.arange(12, len(bars), 13)
    r = bar_returns(result.equity.to_numpy()[ends], result.initial_capital)
    covariance = np.cov(r, bar_returns(closes[ends], closes[0]))
    assert result.metrics.beta == pytest.approx(covariance[0, 1] / covariance[1, 1], rel=1e-10)
    # The session that lacks its last bar ends with an earlier one.
    assert result.benchmark.carried == 1
    assert differences(result) == []


def test_it_is_adjusted_as_the_bars_of_the_run(bars, other):
    factor = np.where(np.arange(300) < 150, 0.5, 1.0)
    paying = other.assign(adj_close=other["close"] * factor)
    spec = crossover(price_adjustment="splits_dividends")
    own = bars.assign(adj_close=bars["close"])
    result = bt.simulate(spec, own, benchmark=paying)
    held = paying["adj_close"].to_numpy()
    assert result.metrics.beta == pytest.approx(beta_of(result, held), rel=1e-10)
    with pytest.raises(DataError, match=r"the benchmark cannot be used: .*adj_close"):
        bt.simulate(spec, own, benchmark=other)


def test_a_jump_like_a_split_in_it_is_a_warning(bars, other):
    split = other.copy()
    split.iloc[150:, :4] /= 2.0
    result = bt.simulate(crossover(), bars, benchmark=split)
    messages = [entry["message"] for entry in result.warnings]
    assert any(message.startswith("the benchmark: ") for message in messages)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (slice(50, None), "no close of the benchmark is known at 2012-01-03, the first bar"),
        (slice(None, 280), "has no bar for 11 sessions before"),
        (slice(0, 0), "it has no bars"),
    ],
)
def test_one_that_does_not_cover_the_run_is_refused(bars, other, rows, said):
    with pytest.raises(NoDataError, match=said) as caught:
        bt.simulate(crossover(), bars, benchmark=other.iloc[rows])
    assert caught.value.hint


def test_bars_before_the_run_are_enough_at_its_first_one(bars, other):
    late = other.drop(other.index[40])
    assert bt.simulate(crossover(), bars, start=bars.index[40], benchmark=late).benchmark.carried


def test_another_interval_is_refused(bars):
    with pytest.raises(UsageError, match="of 30m, those of the run of 1d"):
        bt.simulate(crossover(), bars, benchmark=intraday())


def test_a_name_is_refused_where_nothing_is_loaded(bars):
    with pytest.raises(UsageError, match="'SPY'") as caught:
        bt.simulate(crossover(), bars, benchmark="SPY")
    assert "bt.load_bars" in caught.value.hint


def test_a_sweep_ranks_and_reruns_against_it(bars, other):
    swept = bt.sweep(
        crossover(), bars, parameters={"fast": [3, 5], "slow": [20, 30]},
        objective="information_ratio", benchmark=other,
    )  # fmt: skip
    best = swept.run()
    assert swept.table["information_ratio"][swept.winner] == best.metrics.information_ratio
    alone = bt.simulate(best.spec, bars, benchmark=other).metrics
    assert alone.information_ratio == best.metrics.information_ratio


def test_a_walk_forward_holds_it_through_all_windows(bars, other):
    result = bt.walk_forward(crossover(), bars, windows=3, benchmark=other)
    first, last = result.curve.index[[0, -1]]
    held = other.loc[first:last, "close"].to_numpy()
    assert result.curve["benchmark"].to_numpy() == pytest.approx(100_000 * held / held[0])
    stitched = result.report.stitched
    r = bar_returns(result.curve["equity"].to_numpy(), 100_000.0)
    covariance = np.cov(r, bar_returns(held, held[0]))
    assert stitched.beta == pytest.approx(covariance[0, 1] / covariance[1, 1], rel=1e-9)
    assert result.report.benchmark.name == "benchmark"
