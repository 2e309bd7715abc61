"""Runs that read bars of a slower interval."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_bars import make_bars as random_bars

import btkit as bt
from btkit.crosscheck import crosscheck, differences
from btkit.errors import SpecError
from btkit.markets import schedule

SPEC = {
    "name": "slower",
    "entry_conditions": ["close > on('1w', sma_3)", "not on('1mo', close < prev_close)"],
    "exit_conditions": ["close < on('1w', low)"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / on('1w', close)",
}
CALENDARS = ("XNYS", "24/7", "CMES", "XHKG")


def test_features_have_the_columns_of_slower_intervals():
    bars = random_bars(200)
    # A calendar without holidays, as the bars are: what falls on a holiday is in no slower bar.
    run = bt.simulate({**SPEC, "calendar": "24/5"}, bars, start=bars.index[60])
    assert list(run.features) == [
        "close", 'on("1mo", close)', 'on("1mo", prev_close)', 'on("1w", close)', 'on("1w", low)',
        'on("1w", sma_3)',
    ]  # fmt: skip
    fridays = bars["close"].resample("W-FRI").last().rolling(3).mean()
    on_fridays = run.features['on("1w", sma_3)'].loc[lambda column: column.index.day_of_week == 4]
    assert len(on_fridays) > 20
    np.testing.assert_allclose(on_fridays, fridays.reindex(on_fridays.index), rtol=1e-12)
    assert run.warmup["bars"] == 60
    assert differences(run) == []


def test_what_is_missing_at_first_and_what_drifts_is_told_by_slower_bars():
    bars = random_bars(400)
    text = "on('1w', ema_5) > 0 and on('1mo', sma_12) > 0"
    run = bt.simulate({**SPEC, "entry_conditions": [text]}, bars, start=bars.index[50])
    assert run.warmup["missing_until"] == {'on("1mo", sma_12)': "2012-12-31"}
    # Ten weeks have closed before the start, the first value is the fifth's.
    assert run.warmup["drift"] == {'on("1w", ema_5)': pytest.approx((2 / 3) ** 6)}


def test_a_fallback_inside_is_counted_and_warned_of():
    bars = random_bars(200)
    text = "on('1w', vix) < 35"
    run = bt.simulate({**SPEC, "entry_conditions": [text]}, bars, start=bars.index[60])
    assert run.fallbacks == {'on("1w", vix)': 140}
    (warning,) = [found for found in run.warnings if found["code"] == "fallback"]
    assert warning["message"].endswith('(100%): on("1w", vix).')


def test_an_explanation_looks_inside():
    bars = random_bars(200)
    for text in ("on('1w', close > 1e6 and volume > 0)", "not on('1w', close < 1e6)"):
        run = bt.simulate({**SPEC, "entry_conditions": [text]}, bars, start=bars.index[60])
        (sentence,) = run.diagnostics.explanation
        assert "never held; it came nearest on" in sentence
        assert "needed" in sentence
    run = bt.simulate({**SPEC, "entry_conditions": ["on('1w', iv_rank) > 3"]}, bars)
    assert "a value it needs was missing" in run.diagnostics.explanation[0]


def test_a_slower_interval_that_the_bars_do_not_make_is_refused():
    spec = {**SPEC, "exit_conditions": ["close < on('1h', low)"]}
    with pytest.raises(SpecError, match="Bars of 1d do not make bars of 1h") as refusal:
        bt.simulate(spec, random_bars(50))
    (problem,) = refusal.value.problems
    assert (problem.path, problem.column) == ("exit_conditions[0]", 11)


def test_an_interval_is_no_parameter():
    spec = {**SPEC, "exit_conditions": ["close < on('{n}m', low)"], "parameters": {"n": 60}}
    with pytest.raises(SpecError, match="written out, without a parameter"):
        bt.load_spec(spec)


def intraday(calendar, minutes, seed):
    sessions = schedule(calendar, pd.Timestamp("2024-11-20"), pd.Timestamp("2024-12-06"))
    each = [
        pd.date_range(row.open, row.close, freq=f"{minutes}min", inclusive="left")
        for row in sessions.itertuples()
    ]
    index = each[0].append(each[1:])
    kept = np.random.default_rng(seed).random(len(index)) < 0.85
    kept[:2] = True
    bars = random_bars(int(kept.sum()), seed, index=index[kept].rename("time"))
    bars["volume"] = np.random.default_rng(seed).uniform(1.0, 9.0, len(bars))
    return bars


@settings(max_examples=25)
@given(
    calendar=st.sampled_from(CALENDARS),
    minutes=st.sampled_from([30, 60]),
    slower=st.sampled_from(["2h", "3h", "1d", "1w"]),
    inner=st.sampled_from(
        ["open", "high < prev_high", "volume", "1 / (close - 100)", "sma_3", "dte", "hv_5",
         "iv_rank is None or vix > 3", "mean(close, 2) > lag(open, 1)", "bars_since(close > open)"]
    ),
    seed=st.integers(0, 99),
    cut=st.floats(0.3, 1.0),
)  # fmt: skip
def test_intraday_bars_agree_with_the_plain_simulation_and_no_later_bar_matters(
    calendar, minutes, slower, inner, seed, cut
):
    bars = intraday(calendar, minutes, seed)
    text = f"on('{slower}', {inner})"
    spec = {
        **SPEC, "calendar": calendar, "entry_conditions": [f"{text} or close < prev_close"],
        "exit_conditions": [f"{text} is None or close > {text}"],
        "position_sizing_formula": "10", "max_holding_bars": 5,
    }  # fmt: skip
    run = bt.simulate(spec, bars, start=bars.index[3])
    assert differences(run) == []
    assert crosscheck(spec, bars, start=bars.index[3]).equity == run.equity.tolist()
    size = max(5, int(cut * len(bars)))
    part = bt.simulate(spec, bars.iloc[:size], start=bars.index[3])
    pd.testing.assert_frame_equal(part.features, run.features.iloc[: len(part.features)])
    later = bars.copy()
    later.iloc[size:, :4] *= 1.5
    changed = bt.simulate(spec, later, start=bars.index[3]).features
    pd.testing.assert_frame_equal(changed.iloc[: size - 3], run.features.iloc[: size - 3])


def test_option_specs_read_slower_bars_too():
    bars = random_bars(300)
    spec = {
        "name": "spreads",
        "spread_type": "short_put_spread",
        "entry_conditions": ["close > on('1w', sma_5)"],
        "exit_conditions": ["on('1mo', close < open)"],
    }
    run = bt.simulate(spec, bars.assign(current_iv=0.2), start=bars.index[60])
    assert len(run.trades)
    assert differences(run) == []


@pytest.mark.parametrize(("calendar", "first"), [("XSAU", "2015-03-01"), ("XSHG", "2030-06-02")])
def test_years_that_no_calendar_records_agree_too(calendar, first):
    days = pd.date_range(first, periods=120, name="date")
    for index in (days, (days + pd.Timedelta(hours=6)).tz_localize("UTC").rename("time")):
        bars = random_bars(len(index), index=index)
        assert differences(bt.simulate({**SPEC, "calendar": calendar}, bars)) == []


def test_a_week_of_closures_that_nobody_foresaw_closes_on_its_last_session():
    sessions = schedule("XNYS", pd.Timestamp("2001-08-20"), pd.Timestamp("2001-10-05")).index
    bars = random_bars(30, index=sessions[:30].rename("date"))
    weekly = bt.simulate(SPEC, bars).features['on("1w", close)']
    assert weekly["2001-09-10"] == bars["close"]["2001-09-10"]
    assert weekly["2001-09-17"] == bars["close"]["2001-09-10"]


def test_both_sides_read_slower_bars():
    spec = {
        **SPEC, "direction": "both", "position_sizing_formula": "10",
        "short": {
            "entry_conditions": ["close < on('1w', prev_low)"],
            "exit_conditions": ["close > on('1w', sma_5)"], "stop_conditions": [],
            "position_sizing_formula": "1000 / on('1mo', high)",
        },
    }  # fmt: skip
    run = bt.simulate(spec, random_bars(300))
    assert {'on("1w", prev_low)', 'on("1w", sma_5)', 'on("1mo", high)'} <= set(run.features)
    assert differences(run) == []
    spec["short"]["exit_conditions"] = ["close > on('1h', sma_5)"]
    with pytest.raises(SpecError, match=r"short.exit_conditions\[0\]: Bars of 1d do not make"):
        bt.simulate(spec, random_bars(300))
