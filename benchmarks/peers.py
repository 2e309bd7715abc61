"""Peers on the crossover of benchmarks/sweep.py: run by the interpreter of .bench/peers.

Reads bars and pairs of windows from an .npz file, prints JSON: each peer's trades, Sharpe ratio
and times.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

CAPITAL, FEES = 100_000.0, 0.001
Trades = list[tuple[int, int]]


def moving_average(close: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of `window` closes, NaN before there are as many."""
    return pd.Series(close).rolling(window).mean().to_numpy()


def best(work: Callable[[], object], repeats: int) -> float:
    """Return the least time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def raptorbt(bars: dict[str, np.ndarray], pairs: np.ndarray, checked: np.ndarray) -> dict:
    """Measure raptorbt, all sets by its parallel batch call."""
    import raptorbt as rbt  # noqa: PLC0415 - in the peers' environment only

    prices = [bars[name] for name in ("time", "open", "high", "low", "close", "volume")]
    config = rbt.BacktestConfig(initial_capital=CAPITAL, fees=FEES, slippage=0.0)
    close = bars["close"]

    def single(fast: int, slow: int) -> object:
        first, second = rbt.sma(close, int(fast)), rbt.sma(close, int(slow))
        return rbt.run_single_backtest(*prices, first > second, first < second, config=config)

    def sweep() -> list[object]:
        means = {window: rbt.sma(close, int(window)) for window in np.unique(pairs)}
        items = [
            rbt.BatchSingleItem(str(i), means[fast] > means[slow], means[fast] < means[slow])
            for i, (fast, slow) in enumerate(pairs.tolist())
        ]
        return rbt.batch_single_backtest(*prices, items, config)

    def outcome(result: object) -> tuple[Trades, float]:
        trades = [(trade.entry_idx, trade.exit_idx) for trade in result.trades()]
        return trades, result.metrics.sharpe_ratio

    found = [outcome(single(*pair)) for pair in checked]
    first, second = rbt.sma(close, int(checked[0][0])), rbt.sma(close, int(checked[0][1]))
    entries, exits = first > second, first < second
    few = pairs[:: max(1, len(pairs) // 200)]
    alone = best(lambda: [single(*pair).metrics.sharpe_ratio for pair in few.tolist()], 10)
    seconds = best(
        lambda: (
            rbt.run_single_backtest(*prices, entries, exits, config=config).metrics.sharpe_ratio
        ),
        30,
    )
    return {
        "trades": [trades for trades, _ in found],
        "sharpe": [sharpe for _, sharpe in found],
        "sweep_sets": len(pairs),
        "sweep_s": best(sweep, 5),
        "alone_s": alone / len(few),
        "single_s": seconds,
    }


def vectorbt(bars: dict[str, np.ndarray], pairs: np.ndarray, checked: np.ndarray) -> dict:
    """Measure vectorbt on a part of the sets, as columns."""
    import vectorbt as vbt  # noqa: PLC0415 - in the peers' environment only

    close = pd.Series(bars["close"], index=pd.DatetimeIndex(bars["time"]))
    part = pairs[:: max(1, len(pairs) // 500)]

    def run(chosen: np.ndarray) -> object:
        means = {window: moving_average(bars["close"], window) for window in np.unique(chosen)}
        entries = np.column_stack([means[fast] > means[slow] for fast, slow in chosen.tolist()])
        exits = np.column_stack([means[fast] < means[slow] for fast, slow in chosen.tolist()])
        portfolio = vbt.Portfolio.from_signals(
            close, entries, exits, init_cash=CAPITAL, fees=FEES, freq="1D"
        )
        return portfolio, portfolio.sharpe_ratio()

    portfolio, sharpe = run(checked)
    records = portfolio.trades.records
    closed = records[records["status"] == 1]
    return {
        "trades": [
            closed.loc[closed["col"] == column, ["entry_idx", "exit_idx"]].to_numpy().tolist()
            for column in range(len(checked))
        ],
        "sharpe": np.asarray(sharpe, float).tolist(),
        "sweep_sets": len(part),
        "sweep_s": best(lambda: run(part), 2),
        "single_s": best(lambda: run(checked[:1]), 5),
    }


def backtesting(bars: dict[str, np.ndarray], pairs: np.ndarray, checked: np.ndarray) -> dict:
    """Measure backtesting.py on a few sets, one by one."""
    from backtesting import Backtest, Strategy  # noqa: PLC0415 - in the peers' environment only

    frame = pd.DataFrame(
        {name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.DatetimeIndex(bars["time"]),
    )

    class Cross(Strategy):
        fast, slow = 10, 20

        def init(self) -> None:
            self.first = self.I(moving_average, self.data.Close, self.fast)
            self.second = self.I(moving_average, self.data.Close, self.slow)

        def next(self) -> None:
            if not self.position and self.first[-1] > self.second[-1]:
                self.buy()
            elif self.position and self.first[-1] < self.second[-1]:
                self.position.close()

    engine = Backtest(
        frame, Cross, cash=CAPITAL * 1000, commission=FEES, trade_on_close=True,
        finalize_trades=False,
    )  # fmt: skip

    def run(fast: int, slow: int) -> pd.Series:
        return engine.run(fast=int(fast), slow=int(slow))

    found = [run(*pair) for pair in checked]
    few = pairs[:: len(pairs) // 5]
    seconds = best(lambda: [run(*pair) for pair in few], 1)
    return {
        "trades": [
            stats["_trades"][["EntryBar", "ExitBar"]].to_numpy().tolist() for stats in found
        ],
        "sharpe": [float(stats["Sharpe Ratio"]) for stats in found],
        "sweep_sets": len(few),
        "sweep_s": seconds,
        "single_s": best(lambda: run(*checked[0]), 3),
    }


def main(path: str) -> None:
    """Measure every peer that is installed."""
    warnings.simplefilter("ignore")
    with np.load(path) as stored:
        bars = {name: stored[name] for name in stored.files}
    pairs, checked = bars.pop("pairs"), bars.pop("checked")
    found = {}
    for peer in (raptorbt, vectorbt, backtesting):
        try:
            found[peer.__name__] = peer(bars, pairs, checked)
        except Exception as error:  # noqa: BLE001 - one peer's failure must not hide the others
            found[peer.__name__] = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
