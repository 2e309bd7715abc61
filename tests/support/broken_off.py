"""Small runs that can be broken off, and what is left to compare of their documents."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pandas as pd

from btkit.jobs import load_document, load_run

SPEC = {
    "name": "broken off",
    "entry_conditions": ["close > open"],
    "exit_conditions": ["position_pnl_pct < -0.02"],
    "stop_conditions": ["close < sma_20 * 0.97"],
    "max_holding_bars": 3,
    "max_concurrent_positions": 2,
    "position_sizing_formula": "capital * 0.4 / close",
}


class StopAfter:
    """Listens to a run, and ends it after some bars; None lets it run."""

    def __init__(self, bars):
        self.bars, self.counted = bars, []

    @contextmanager
    def stage(self, _name):
        yield lambda _text: None

    def count(self, done, _total, _unit):
        self.counted.append(done)
        if done == self.bars:
            raise KeyboardInterrupt


def write_bars(folder, *, symbol="TINY", count=60):
    """Write daily bars that make the spec trade; give their first and last day."""
    days = pd.bdate_range("2020-01-01", periods=count)
    step = np.arange(count)
    opens = np.round(100 + 5 * np.sin(step / 3), 2)
    closes = np.round(opens * (1 + 0.02 * np.cos(1.7 * step)), 2)
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(
        {
            "date": days,
            "open": opens,
            "high": np.maximum(opens, closes) + 0.5,
            "low": np.minimum(opens, closes) - 0.5,
            "close": closes,
            "volume": 1_000_000,
        }
    ).to_csv(folder / f"{symbol}.csv", index=False)
    return days[0].date().isoformat(), days[-1].date().isoformat()


def numbers(run_id, settings):
    """Return all of a run that does not say when and where it ran."""
    document = load_document(run_id, trades=True, settings=settings)
    for key in ("run_id", "created_at", "completed_at"):
        document["run"].pop(key)
    document["metrics"].pop("run_id")
    document.pop("equity_curve_url")
    curve = load_run(run_id, settings=settings).curve
    return document, curve.to_numpy().tobytes(), list(curve.index)
