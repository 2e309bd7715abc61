"""How fast sweeps are, beside peers in an environment of their own, on the same crossover."""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
from timing import Row, best

import btkit as bt
from btkit.engine.orders import Reason
from btkit.engine.signals import measure_signals
from btkit.metrics import MEASURED
from btkit.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench" / "peers"
CAPITAL, FEES = 100_000.0, 0.001
BARS, REPEATS = 5_031, 15
# Read once, as a program that sweeps would; what the environment says is not what is measured.
SETTINGS = Settings()
CROSS = {
    "name": "cross",
    "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
    "exit_conditions": ["sma_{fast} < sma_{slow}"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close",
    "allow_fractional": True,
    "commission_model": "rate",
    "fill": "close",
    "max_holding_bars": 2**31 - 1,
    "parameters": {"fast": 10, "slow": 20},
}
WINDOWS = range(2, 102)


def rows() -> list[Row]:
    """Measure sweep, single run and scaling, and compare them with the peers."""
    bars = make_bars(BARS, 0)
    ours = _sweep_seconds()
    single = _single_seconds(bars)
    bare, bare_single = _bare_seconds(bars)
    sets = 4_950
    found = [
        Row("4,950 crossovers, signals included", sets / ours, "sets/s", None),
        Row("  a bare numba loop of this one crossover", sets / bare, "sets/s", None),
        Row("  the bare loop's lead", ours / bare, "x", None),
        Row("one run, arrays in, metrics out", single * 1e3, "ms", None),
        Row("  the bare loop", bare_single * 1e3, "ms", None),
        Row("  beside it", single / bare_single, "x", 3.0),
        Row("the same with stop, target and trailing stop, beside it", _levels(), "x", 3.0),
        Row("overfitting statistics of 4,950 sets, beside their sweep", _statistics(), "x", 5.0),
    ]
    return [*found, *_compared(bars, ours / sets, single), *_scaling()]


def make_bars(count: int, seed: int, *, minutes: bool = False) -> pd.DataFrame:
    """Return bars of a random walk."""
    random = np.random.default_rng(seed)
    scale = 0.0006 if minutes else 0.012
    close = 100.0 * np.exp(np.cumsum(random.normal(0.02 * scale, scale, count)))
    opened = np.r_[close[0], close[:-1]] * np.exp(random.normal(0, scale / 3, count))
    index = pd.bdate_range("1999-01-04", periods=count, name="date")
    if minutes:
        sessions = pd.bdate_range("2019-01-02", periods=count // 390 + 1)
        offsets = pd.to_timedelta(np.arange(390) + 14 * 60 + 30, unit="min")
        index = pd.DatetimeIndex(
            (sessions.to_numpy()[:, None] + offsets.to_numpy()).ravel()[:count], tz="UTC"
        )
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.003,
            "low": np.minimum(opened, close) * 0.997,
            "close": close,
            "volume": 1e6,
        },
        index=index,
    )


def run_sweep(
    bars: pd.DataFrame, windows: range | list[int] = WINDOWS, spec: dict[str, Any] = CROSS
) -> Any:
    """Return a sweep of all pairs of windows."""
    return bt.sweep(
        spec,
        bars,
        parameters={"fast": windows, "slow": windows},
        constraint="fast < slow",
        capital=CAPITAL,
        commission=FEES,
        slippage=0.0,
        settings=SETTINGS,
    )


def _sweep_seconds() -> float:
    # Other bars each time: nothing that an earlier sweep computed can be of use.
    times = []
    run_sweep(make_bars(BARS, 99))
    for seed in range(REPEATS):
        bars = make_bars(BARS, seed)
        start = time.perf_counter()
        assert len(run_sweep(bars).table) == 4_950
        times.append(time.perf_counter() - start)
    return min(times)


def _levels() -> float:
    """Return the time of a sweep with orders inside the bar as a share of one without."""
    bars = make_bars(BARS, 0)
    inside = CROSS | {"stop_loss": 0.05, "take_profit": 0.1, "trailing_stop": {"fraction": 0.08}}
    turns = [
        [best(lambda spec=spec: run_sweep(bars, spec=spec), repeats=1) for spec in (CROSS, inside)]
        for _ in range(5)
    ]
    without, having = (min(times) for times in zip(*turns, strict=True))
    return having / without


