"""Buy-and-hold."""

import numpy as np
import pandas as pd
import pytest

from btkit.documents import buy_and_hold, buy_and_hold_equity
from btkit.markets import Annualisation


def bars(close):
    times = pd.date_range("2024-01-01", periods=len(close), freq="D")
    return pd.DataFrame({"close": np.array(close, dtype=float)}, index=times)


def test_the_account_follows_the_close_from_the_first_bar():
    held = buy_and_hold_equity(bars([50.0, 55.0, 44.0]), capital=1000.0)
    assert held.to_numpy() == pytest.approx([1000.0, 1100.0, 880.0])
    assert held.index[0] == pd.Timestamp("2024-01-01")


def test_it_starts_with_exactly_the_capital():
    assert buy_and_hold_equity(bars([3.3, 3.4]), capital=1e5 / 3).iloc[0] == 1e5 / 3


def test_it_is_measured_like_a_strategy():
    measured = buy_and_hold(bars([50.0, 55.0, 44.0]), capital=1000.0, annualisation=Annualisation())
    returns = np.array([0.0, 0.1, -0.2])
    assert measured.total_return_pct == pytest.approx(-0.12)
    assert measured.cagr == pytest.approx(0.88 ** (365.25 / 2) - 1)
    assert measured.sharpe_ratio == pytest.approx(
        returns.mean() / returns.std(ddof=1) * np.sqrt(252)
    )
    assert measured.max_drawdown_pct == pytest.approx(-0.2)
    assert measured.max_drawdown_duration_days == 1
    assert measured.undefined == []
    assert "without commission or slippage" in measured.definition


def test_a_price_that_never_moved_has_no_ratios():
    measured = buy_and_hold(bars([7.0] * 5), capital=1000.0, annualisation=Annualisation())
    assert measured.sharpe_ratio == 0.0
    assert measured.undefined == ["sharpe_ratio", "sortino_ratio", "calmar_ratio"]
