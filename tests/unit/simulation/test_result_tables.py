"""The tables of a result: columns, types, and how they fit together."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import btkit as bt

TYPES = {
    "entry_date": "M",
    "exit_date": "M",
    "entry_price": "f",
    "exit_price": "f",
    "shares": "f",
    "pnl": "f",
    "return_pct": "f",
    "exit_reason": None,
    "bars_held": "i",
    "commission": "f",
    "slippage_cost": "f",
    "mae_pct": "f",
    "mfe_pct": "f",
    "fill_kind": None,
    "certain": "b",
}
TRADING = {}
IDLE = {"entry_conditions": ["close > 1e9"]}


@pytest.mark.parametrize("changes", [TRADING, IDLE])
def test_columns_and_types_of_the_trades(run, changes):
    trades = run((8, 9, 10, 11), **changes).trades
    assert len(trades) == (0 if changes else 1)
    assert list(trades.columns) == list(TYPES)
    for name, kind in TYPES.items():
        if kind is not None:
            assert trades[name].dtype.kind == kind, name
    assert pd.api.types.is_string_dtype(trades["exit_reason"]) or trades["exit_reason"].dtype == "O"
    assert trades.index.equals(pd.RangeIndex(len(trades)))


def test_time_zones_of_an_empty_table(make_bars, make_spec):
    bars = make_bars((8.0,) * 9, first="2018-01-03 14:30", freq="1h").tz_localize("UTC")
    trades = bt.simulate(make_spec(**IDLE), bars).trades
    assert str(trades["entry_date"].dt.tz) == str(trades["exit_date"].dt.tz) == "UTC"


def test_trades_in_numbers(run):
    # Bought at open 1 for 9, sold at close 3 for 11: 10 * 2, of 90.
    [row] = run((8, 9, 10, 11)).trades.to_dict("records")
    assert row == {
        "entry_date": pd.Timestamp("2018-01-03"),
        "exit_date": pd.Timestamp("2018-01-05"),
        "entry_price": 9.0,
        "exit_price": 11.0,
        "shares": 10.0,
        "pnl": 20.0,
        "return_pct": 20 / 90,
        "exit_reason": "end_of_data",
        "bars_held": 2,
        "commission": 0.0,
        "slippage_cost": 0.0,
        "mae_pct": 0.0,
        "mfe_pct": 11 / 9 - 1,
        "fill_kind": "close",
        "certain": True,
    }


def test_curves(run):
    result = run((8, 9, 10, 11))
    assert (result.equity.name, result.cash.name) == ("equity", "cash")
    assert result.invested.name == "invested"
    assert result.equity.tolist() == [1000, 1000, 1010, 1020]
    assert result.cash.tolist() == [1000, 910, 910, 1020]
    assert result.invested.tolist() == [0, 90, 100, 0]
    assert result.equity.dtype == result.cash.dtype == np.float64
    assert result.equity.index.equals(result.bars.index)
    assert not result.equity.isna().any()


def test_features_are_what_the_spec_reads(run):
    result = run(
        (8, 9, 10, 11),
        entry_conditions=["close > sma_2", "not in_position"],
        stop_conditions=["position_pnl_pct < -1"],
        filter_conditions=["opex_week or True"],
        position_sizing_formula="capital / prev_close",
    )
    assert list(result.features.columns) == ["close", "opex_week", "prev_close", "sma_2"]
    assert result.features.index.equals(result.bars.index)
    np.testing.assert_array_equal(result.features["sma_2"], [np.nan, 8.5, 9.5, 10.5])
    np.testing.assert_array_equal(result.features["prev_close"], [np.nan, 8, 9, 10])


def test_a_spec_that_reads_no_bars_has_no_features(run):
    features = run((8, 9, 10, 11)).features
    assert features.shape == (4, 0)


def test_adjusted_prices_are_the_results_bars(run):
    adjusted = {"adj_close": np.array([4.0, 4.5, 10.0, 11.0])}
    result = run((8, 9, 10, 11), bars=adjusted, price_adjustment="splits_dividends")
    assert result.bars["close"].tolist() == [4, 4.5, 10, 11]
    # Bought at 9 / 2.
    assert result.trades["entry_price"].tolist() == [4.5]


def test_what_the_result_says_of_itself(run):
    result = run((8, 9), commission_model="rate", account={"commission": 0.25, "slippage": 0.5})
    assert (result.commission, result.slippage, result.commission_model) == (0.25, 0.5, "rate")
    assert (result.initial_capital, result.interval, result.bars_per_year) == (1000.0, "1d", 252)
    assert (result.symbol, result.info, result.run_id) == (None, None, None)
    assert dataclasses.replace(result, run_id="x").run_id == "x"


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({}, "per_order"),
        ({"asset_class": "futures"}, "per_contract"),
        ({"asset_class": "futures", "commission_model": "rate"}, "rate"),
    ],
)
def test_the_commission_model_in_force(run, fields, model):
    assert run((8, 9), **fields).commission_model == model


def test_repr(run):
    # 1000 to 1020 in one trade, within three days, of which no year is made.
    lines = repr(run((8, 9, 10, 11))).splitlines()
    assert lines[:2] == ["tiny on the bars given, long only", "  2018-01-02 to 2018-01-05, 4 bars"]
    assert {line[2:15].strip(): line[15:].strip() for line in lines[2:]} == {
        "total return": "2.0%",
        # Returns 0, 0, 1/100, 1/101.
        "Sharpe": f"{sharpe([0, 0, 10 / 1000, 10 / 1010]):.2f}",
        "max drawdown": "0.0%",
        "win rate": "100.0%",
        "profit factor": "–",
        "trades": "1",
    }


def sharpe(returns):
    return np.mean(returns) / np.std(returns, ddof=1) * 252**0.5


def test_repr_without_trades(run):
    text = repr(run((8, 9, 10, 11), **IDLE))
    assert text.count("–") == 3
    assert "nan" not in text.lower()


def test_repr_names_the_symbol(make_bars, make_spec):
    bars = make_bars((8, 9, 10))
    bars.attrs["btkit"] = {
        "source": "files", "symbol": "SPY", "interval": "1d", "description": "a file",
        "rows": 3, "first": "2018-01-02", "last": "2018-01-04", "coverage": "complete",
        "gaps": [], "quality": [], "notes": [], "warmup_rows": 0,
    }  # fmt: skip
    result = bt.simulate(make_spec(), bars)
    assert repr(result).startswith("tiny on SPY, long only\n")
    assert result.symbol == result.info.symbol == "SPY"