def _statistics() -> float:
    """Return the time of the statistics as a share of the sweep's own."""
    bars = make_bars(BARS, 0)
    swept = run_sweep(bars)
    # In turns, so that what else the machine does touches both.
    turns = [
        (best(swept.overfitting, repeats=1), best(lambda: run_sweep(bars), repeats=3))
        for _ in range(3)
    ]
    statistics, sweep = (min(times) for times in zip(*turns, strict=True))
    return statistics / sweep


def _signals(bars: pd.DataFrame, fast: int, slow: int) -> tuple[Any, Any]:
    close = bars["close"]
    first, second = (close.rolling(window).mean().to_numpy() for window in (fast, slow))
    return first > second, first < second


def _single_seconds(bars: pd.DataFrame) -> float:
    entries, exits = _signals(bars, 10, 50)
    close = bars["close"].to_numpy().copy()
    days = bars.index.to_numpy("datetime64[D]").astype(np.int64)

    def run() -> Any:
        return measure_signals(
            close, days, entries, exits, capital=CAPITAL, rate=FEES, annual=math.sqrt(252)
        )

    return _least(run, 300)


def _least(work: Any, repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@numba.njit(nogil=True, error_model="numpy")
def bare_loop(close: Any, fast: Any, slow: Any, fees: float, capital: float) -> float:
    """Return the Sharpe ratio of one crossover, with nothing that a general engine needs."""
    cash, shares = capital, 0.0
    before = capital
    total = squares = 0.0
    for bar in range(close.size):
        price = close[bar]
        if shares == 0.0:
            if fast[bar] > slow[bar]:
                shares = cash / (price * (1.0 + fees))
                cash -= shares * price * (1.0 + fees)
        elif fast[bar] < slow[bar]:
            cash += shares * price * (1.0 - fees)
            shares = 0.0
        worth = cash + shares * price
        change = worth / before - 1.0
        before = worth
        total += change
        squares += change * change
    mean = total / close.size
    return mean / math.sqrt((squares - total * mean) / (close.size - 1)) * math.sqrt(252.0)


@numba.njit(nogil=True, error_model="numpy")
def bare_sets(close: Any, means: Any, pairs: Any, first: int, last: int, out: Any) -> None:
    """Fill `out` with the Sharpe ratio of each pair."""
    for place in range(first, last):
        out[place] = bare_loop(
            close, means[pairs[place, 0]], means[pairs[place, 1]], 0.001, 100_000.0
        )


def _pairs() -> Any:
    return np.array([(f, s) for f in WINDOWS for s in WINDOWS if f < s])


def _bare_seconds(bars: pd.DataFrame) -> tuple[float, float]:
    import talib  # noqa: PLC0415 - the same moving averages as btkit's

    close = bars["close"].to_numpy().copy()
    pairs, out = _pairs(), np.empty(4_950)
    cores = len(os.sched_getaffinity(0))
    edges = np.linspace(0, len(pairs), cores + 1).astype(int).tolist()

    def sweep() -> None:
        means = np.stack([talib.SMA(close, max(window, 2)) for window in range(102)])
        with ThreadPoolExecutor(cores) as pool:
            list(
                pool.map(
                    lambda place: bare_sets(
                        close, means, pairs, edges[place], edges[place + 1], out
                    ),
                    range(cores),
                )
            )

    fast, slow = talib.SMA(close, 10), talib.SMA(close, 50)
    return _least(sweep, REPEATS), _least(lambda: bare_loop(close, fast, slow, FEES, CAPITAL), 300)


def _compared(bars: pd.DataFrame, per_set: float, single: float) -> list[Row]:
    checked = np.array([(10, 50), (5, 20), (20, 100)])
    found = _ask_peers(bars, checked)
    rows: list[Row] = []
    ours = [_our_trades(bars, *pair) for pair in checked.tolist()]
    for name, peer in found.items():
        if "error" in peer:
            rows.append(Row(f"{name}: could not be measured ({peer['error'][:60]})", 0.0, "", None))
            continue
        differing = sum(
            _after(mine, slow) != _after(theirs, slow)[: len(_after(mine, slow))]
            for mine, theirs, slow in zip(ours, peer["trades"], checked[:, 1].tolist(), strict=True)
        )
        rows.append(Row(f"{name}: strategies of 3 whose trades differ", differing, "", 0.0))
        theirs = peer["sweep_s"] / peer["sweep_sets"]
        rows += [
            Row(f"  {name}, sweep", 1.0 / theirs, "sets/s", None),
            Row(f"  btkit is faster than {name}, sweep", theirs / per_set, "x", None),
            Row(f"  {name}, one run", peer["single_s"] * 1e3, "ms", None),
            Row(f"  btkit is faster than {name}, one run", peer["single_s"] / single, "x", None),
        ]
        if name == "raptorbt":
            alone = peer["alone_s"]
            rows += [
                Row(
                    "  btkit's share of its parallel batch, 1/30 wanted",
                    per_set / theirs,
                    "",
                    1 / 30,
                ),
                Row("  raptorbt, sets one by one", 1.0 / alone, "sets/s", None),
                Row("  btkit is faster than that", alone / per_set, "x", None),
                Row("  btkit's share of that time, 1/40 wanted", per_set / alone, "", 0.025),
            ]
    return rows


def _after(trades: list[Any], slow: int) -> list[tuple[int, int]]:
    # backtesting.py begins a bar after its indicators do, so what is entered then is left out.
    return [(entered, left) for entered, left in trades if entered > slow + 1]


def _our_trades(bars: pd.DataFrame, fast: int, slow: int) -> list[tuple[int, int]]:
    run = bt.simulate(
        {**CROSS, "parameters": {"fast": fast, "slow": slow}},
        bars,
        capital=CAPITAL,
        commission=FEES,
        slippage=0.0,
    )
    trades = run.outcome.trades
    closed = trades.reason != Reason.END_OF_DATA
    return list(
        zip(trades.entry_bar[closed].tolist(), trades.exit_bar[closed].tolist(), strict=True)
    )


def _ask_peers(bars: pd.DataFrame, checked: Any) -> dict[str, Any]:
    python = FOLDER / "bin" / "python"
    requirements = Path(__file__).with_name("requirements-peers.txt")
    try:
        if not (FOLDER / "installed").exists():
            print("installing the peers into .bench/peers", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)  # noqa: S603 - our own interpreter and files
            subprocess.run(  # noqa: S603 - our own interpreter and files
                [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)],
                check=True,
            )
            (FOLDER / "installed").touch()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bars.npz"
            np.savez(
                path,
                time=bars.index.as_unit("ns").asi8,
                pairs=_pairs(),
                checked=checked,
                **{name: bars[name].to_numpy() for name in bars.columns},
            )
            done = subprocess.run(  # noqa: S603 - our own interpreter and files
                [str(python), str(Path(__file__).with_name("peers.py")), str(path)],
                check=True,
                capture_output=True,
                text=True,
            )
        return dict(json.loads(done.stdout))
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        return {"peers": {"error": str(error)}}


