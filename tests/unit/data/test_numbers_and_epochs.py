"""Numbers as vendors write them, and times counted from 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from btkit.data.epochs import from_epoch
from btkit.data.formats import BarFormat
from btkit.data.numerals import read_numbers
from btkit.errors import DataError

ANY = pd.DatetimeIndex(["2024-01-02"] * 9)


def read(*texts, name="volume", **stated):
    columns = {name: pd.Series(list(texts), dtype=object)}
    return read_numbers(columns, ANY, origin="x.csv", bar_format=BarFormat(**stated))[name].tolist()


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["99,51", "101,67"], [99.51, 101.67]),
        (["1.234,5", "99.876"], [1234.5, 99876.0]),
        (["1,234.5", "65,937"], [1234.5, 65937.0]),
        (["1,234,567", "12,34,567.0"], [1234567.0, 1234567.0]),
        (["2.45K", "1.2M", "3B", "0.5bn"], [2450.0, 1.2e6, 3e9, 5e8]),
        (["2,45K", "1,2M"], [2450.0, 1.2e6]),
        (["$1,234.50", "€ 99.5", "99.5 €"], [1234.5, 99.5, 99.5]),
        (["1 234,5", "1\u00a0234\u202f567,25"], [1234.5, 1234567.25]),
        (["1'234.5", "12"], [1234.5, 12.0]),
        (["12.5%", "7 %"], [12.5, 7.0]),
        (["\u22121.5", "+1.5"], [-1.5, 1.5]),
        (["1.234", "99"], [1.234, 99.0]),
        (["1e5", "2.5E-3"], [1e5, 2.5e-3]),
    ],
)
def test_numbers_are_read_as_they_are_meant(texts, values):
    assert read(*texts) == values


@pytest.mark.parametrize("mark", [".", "-", "--", "", "null", "N/A", "NaN", "#N/A", " - "])
def test_marks_for_missing_values_are_missing(mark):
    assert np.isnan(read("1,5", mark)[1])
    assert np.isnan(read("1.5", mark)[1])


def test_a_percentage_of_current_iv_is_a_fraction():
    assert read("25%", "7.5 %", name="current_iv") == [0.25, 0.075]
    assert read("25%", name="iv_rank") == [25.0]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1,234", "2,345"], "'1,234', which may be 1234 or 1.234"),
        (["1,5", "2.25"], "writes numbers in two ways, such as '1,5' and '2.25'"),
        (["1,5", "12.34.5"], "'12.34.5' where a number belongs"),
        (["99.5", "1,23,4"], "'1,23,4' where a number belongs"),
        (["99.5", "12 34,5x"], "'12 34,5x' where a number belongs"),
        (["99.5", "1 23"], "'1 23' where a number belongs"),
        (["99.5", "0.5 Dividend"], "'0.5 Dividend' where a number belongs"),
    ],
)
def test_what_is_no_number_or_two_is_refused(texts, words):
    with pytest.raises(DataError, match=words) as caught:
        read(*texts)
    assert "decimal" in caught.value.hint


def test_stated_signs_answer_the_question():
    assert read("1,234", decimal=",") == [1.234]
    assert read("1,234", thousands=",") == [1234.0]
    assert read("1.234", "5", decimal=",") == [1234.0, 5.0]
    assert read("1.234", thousands=".") == [1234.0]
    with pytest.raises(DataError, match=r"'1\.5' where a number belongs"):
        read("1.5", decimal=",", thousands=" ")


def test_columns_are_judged_together():
    columns = {
        "close": pd.Series(["99,51", "100,25"]), "volume": pd.Series(["65.937", "1.276"]),
    }  # fmt: skip
    values = read_numbers(columns, ANY, origin="x.csv")
    assert values["volume"].tolist() == [65937.0, 1276.0]


def test_signs_told_by_a_late_row_are_told():
    texts = ["1,234"] * 5_000 + ["1,5"]
    columns = {"close": pd.Series(texts)}
    values = read_numbers(columns, pd.DatetimeIndex(["2024-01-02"] * 5_001), origin="x.csv")
    assert values["close"][[0, -1]].tolist() == [1.234, 1.5]


DAY = pd.Timestamp("2024-12-31", tz="UTC")
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@pytest.mark.parametrize("first", UNITS)
@pytest.mark.parametrize("then", UNITS)
def test_each_row_has_its_own_unit(first, then):
    hours = pd.date_range(DAY, periods=48, freq="h").as_unit("ns")
    numbers = np.where(np.arange(48) < 24, hours.asi8 // UNITS[first], hours.asi8 // UNITS[then])
    times, findings = from_epoch(pd.Series(numbers), origin="x.csv")
    assert list(times) == list(hours)
    assert [(found.code, found.count) for found in findings] == (
        [] if first == then else [("times_change_unit", 24)]
    )


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_history_goes_through_1970_in_any_unit(unit):
    days = pd.date_range("1962-01-02", "2024-01-02", freq="D", tz="UTC").as_unit("ns")
    times, findings = from_epoch(pd.Series(days.asi8 // UNITS[unit]), origin="x.csv")
    assert list(times) == list(days)
    assert findings == []


def test_parts_of_a_second_are_kept():
    times, _ = from_epoch(pd.Series([1706659200.25, 1706659201.5]), origin="x.csv")
    assert times[0] == pd.Timestamp("2024-01-31 00:00:00.25", tz="UTC")


@pytest.mark.parametrize("number", [9e9, 9e16, 4.2e18])
def test_numbers_between_the_units_are_refused(number):
    with pytest.raises(DataError, match="out of range"):
        from_epoch(pd.Series([number]), origin="x.csv")
