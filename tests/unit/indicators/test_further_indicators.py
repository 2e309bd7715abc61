"""The further names of SEMANTICS 2.8 against loops written from their text, and against TA-Lib."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from support import plain_indicators as plain

from btkit.data import load_bars
from btkit.indicators import FeatureSet, lookup

LENGTHS = (2, 3, 10, 37)


def before(values):
    return plain.later(values, 1)


def pivots(bars, weight):
    typical = plain.both(lambda h, low, c: (h + low + c) / 3, bars.high, bars.low, bars.close)
    if weight == "pivot":
        return before(typical)
    other = bars.low if weight == "pivot_r1" else bars.high
    return before(plain.both(lambda p, x: 2 * p - x, typical, other))


def keltner(bars, sign):
    return plain.both(
        lambda e, a: e + sign * 2 * a,
        plain.ema(bars.close, 20),
        plain.atr(bars.high, bars.low, bars.close, 10),
    )


def drawn_ahead(values):
    return plain.later(values, 26)


FAMILIES = {
    "wma": lambda b, n: plain.wma(b.close, n),
    "dema": lambda b, n: plain.dema(b.close, n),
    "tema": lambda b, n: plain.tema(b.close, n),
    "kama": lambda b, n: plain.kama(b.close, n),
    "hma": lambda b, n: plain.hma(b.close, n),
    "cci": lambda b, n: plain.cci(b.high, b.low, b.close, n),
    "mfi": lambda b, n: plain.mfi(b.high, b.low, b.close, b.volume, n),
    "willr": lambda b, n: plain.willr(b.high, b.low, b.close, n),
    "trix": lambda b, n: plain.trix(b.close, n),
    "aroon_up": lambda b, n: plain.aroon_up(b.high, n),
    "aroon_down": lambda b, n: plain.aroon_down(b.low, n),
    "stoch_k": lambda b, n: plain.stoch_k(b.high, b.low, b.close, n),
    "stoch_d": lambda b, n: plain.stoch_d(b.high, b.low, b.close, n),
    "linreg_slope": lambda b, n: plain.linreg_slope(b.close, n),
    "zscore": lambda b, n: plain.zscore(b.close, n),
    "supertrend": lambda b, n: plain.supertrend(b.high, b.low, b.close, n),
    "donchian_upper": lambda b, n: before(plain.windows(b.high, n, max)),
    "donchian_lower": lambda b, n: before(plain.windows(b.low, n, min)),
}
SINGLES = {
    "psar": lambda b: plain.psar(b.high, b.low),
    "keltner_upper": lambda b: keltner(b, 1),
    "keltner_lower": lambda b: keltner(b, -1),
    "tenkan": lambda b: plain.middle(b.high, b.low, 9),
    "kijun": lambda b: plain.middle(b.high, b.low, 26),
    "senkou_a": lambda b: drawn_ahead(
        plain.both(
            lambda t, k: (t + k) / 2,
            plain.middle(b.high, b.low, 9),
            plain.middle(b.high, b.low, 26),
        )
    ),
    "senkou_b": lambda b: drawn_ahead(plain.middle(b.high, b.low, 52)),
    "pivot": lambda b: pivots(b, "pivot"),
    "pivot_r1": lambda b: pivots(b, "pivot_r1"),
    "pivot_s1": lambda b: pivots(b, "pivot_s1"),
    "gap_pct": lambda b: plain.both(lambda o, c: o / c - 1, b.open, before(b.close)),
}


class Lists:
    def __init__(self, bars):
        for name in ("open", "high", "low", "close", "volume"):
            setattr(self, name, bars[name].astype(float).tolist())


def agree(bars, name, expected):
    found = FeatureSet(bars, bars_per_year=252.0).column(name)
    wanted = np.array([math.nan if value is None else value for value in expected])
    assert len(expected) == len(bars)
    # What is in units of a whole scale is right to a share of that.
    scale = max(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0), 1e-6)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * scale, err_msg=name)


@pytest.fixture(scope="module")
def spx():
    return load_bars("SPX", "2016-01-04", "2018-12-31", source="sample")


@pytest.mark.parametrize(("stem", "n"), [*product(FAMILIES, LENGTHS)])
def test_a_family_is_what_its_text_says(spx, stem, n):
    agree(spx, f"{stem}_{n}", FAMILIES[stem](Lists(spx), n))


@pytest.mark.parametrize("name", SINGLES)
def test_a_name_is_what_its_text_says(spx, name):
    agree(spx, name, SINGLES[name](Lists(spx)))


# Few levels, so that prices stand still, and highs and lows are equal, again and again.
PRICES = st.integers(8, 12)
ROWS = st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES, st.sampled_from([0, 0, 1, 700])),
                min_size=1, max_size=90)  # fmt: skip


@settings(max_examples=60)
@given(rows=ROWS, times=st.integers(1, 30), n=st.sampled_from([2, 3, 5, 9, 20]),
       unit=st.sampled_from([0.07, 1.0, 12.5]))  # fmt: skip
def test_flat_prices_ties_and_missing_volumes(rows, times, n, unit):
    rows = [*rows, *[(rows[-1][0],) * 4 + (0,)] * times]
    table = np.array(rows, float)
    prices = table[:, :4] * unit
    bars = pd.DataFrame(
        {
            "open": prices[:, 0],
            "high": prices.max(axis=1),
            "low": prices.min(axis=1),
            "close": prices[:, 3],
            "volume": table[:, 4],
        },
        index=pd.bdate_range("2020-01-01", periods=len(rows)),
    )
    lists = Lists(bars)
    for stem, text in FAMILIES.items():
        agree(bars, f"{stem}_{n}", text(lists, n))
    for name, text in SINGLES.items():
        agree(bars, name, text(lists))


def talib_of(bars, n):
    high, low, close, volume = (
        bars[name].to_numpy(float) for name in ("high", "low", "close", "volume")
    )
    k, d = talib.STOCH(high, low, close, n, 3, 0, 3, 0)
    return {
        "kama": talib.KAMA(close, n),
        "mfi": talib.MFI(high, low, close, volume, n),
        "willr": talib.WILLR(high, low, close, n),
        "stoch_k": k,
        "stoch_d": d,
    }


@pytest.mark.parametrize("n", [2, 14, 100, 500])
def test_what_is_not_talibs_is_as_talib_has_it(spx, n):
    features = FeatureSet(spx, bars_per_year=252.0)
    for stem, expected in talib_of(spx, n).items():
        known = np.isfinite(expected)
        found = features.column(f"{stem}_{n}")
        np.testing.assert_allclose(found[known], expected[known], rtol=1e-10, atol=1e-9)
        # TA-Lib gives %K where it gives %D, two bars late.
        assert known.sum() == np.isfinite(found).sum() - (2 if stem == "stoch_k" else 0)


@pytest.mark.parametrize("stem", ["hma", "willr", "cci", "mfi", "stoch_d", "zscore",
                                  "linreg_slope", "aroon_up"])  # fmt: skip
def test_a_value_of_a_window_rests_on_it_alone(make_bars, stem):
    bars = make_bars(300)
    n = 20
    wild = bars.copy()
    wild.loc[wild.index[:150], ["open", "high", "low", "close"]] *= 1e3
    calm, stormy = (
        FeatureSet(frame, bars_per_year=252.0).column(f"{stem}_{n}")[-100:]
        for frame in (bars, wild)
    )
    np.testing.assert_allclose(calm, stormy, rtol=1e-9, atol=1e-9 * np.abs(calm).max())


@pytest.mark.parametrize(
    "name",
    ["cci_20", "willr_14", "stoch_k_14", "stoch_d_14", "zscore_20", "mfi_14"],
)
@pytest.mark.parametrize("price", [0.0001, 100.1, 4999.9])
def test_where_the_price_stands_still_what_it_would_be_divided_by_is_missing(
    make_bars, name, price
):
    bars = make_bars(120)
    still = bars.index[60:]
    bars.loc[still, ["open", "high", "low", "close"]] = price
    found = FeatureSet(bars, bars_per_year=252.0).column(name)
    assert np.isnan(found[-20:]).all()
    assert np.isfinite(found[lookup(name).lookback : 60]).all()
    assert not np.isinf(found).any()


def test_little_money_after_much_has_a_flow(make_bars):
    bars = make_bars(60)
    thin = bars.assign(volume=bars["volume"] * 1e-9)
    after = thin.copy()
    after.loc[after.index[20], "volume"] = 1e12
    calm, stormy = (FeatureSet(one, bars_per_year=252.0).column("mfi_14")[-20:]
                    for one in (thin, after))  # fmt: skip
    np.testing.assert_array_equal(calm, stormy)
    assert np.abs(talib_of(after, 14)["mfi"][-20:] - calm).max() > 1


def test_an_adaptive_average_reaches_a_price_that_stands_still_whatever_came_before():
    rng = np.random.default_rng(5)
    for _ in range(20):
        moved = 100 * np.exp(rng.normal(0, 0.01, 150).cumsum())
        close = np.append(moved, np.full(30, moved[-1]))
        days = pd.bdate_range("2020-01-01", periods=180)
        bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), days)
        bars["volume"] = 1.0
        average = FeatureSet(bars, bars_per_year=252.0).column("kama_5")
        assert abs(average[-1] / close[-1] - 1) < 1e-6


@pytest.mark.parametrize(
    ("name", "lookback", "decay"),
    [
        ("wma_9", 8, None),
        ("dema_9", 16, 0.8),
        ("tema_9", 24, 0.8),
        ("trix_9", 25, 0.8),
        ("kama_9", 9, 1 - (2 / 31) ** 2),
        ("hma_9", 10, None),
        ("hma_2", 1, None),
        ("stoch_k_9", 10, None),
        ("stoch_d_9", 12, None),
        ("aroon_up_9", 9, None),
        ("supertrend_9", 9, 8 / 9),
        ("donchian_upper_9", 9, None),
        ("psar", 1, 0.98),
        ("keltner_upper", 19, 19 / 21),
        ("tenkan", 8, None),
        ("kijun", 25, None),
        ("senkou_a", 51, None),
        ("senkou_b", 77, None),
        ("pivot_r1", 1, None),
        ("prev_senkou_b", 78, None),
    ],
)
def test_lookback_and_drift(name, lookback, decay):
    entry = lookup(name)
    assert entry.lookback == lookback
    assert entry.decay == (None if decay is None else pytest.approx(decay, rel=1e-15))


@pytest.mark.parametrize("name", ["psar", "supertrend_10", "supertrend_50", "kama_10", "tema_50",
                                  "dema_50", "trix_50", "keltner_upper"])  # fmt: skip
def test_what_is_recursive_forgets_where_it_began(name):
    bars = load_bars("SPX", "2008-01-02", "2018-12-31", source="sample")
    whole = FeatureSet(bars, bars_per_year=252.0).column(name)
    for began in (1, 130, 333):
        part = FeatureSet(bars.iloc[began:], bars_per_year=252.0).column(name)[2000:]
        scale = np.abs(part).max()
        np.testing.assert_allclose(part, whole[began + 2000 :], rtol=1e-9, atol=1e-9 * scale)
