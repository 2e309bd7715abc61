"""A value at a bar is the same whatever comes after it."""

import numpy as np
import pytest

from btkit.indicators import EventDay, FeatureSet, UserEvents, catalogue

ENTRIES = [entry.name for entry in catalogue() if entry.per_bar and entry.name != "prev_<name>"]
PER_BAR = [name for name in ENTRIES if "<" not in name]
FAMILY_MEMBERS = [name.replace("<n>", str(n)) for name in ENTRIES if "<" in name for n in (2, 37)]
OF_EVENTS = ["talk_day", "days_to_talk", "talk_within_9d", "prev_talk_within_30d"]
NAMES = [*PER_BAR, *FAMILY_MEMBERS, "prev_iv_atm", "prev_prev_macd_hist", "prev_fomc_meeting_day",
         *OF_EVENTS]  # fmt: skip
COUNT, CUTS = 420, (1, 2, 35, 250, 419)


@pytest.fixture(scope="module")
def bars(make_bars):
    bars = make_bars(COUNT)
    bars.loc[bars.index[100:140], ["current_iv", "vix"]] = np.nan
    return bars


@pytest.fixture(scope="module")
def features_of(bars):
    """Return the features of some bars, with an event on every 30th of all bars."""
    days = [day.date() for day in bars.index[20::30]]
    known = [day.date() for day in bars.index[10::30]]
    talks = tuple(EventDay(*found) for found in zip(days, [None] * len(days), known, strict=False))
    events = UserEvents({"talk": talks}).of(None)
    return lambda some: FeatureSet(some, bars_per_year=252.0, events=events)


@pytest.fixture(scope="module")
def whole(bars, features_of):
    return features_of(bars)


@pytest.mark.parametrize("name", NAMES)
def test_cutting_the_future_off_changes_nothing(bars, whole, features_of, name):
    for cut in CUTS:
        part = features_of(bars.iloc[:cut])
        np.testing.assert_array_equal(part.column(name), whole.column(name)[:cut])
        for mask in ("fallback", "unknown"):
            found, expected = getattr(part, mask)(name), getattr(whole, mask)(name)
            assert (found is None) == (expected is None)
            if found is not None:
                np.testing.assert_array_equal(found, expected[:cut])


@pytest.mark.parametrize("name", NAMES)
def test_another_future_changes_nothing(bars, make_bars, whole, features_of, name):
    for cut in CUTS[:-1]:
        other = bars.copy()
        future = make_bars(COUNT, seed=99)
        future[["open", "high", "low", "close"]] *= 1e4
        other.iloc[cut:] = future.iloc[cut:]
        column = features_of(other).column(name)
        np.testing.assert_array_equal(column[:cut], whole.column(name)[:cut])
