"""What looks ahead is found and named, at the bar where it does; what does not is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_bars import crossover, make_bars

import btkit as bt
from btkit.indicators import EventDates, EventDay, UserEvents, catalogue
from btkit.indicators.registry import REGISTERED
from btkit.markets import slower_bars
from btkit.simulation import SIMULATIONS, check_inputs, in_one_piece, simulate_inputs
from btkit.spec import KINDS
from btkit.validation import check_briefly, check_lookahead
from btkit.validation import lookahead as checking
from btkit.validation.lookahead import Extent

RNG = np.random.default_rng(5)
BARS = make_bars(700, 3).assign(
    iv_rank=np.where(RNG.uniform(size=700) < 0.1, np.nan, RNG.uniform(0, 100, 700)),
    vix=RNG.uniform(10, 40, 700),
)


@pytest.fixture(autouse=True)
def own_list(monkeypatch):
    """Let nothing that a test registers outlive it."""
    monkeypatch.setattr(REGISTERED, "_entries", {})
    monkeypatch.setattr(REGISTERED, "_asked", True)


@pytest.fixture
def plant(monkeypatch):
    """Register an indicator past the check that refuses one that looks ahead."""
    monkeypatch.setattr("btkit.indicators.registering.check_definition", lambda _: None)

    def register(function, name="my_leak"):
        bt.register_indicator(name, function, lookback=0, meaning="Looks ahead.")

    return register


def inputs_of(spec, bars=BARS, *, start=None, **more):
    known = {"name": "tested", "exit_conditions": [], "stop_conditions": [], "max_holding_bars": 5}
    whole = bt.load_spec({**known, **spec}, **more)
    return check_inputs(in_one_piece, whole, bars, start=start)


def check(spec, frame=BARS, *, start=None, **more):
    inputs = inputs_of(spec, frame, start=start)
    return check_lookahead(inputs, simulate_inputs(inputs), **more)


def briefly(spec, bars=BARS, *, start=None):
    inputs = inputs_of(spec, bars, start=start)
    return check_briefly(inputs, simulate_inputs(inputs))


def of_week(close):
    weeks = BARS.index[: len(close)].to_period("W")
    return pd.Series(close).groupby(weeks).transform("last")


PLANTED = {
    "a backward fill": lambda iv_rank: pd.Series(iv_rank).bfill(),
    "a centred window": lambda close: pd.Series(close).rolling(21, center=True).mean(),
    "a slow bar joined early": of_week,
    "a scale over the whole run": lambda close: 50 + (close - close.mean()) / close.std(),
    "a label": lambda close: 100 + 100 * (pd.Series(close).shift(-5) / close - 1),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_named_with_bar_and_values(plant, leak):
    plant(PLANTED[leak])
    found = check({"entry_conditions": ["my_leak > 50", "sma_20 > 1"]}, start=BARS.index[260])
    names = {(one.kind, one.name) for one in found.leaks}
    assert ("feature", "my_leak") in names
    assert all(one.name in {"my_leak", "entry_conditions[0]: my_leak > 50", "entry"}
               for one in found.leaks)  # fmt: skip
    worst = found.leaks[0]
    assert worst.name == "my_leak"
    bar = BARS.index.get_loc(worst.bar)
    assert bar <= BARS.index.get_loc(worst.known_until)
    if worst.altered == "cut off":
        inside = BARS.iloc[: BARS.index.get_loc(worst.known_until) + 1]
        whole, part = (
            pd.Series(PLANTED[leak](frame["iv_rank" if "fill" in leak else "close"].to_numpy()))
            for frame in (BARS, inside)
        )
        for said, value in ((worst.was, whole[bar]), (worst.became, part[bar])):
            assert said == (None if np.isnan(value) else value)


@pytest.mark.parametrize("leak", [name for name in PLANTED if "fill" not in name])
def test_every_run_finds_it_too(plant, leak):
    plant(PLANTED[leak])
    found = briefly({"entry_conditions": ["my_leak > 50"]}, start=BARS.index[260])
    assert found.leaks[0].name == "my_leak"
    assert (found.bars, found.checks, found.whole) == (5, 5, True)


def test_a_backward_fill_shows_also_where_nothing_is_missing_at_the_cut(plant):
    plant(PLANTED["a backward fill"])
    full = BARS.assign(iv_rank=50.0)
    found = check({"entry_conditions": ["my_leak > 50"]}, full)
    assert found.leaks[0].altered == "cut off, values being missing before it"
    assert (found.leaks[0].was, found.leaks[0].became) == (50.0, None)


def test_a_leak_that_only_another_future_shows(plant):
    """What reads the future only where there is one changes with its values."""
    plant(lambda close: np.where(np.append(close[1:], 0.0) > 2 * close, np.nan, close))
    found = check({"entry_conditions": ["my_leak > 50"]})
    assert {one.altered for one in found.leaks} == {"scaled at random"}


def test_what_sizes_read_is_checked(plant):
    plant(PLANTED["a label"])
    found = check(
        {"entry_conditions": ["close > sma_5"], "position_sizing_formula": "capital / my_leak"}
    )
    assert [one.kind for one in found.leaks] == ["feature", "condition", "decision"]
    assert found.leaks[1].name == "position_sizing_formula: capital / my_leak"
    # The formula reads the account, so the part that does not is compared.
    assert found.leaks[1].was == found.leaks[0].was


def test_a_condition_on_the_position_is_checked_as_far_as_the_bars_go(plant):
    plant(PLANTED["a label"])
    found = check(
        {"entry_conditions": ["close > 1"], "exit_conditions": ["bars_held > 3 and my_leak > 50"]}
    )
    assert [(one.kind, one.name) for one in found.leaks[:2]] == [
        ("feature", "my_leak"),
        ("condition", "exit_conditions[0]: bars_held > 3 and my_leak > 50"),
    ]


def test_what_a_kind_of_spec_works_out_itself_is_checked(monkeypatch):
    """As a model does: its outputs, and what is decided by them."""
    plain = SIMULATIONS["rules"]

    def simulate(inputs):
        closes = inputs.bars["close"].to_numpy()
        inputs.outputs["probability of up"] = (closes > closes.mean()).astype(float)
        return plain(inputs)

    monkeypatch.setitem(SIMULATIONS, "rules", simulate)
    found = check({"entry_conditions": ["close > sma_5"]})
    assert {(one.kind, one.name) for one in found.leaks} == {("output", "probability of up")}
    assert {found.leaks[0].was, found.leaks[0].became} == {0.0, 1.0}


def test_a_run_with_outputs_of_its_own_is_checked_in_short_parts(monkeypatch):
    plain, lengths = SIMULATIONS["rules"], []

    def simulate(inputs, *, early=False):
        closes = inputs.bars["close"].to_numpy()
        lengths.append(len(closes))
        inputs.outputs["said"] = np.where(np.arange(len(closes)) < 150, np.nan, closes)
        if early:
            inputs.outputs["said"] = np.append(closes[1:], np.nan)
        return plain(inputs)

    monkeypatch.setitem(SIMULATIONS, "rules", simulate)
    long = make_bars(3000, 1)
    found = briefly({"entry_conditions": ["close > sma_5"]}, long, start=long.index[500])
    assert (found.checks, found.whole, found.leaks) == (3, False, ())
    # 150 bars without an output and 300 with one before a cut, and 60 after it.
    assert lengths[0] == 3000
    assert max(lengths[1:]) == 150 + 300 + 60
    monkeypatch.setitem(SIMULATIONS, "rules", lambda inputs: simulate(inputs, early=True))
    found = briefly({"entry_conditions": ["close > sma_5"]}, long, start=long.index[500])
    assert [(one.kind, one.name) for one in found.leaks] == [("output", "said")]


def every_name():
    for entry in catalogue():
        if entry.per_bar and entry.name != "prev_<name>":
            for n in ("2", "37") if "<n>" in entry.name else ("",):
                yield entry.name.replace("<n>", n)


@pytest.mark.parametrize("bars", ["daily", "hourly"])
def test_nothing_of_btkits_own_looks_ahead_by_a_bit(bars):
    frame = BARS
    if bars == "hourly":
        hours = pd.DatetimeIndex(
            [day + pd.Timedelta(hours=14 + hour, minutes=30)
             for day in BARS.index[:100] for hour in range(7)]
        ).tz_localize("UTC")  # fmt: skip
        frame = BARS.set_axis(hours, axis="index")
    names = list(every_name())
    assert len(names) > 60
    conditions = [f"{name} is not None or prev_{name} is None" for name in names]
    found = check({"entry_conditions": conditions[:40], "exit_conditions": conditions[40:]},
                  frame, bars=12)  # fmt: skip
    assert found.leaks == ()
    assert found.checks > 60


@pytest.mark.parametrize("kind", ["iron_condor", "short_put_spread"])
def test_option_spreads_are_checked(kind):
    spec = {
        "name": "sold", "spread_type": kind, "entry_conditions": ["iv_rank > 20"],
        "exit_conditions": ["pnl_pct_of_max_credit > 0.5"],
    }  # fmt: skip
    found = check(spec)
    assert KINDS["options"].spec.kind == bt.load_spec(spec).kind
    assert found.leaks == ()
    assert found.checks == 6 * found.bars


def test_user_events_are_known_when_they_say_so(monkeypatch):
    known = EventDay(date(2013, 6, 3), known_from=date(2013, 5, 1))
    events = UserEvents({"talk": (EventDay(date(2013, 1, 15)), known, EventDay(date(2014, 1, 6)))})
    spec = {"entry_conditions": ["days_to_talk < 9 or talk_day or talk_within_4d"]}

    def checked():
        inputs = inputs_of(spec, events=events)
        return check_lookahead(inputs, simulate_inputs(inputs))

    assert checked().leaks == ()
    everything = property(lambda self: np.unique(np.array([one.day for one in self.foreseen])))
    monkeypatch.setattr(EventDates, "_always_foreseen", everything)
    leak = checked().leaks[0]
    assert (leak.name, leak.kind) == ("days_to_talk", "feature")
    assert date(2013, 1, 15) < date.fromisoformat(leak.bar) < date(2013, 5, 1)


@pytest.mark.parametrize(
    ("condition", "leaks"),
    [("close > 100", True), ("close > sma_20", False), ("rsi_14 > 50 and atr_14 > 1.4", True)],
)
def test_a_level_of_adjusted_prices_hangs_on_later_splits(condition, leaks):
    bars = BARS.assign(adj_close=BARS["close"] * np.linspace(0.8, 1.0, len(BARS)))
    spec = {"entry_conditions": [condition]}
    found = check({**spec, "price_adjustment": "splits_dividends"}, bars)
    assert [one.name for one in found.leaks] == [f"entry_conditions[0]: {condition}"] * leaks
    assert check(spec, bars).leaks == ()


@pytest.mark.parametrize(
    ("column", "leaks"),
    [
        (BARS["close"].shift(-5) / BARS["close"], True),
        (BARS["close"].rolling(21, center=True).mean() / BARS["close"], True),
        (BARS["close"] / BARS["close"].shift(5), False),
        (pd.Series(RNG.uniform(0, 1, 700), BARS.index), False),
    ],
    ids=["a label", "a centred mean", "a return", "noise"],
)
def test_a_column_that_comes_ready_and_knows_the_future_is_named(column, leaks):
    bars = BARS.assign(iv_rank=100 * column / column.max())
    found = check({"entry_conditions": ["prev_iv_rank > 50"]}, bars, start=BARS.index[60])
    assert [(one.kind, one.name) for one in found.leaks] == [("column", "iv_rank")] * leaks
    # Nobody reads it: nobody is misled.
    assert check({"entry_conditions": ["close > sma_5"]}, bars).leaks == ()


def test_a_registered_average_that_rounds_otherwise_does_not_look_ahead():
    def average(close):
        return np.convolve(np.append([np.nan] * 19, close), np.full(20, 0.05))[19:-19]

    meaning = "Of 20 closes, as a convolution adds them up."
    bt.register_indicator("my_avg", average, lookback=19, meaning=meaning)
    found = check({"entry_conditions": ["close > my_avg"]})
    assert found.leaks == ()


def test_a_long_run_is_checked_in_windows_and_says_so(plant, monkeypatch):
    small = Extent(all_of=300, before=200, after=50)
    monkeypatch.setattr(checking, "THOROUGH", small)
    monkeypatch.setattr(checking, "BRIEF", small)
    spec = crossover(entry_conditions=["ema_50 > sma_20 and macd_hist > 0"])
    found = check({**spec, "parameters": {"fast": 3, "slow": 9}})
    assert (found.leaks, found.whole) == ((), False)
    short = briefly({**spec, "parameters": {"fast": 3, "slow": 9}})
    assert (short.leaks, short.whole, short.checks) == ((), False, 5)
    plant(PLANTED["a scale over the whole run"])
    assert briefly({"entry_conditions": ["my_leak > 50"]}).leaks[0].name == "my_leak"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_few_bars_are_checked_as_far_as_there_are_any(count):
    found = check({"entry_conditions": ["close > 1"]}, BARS.iloc[:count])
    assert found.bars == max(count - 1, 0)
    assert found.leaks == ()
    assert briefly({"entry_conditions": ["close > 1"]}, BARS.iloc[:count]).leaks == ()


@settings(max_examples=15)
@given(
    ahead=st.integers(1, 60),
    seed=st.integers(0, 2**32),
    start=st.integers(0, 500),
)
def test_any_shift_from_the_future_is_found_wherever_the_cuts_fall(ahead, seed, start):
    registering = pytest.MonkeyPatch()
    with registering.context() as patch:
        patch.setattr("btkit.indicators.registering.check_definition", lambda _: None)
        bt.register_indicator(
            "my_leak", lambda close: pd.Series(close).shift(-ahead), lookback=0, meaning="Ahead.",
            replace=True,
        )  # fmt: skip
    found = check(
        {"entry_conditions": ["my_leak > 50"]}, start=BARS.index[start], bars=3, seed=seed
    )
    assert found.leaks[0].name == "my_leak"
    assert found.leaks[0].became is None


def test_the_same_seed_checks_the_same_bars():
    spec = {"entry_conditions": ["close > sma_5"]}
    assert check(spec, seed=4) == check(spec, seed=4)


WEEKLY = {"entry_conditions": ["close > on('1w', sma_3)", "on('1mo', rsi_2 > 20 and vix < 90)"]}


def test_slower_bars_are_known_when_they_have_closed():
    found = check(WEEKLY, bars=6)
    assert found.leaks == ()
    assert found.checks > 6


def test_a_slow_bar_that_is_joined_early_is_named(monkeypatch):
    def early(*arguments, **options):
        made = slower_bars(*arguments, **options)
        return replace(made, last_closed=np.maximum.accumulate(made.period))

    monkeypatch.setattr("btkit.indicators.as_of.slower_bars", early)
    for found in (check(WEEKLY, bars=6), briefly(WEEKLY)):
        named = {leak.name for leak in found.leaks if leak.kind == "feature"}
        assert {'on("1w", sma_3)', 'on("1mo", rsi_2)'} <= named
        assert "close" not in named


def test_a_leak_on_slower_bars_is_named_with_its_interval(plant):
    plant(lambda close: np.append(close[1:], np.nan))
    found = check({"entry_conditions": ["on('1w', my_leak) > close"]}, bars=6)
    assert {leak.name for leak in found.leaks if leak.kind == "feature"} == {'on("1w", my_leak)'}


def test_a_registered_average_of_slower_bars_that_rounds_otherwise_does_not_look_ahead():
    def rounded(close):
        return close * (1.0 + 1e-12 * (len(close) % 7))

    bt.register_indicator("my_close", rounded, lookback=0, meaning="Rounds by the length.")
    assert check({"entry_conditions": ["on('1w', my_close) < 90"]}, bars=6).leaks == ()


CALLS = {
    "entry_conditions": [
        "crossed_above(mean(close, 5), mean(close, 20)) or bars_since(rsi_2 < 10) < 3",
        "count(close > lag(close, 1), 10) >= 3 and percentile(iv_rank, 30) is not None",
        "on('1w', change(close, 3) > 0) or std(on('1w', close), 9) > highest(vix, 4)",
    ],
    "position_sizing_formula": "capital / mean(close, 3) / 2",
}


def test_calls_over_time_do_not_look_ahead():
    for found in (check(CALLS, bars=8), briefly(CALLS)):
        assert found.leaks == ()
        assert found.checks > 4


def test_what_looks_ahead_inside_of_a_call_is_named(plant):
    plant(lambda close: np.append(close[1:], np.nan))
    text = "mean(my_leak, 3) > close"
    for found in (
        check({"entry_conditions": [text]}, bars=8),
        briefly({"entry_conditions": [text]}),
    ):
        assert {(leak.kind, leak.name) for leak in found.leaks} >= {
            ("feature", "my_leak"), ("condition", f"entry_conditions[0]: {text}")
        }  # fmt: skip


def test_a_call_that_reads_ahead_is_named(monkeypatch):
    def ahead(values, bars, fill):
        return np.append(values[bars:], np.full(min(bars, len(values)), fill, values.dtype))

    monkeypatch.setattr("btkit.conditions.windows.shifted", ahead)
    for found in (check(CALLS, bars=8), briefly(CALLS)):
        assert any(leak.kind == "condition" for leak in found.leaks)


def test_a_part_of_a_long_run_has_the_bars_that_nested_calls_read(monkeypatch):
    extent = Extent(all_of=100, before=30, after=10)
    monkeypatch.setattr(checking, "BRIEF", extent)
    parts = []
    monkeypatch.setattr(
        checking, "window", lambda inputs, first, last: parts.append(last - first) or inputs.cut(
            first, last, start=0, begin=0, outputs={}))  # fmt: skip
    briefly({"entry_conditions": ["mean(lag(close, 50), 40) > 0"]}, start=BARS.index[400])
    assert max(parts) == 30 + 50 + 39 + 10
