"""Features rest on no later bar, and all bars at once give what one bar at a time gives."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

from btkit.markets import Interval, schedule, slower_bars
from btkit.models.indicator_types import INDICATOR_TYPES
from btkit.models.planning import plan_features

# A bar of the week's middle and of its end, one before the first week has closed, the last ones.
COUNT, CUTS = 330, (1, 3, 36, 37, 38, 39, 40, 41, 250, 329)


def plan_of(timeframes, names=tuple(INDICATOR_TYPES)):
    """Return a plan of every output of some indicators, as it is and through a fuzzy set."""
    references = [
        f"{name}.{output.name}" if output.name else name
        for name in names
        for output in INDICATOR_TYPES[name].outputs
    ]
    bell = {"type": "gaussian", "parameters": [50, 40]}
    return plan_features(
        {
            "indicators": {name: {"type": name} for name in names},
            "fuzzy_sets": {
                reference.replace(".", "_"): {"indicator": reference, "near": bell}
                for reference in references
            },
            "nn_inputs": [
                {key: value, "timeframes": "all", **more}
                for reference in references
                for key, value, more in (
                    ("raw_indicator", reference, {"normalization": "none"}),
                    ("fuzzy_set", reference.replace(".", "_"), {}),
                )
            ],
            "training_timeframes": list(timeframes),
        }
    )


def hourly(count, seed):
    """Return hourly bars of New York's sessions, half days among them."""
    sessions = schedule("XNYS", pd.Timestamp("2023-11-01"), pd.Timestamp("2024-02-20"))
    hours = [
        pd.date_range(opens, closes, freq="1h", inclusive="left").to_series()
        for opens, closes in sessions.itertuples(index=False)
    ]
    index = pd.DatetimeIndex(pd.concat(hours).index)
    return make_bars(count, seed, index=index[:count])


CASES = {
    "daily": (("1d",), lambda seed: make_bars(COUNT, seed)),
    "daily and weekly": (("1d", "1w"), lambda seed: make_bars(COUNT, seed)),
    "hourly and daily": (("1h", "3h", "1d"), lambda seed: hourly(COUNT, seed)),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    timeframes, bars_of = CASES[request.param]
    plan = plan_of(timeframes)
    bars = bars_of(1).assign(volume=np.random.default_rng(2).uniform(1e3, 9e3, COUNT))
    return plan, bars, plan.matrix(bars, interval=timeframes[0])


def test_cutting_the_future_off_changes_nothing(case):
    plan, bars, whole = case
    for cut in CUTS:
        part = plan.matrix(bars.iloc[:cut], interval=plan.base)
        np.testing.assert_array_equal(part, whole[:cut])


def test_another_future_changes_nothing(case):
    plan, bars, whole = case
    for cut in CUTS[:-1]:
        other = bars.copy()
        other.iloc[cut:] *= 1e4
        np.testing.assert_array_equal(plan.matrix(other, interval=plan.base)[:cut], whole[:cut])


def test_each_bar_alone_gives_its_row():
    # As somebody who trades it computes it: at each bar anew, on what is there, the last row.
    for timeframes in (("1d",), ("1d", "1w")):
        plan = plan_of(timeframes, ("rsi", "macd", "ema", "adx", "stochastic", "parabolicsar"))
        bars = make_bars(120, 3)
        rows = [plan.matrix(bars.iloc[: i + 1], interval="1d")[-1] for i in range(len(bars))]
        np.testing.assert_array_equal(rows, plan.matrix(bars, interval="1d"))


def test_every_value_is_there_from_its_lookback_on():
    plan, bars = plan_of(("1d",)), make_bars(COUNT, 1)
    matrix = plan.matrix(bars, interval="1d")
    for column, feature in zip(matrix.T, plan.features, strict=True):
        lookback = feature.line.lookback
        assert np.isnan(column[:lookback]).all(), feature.name
        assert np.isfinite(column[lookback:]).all(), feature.name
    whole = np.isfinite(matrix).all(axis=1)
    assert not whole[: plan.lookback].any()
    assert whole[plan.lookback :].all()


def test_a_slower_value_is_the_one_of_its_last_closed_bar():
    plan, bars = plan_of(("1d", "1w"), ("rsi",)), make_bars(COUNT, 1)
    weeks = slower_bars(bars.index, Interval.DAY, "1w", calendar="24/5")
    alone = plan_of(("1w",), ("rsi",)).matrix(weeks.frame(bars), interval="1w", calendar="24/5")
    weekly = dict(zip(weeks.index, alone[:, 0], strict=True))
    rows = plan.matrix(bars, interval="1d", calendar="24/5")
    for day, value in zip(bars.index, rows[:, plan.names.index("1w_rsi_raw")], strict=True):
        # A week from Monday to Friday is known on its Friday, and until the next one.
        monday = day - pd.Timedelta(days=day.weekday() + (0 if day.weekday() == 4 else 7))
        assert np.array_equal(value, weekly.get(monday, np.nan), equal_nan=True)
