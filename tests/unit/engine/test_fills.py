"""When and at what price orders fill: worked out by hand, exact in binary."""

import pytest

# volume is the number of the bar here, so "volume == 2" is "at bar 2".
AT_0 = ("volume == 0",)


def test_an_order_fills_at_the_next_open(run):
    # Decided at bar 0 (close 8), filled at open 10, not at 8 or 11; left at open 14, decided at 2.
    done = run((8, 10, 12, 14), (8, 11, 13, 15), entry=AT_0, exit=("volume == 2",))
    assert done.rows == [(1, 3, 10, 14, 10, "exit")]
    # 1000 - 100 = 900 in cash; 900 + 10 * 11, 900 + 10 * 13, 900 + 10 * 14.
    assert done.equity == [1000, 1010, 1030, 1040]
    assert done.cash == [1000, 900, 900, 1040]


def test_an_order_fills_at_the_close_that_decides_it(run):
    done = run((8, 10, 12, 14), (8, 11, 13, 15), entry=AT_0, exit=("volume == 2",), at_close=True)
    assert done.rows == [(0, 2, 8, 13, 10, "exit")]
    # 1000 - 80 = 920; 920 + 80, 920 + 110, then 920 + 130.
    assert done.equity == [1000, 1030, 1050, 1050]
    assert done.cash == [920, 920, 1050, 1050]


# Open 16 to buy, 32 to sell, slippage 1/4: a buyer pays more, a seller gets less.
@pytest.mark.parametrize(
    ("short", "entry_price", "exit_price", "pnl"),
    [
        # Bought at 20, sold at 24: 10 * 4.
        (False, 20, 24, 40),
        # Sold at 12, bought back at 40: 10 * -28.
        (True, 12, 40, -280),
    ],
)
def test_slippage_is_always_against_the_trade(run, short, entry_price, exit_price, pnl):
    done = run((16, 16, 32, 32), entry=AT_0, exit=("volume == 1",), slippage=0.25, short=short)
    assert done.rows == [(1, 2, entry_price, exit_price, 10, "exit")]
    assert done.values.pnl.tolist() == [pnl]
    # 10 * 4 at entry and 10 * 8 at exit.
    assert done.values.slippage_cost.tolist() == [120]
    assert done.equity[-1] == 1000 + pnl


# 10 shares bought at 16 and sold at 32 (or the reverse), each side charged by itself.
@pytest.mark.parametrize(
    ("model", "commission", "entry_side", "exit_side"),
    [
        ("per_order", 2.0, 2, 2),
        ("per_share", 0.5, 5, 5),
        ("per_contract", 0.5, 5, 5),
        # 1/8 of 160 and of 320.
        ("rate", 0.125, 20, 40),
    ],
)
@pytest.mark.parametrize("short", [False, True])
def test_commission_on_both_sides(run, model, commission, entry_side, exit_side, short):
    done = run(
        (16, 16, 32, 32),
        entry=AT_0,
        exit=("volume == 1",),
        model=model,
        commission=commission,
        short=short,
    )
    trades = done.outcome.trades
    assert trades.entry_commission.tolist() == [entry_side]
    assert trades.exit_commission.tolist() == [exit_side]
    gain = -160 if short else 160
    assert done.values.commission.tolist() == [entry_side + exit_side]
    assert done.values.pnl.tolist() == [gain - entry_side - exit_side]
    assert done.values.return_pct.tolist() == [(gain - entry_side - exit_side) / 160]
    assert done.equity[-1] == 1000 + gain - entry_side - exit_side


def test_the_rate_is_charged_on_the_fill_price(run):
    # Bought at 16 * 1.25 = 20: 1/8 of 200. Sold at 32 * 0.75 = 24: 1/8 of 240.
    done = run(
        (16, 16, 32, 32),
        entry=AT_0,
        exit=("volume == 1",),
        slippage=0.25,
        model="rate",
        commission=0.125,
    )
    assert done.outcome.trades.entry_commission.tolist() == [25]
    assert done.outcome.trades.exit_commission.tolist() == [30]


def test_open_lots_close_at_the_last_close(run):
    # Bought at open 1 for 10; sold at close 2, 16 * 0.75 = 12, and 3 for the order.
    done = run((8, 8, 8), (8, 8, 16), entry=AT_0, slippage=0.25, commission=3.0)
    assert done.rows == [(1, 2, 10, 12, 10, "end_of_data")]
    # 1000 - 103 = 897; 897 + 80; 897 + 120 - 3 at the end, not 897 + 160.
    assert done.equity == [1000, 977, 1014]
    assert done.values.bars_held.tolist() == [1]
    # 10 * 2 at entry; 10 * 4 at the close, not at the open.
    assert done.values.slippage_cost.tolist() == [60]
    assert done.outcome.unfilled == 0
    assert done.outcome.final_decision_cash == 897


def test_an_order_of_the_last_bar_does_not_fill(run):
    done = run((8, 8, 8), entry=("volume == 2",))
    assert (done.rows, done.outcome.unfilled) == ([], 1)
    assert done.equity == [1000, 1000, 1000]


def test_exits_of_the_last_bar_end_with_the_data(run):
    # Two lots want out at the last bar, whose orders have no open, and a third wants in.
    done = run(
        (8, 8, 8, 8), entry=("volume >= 0",), exit=("volume == 3",), lots=3, size="volume + 1"
    )
    assert done.rows == [
        (1, 3, 8, 8, 1, "end_of_data"),
        (2, 3, 8, 8, 2, "end_of_data"),
        (3, 3, 8, 8, 3, "end_of_data"),
    ]
    # Three lots are open at the last bar, so no entry is decided there.
    assert done.outcome.unfilled == 3


def test_at_the_close_the_last_bars_exits_fill_and_its_entry_does_not(run):
    done = run(
        (8, 8, 8),
        entry=("volume >= 0",),
        exit=("bars_held == 1",),
        lots=3,
        at_close=True,
        max_holding=2,
    )
    assert done.rows == [(0, 1, 8, 8, 10, "exit"), (1, 2, 8, 8, 10, "exit")]
    assert done.outcome.unfilled == 1


def test_one_bar(run):
    for at_close in (False, True):
        done = run((8,), at_close=at_close)
        assert (done.rows, done.outcome.unfilled, done.equity) == ([], 1, [1000])


def test_bars_before_the_start_decide_and_fill_nothing(run):
    done = run((8, 8, 8, 8), entry=("volume >= 0",), lots=9, start=2)
    assert done.rows == [(3, 3, 8, 8, 10, "end_of_data")]
    assert (done.equity, done.outcome.last_decided) == ([1000, 1000], 3)


def test_sells_go_before_buys(run):
    # 10 * 8 = 80 from the sale at open 2 pay for the next ten; before it there were 20.
    done = run((8, 8, 8, 8), entry=("volume < 2",), exit=("bars_held == 0",), lots=2, capital=100.0)
    assert done.rows == [(1, 2, 8, 8, 10, "exit"), (2, 3, 8, 8, 10, "exit")]
    assert done.cash == [100, 20, 20, 100]
