"""Every documented name exists, says what it is, and starts where it says."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from btkit.indicators import (
    POSITION_NAMES,
    FeatureSet,
    catalogue,
    closest_names,
    known_names,
    lookup,
    name_hint,
)

REFERENCE = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_9",
    "ema_21",
    "ema_50",
    "spy_price",
    "spy_close",
    "spy_sma_20",
    "spy_sma_50",
    "spy_sma_200",
    "prev_close",
    "prev_high",
    "prev_low",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_hist",
    "roc_10",
    "psar",
    "keltner_upper",
    "keltner_lower",
    "tenkan",
    "kijun",
    "senkou_a",
    "senkou_b",
    "atr_14",
    "bb_upper",
    "bb_lower",
    "bb_pct",
    "adx_14",
    "plus_di",
    "minus_di",
    "hv_30",
    "spy_realized_vol_5d",
    "spy_realized_vol_10d",
    "obv",
    "spy_adv_20d",
    "volume_spy_today",
    "pivot",
    "pivot_r1",
    "pivot_s1",
    "gap_pct",
    "vwap",
    "session_high",
    "session_low",
    "year",
    "month",
    "day",
    "weekday",
    "session_of_month",
    "sessions_left_in_month",
    "hour",
    "minute",
    "minutes_since_open",
    "minutes_to_close",
    "iv_rank",
    "iv_percentile",
    "current_iv",
    "iv_hv_ratio",
    "iv_atm",
    "dte",
    "short_leg_delta",
    "short_strike_delta",
    "bid_ask_spread_pct",
    "pnl_pct_of_max_credit",
    "premium_collected_pct",
    "open_interest_short_strike",
    "vix",
    "vix_spot",
    "fomc_meeting_day",
    "fomc_within_3d",
    "days_to_fomc",
    "cpi_release_day",
    "opex_week",
    "within_3d_of_opex",
    "earnings_within_5d",
    "earnings_within_7d",
    "in_position",
    "capital",
    "bars_held",
    "days_held",
    "position_pnl_pct",
    "entry_price",
    "highest_since_entry",
    "lowest_since_entry",
    "equity",
    "open_lots",
    "bars_since_exit",
    "last_return_pct",
    "last_pnl",
    "losing_streak",
]
FAMILIES = [
    "sma", "ema", "highest", "lowest", "wma", "dema", "tema", "kama", "hma", "rsi", "roc", "cci",
    "willr", "trix", "aroon_up", "aroon_down", "stoch_k", "stoch_d", "linreg_slope", "zscore",
    "supertrend", "donchian_upper", "donchian_lower", "atr", "adx", "hv", "mfi",
    "opening_range_high", "opening_range_low",
]  # fmt: skip
BOOLS = {
    "fomc_meeting_day",
    "fomc_within_3d",
    "cpi_release_day",
    "opex_week",
    "within_3d_of_opex",
    "earnings_within_5d",
    "earnings_within_7d",
    "in_position",
}
# The minutes of an opening range are no bars; when it is known is a test of its own.
MEMBERS = [f"{stem}_{n}" for stem in FAMILIES for n in (2, 3, 14, 100) if "opening" not in stem]
PER_BAR = [name for name in REFERENCE if name not in POSITION_NAMES]


def test_the_catalogue_has_the_references_names_in_its_order():
    families = [f"{stem}_<n>" for stem in FAMILIES]
    assert [entry.name for entry in catalogue()] == [*REFERENCE, *families, "prev_<name>"]
    assert known_names() == frozenset(REFERENCE)


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_every_entry_is_documented(entry):
    assert entry.group in {
        "price", "momentum", "trend", "volatility", "volume", "session", "clock", "options",
        "market", "events", "position",
    }  # fmt: skip
    assert entry.kind == ("bool" if entry.name in BOOLS else "float")
    assert entry.meaning.endswith(".")
    assert entry.formula
    assert entry.source
    assert entry.per_bar == (entry.name not in POSITION_NAMES)
    assert bool(entry.varies) == ("<" in entry.name)
    assert "500" not in entry.formula + entry.meaning + entry.name
    assert all(lookup(need) is not None for need in entry.needs)
    assert asdict(entry)["name"] == entry.name


@pytest.mark.parametrize("name", REFERENCE)
def test_every_documented_name_is_known(name):
    assert lookup(name).name == name


@pytest.mark.parametrize("name", [*PER_BAR, *MEMBERS, "prev_macd", "prev_prev_adx_14", "prev_hv_5"])
def test_the_lookback_is_the_first_bar_with_a_value(make_bars, name):
    bars, kept = make_bars(420, start="2020-01-01"), {"calendar": "24/5"}
    if lookup(name).intraday:
        minutes = pd.date_range("2020-01-01", periods=420, freq="min", tz="UTC")
        bars, kept = bars.set_axis(minutes, axis="index"), {"interval": "1m", "calendar": "24/7"}
    values = FeatureSet(bars, bars_per_year=252.0, **kept).column(name)
    lookback = lookup(name).lookback
    assert np.isnan(values[:lookback]).all()
    assert np.isfinite(values[lookback:]).all()


@pytest.mark.parametrize(
    ("name", "column"),
    [("ema_10", "close"), ("ema_50", "close"), ("atr_14", "high"), ("atr_40", "high")],
)
def test_the_decay_is_how_fast_the_seed_is_forgotten(make_bars, name, column):
    bars = make_bars(200)
    nudged = bars.copy()
    nudged.loc[nudged.index[1], column] *= 1.1
    gap = np.abs(
        FeatureSet(bars, bars_per_year=252.0).column(name)
        - FeatureSet(nudged, bars_per_year=252.0).column(name)
    )
    start, decay = lookup(name).lookback, lookup(name).decay
    ratios = gap[start + 1 : start + 20] / gap[start : start + 19]
    np.testing.assert_allclose(ratios, decay, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "decay"),
    [
        ("ema_21", 20 / 22),
        ("rsi_14", 13 / 14),
        ("macd_hist", 25 / 27),
        ("obv", 1.0),
        ("sma_20", None),
        ("prev_ema_21", 20 / 22),
        ("hv_30", None),
        ("spy_price", None),
    ],
)
def test_decay(name, decay):
    assert lookup(name).decay == (None if decay is None else pytest.approx(decay, rel=1e-15))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sma",
        "sma_",
        "sma_1",
        "sma_0",
        "sma_501",
        "sma_050",
        "sma_+5",
        "sma_5.0",
        "SMA_50",
        "sma_\u0663",
        "sma_50 ",
        "highest_1000",
        "prev_",
        "prev_sma50",
        "prev_in_position",
        "prev_capital",
        "prev_short_leg_delta",
        "sma_<n>",
        "prev_<name>",
        "previous_close",
        "bb_middle",
        "sma_9999999999",
    ],
)
def test_names_that_do_not_exist(name):
    assert lookup(name) is None


def test_prev_nests_as_deep_as_one_likes():
    deep = lookup("prev_" * 300 + "close")
    assert deep.lookback == 300
    assert deep.needs == ("prev_" * 299 + "close",)
    assert lookup("prev_vix_spot").needs == ("vix_spot",)
    assert lookup("prev_opex_week").kind == "bool"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("sma50", "sma_50"),
        ("SMA_50", "sma_50"),
        ("sma_050", "sma_50"),
        ("sma_1", "sma_2"),
        ("ema_1000", "ema_500"),
        ("rsi", "rsi_14"),
        ("rsi14", "rsi_14"),
        ("atr", "atr_14"),
        ("macdhist", "macd_hist"),
        ("macd_histogram", "macd_hist"),
        ("bb_uper", "bb_upper"),
        ("bbands_pct", "bb_pct"),
        ("high20", "highest_20"),
        ("lowst_20", "lowest_20"),
        ("ma_100", "sma_100"),
        ("Close", "close"),
        ("price", "close"),
        ("prev_Last", "prev_close"),
        ("vixx", "vix"),
        ("iv_rnk", "iv_rank"),
        ("fomc_day", "fomc_meeting_day"),
        ("inposition", "in_position"),
        ("position_pnl", "position_pnl_pct"),
        ("prev_sma50", "prev_sma_50"),
        ("prev_prev_clos", "prev_prev_close"),
        ("prev_in_position", "in_position"),
        ("days", "day"),
        ("week", "weekday"),
        ("prev_hours", "prev_hour"),
        ("minutes_to_clos", "minutes_to_close"),
        ("sar", "psar"),
        ("parabolic_sar", "psar"),
        ("vwp", "vwap"),
        ("williams_r_14", "willr_14"),
        ("stoch", "stoch_k_14"),
        ("donchian_55", "donchian_upper_55"),
        ("z_score", "zscore_20"),
        ("opening_range_high", "opening_range_high_30"),
    ],
)
def test_the_closest_name(wrong, right):
    assert closest_names(wrong) == [right]
    assert lookup(right) is not None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("earnings", ["earnings_within_5d", "earnings_within_7d"]),
        ("spy_vol", ["spy_realized_vol_5d", "spy_realized_vol_10d"]),
    ],
)
def test_several_names_are_as_near(wrong, right):
    assert closest_names(wrong) == right
    assert name_hint(wrong) == f"did you mean '{right[0]}' or '{right[1]}'?"


@pytest.mark.parametrize(
    "wrong",
    [
        "date", "fill_price", "stop_price", "exit_price", "time", "pnl", "mass",
        "bb_middle", "qqqqqq", "", "_",
    ],
)  # fmt: skip
def test_where_nothing_is_near_the_groups_are_named(wrong):
    assert closest_names(wrong) == []
    hint = name_hint(wrong)
    assert "did you mean" not in hint
    for part in ("backtest indicators", "price", "momentum", "events"):
        assert part in hint


@pytest.mark.parametrize("wrong", ["ppo_14", "macd_12", "qqq_20", "dte14"])
def test_a_family_that_is_not_there_is_none_that_is(wrong):
    assert closest_names(wrong) == []
    assert "sma_<n>" in name_hint(wrong)
    assert "did you mean" not in name_hint(wrong)
