"""Rows of trades as whole lots: what metrics are of, from a table alone."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.documents import whole_lots

SPEC = {
    "name": "parts",
    "entry_conditions": ["close > sma_5"],
    "exit_conditions": ["close < sma_5"],
    "stop_conditions": [],
    "position_sizing_formula": "0.3 * capital / close",
    "max_concurrent_positions": 3,
    "direction": "both",
    "short": {
        "entry_conditions": ["close < sma_5"],
        "exit_conditions": ["close > sma_5"],
        "stop_conditions": [],
    },
    "scale_out": [
        {"when": "bars_held >= 1", "fraction": 0.5},
        {"when": "position_pnl_pct > 0.01", "fraction": 0.3},
    ],
}


@pytest.fixture(scope="module")
def result():
    return bt.simulate(SPEC, make_bars(200, seed=2), commission=2.0, slippage=0.002)


def test_a_table_tells_the_same_as_the_run(result):
    found, whole = whole_lots(result.trades), result.positions.whole
    assert len(found) == result.metrics.total_trades < len(result.trades)
    for name in ("pnl", "return_pct", "commission", "slippage_cost", "shares", "exit_price",
                 "entry_price"):  # fmt: skip
        np.testing.assert_allclose(found[name], getattr(whole, name), rtol=1e-9, atol=1e-9)
    assert found["bars_held"].tolist() == whole.bars_held.tolist()
    assert found["pnl"].sum() == pytest.approx(result.trades["pnl"].sum(), rel=1e-12)
    assert found["exit_date"].is_monotonic_increasing
    assert found["lot"].is_unique


def test_of_several_parts_the_last_says_when_and_why_and_the_furthest_how_far(result):
    found = whole_lots(result.trades).set_index("lot")
    for lot, rows in result.trades.groupby("lot"):
        one = found.loc[lot]
        assert (one["exit_date"], one["exit_reason"]) == (
            rows["exit_date"].iloc[-1],
            rows["exit_reason"].iloc[-1],
        )
        assert one["mae_pct"] == rows["mae_pct"].min()
        assert one["mfe_pct"] == rows["mfe_pct"].max()
        assert (rows["direction"] == one["direction"]).all()


def test_a_list_without_lots_stays_as_it_is(result):
    plain = result.trades.drop(columns="lot")
    assert whole_lots(plain) is plain


def test_the_entrys_commission_is_shared_to_the_last_bit(result):
    paid = pd.Series(result.outcome.trades.entry_commission)
    for _, shares in paid.groupby(result.trades["lot"].to_numpy()):
        # What is left after each part is what was there less the part's share, exactly.
        assert np.subtract.reduce([2.0, *shares]) == 0.0
