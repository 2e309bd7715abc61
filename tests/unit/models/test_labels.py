"""Labels of bars against their text, read bar by bar; none is known before its horizon is over."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_bars import make_bars

import btkit as bt
from btkit.errors import DataError, UsageError
from btkit.models import labels
from btkit.models.labelling import CLASSES, Label, read_label

PRICES = ("open", "high", "low", "close")


def bars_of(*rows):
    """Return bars of (open, high, low, close)."""
    index = pd.bdate_range("2024-01-01", periods=len(rows))
    return pd.DataFrame(rows, index=index, columns=list(PRICES), dtype=float)


def listed(frame):
    """Return label and place of the end of each row; None where it is missing."""
    places = [None if pd.isna(end) else frame.index.get_loc(end) for end in frame["end"]]
    texts = [None if pd.isna(label) else label for label in frame["label"]]
    return list(zip(texts, places, strict=True))


def test_a_forward_return_is_known_at_its_last_bar():
    bars = bars_of(*[(close,) * 4 for close in (4, 5, 8, 2)])
    assert listed(bt.labels.forward_return(bars, 2)) == [(1.0, 2), (-0.6, 3), *[(None, None)] * 2]


@pytest.mark.parametrize("horizon", [4, 5, 10_000])
def test_no_label_is_known_where_the_horizon_is_never_over(horizon):
    frame = labels.forward_return(make_bars(4), horizon)
    assert frame.isna().all(axis=None)
    frame = labels.triple_barrier(make_bars(4), 0.9, 0.9, horizon)
    assert frame.isna().all(axis=None)


def test_a_class_needs_more_than_its_threshold():
    bars = bars_of(*[(close,) * 4 for close in (4, 5, 4, 5, 2)])
    frame = labels.forward_class(bars, 1, buy_above=0.25, sell_below=-0.2 + 1e-12)
    assert listed(frame) == [("HOLD", 1), ("SELL", 2), ("HOLD", 3), ("SELL", 4), (None, None)]
    assert frame["label"].cat.categories.tolist() == list(CLASSES)
    # The tail has no class, and so no code of one.
    assert frame["label"].cat.codes.tolist() == [2, 1, 2, 1, -1]


FLAT = (100, 100, 100, 100)
BARRIERS = {
    "above": ([FLAT, (100, 113, 99, 101)], ("BUY", 1)),
    "exactly there": ([FLAT, (100, 112.5, 100, 100)], ("BUY", 1)),
    "just short of it": ([FLAT, (100, 112.4, 87.6, 100), FLAT, FLAT], ("HOLD", 3)),
    "below": ([FLAT, (100, 101, 87, 100)], ("SELL", 1)),
    "both, the stop": ([FLAT, (100, 113, 87, 100)], ("SELL", 1)),
    "both, opened above": ([FLAT, (113, 114, 87, 100)], ("BUY", 1)),
    "both, opened below": ([FLAT, (87, 114, 86, 100)], ("SELL", 1)),
    "later": ([FLAT, FLAT, (100, 113, 100, 100)], ("BUY", 2)),
    "too late": ([FLAT, FLAT, FLAT, FLAT, (100, 113, 100, 100)], ("HOLD", 3)),
    "its own bar does not count": ([(100, 150, 50, 100), FLAT, FLAT, FLAT], ("HOLD", 3)),
    "not over": ([FLAT, FLAT, FLAT], (None, None)),
}


@pytest.mark.parametrize(("rows", "first"), BARRIERS.values(), ids=BARRIERS)
def test_the_first_barrier_that_a_price_meets(rows, first):
    bars = bars_of(*rows)
    assert listed(labels.triple_barrier(bars, 0.125, 0.125, 3))[0] == first


def test_where_one_bar_meets_both_it_is_as_was_asked():
    bars = bars_of(FLAT, (100, 111, 89, 100))
    known = {
        both: listed(labels.triple_barrier(bars, 0.1, 0.1, 3, both=both))[0][0]
        for both in ("stop_loss", "take_profit", "hold")
    }
    assert known == {"stop_loss": "SELL", "take_profit": "BUY", "hold": "HOLD"}


def test_without_a_barrier_on_one_side_nothing_is_met_there():
    bars = bars_of(FLAT, (100, 111, 1, 100), FLAT)
    assert listed(labels.triple_barrier(bars, 0.1, None, 2))[0] == ("BUY", 1)
    assert listed(labels.triple_barrier(bars, None, 0.1, 2))[0] == ("SELL", 1)


def barrier_by_hand(bars, row, widths, label):
    """Return the class of one bar and its end, from the text of `triple_barrier` alone."""
    close = bars["close"].iloc[row]
    if math.isnan(widths[row]) or widths[row] == 0.0:
        return None, None
    upper = math.inf if label.take_profit is None else close * (1 + label.take_profit * widths[row])
    lower = -math.inf if label.stop_loss is None else close * (1 - label.stop_loss * widths[row])
    tie = {"stop_loss": "SELL", "take_profit": "BUY", "hold": "HOLD"}[label.both]
    end = row + label.horizon
    for at in range(row + 1, min(end + 1, len(bars))):
        opened, high, low, closed = (bars[name].iloc[at] for name in PRICES)
        if label.prices == "close":
            opened = high = low = closed
        if opened >= upper or (high >= upper and low > lower):
            return "BUY", at
        if opened <= lower or (low <= lower and high < upper):
            return "SELL", at
        if high >= upper and low <= lower:
            return tie, at
    if end >= len(bars):
        return None, None
    moved = bars["close"].iloc[end] - close if label.expired == "sign" else 0.0
    return ("BUY" if moved > 0 else "SELL" if moved < 0 else "HOLD"), end


widths = st.none() | st.floats(0.001, 0.06)
barriers = st.fixed_dictionaries(
    {
        "kind": st.just("triple_barrier"),
        "take_profit": widths,
        "stop_loss": widths,
        "horizon": st.integers(1, 12),
        "unit": st.sampled_from(["fraction", "volatility"]),
        "volatility_bars": st.integers(2, 6),
        "prices": st.sampled_from(["high_low", "close"]),
        "both": st.sampled_from(["stop_loss", "take_profit", "hold"]),
        "expired": st.sampled_from(["hold", "sign"]),
    }
).filter(lambda drawn: (drawn["take_profit"], drawn["stop_loss"]) != (None, None))


@given(barriers, st.integers(0, 10**6), st.integers(2, 40))
def test_a_triple_barrier_is_what_its_text_says_bar_by_bar(description, seed, count):
    bars = make_bars(count, seed=seed)
    if description["unit"] == "volatility":
        for name in ("take_profit", "stop_loss"):
            if description[name] is not None:
                description[name] *= 50
    label = read_label(description)
    spread = np.ones(count)
    if label.unit == "volatility":
        moves = np.log(bars["close"]).diff()
        spread = moves.rolling(label.volatility_bars).apply(lambda x: np.std(x, ddof=1), raw=True)
        spread = spread.to_numpy()
    expected = [barrier_by_hand(bars, row, spread, label) for row in range(count)]
    assert listed(label.compute(bars)) == expected


DESCRIPTIONS = [
    {"kind": "forward_return", "horizon": 5},
    {"kind": "forward_class", "horizon": 5, "buy_above": 0.01, "sell_below": -0.01},
    {"kind": "triple_barrier", "take_profit": 0.02, "stop_loss": None, "horizon": 7},
    {"kind": "triple_barrier", "take_profit": 2.0, "stop_loss": 1.0, "horizon": 7}
    | {"unit": "volatility"},
]


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda known: known["kind"])
@pytest.mark.parametrize("cut", [30, 60, 99])
def test_a_label_is_the_same_whatever_comes_after_its_end(description, cut):
    bars, label = make_bars(100), read_label(description)
    whole, short = label.compute(bars), label.compute(bars.iloc[:cut])
    known = (whole["end"] <= bars.index[cut - 1]).to_numpy()[:cut]
    pd.testing.assert_frame_equal(short[known], whole[:cut][known])
    assert short[~known].isna().all(axis=None)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda known: known["kind"])
def test_a_label_is_made_again_from_its_description(description):
    label = read_label(description)
    again = read_label(json.loads(json.dumps(label.model_dump())))
    assert again == label
    bars = make_bars(60)
    pd.testing.assert_frame_equal(again.compute(bars), label.compute(bars))


def test_every_kind_of_label_has_its_function():
    kinds = {kind.model_fields["kind"].default for kind in Label.__origin__.__args__}
    assert all(callable(getattr(labels, kind)) for kind in kinds)


def test_intraday_ends_keep_their_zone():
    index = pd.date_range("2024-01-02 14:30", periods=6, freq="1h", tz="UTC")
    frame = labels.forward_return(make_bars(6, index=index), 2)
    assert frame["end"].iloc[0] == index[2]
    assert frame["end"].dtype == frame.index.dtype


REFUSED = {
    "horizon is 0": lambda bars: labels.forward_return(bars, 0),
    "horizon is 2.5": lambda bars: labels.forward_return(bars, 2.5),
    "horizon is None": lambda bars: labels.forward_class(bars, None, buy_above=1, sell_below=0),
    "horizon is 10001": lambda bars: labels.forward_return(bars, 10_001),
    "buy_above is nan": lambda bars: labels.forward_class(
        bars, 1, buy_above=math.nan, sell_below=0
    ),
    "sell_below is above buy_above": lambda bars: labels.forward_class(
        bars, 1, buy_above=-0.1, sell_below=0.1
    ),
    "neither take_profit nor": lambda bars: labels.triple_barrier(bars, None, None, 5),
    "take_profit is -1": lambda bars: labels.triple_barrier(bars, -1, 0.1, 5),
    "both is 'neither'": lambda bars: labels.triple_barrier(bars, 0.1, 0.1, 5, both="neither"),
    "volatility_bars is 1": lambda bars: labels.triple_barrier(bars, 1, 1, 5, volatility_bars=1),
    "does not match any": lambda _: read_label({"kind": "zigzag", "horizon": 3}),
    "label is 5": lambda _: read_label(5),
    "depth is 3": lambda _: read_label({"kind": "forward_return", "horizon": 3, "depth": 3}),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_makes_no_label_is_refused_with_a_hint(said):
    with pytest.raises(UsageError, match=said) as refused:
        REFUSED[said](make_bars(30))
    assert refused.value.hint


def test_what_are_no_bars_is_refused():
    with pytest.raises(DataError, match="DataFrame"):
        labels.forward_return([1.0, 2.0], 1)


def uniqueness_by_hand(spans):
    """Return the weights of labels given as (first bar, last bar), by counting."""
    covered = [set(range(first, last + 1)) for first, last in spans]
    counts = {bar: sum(bar in other for other in covered) for bars in covered for bar in bars}
    return [sum(1 / counts[bar] for bar in bars) / len(bars) for bars in covered]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)).map(sorted), max_size=25))
def test_uniqueness_is_the_mean_share_of_a_labels_bars(spans):
    days = pd.bdate_range("2024-01-01", periods=30)
    first, last = ([span[side] for span in spans] for side in (0, 1))
    weights = labels.uniqueness(pd.Series(days[last], index=days[first], dtype="M8[ns]"), days)
    assert weights.tolist() == pytest.approx(uniqueness_by_hand(spans), rel=1e-12)


def test_labels_that_are_not_known_weigh_nothing_and_share_nothing():
    bars = make_bars(50)
    ends = labels.forward_return(bars, 10)["end"]
    weights = labels.uniqueness(ends, bars)
    assert weights.index.equals(bars.index)
    assert weights.isna().tolist() == [False] * 40 + [True] * 10
    pd.testing.assert_series_equal(weights[:40], labels.uniqueness(ends[:40], bars.index))
    alone = ends.iloc[[0, 11, 22]]
    assert labels.uniqueness(alone, bars).tolist() == [1.0] * 3


def test_labels_of_other_bars_have_no_weight():
    bars = make_bars(50)
    ends = labels.forward_return(bars, 10)["end"]
    with pytest.raises(UsageError, match="one is no bar"):
        labels.uniqueness(ends, bars[:30])
    backwards = pd.Series(bars.index[:1], index=bars.index[1:2])
    with pytest.raises(UsageError, match="before it begins"):
        labels.uniqueness(backwards, bars)
