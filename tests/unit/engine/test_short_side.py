"""Short sales and ruin: worked out by hand."""

import pytest

AT_0 = ("volume == 0",)


def test_a_short_from_sale_to_cover(run):
    # Sold at 16 * 0.75 = 12, 2 commission: cash 1000 - 120 - 2 = 878, worth 10 * (24 - close).
    # Covered at 8 * 1.25 = 10: cash 878 + 10 * (24 - 10) - 2 = 1016, gain 10 * 2 - 4 = 16.
    done = run(
        (16, 16, 8, 8),
        (16, 12, 8, 8),
        entry=AT_0,
        exit=("close == 12",),
        short=True,
        slippage=0.25,
        commission=2.0,
    )
    assert done.rows == [(1, 2, 12, 10, 10, "exit")]
    assert done.cash == [1000, 878, 1016, 1016]
    # 878 + 10 * 12 at bar 1.
    assert done.equity == [1000, 998, 1016, 1016]
    assert done.values.pnl.tolist() == [16]
    assert done.values.return_pct.tolist() == [16 / 120]
    # 10 * (16 - 12) + 10 * (10 - 8).
    assert done.values.slippage_cost.tolist() == [60]


def test_a_short_loses_when_the_price_rises(run):
    # 10 * (8 - 12) = -40 at the last close, where 1000 - 80 + 10 * (16 - 12) = 960.
    done = run((8, 8, 12), (8, 8, 12), entry=AT_0, short=True)
    assert done.rows == [(1, 2, 8, 12, 10, "end_of_data")]
    assert done.equity == [1000, 1000, 960]


def test_a_short_is_marked_at_twice_its_sale_less_the_close(run):
    # 20 in cash; 10 * (16 - close) for closes 10, 4, 15.
    done = run((8,) * 5, (8, 10, 4, 15, 8), entry=AT_0, short=True, capital=100.0)
    assert done.equity == [100, 80, 140, 30, 100]
    assert done.cash[1:4] == [20, 20, 20]


def test_a_shorts_loss_may_take_cash_below_zero(run):
    # 100 in: 10 at 8 and 20 left. Bar 1 (close 17): 20 + 10 * (16 - 17) = 10, above zero still;
    # covered at the open 24: 20 + 10 * (16 - 24) = -60.
    done = run(
        (8, 8, 24, 24), (8, 17, 24, 24), entry=AT_0, stop=("close > 16",), short=True, capital=100.0
    )
    assert done.rows == [(1, 2, 8, 24, 10, "stop")]
    assert done.outcome.ruined
    assert done.equity == [100, 10, -60, -60]


def test_ruin_closes_everything_at_that_close_and_ends_the_run(run):
    # Two lots of 5 short at 10 take 100. At the close 20 both are worth 5 * (20 - 20) = 0.
    # With slippage 0 and 1 an order: cash -2 before (98 in: see below).
    done = run(
        (10, 10, 10, 20, 5, 5),
        (10, 10, 10, 20, 5, 5),
        entry=("volume < 2",),
        size="5",
        lots=2,
        short=True,
        capital=102.0,
        commission=1.0,
    )
    # 102 - 51 - 51 = 0 in cash; at close 20 each is worth 0; closing costs 1 each: -2.
    assert done.rows == [(1, 3, 10, 20, 5, "ruin"), (2, 3, 10, 20, 5, "ruin")]
    assert done.equity == [102, 101, 100, -2, -2, -2]
    assert done.cash == [102, 51, 0, -2, -2, -2]
    assert done.outcome.ruined
    assert done.outcome.last_decided == 2
    assert done.values.pnl.tolist() == [-52, -52]


def test_nothing_is_decided_at_the_bar_of_ruin(run):
    # The stop holds at the bar of ruin too, and an entry: neither is an order.
    done = run(
        (10, 10, 20, 5, 5),
        entry=("close > 0",),
        stop=("close == 20",),
        lots=2,
        size="10 if volume == 0 else 1",
        short=True,
        capital=100.0,
    )
    # At bar 1 there is no cash left for the second.
    assert done.outcome.skipped == {"insufficient_cash": 1}
    assert [row[-1] for row in done.rows] == ["ruin"]
    assert done.outcome.unfilled == 0


def test_equity_just_above_zero_is_no_ruin(run):
    done = run((10, 10, 19.5, 5), entry=AT_0, short=True, capital=100.0)
    assert done.equity == [100, 100, 5, 150]
    assert not done.outcome.ruined


@pytest.mark.parametrize("at_close", [False, True])
def test_a_long_can_be_ruined_by_costs_alone(run, at_close):
    # One share at 10 for 10 + 5; 1 left in cash; at the close 4 it sells for 4 and owes 5.
    done = run(
        (10, 10, 4), (10, 10, 4), entry=AT_0, size="1", capital=16.0, commission=5.0,
        at_close=at_close,
    )  # fmt: skip
    assert done.equity[-1] == 0
    assert done.outcome.ruined
    assert [row[-1] for row in done.rows] == ["end_of_data"]


def test_ruin_at_the_close_that_fills(run):
    # Filled at close 0; at the close 20 of bar 1 the lot is worth 0.
    done = run((10, 20, 5), entry=AT_0, short=True, capital=100.0, at_close=True)
    assert done.rows == [(0, 1, 10, 20, 10, "ruin")]
    assert done.equity == [100, 0, 0]
