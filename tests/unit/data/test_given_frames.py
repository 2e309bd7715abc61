"""Frames that are handed over are taken as the file source takes files."""

import threading
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from btkit.data import load_format, take_bars
from btkit.errors import DataError
from btkit.markets import sessions


def daily(count=30):
    close = 100.0 + np.arange(count)
    return pd.DataFrame(
        {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6},
        index=pd.DatetimeIndex(sessions("2024-01-02", "2024-12-31")[:count]).as_unit("ns"),
    )


def minutes(zone=None):
    days = sessions("2024-01-02", "2024-01-05")
    index = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=14, minutes=30 + 15 * bar) for day in days for bar in range(26)]
    ).as_unit("ns")
    return pd.concat([daily()] * 4).head(len(index)).set_axis(index.tz_localize(zone))


def titled(frame):
    return frame.rename(columns=str.title)


def two_levels(frame, *, symbol_first=False):
    levels = [list(titled(frame).columns), ["SPY"]]
    columns = pd.MultiIndex.from_product(levels, names=["Price", "Ticker"])
    wide = frame.set_axis(columns, axis="columns").rename_axis("Date")
    return wide.swaplevel(axis=1) if symbol_first else wide


DAILY = {
    "its own form": lambda frame: frame,
    "headings in title case": titled,
    "two levels": two_levels,
    "two levels, the symbol first": lambda frame: two_levels(frame, symbol_first=True),
    "dates as a column": lambda frame: titled(frame).reset_index(names="Date"),
    "dates as text in a column": lambda frame: frame.set_axis(
        frame.index.strftime("%Y-%m-%d")
    ).reset_index(names="date"),
    "dates as text in the index": lambda frame: frame.set_axis(frame.index.strftime("%d-%b-%Y")),
    "dates as Python has them": lambda frame: frame.set_axis(frame.index.date),
    "days as periods": lambda frame: frame.set_axis(frame.index.to_period("D")),
    "seconds": lambda frame: frame.set_axis(frame.index.as_unit("s")),
    "midnights of New York": lambda frame: frame.tz_localize("America/New_York"),
    "stamped at the close": lambda frame: frame.set_axis(frame.index + pd.Timedelta(hours=16)),
    "stamped at the close in New York": lambda frame: frame.set_axis(
        frame.index + pd.Timedelta(hours=16)
    ).tz_localize("America/New_York"),
    "numbers as text": lambda frame: frame.astype(str),
    "numbers as decimals": lambda frame: frame.map(lambda value: Decimal(str(value))),
    "numbers that may be missing": lambda frame: frame.astype("Float64"),
    "a date column beside the index": lambda frame: frame.assign(Date=frame.index),
    "columns that mean nothing": lambda frame: frame.assign(note="x", **{"Bid %": 1.0}),
    "a heading that is no text": lambda frame: frame.assign(a=1.0).rename(columns={"a": 7}),
}


@pytest.mark.parametrize("form", DAILY.values(), ids=DAILY)
def test_daily_bars_in_any_form_are_the_same_bars(form):
    given = take_bars(form(daily()))
    pd.testing.assert_frame_equal(
        given.bars, daily(), check_names=False, check_freq=False, check_column_type=False
    )
    assert given.findings == []


