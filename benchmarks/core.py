"""How long one run takes: import, simulation, the loop alone, the whole command."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import Row, best

import btkit as bt
from btkit.conditions.columns import ColumnEvaluator
from btkit.decisions import plan_decisions
from btkit.engine import POSITION_NAMES, Market, Rules
from btkit.engine.loop import run_bars
from btkit.engine.state import new_curve, new_state, new_trades
from btkit.indicators import is_truth_value
from btkit.simulation import Result

SPEC = Path(__file__).resolve().parents[1] / "strategies" / "spy_momentum_v1.json"


def rows() -> list[Row]:
    """Measure the momentum spec of the reference on the S&P 500 sample, 5,031 daily bars."""
    spec = bt.load_spec(SPEC)
    bars = bt.load_bars("SPX", "1999-01-04", "2018-12-31", source="sample")
    simulate = best(lambda: bt.simulate(spec, bars), repeats=50)
    return [
        Row("simulate, features and metrics included", simulate * 1e3, "ms", 10.0),
        Row("the loop alone", _loop(bt.simulate(spec, bars)) * 1e3, "ms", 0.1),
        Row("import btkit", _process("-c", "import btkit"), "s", 0.5),
        Row("  an empty Python process", _process("-c", "pass"), "s", None),
        Row("backtest run --no-report, process time", _command(), "s", 1.2),
    ]


def _loop(result: Result) -> float:
    bars = len(result.all_bars)
    decisions = plan_decisions(
        result.clauses,
        ColumnEvaluator(result.feature_set.column, is_truth_value),
        bars,
        filter_all=False,
        positions=POSITION_NAMES,
    )
    market = Market(*(np.array(result.all_bars[name]) for name in ("open", "close")))
    rules = Rules(
        short=False,
        at_close=False,
        fractional=False,
        filter_all=False,
        max_holding=10,
        max_positions=1,
        slippage=0.005,
        per_order=0.65,
        per_share=0.0,
        rate=0.0,
    )

    def once() -> None:
        run_bars(
            0, bars, market, decisions, rules, new_state(1e5, 1), new_trades(bars), new_curve(bars)
        )

    return best(once, repeats=300)


def _process(*arguments: str, environment: dict[str, str] | None = None) -> float:
    """Return the least user and system time of three processes in seconds."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603 - our own interpreter, arguments from this file
            [sys.executable, *arguments],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


def _command() -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "BT_DB_PATH": f"{folder}/results.db",
            "BT_CURVE_DIR": f"{folder}/curves",
        }
        arguments = ["run", "--strategy", str(SPEC), "--symbol", "SPX", "--source", "sample"]
        arguments += ["--start", "1999-01-04", "--end", "2018-12-31", "--no-report"]
        return _process("-m", "btkit.cli.main", *arguments, environment=environment)
