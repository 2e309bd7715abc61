"""Runs whose conditions and sizes look back over bars."""

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.crosscheck import differences
from btkit.errors import SpecError

SPEC = {
    "name": "looks back",
    "entry_conditions": ["crossed_above(mean(close, {fast}), mean(close, {slow}))"],
    "exit_conditions": ["crossed_below(mean(close, {fast}), mean(close, {slow}))"],
    "stop_conditions": ["position_pnl_pct < -3 * std(change(close, 1), 20) / close"],
    "position_sizing_formula": "0.5 * capital / mean(close, 3)",
    "max_holding_bars": 50,
    "parameters": {"fast": 5, "slow": 20},
}


def run(bars, *, start=None, **changes):
    return bt.simulate({**SPEC, **changes}, bars, start=start)


def test_a_run_is_that_of_columns_that_pandas_makes():
    bars = make_bars(400, 5)
    close = bars["close"]
    ready = bars.assign(
        up=(close.rolling(5).mean() > close.rolling(20).mean()).astype(float),
        size=close.rolling(3).mean(),
        deviation=close.diff().rolling(20).std(),
    )
    ours = run(bars, start=bars.index[40])
    theirs = run(
        ready,
        start=bars.index[40],
        columns=["up", "size", "deviation"],
        entry_conditions=["up == 1 and prev_up == 0"],
        exit_conditions=["up == 0 and prev_up == 1"],
        stop_conditions=["position_pnl_pct < -3 * deviation / close"],
        position_sizing_formula="0.5 * capital / size",
        parameters={},
    )
    assert len(ours.trades) > 5
    pd.testing.assert_frame_equal(ours.trades, theirs.trades, rtol=1e-9)
    assert differences(ours) == []


def test_features_have_a_column_for_each_call_that_is_made():
    bars = make_bars(120)
    texts = [
        "close > mean(close, 5) and on('1w', highest(close, 2)) > 0",
        "bars_since(crossed_above(close, open)) >= 0",
        "lag(regime, 1) != 'x'",
    ]
    regime = pd.Categorical(["UP", "DOWN"] * 60)
    found = run(
        bars.assign(regime=regime), entry_conditions=texts, exit_conditions=[], stop_conditions=[],
        position_sizing_formula="1", parameters={}, columns=["regime"], calendar="24/5",
        start=bars.index[30],
    ).features  # fmt: skip
    assert [name for name in found if "(" in name] == [
        'on("1w", close)', "bars_since(crossed_above(close, open))", "lag(regime, 1)",
        "mean(close, 5)", 'on("1w", highest(close, 2))',
    ]  # fmt: skip
    expected = bars["close"].rolling(5).mean()[30:]
    np.testing.assert_allclose(found["mean(close, 5)"], expected, rtol=1e-12)
    assert found["lag(regime, 1)"].tolist() == ["DOWN", "UP"] * 45


def test_what_is_missing_at_first_is_told_with_the_bar_of_its_first_value():
    bars = make_bars(100)
    found = run(
        bars, entry_conditions=["mean(lag(close, 20), 30) > 0", "bars_since(close < 0) is None"],
        exit_conditions=[], stop_conditions=[], parameters={}, start=bars.index[10],
    ).warmup  # fmt: skip
    assert found == {
        "bars": 10,
        "missing_until": {"mean(lag(close, 20), 30)": str(bars.index[49].date())},
        "drift": {},
    }


def test_drift_is_that_of_the_bar_that_is_looked_back_at():
    bars = make_bars(200)
    found = run(
        bars, entry_conditions=["mean(lag(rsi_5, 10), 6) > 0 and on('1w', lag(ema_3, 4)) > 0"],
        exit_conditions=["ema_9 > 0"], stop_conditions=[], parameters={}, start=bars.index[100],
        position_sizing_formula="1", calendar="24/5",
    ).warmup["drift"]  # fmt: skip
    # The first of twenty weeks is left out: its beginning is not there.
    assert found == {
        "ema_9": pytest.approx(0.8 ** (100 - 8)),
        'on("1w", ema_3)': pytest.approx(0.5 ** (19 - 2 - 4)),
        "rsi_5": pytest.approx(0.8 ** (100 - 5 - 15)),
    }


def test_where_a_call_is_none_a_comparison_is_counted_as_raised():
    bars = make_bars(60)
    texts = ["close > mean(close, 10) * 0.5", "lag(close, 9) is not None and close > 0"]
    found = run(bars, entry_conditions=texts).diagnostics
    assert found.condition_errors["entry_conditions[0]"] == 9
    assert "entry_conditions[1]" not in found.condition_errors
    assert [count.held for count in found.conditions][:2] == [51, 51]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crossed_above(close, 1e6)", "where above 1e+06 was needed"),
        ("crossed_below(close, 1)", "where below 1 was needed"),
        ("count(close > lag(close, 1), 10) >= 10", "with 9 where at least 10 was needed"),
        ("close > 3 * mean(close, 5)", "was needed"),
        ("mean(iv_rank, 5) > 3", "on 200 bars a value it needs was missing"),
    ],
)
def test_an_explanation_says_how_near_it_came(text, told):
    (sentence,) = run(make_bars(200), entry_conditions=[text]).diagnostics.explanation
    assert f"'{text}' never held; " in sentence
    assert told in sentence


def test_a_parameter_that_is_no_number_of_bars_is_refused_where_it_stands():
    text = "close > mean(close, {slow}) + std(close, {fast})"
    for fast, least in ((1, "from 2 to 500, not 1"), (2.5, "not 2.5"), (-4, "not -4")):
        with pytest.raises(SpecError) as refusal:
            bt.load_spec(
                {**SPEC, "entry_conditions": [text], "parameters": {"fast": fast, "slow": 20}}
            )
        (problem,) = [one for one in refusal.value.problems if one.path == "entry_conditions[0]"]
        assert problem.message.endswith(least)
        assert problem.column == text.index("{fast}")


def test_a_walk_forward_chooses_among_lengths():
    axes = {"fast": [3, 5], "slow": [10, 20]}
    found = bt.walk_forward(SPEC, make_bars(600, 2), windows=2, is_ratio=0.6, optimize=axes)
    assert found.windows["sets_tried"].tolist() == [4, 4]
    for part in found.in_sample:
        assert part.spec.parameters["fast"] in axes["fast"]
        assert part.spec.parameters["slow"] in axes["slow"]


def test_option_specs_look_back_too():
    spec = {
        "name": "spreads",
        "spread_type": "short_put_spread",
        "entry_conditions": ["crossed_above(close, mean(close, 9))", "lag(vix, 3) is not None"],
        "exit_conditions": ["count(close < lag(close, 1), 3) == 3 or pnl_pct_of_max_credit > 0.4"],
    }
    result = bt.simulate(spec, make_bars(300).assign(current_iv=0.2), capital=1e6)
    assert len(result.trades) > 2
    assert differences(result) == []
