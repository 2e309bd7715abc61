from __future__ import annotations

import pandas as pd
import pytest

from btkit.data.placing import read_times
from btkit.errors import DataError

DAY = pd.Timestamp("2024-01-31")


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-31", "2024-02-01"],
        ["2024-01-31T00:00:00+00:00", "2024-02-01T00:00:00+00:00"],
        ["2024-01-31 00:00:00-05:00", "2024-02-01 00:00:00-04:00"],
        ["1/31/2024", "2/1/2024"],
        ["31/01/2024", "01/02/2024"],
        ["31.01.2024", "01.02.2024"],
        ["20240131", "20240201"],
        [20240131, 20240201],
        [1706659200, 1706745600],
        [1706659200_000, 1706745600_000],
        [1706659200_000_000_000, 1706745600_000_000_000],
        ["31-Jan-2024", "01-Feb-2024"],
        ["1706659200", "1706745600"],
        ["1706659200.0", "1706745600.0"],
        ["1706659200000", "1706745600000"],
        ["1706659200000000000", "1706745600000000000"],
        ["20240131000000", "20240201000000"],
        ["202401310000", "202402010000"],
        [20240131000000, 20240201000000],
        pd.date_range("2024-01-31", periods=2, tz="America/New_York"),
        pd.date_range("2024-01-31", periods=2, unit="s"),
    ],
)
def test_daily_times_become_the_written_dates(values):
    times, findings = read_times(pd.Series(values), interval="1d", origin="x.csv")
    assert list(times) == [DAY, pd.Timestamp("2024-02-01")]
    assert times.dtype == "datetime64[ns]"
    assert findings == []


@pytest.mark.parametrize(
    ("values", "noted"),
    [
        (["2024-01-31T14:30:00Z", "2024-01-31T15:30:00Z"], False),
        (["2024-01-31 09:30:00-05:00", "2024-01-31 10:30:00-05:00"], False),
        (["2024-01-31 14:30:00+00", "2024-01-31 15:30:00+00"], False),
        (["2024-01-31 14:30", "2024-01-31 15:30"], True),
        (["31.01.2024 14:30", "31.01.2024 15:30"], True),
        ([1706711400, 1706715000], False),
        (["1706711400", "1706715000"], False),
        (["1706711400000", "1706715000000"], False),
        (["20240131 14:30:00", "20240131 15:30:00"], True),
    ],
)
def test_intraday_times_become_utc(values, noted):
    times, findings = read_times(pd.Series(values), interval="1h", origin="x.csv")
    assert list(times) == list(pd.date_range("2024-01-31 14:30", periods=2, freq="h", tz="UTC"))
    assert [found.code for found in findings] == ["times_taken_as_utc"] * noted


def test_a_history_in_seconds_may_reach_before_1970():
    times, _ = read_times(
        pd.Series(["-631152000", "0", "1706659200"]), interval="1d", origin="x.csv"
    )
    assert list(times) == [pd.Timestamp("1950-01-01"), pd.Timestamp("1970-01-01"), DAY]


@pytest.mark.parametrize(
    ("values", "interval", "words"),
    [
        (["01/02/2024", "01/03/2024"], "1d", "ambiguous"),
        (["soon"], "1d", "'soon' in row 1"),
        (["2024-01-31", "2024-02-31"], "1d", "'2024-02-31' in row 2"),
        (["2024-01-30", "2024-01-31", "2024-02-"], "1d", "'2024-02-' in row 3"),
        (["2024-01-30", "2024-01-31", ""], "1d", "'' in row 3"),
        (["1/31/2024", "2/1/2024", "2/"], "1d", "'2/' in row 3"),
        (["2024-01-30T14:30Z", "2024-01-31T14:99Z"], "1h", "'2024-01-31T14:99Z' in row 2"),
        (["2024-01-30", "1/31/2024"], "1d", "different ways, such as '1/31/2024' in row 2"),
        (["01/01/2015", "02/03/2015"], "1d", "'02/03/2015' may be 2015-02-03 or 2015-03-02"),
        (["99999999999999999999", "1"], "1d", "cannot be read"),
        ([9e16], "1d", "out of range"),
        (["2024-01-31", None], "1d", "without a time"),
        (["2024-01-31T14:30:00Z", "2024-01-31T15:30:00"], "1h", "with a zone and some without"),
        (["2024-01-31T14:30:00Z", "2024-01-31T15:30:00Z"], "1d", "several bars a day"),
    ],
)
def test_unclear_times_are_refused(values, interval, words):
    with pytest.raises(DataError, match=words):
        read_times(pd.Series(values), interval=interval, origin="x.csv")
