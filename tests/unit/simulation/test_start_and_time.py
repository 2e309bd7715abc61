"""Where a run starts, what comes before, and how time zones are read."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.errors import NoDataError, UsageError


@pytest.mark.parametrize(
    "start",
    [
        "2018-01-05",
        "2018-01-05 00:00",
        pd.Timestamp("2018-01-05"),
        pd.Timestamp("2018-01-05", tz="America/New_York"),
        dt.date(2018, 1, 5),
        np.datetime64("2018-01-05"),
    ],
)
def test_the_curve_begins_at_the_start(run, start):
    result = run((8,) * 8, start=start)
    assert result.equity.index[0] == pd.Timestamp("2018-01-05")
    assert len(result.equity) == len(result.cash) == len(result.features) == len(result.bars) == 5
    # Decided on the first bar of the run, filled on the next.
    assert result.trades["entry_date"].tolist() == [pd.Timestamp("2018-01-08")]


def test_a_start_between_bars_is_the_next_bar(run):
    assert run((8,) * 8, start="2018-01-06").equity.index[0] == pd.Timestamp("2018-01-08")


def test_a_start_before_all_bars_is_the_first(run):
    result = run((8,) * 8, start="1990-01-01")
    assert result.equity.index[0] == pd.Timestamp("2018-01-02")
    assert result.warmup["bars"] == 0


def test_a_start_after_all_bars(run):
    with pytest.raises(NoDataError, match=r"^no bar at or after 2019-01-01; the last is of 2018-"):
        run((8,) * 8, start="2019-01-01")


@pytest.mark.parametrize("start", ["soon", "2018-13-45", "", "NaT", pd.NaT, 2018, 2018.5])
def test_a_start_that_is_no_date(run, start):
    with pytest.raises(UsageError, match="no date"):
        run((8,) * 8, start=start)


def test_indicators_do_not_depend_on_the_start(waves, make_spec):
    spec = make_spec(entry_conditions=["ema_50 > sma_50", "rsi_14 > 40", "hv_30 > 0"])
    whole = bt.simulate(spec, waves)
    for place in (1, 60, 250):
        part = bt.simulate(spec, waves, start=waves.index[place])
        pd.testing.assert_frame_equal(
            part.features, whole.features.iloc[place:], check_exact=True, check_freq=False
        )


def test_no_order_is_decided_before_the_start(waves, make_spec):
    spec = make_spec(entry_conditions=["close > sma_20"], max_concurrent_positions=3)
    result = bt.simulate(spec, waves, start=waves.index[100])
    assert (result.trades["entry_date"] > waves.index[100]).all()
    assert result.diagnostics.decided_bars == 300


def test_position_names_start_fresh(waves, make_spec):
    result = bt.simulate(make_spec(), waves, start=waves.index[100], capital=5e4)
    assert result.trades["entry_date"].iloc[0] == waves.index[101]
    assert result.equity.iloc[0] == 5e4


def test_warm_up_is_told(waves, make_spec):
    spec = make_spec(entry_conditions=["sma_100 > 0", "ema_10 > 0", "sma_3 > 0", "sma_500 > 0"])
    warmup = bt.simulate(spec, waves, start=waves.index[40]).warmup
    assert warmup["bars"] == 40
    # A mean of 100 bars is first there on the hundredth; one of 500 never in 400 bars.
    assert warmup["missing_until"] == {
        "sma_100": waves.index[99].date().isoformat(),
        "sma_500": None,
    }
    # An EMA of 10 bars keeps 9/11 of its seed each bar, from bar 9 on.
    assert warmup["drift"] == {"ema_10": pytest.approx((9 / 11) ** 31, rel=1e-12)}


INTRADAY = {"first": "2018-01-03 14:30", "freq": "15min"}


def utc_bars(make_bars, count=20):
    return make_bars(np.full(count, 8.0), **INTRADAY).tz_localize("UTC")


@pytest.mark.parametrize(
    "start",
    [
        "2018-01-03 15:00",
        pd.Timestamp("2018-01-03 15:00", tz="UTC"),
        pd.Timestamp("2018-01-03 10:00", tz="America/New_York"),
        "2018-01-03T10:00-05:00",
    ],
)
def test_intraday_bars_start_in_utc(make_bars, make_spec, start):
    result = bt.simulate(make_spec(), utc_bars(make_bars), start=start)
    assert result.equity.index[0] == pd.Timestamp("2018-01-03 15:00", tz="UTC")
    assert str(result.equity.index.tz) == "UTC"
    assert str(result.trades["entry_date"].dt.tz) == "UTC"
    assert result.interval == "15m"
    assert result.bars_per_year == 252 * 26


def test_one_bar_has_the_interval_that_the_loader_tells(make_bars, make_spec):
    bars = utc_bars(make_bars, 1)
    bars.attrs["btkit"] = {"interval": "1h"}
    result = bt.simulate(make_spec(), bars)
    assert (result.interval, result.bars_per_year) == ("1h", 252 * 7)


def test_bars_of_another_zone_become_utc(make_bars, make_spec):
    local = utc_bars(make_bars).tz_convert("America/New_York")
    first, second = (bt.simulate(make_spec(), bars) for bars in (local, utc_bars(make_bars)))
    pd.testing.assert_frame_equal(first.trades, second.trades)
    assert str(first.bars.index.tz) == "UTC"


def test_intraday_dates_are_told_with_their_time(make_bars, make_spec):
    spec = make_spec(entry_conditions=["sma_10 > 0"])
    result = bt.simulate(spec, utc_bars(make_bars))
    assert result.warmup["missing_until"] == {"sma_10": "2018-01-03T16:45:00+00:00"}
    assert "2018-01-03T14:30:00+00:00 to 2018-01-03T19:15:00+00:00" in repr(result)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [({}, 252 * 7), ({"calendar": "24/7"}, 365 * 24), ({"bars_per_year": 1_000}, 1_000)],
)
def test_realised_volatility_of_hours_takes_the_bars_that_sessions_begin(
    make_bars, make_spec, changes, factor
):
    hours = pd.date_range("2018-01-03 15:00", periods=40, freq="h", tz="UTC")
    bars = make_bars(np.linspace(100.0, 110.0, 40) + np.arange(40) % 3).set_axis(hours)
    result = bt.simulate(make_spec(entry_conditions=["hv_10 > 0"], **changes), bars)
    returns = np.diff(np.log(bars["close"].to_numpy()))
    assert result.features["hv_10"].iloc[-1] == pytest.approx(
        returns[-10:].std(ddof=1) * factor**0.5, rel=1e-12
    )


def test_the_specs_bars_per_year_override(waves, make_spec):
    result = bt.simulate(make_spec(bars_per_year=365.0), waves)
    assert result.bars_per_year == 365.0
    usual = bt.simulate(make_spec(), waves)
    assert result.metrics.volatility == pytest.approx(
        usual.metrics.volatility * (365 / 252) ** 0.5, rel=1e-12
    )
