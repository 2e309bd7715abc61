"""The stitched account of an intraday walk-forward is measured from session to session."""

import math

import numpy as np
import pandas as pd
import pytest
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.markets import schedule
from btkit.validation.stitching import stitch, stitched_metrics


def test_a_cut_inside_a_session_makes_no_return_of_its_own():
    listed = schedule("XNYS", pd.Timestamp("2023-01-03"), pd.Timestamp("2023-06-30"))
    opens = listed["open"].dt.tz_localize(None).to_numpy()
    hours = (opens[:, None] + np.arange(7) * np.timedelta64(1, "h")).ravel()
    index = pd.DatetimeIndex(hours).tz_localize("UTC").rename("time")
    bars = make_bars(len(index), seed=4, index=index)
    parts = [bt.simulate(crossover(), bars.iloc[:395]), bt.simulate(crossover(), bars.iloc[395:])]
    curve = stitch(parts, capital=100_000)
    metrics = stitched_metrics(parts, curve, capital=100_000)
    equity = curve["equity"]
    days = equity.groupby(equity.index.tz_convert("America/New_York").date).last()
    returns = days / days.shift(fill_value=100_000.0) - 1.0
    assert metrics.sharpe_ratio == pytest.approx(
        returns.mean() / returns.std() * math.sqrt(252), rel=1e-9
    )