def _scaling() -> list[Row]:
    """Measure 500,000 one-minute bars by 1,000 sets, and a tenth of each."""
    windows = [*range(2, 34), *range(40, 360, 10)]
    axes = {"fast": windows[:32], "slow": windows[32:]}
    bars = make_bars(500_000, 1, minutes=True)

    def seconds(count: int, sets: int) -> float:
        start = time.perf_counter()
        slow = axes["slow"] if sets > 100 else axes["slow"][:3]
        made = bt.sweep(
            CROSS,
            bars.iloc[:count],
            parameters={"fast": axes["fast"], "slow": slow},
            capital=CAPITAL,
            commission=FEES,
            slippage=0.0,
        )
        assert made.rows.shape[1] == len(MEASURED)
        return (time.perf_counter() - start) / (count * len(made.sets)) * 1e9

    seconds(50_000, 96)
    short, few = seconds(50_000, 1_024), seconds(500_000, 96)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole = seconds(500_000, 1_024)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return [
        Row("500,000 minutes x 1,024 sets, per bar and set", whole, "ns", None),
        Row("  50,000 minutes x 1,024 sets", short, "ns", None),
        Row("  500,000 minutes x 96 sets", few, "ns", None),
        Row("  memory above that of 96 sets (curves: 4,000 MB)", grown, "MB", 600.0),
    ]
