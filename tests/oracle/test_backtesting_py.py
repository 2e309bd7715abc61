"""Orders inside the bar against backtesting.py, where both mean the same.

backtesting.py has no idea of a way through the bar: a stop comes before a target, a touch fills,
and what is entered inside a bar mostly waits for the next one. Trade by trade the two are compared
until the first one on whose bars that shows:

- stop and target within one bar, which SEMANTICS 9.3 calls ambiguous, and a gap beyond the target
  on a bar that also reaches the stop, where the open came first (9.3) and it takes the stop;
- a bar that a limit order was filled in and on which a level is within reach, or a stop order and
  the stop is: it judges them from the next bar on, 9.6 at once;
- a trailing level within reach on the bar of entry, for which it has no order yet.

``limit_touch`` is true, slippage and commissions are none. A trade that SEMANTICS 9.1 calls crossed
at entry is one that it ends at the open, too, by whichever level was crossed.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracle.harness import Prepared
from oracle.strategies import Case
from support.deep import sized

Row = tuple[int, int, float, float, str]


@dataclass(frozen=True)
class Rules:
    """A random rule: distances are fractions of the close at the deciding bar; 0 is none.

    `entry` is where an order rests, above the close or below it; `trail` a fraction.
    """

    short: bool
    stop: float
    target: float
    entry: float
    is_limit: bool
    valid_bars: int
    trail: float

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "name": "the same",
            "columns": ["go"],
            "entry_conditions": ["go > 0"],
            "exit_conditions": [],
            "stop_conditions": [],
            "position_sizing_formula": "10",
            "max_holding_bars": 10_000,
            "direction": "short" if self.short else "long",
            "limit_touch": True,
        }
        if self.stop:
            spec["stop_loss"] = {"price": f"close * {self.away(-self.stop)!r}"}
        if self.target:
            spec["take_profit"] = {"price": f"close * {self.away(self.target)!r}"}
        if self.entry:
            kind = "limit" if self.is_limit else "stop"
            price = f"close * {self.entry_factor!r}"
            spec["entry_order"] = {kind: price, "valid_bars": self.valid_bars}
        if self.trail:
            spec["trailing_stop"] = {"fraction": self.trail}
        return spec

    def away(self, gain: float) -> float:
        """Return what a price is multiplied by that gains so much."""
        return 1.0 - gain if self.short else 1.0 + gain

    @property
    def entry_factor(self) -> float:
        """Return what the close is multiplied by: a limit is better for the buyer, a stop worse."""
        return self.away(-self.entry if self.is_limit else self.entry)

    def prices(self, close: float) -> dict[str, float]:
        """Return its prices as the other names them."""
        found = {}
        if self.stop:
            found["sl"] = close * self.away(-self.stop)
        if self.target:
            found["tp"] = close * self.away(self.target)
        if self.entry:
            found["limit" if self.is_limit else "stop"] = close * self.entry_factor
        return found


def random_rules(random: np.random.Generator) -> Rules:
    def some(*values: float) -> float:
        return float(random.choice(values))

    entry = some(0.0, 0.0, 0.002, 0.005, 0.01)
    return Rules(
        short=bool(random.integers(2)),
        stop=some(0.0, 0.015, 0.02, 0.05),
        target=some(0.0, 0.015, 0.03, 0.06),
        entry=entry,
        is_limit=bool(random.integers(2)),
        valid_bars=int(random.integers(1, 4)),
        # With a resting entry the two would disagree on the entry's bar alone.
        trail=0.0 if entry else some(0.0, 0.0, 0.03),
    )


def random_bars(random: np.random.Generator, size: int = 120) -> pd.DataFrame:
    closes = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, size)))
    opens = np.append(100.0, closes[:-1]) * np.exp(random.normal(0.0, 0.009, size))
    wide = np.abs(random.normal(0.0, 0.006, (2, size)))
    bars = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes) * (1 + wide[0]),
            "low": np.minimum(opens, closes) * (1 - wide[1]),
            "close": closes,
        },
        index=pd.bdate_range("2018-01-02", periods=size),
    ).round(1)
    go = (random.random(size) < 0.4).astype(float)
    go[0] = 0.0  # it begins at its second bar
    return bars.assign(volume=1000.0, go=go)


def strategy(rules: Rules) -> Any:
    """Return the rule in its words."""
    from backtesting import Strategy  # noqa: PLC0415 - slow to import

    class Same(Strategy):  # type: ignore[misc]  # the library has no types
        def init(self) -> None:
            self.placed, self.best = 0, math.nan

        def next(self) -> None:
            at = len(self.data) - 1
            waiting = [order for order in self.orders if not order.is_contingent]
            if waiting and at >= self.placed + rules.valid_bars:
                waiting.pop().cancel()
            if self.position:
                self.follow()
            elif not waiting and self.data.go[-1] > 0:
                self.place(at)

        def place(self, at: int) -> None:
            order = self.sell if rules.short else self.buy
            order(size=10, tag=at, **rules.prices(float(self.data.Close[-1])))
            self.placed, self.best = at, math.nan

        def follow(self) -> None:
            (trade,) = self.trades
            if not rules.trail:
                return
            high, low = float(self.data.High[-1]), float(self.data.Low[-1])
            better, now = (min, low) if rules.short else (max, high)
            self.best = now if math.isnan(self.best) else better(self.best, now)
            first = trade.entry_price * rules.away(-rules.trail)
            level = better(first, self.best * rules.away(-rules.trail))
            if trade.sl is None or better(level, trade.sl) == level:
                trade.sl = level

    return Same


def by_the_other(rules: Rules, bars: pd.DataFrame) -> tuple[list[Row], list[int]]:
    """Return the trades of backtesting.py, and the bars at whose close each was decided.

    One that is open at the end is closed at the last open.
    """
    from backtesting import Backtest  # noqa: PLC0415 - slow to import

    named = bars.rename(columns=str.title).rename(columns={"Go": "go"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stats = Backtest(named, strategy(rules), cash=1e9, finalize_trades=True).run()
    trades = stats["_trades"].sort_values("EntryBar")
    rows = trades[["EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "SL", "TP"]]
    made = [
        (int(entered), int(left), float(bought), float(sold), _reason(sold, stop, target))
        for entered, left, bought, sold, stop, target in rows.itertuples(index=False)
    ]
    return made, trades["Tag"].astype(int).tolist()


def _reason(price: float, stop: float | None, target: float | None) -> str:
    """Return by which of its levels it left: the nearer one, since a gap goes beyond it."""
    levels = {"stop": stop, "target": target}
    known = {name: level for name, level in levels.items() if level and not math.isnan(level)}
    return min(known, key=lambda name: abs(known[name] - price), default="")


def by_ours(case: Case, *, plainly: bool) -> list[Row]:
    """Return the trades of the engine, or of the plain simulation."""
    prepared, bar = Prepared(case), case.bars.index.get_loc
    kinds = {"stop_loss": "stop", "trailing_stop": "stop", "take_profit": "target"}
    rows = (
        [
            (one.entry_bar, one.exit_bar, one.entry_price, one.exit_price, one.exit_reason)
            for one in prepared.plain().trades
        ]
        if plainly
        else [
            (
                bar(one.entry_date),
                bar(one.exit_date),
                one.entry_price,
                one.exit_price,
                one.exit_reason,
            )
            for one in prepared.result.trades.itertuples()
        ]
    )
    return [(*row[:4], kinds.get(row[4], row[4])) for row in rows]


class Unlike:
    """Where the two do not mean the same, told from bars and rules alone."""

    def __init__(self, rules: Rules, bars: pd.DataFrame) -> None:
        self.rules = rules
        sign = -1.0 if rules.short else 1.0
        high, low = ("low", "high") if rules.short else ("high", "low")
        self.bars = pd.DataFrame(
            {
                "open": sign * bars["open"],
                "high": sign * bars[high],
                "low": sign * bars[low],
                "close": sign * bars["close"],
                "go": bars["go"],
            }
        ).reset_index(drop=True)

    def is_unlike(self, entered: int, left: int, decided: int) -> bool:
        """Return whether a trade's bars have something that the two see otherwise."""
        close = float(self.bars["close"][decided])
        rules, best = self.rules, -math.inf
        stop = close * rules.away(-rules.stop) if rules.stop else -math.inf
        target = close * rules.away(rules.target) if rules.target else math.inf
        first = float(self.bars["open"][entered])
        trail = first * rules.away(-rules.trail) if rules.trail else -math.inf
        for at in range(entered, left + 1):
            bar = self.bars.loc[at]
            stopped, reached = bar["low"] <= max(stop, trail), bar["high"] >= target
            if stopped and reached:
                return True
            if at == entered and rules.trail and bar["low"] <= trail:
                return True
            # It judges them from the next bar on; only a stop order's target at once.
            waits = stopped or (reached and rules.is_limit)
            if at == entered and rules.entry and waits:
                return True
            best = max(best, bar["high"])
            if rules.trail:
                trail = max(trail, best * rules.away(-rules.trail))
        return False


