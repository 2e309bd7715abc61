import numpy as np
import pandas as pd
import pytest

from btkit.indicators import FeatureSet


@pytest.fixture(scope="session")
def make_bars():
    """Random walks on business days, with every optional column."""

    def make(count, *, start="2018-06-01", seed=7, **columns):
        rng = np.random.default_rng(seed)
        close = 100.0 * np.exp(rng.normal(0.0, 0.012, count).cumsum())
        open_ = close * np.exp(rng.normal(0.0, 0.006, count))
        bars = pd.DataFrame(
            {
                "open": open_,
                "high": np.maximum(open_, close) * (1 + rng.uniform(0, 0.01, count)),
                "low": np.minimum(open_, close) * (1 - rng.uniform(0, 0.01, count)),
                "close": close,
                "volume": rng.integers(1_000, 9_000, count).astype(float),
                "iv_rank": rng.uniform(0, 100, count),
                "iv_percentile": rng.uniform(0, 100, count),
                "current_iv": rng.uniform(0.1, 0.4, count),
                "vix": rng.uniform(10, 40, count),
            },
            index=pd.bdate_range(start, periods=count),
        )
        return bars.assign(**columns)

    return make


@pytest.fixture(scope="session")
def flat_bars():
    """Bars whose prices never move."""

    def make(count, price=100.1):
        return pd.DataFrame(
            {name: np.full(count, price) for name in ("open", "high", "low", "close")}
            | {"volume": np.full(count, 5.0)},
            index=pd.bdate_range("2020-01-01", periods=count),
        )

    return make


@pytest.fixture(scope="session")
def on_dates():
    """A feature set over bars of the given dates."""

    def make(*dates, calendar="XNYS", interval="1d"):
        bars = pd.DataFrame(
            dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0),
            index=pd.DatetimeIndex(dates),
        )
        return FeatureSet(bars, bars_per_year=252.0, calendar=calendar, interval=interval)

    return make
