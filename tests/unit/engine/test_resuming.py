"""A run in pieces is the run in one piece, to the last bit, wherever it is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from btkit.decisions.records import NO_FINER
from btkit.engine.loop import run_bars
from btkit.engine.loop_decisions import loop_decisions
from btkit.engine.reading import new_room
from btkit.engine.state import LOT_REASON, LOTS, ORDERS, State, new_curve, new_state, new_trades

OPENS = (10, 11, 9, 12, 8, 10, 13, 9, 11, 10, 12, 9, 10)
CLOSES = (10, 9, 11, 10, 9, 12, 10, 11, 21, 12, 10, 11, 9)
BUSY = {
    "entry": ("close >= 9",),
    "exit": ("position_pnl_pct > 0.05",),
    "stop": ("position_pnl_pct < -0.1",),
    "max_holding": 3,
    "lots": 3,
    "size": "capital / close / 4 + bars_held",
    "slippage": 0.01,
    "commission": 0.7,
}
SETUPS = {
    "next open": {},
    "close": {"at_close": True},
    "short": {"short": True, "fractional": True},
    "ruin": {"short": True, "size": "capital / close", "slippage": 0.3, "max_holding": 99,
             "exit": (), "stop": ()},
    "ruin at the close": {"short": True, "at_close": True, "size": "capital / close",
                          "slippage": 0.3, "max_holding": 99, "exit": (), "stop": ()},
    "rarely in": {
        "entry": ("not in_position", "close == 12"),
        "exit": ("close == 9",),
        "stop": (),
        "lots": 1,
        "max_holding": 99,
    },
    "rarely in, short, filtered": {
        "entry": ("not in_position", "close >= 11"),
        "exit": ("close == 9",),
        "stop": (),
        "filters": ("bars_held != 2",),
        "filter_all": True,
        "lots": 1,
        "short": True,
    },
    "called": {"size": "capital / 5", "multiplier": 4.0, "margin": 4.0, "max_holding": 99,
               "exit": (), "stop": ()},
    "called short, at the close": {"size": "capital / 5", "multiplier": 4.0, "margin": 4.0,
                                   "short": True, "at_close": True, "fractional": True},
    "skips": {"size": "0 if volume % 2 else 1e9", "lots": 2},
}  # fmt: skip


def in_pieces(done, cuts):
    """Run again, saving and loading the state at each cut; return all that came out."""
    bars = done.market.close.shape[1]
    state = new_state(done.outcome.capital, min(done.rules.max_positions, bars))
    trades, curve = new_trades(bars), new_curve(bars, at_close=done.rules.at_close)
    edges = [done.outcome.start, *cuts, bars]
    states = []
    for first, last in pairwise(edges):
        taken = loop_decisions(done.rules, done.decisions, NO_FINER)
        run_bars(first, last, done.market, *taken, done.rules, state, trades, curve, new_room())
        states.append(state)
        state = State(*(np.frombuffer(part.tobytes(), part.dtype).reshape(part.shape).copy()
                        for part in state))  # fmt: skip
    written = state.counts[1]
    return states, [
        *(part.tobytes() for part in state[:2]),
        trades.lots[:written].tobytes(),
        trades.marks[:written].tobytes(),
        curve.equity[done.outcome.start :].tobytes(),
        curve.cash[done.outcome.start :].tobytes(),
    ]


@pytest.mark.parametrize("name", SETUPS)
def test_cut_at_any_one_bar(run, name):
    done = run(OPENS, CLOSES, **(BUSY | SETUPS[name]))
    whole = in_pieces(done, [])[1]
    for cut in range(1, len(OPENS)):
        assert in_pieces(done, [cut])[1] == whole, cut
    assert in_pieces(done, list(range(1, len(OPENS))))[1] == whole
    assert whole[4] == done.outcome.curve.equity.tobytes()


def test_ruin_is_among_the_setups(run):
    for name in ("ruin", "ruin at the close"):
        outcome = run(OPENS, CLOSES, **(BUSY | SETUPS[name])).outcome
        assert outcome.ruined
        assert outcome.last_decided < len(OPENS) - 2


def test_cuts_fall_where_orders_wait(run):
    done = run(OPENS, CLOSES, **BUSY)
    states, _ = in_pieces(done, list(range(1, len(OPENS))))
    assert any(state.counts[ORDERS] > 0 for state in states)
    assert any(state.marks[: state.counts[LOTS], LOT_REASON].any() for state in states)


prices = st.lists(st.sampled_from([8.0, 9.0, 9.5, 10.0, 10.5, 12.0, 16.0, 31.0]), min_size=1)


@settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(prices, st.sampled_from(sorted(SETUPS)), st.data())
def test_any_run_in_any_pieces(run, opens, name, data):
    closes = data.draw(st.permutations(opens))
    start = data.draw(st.integers(0, len(opens) - 1))
    done = run(opens, closes, **(BUSY | SETUPS[name]), start=start)
    cuts = data.draw(st.lists(st.integers(start, len(opens)), max_size=6).map(sorted))
    assert in_pieces(done, cuts)[1] == in_pieces(done, [])[1]


def test_the_loop_is_compiled_once_with_what_is_judged_bar_by_bar_and_once_without(run):
    run(OPENS)
    run(OPENS, entry=("bars_held < 3",))
    known = list(run_bars.signatures)

    for setup in SETUPS.values():
        run(OPENS, CLOSES, **(BUSY | setup))
    run((8,), entry=("close > 0",), capital=10, slippage=0)
    run(OPENS, entry=("rsi_14 > 30 or in_position",), columns={"rsi_14": OPENS}, start=3)
    run(OPENS, filters=("bars_held < 3",), filter_all=True, model="rate", commission=0.001)

    assert run_bars.signatures == known