def are_same(mine: Row, other: Row, bars: pd.DataFrame) -> bool:
    """Return whether two trades are one: which bars, at what prices, and why."""
    if mine[4] == "end_of_data":
        last = len(bars) - 1
        mine = (*mine[:3], float(bars["open"].iloc[last]), mine[4])
    why = {other[4], "crossed_at_entry", "end_of_data"}
    return mine[4] in why and mine[:4] == pytest.approx(other[:4], rel=1e-12)


@pytest.mark.parametrize("plainly", [True, False], ids=["oracle", "engine"])
def test_the_same_trades(*, plainly: bool) -> None:
    random, compared = np.random.default_rng(20), Counter[tuple[Any, ...]]()
    for _ in range(sized(60, 1500)):
        rules, bars = random_rules(random), random_bars(random)
        theirs, decided = by_the_other(rules, bars)
        ours = by_ours(Case(rules.spec, bars, 1e9, 0.0, 0.0, 0), plainly=plainly)
        unlike = Unlike(rules, bars)
        for mine, other, since in zip(ours, theirs, decided, strict=False):
            if unlike.is_unlike(other[0], max(mine[1], other[1]), since):
                break
            assert are_same(mine, other, bars), (rules, mine, other)
            compared[mine[4], bool(rules.entry), rules.is_limit, rules.short] += 1
        else:
            assert len(ours) == len(theirs), rules
    assert compared.total() > sized(250, 6000)
    for reason in ("stop", "target", "crossed_at_entry"):
        for short in (False, True):
            assert sum(n for kind, n in compared.items() if (kind[0], kind[3]) == (reason, short))