@pytest.mark.parametrize("form", DAILY.values(), ids=DAILY)
def test_a_frame_stays_as_it_was(form):
    frame = form(daily())
    before = frame.copy(deep=True)
    take_bars(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_frame_in_its_own_form_is_not_copied():
    frame = daily()
    assert take_bars(frame).bars is frame


@pytest.mark.parametrize("zone", ["UTC", None])
@pytest.mark.parametrize("as_column", [False, True])
def test_intraday_times_without_a_zone_are_read_as_utc_and_told(zone, as_column):
    frame = minutes(zone)
    given = take_bars(frame.reset_index(names="Datetime") if as_column else frame)
    pd.testing.assert_frame_equal(given.bars, minutes("UTC"), check_names=False)
    told = [found.code for found in given.findings]
    assert told == ([] if zone else ["times_taken_as_utc"])


def test_intraday_times_of_another_zone_become_utc():
    given = take_bars(titled(minutes("UTC").tz_convert("America/New_York")))
    pd.testing.assert_frame_equal(given.bars, minutes("UTC"), check_names=False)


def test_bars_without_a_volume_have_none_and_say_so():
    given = take_bars(titled(daily()).drop(columns="Volume"))
    assert (given.bars["volume"] == 0.0).all()
    assert [found.code for found in given.findings] == ["no_volume_column", "zero_volume"]


def test_a_future_stamped_when_its_session_opens_belongs_to_that_session():
    evenings = (daily().index - pd.Timedelta(hours=7)).tz_localize("UTC")
    given = take_bars(daily().set_axis(evenings), calendar="us_futures")
    assert given.bars.index[1] == daily().index[1]
    assert "stamped_at_session_open" in [found.code for found in given.findings]


def with_cell(value, *, column="close"):
    frame = daily().astype(object)
    frame.iloc[3, frame.columns.get_loc(column)] = value
    return frame


class Broken:
    def __repr__(self):
        raise RuntimeError("broken on purpose")

    __str__ = __eq__ = __hash__ = __repr__


REFUSED = {
    "a dict": dict(daily()),
    "a list": [daily()],
    "an array": daily().to_numpy(),
    "a series": daily()["close"],
    "nothing": None,
    "a polars frame": type("DataFrame", (), {"__module__": "polars.dataframe.frame"})(),
    "no dates": daily().reset_index(drop=True),
    "numbers for dates": daily().set_axis(np.arange(30) + 5),
    "an empty date": daily().set_axis([*daily().index[:-1], pd.NaT]),
    "two symbols": pd.concat({"SPY": daily(), "QQQ": daily()}, axis=1),
    "no close": daily().drop(columns="close"),
    "two closes": pd.concat([daily(), daily()[["close"]]], axis=1),
    "complex numbers": daily().astype({"close": complex}),
    "one complex number": with_cell(1j),
    "a number beyond every float": with_cell(10**5000),
    "NA for a price": with_cell(pd.NA),
    "a list in a cell": with_cell([1.0]),
    "an object without a text": with_cell(Broken()),
    "a word in a cell": with_cell("closed"),
    "a heading without a text": daily().rename(columns={"volume": Broken()}),
    "an endless heading": daily().rename(columns={"volume": 10**5000}),
    "years out of reach": daily().set_axis(
        pd.DatetimeIndex(np.datetime64("9000-01-03", "s") + 86_400 * np.arange(30))
    ),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_of_bars_is_refused_with_a_hint(frame):
    with pytest.raises(DataError) as caught:
        take_bars(frame)
    assert caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "attributes",
    [{"btkit": 5}, {"btkit": {"source": 1}}, {3: "x"}, {"lock": threading.Lock()}],
    ids=["no mapping", "another mapping", "a key that is no text", "nothing that can be copied"],
)
def test_attributes_of_others_say_nothing(attributes):
    frame = titled(daily())
    frame.attrs.update(attributes)
    given = take_bars(frame)
    assert (given.stated, given.interval) == (None, None)
    assert given.bars.attrs == {}


def test_the_edge_of_nanoseconds():
    for first in ("1677-09-22", "2262-03-01"):
        frame = daily().set_axis(pd.date_range(first, periods=30, freq="D", unit="ns"))
        assert len(take_bars(frame).bars) == 30


def test_a_frame_may_come_with_a_stated_format():
    frame = daily().reset_index(names="Tag").rename(columns={"close": "Schluss"})
    stated = load_format({"columns": {"time": "Tag", "close": "Schluss"}})
    pd.testing.assert_frame_equal(
        take_bars(frame, bar_format=stated).bars, daily(), check_freq=False, check_names=False
    )


def test_columns_of_two_symbols_are_refused_with_what_to_keep():
    frame = pd.concat({"ABC": daily(), "XYZ": daily()}, axis=1)
    with pytest.raises(DataError, match=r"more than one symbol \(ABC, XYZ\)") as refused:
        take_bars(frame)
    assert refused.value.hint.startswith("keep the columns of one symbol")
