"""Ready signals measured without a result are what `simulate` measures on the same signals."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.engine.signals import measure_signals
from btkit.errors import UsageError
from btkit.metrics import MEASURED

_FAST, _SLOW, _CAPITAL, _RATE = 3, 8, 10_000.0, 0.001
_SPEC = {
    "name": "cross",
    "entry_conditions": [f"sma_{_FAST} > sma_{_SLOW}", "not in_position"],
    "exit_conditions": [f"sma_{_FAST} < sma_{_SLOW}"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "allow_fractional": True,
    "fill": "close",
    "commission_model": "rate",
    "max_holding_bars": 100_000,
}


def _bars(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, 400)))
    index = pd.bdate_range("2018-01-02", periods=len(close), name="date")
    names = ("open", "high", "low", "close")
    return pd.DataFrame(dict.fromkeys(names, close), index).assign(volume=1.0)


def _measured(bars: pd.DataFrame, close: Any) -> dict[str, float]:
    fast, slow = (bars["close"].rolling(window).mean() for window in (_FAST, _SLOW))
    days = pd.DatetimeIndex(bars.index).to_numpy("datetime64[D]").astype(np.int64)
    row = measure_signals(
        close,
        days,
        (fast > slow).to_numpy(),
        (fast < slow).to_numpy(),
        capital=_CAPITAL,
        rate=_RATE,
        annual=math.sqrt(252.0),
    )
    assert row[-1] == 1.0, "the account stayed finite"
    return dict(zip(MEASURED, row.tolist(), strict=False))


@pytest.mark.parametrize("seed", range(3))
def test_a_row_is_what_simulate_measures(seed: int) -> None:
    bars = _bars(seed)

    result = bt.simulate(_SPEC, bars, capital=_CAPITAL, commission=_RATE, slippage=0.0)

    expected = {name: getattr(result.metrics, name) for name in MEASURED}
    assert expected["total_trades"] > 10
    assert _measured(bars, bars["close"].to_numpy()) == pytest.approx(expected, rel=1e-12)


def test_a_column_between_others_is_read_as_one_of_its_own() -> None:
    bars = _bars(0)
    close = bars["close"].to_numpy()
    between = np.column_stack([close, close * 2.0])[:, 0]
    assert not between.flags.c_contiguous

    assert _measured(bars, between) == _measured(bars, close.copy())


@pytest.mark.parametrize(("prices", "signals"), [(0, 0), (3, 2), (2, 3)])
def test_arrays_of_other_lengths_are_refused(prices: int, signals: int) -> None:
    days, never = np.arange(prices), np.zeros(signals, np.bool_)

    with pytest.raises(UsageError, match=f"have {prices}, {prices}, {signals} and") as refused:
        measure_signals(np.ones(prices), days, never, never, capital=1.0, rate=0.0, annual=1.0)

    assert refused.value.hint
