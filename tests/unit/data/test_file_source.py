from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from btkit.data import load_from_source
from btkit.errors import DataError, NoDataError, SourceError, UsageError
from btkit.settings import Settings

DAYS = pd.bdate_range("2024-01-01", periods=40)
CLOSE = 100.0 + np.arange(40) / 7.0


def table(**more):
    return pd.DataFrame(
        {"date": DAYS.strftime("%Y-%m-%d"), "open": CLOSE, "high": CLOSE + 1, "low": CLOSE - 1,
         "close": CLOSE, "volume": 1000} | more
    )  # fmt: skip


def write(folder, name, frame=None):
    frame = table() if frame is None else frame
    if name.lower().endswith("parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False)


def load(folder, symbol="SPY", start="2024-01-15", end="2024-02-23", **options):
    settings = Settings(_env_file=None, data_dir=folder)
    return load_from_source(symbol, start, end, settings=settings, source="files", **options)


@pytest.mark.parametrize(
    "name", ["SPY.csv", "spy.CSV", "SPY.parquet", "Spy_1D.csv", "spy-1d.parquet", "SPY.csv.gz"]
)
def test_a_file_is_found_whatever_its_case(tmp_path, name):
    write(tmp_path, name)
    loaded = load(tmp_path)
    assert (loaded.info.rows, loaded.info.warmup_rows) == (30, 10)
    assert name in loaded.info.description
    # Exact to the last bit through text, too.
    np.testing.assert_array_equal(loaded.bars["close"], CLOSE)


@pytest.mark.parametrize(
    "names",
    [
        ["Date", "Open", "High", "Low", "Close", "Volume"],
        ["Datetime", "o", "h", "l", "c", "v"],
        ["timestamp", "OPEN", "HIGH", "LOW", "CLOSE", "Vol"],
        ["Time", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
        ["Unnamed: 0", "open", "high", "low", "Close/Last", "volume"],
        ["", "open ", " high", "low", "Close*", "volume"],
        ["t", "o", "h", "l", "c", "v"],
        ["dt", "open", "high", "low", "price", "volume"],
        ["Date", "Open", "High", "Low", "Last", "Volume"],
        ["timestamp", "1. open", "2. high", "3. low", "4. close", "5. volume"],
        ["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
    ],
)
def test_usual_spellings_are_understood(tmp_path, names):
    write(tmp_path, "SPY.csv", table().set_axis(names, axis="columns"))
    assert load(tmp_path).info.rows == 30


@pytest.mark.parametrize("name", ["Adj Close", "adj_close", "AdjClose", "Adjusted Close"])
def test_adjusted_closes_are_understood(tmp_path, name):
    write(tmp_path, "SPY.csv", table(**{name: CLOSE / 2}))
    np.testing.assert_array_equal(load(tmp_path).bars["adj_close"], CLOSE / 2)


def test_other_separators_and_a_byte_order_mark_are_understood(tmp_path):
    table().to_csv(tmp_path / "SPY.csv", index=False, sep=";", encoding="utf-8-sig")
    assert load(tmp_path).info.rows == 30


def test_a_parquet_file_with_a_time_index_is_understood(tmp_path):
    table().drop(columns="date").set_axis(DAYS).to_parquet(tmp_path / "SPY.parquet")
    assert load(tmp_path).info.rows == 30


@pytest.mark.parametrize("name", ["date", "Datetime", "timestamp", None])
def test_a_parquet_file_with_an_index_of_texts_is_understood(tmp_path, name):
    frame = table().set_index("date").rename_axis(name)
    frame.to_parquet(tmp_path / "SPY.parquet")
    assert load(tmp_path).info.rows == 30


def test_a_parquet_file_with_an_index_of_dates_is_understood(tmp_path):
    frame = table().drop(columns="date").set_axis(pd.Index(DAYS.date, name="Date"))
    frame.to_parquet(tmp_path / "SPY.parquet")
    assert load(tmp_path).info.rows == 30


def yfinance_table(*symbols):
    one = table().set_index("date").rename(columns=str.title)
    one.index = pd.DatetimeIndex(one.index, name="Date")
    return pd.concat(dict.fromkeys(symbols, one), axis=1, names=["Ticker", "Price"])


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_one_symbol_from_yfinance_is_understood(tmp_path, ending, swapped):
    frame = yfinance_table("SPY")
    if swapped or ending == "csv":
        frame = frame.swaplevel(axis="columns")
    getattr(frame, f"to_{ending}")(tmp_path / f"SPY.{ending}")
    loaded = load(tmp_path)
    assert loaded.info.rows == 30
    np.testing.assert_array_equal(loaded.bars["close"], CLOSE)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("swapped", [False, True])
def test_of_several_symbols_from_yfinance_the_one_asked_for_is_read(tmp_path, ending, swapped):
    frame = yfinance_table("QQQ", "SPY")
    frame["SPY"] *= 2
    frame = frame.swaplevel(axis="columns") if swapped else frame
    getattr(frame, f"to_{ending}")(tmp_path / f"SPY.{ending}")
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.bars["close"], 2 * CLOSE)
    assert "other_symbols" in {found.code for found in loaded.info.quality}
    getattr(frame, f"to_{ending}")(tmp_path / f"IWM.{ending}")
    with pytest.raises(DataError, match="more than one symbol"):
        load(tmp_path, symbol="IWM")


def test_a_close_is_preferred_to_a_last_price(tmp_path):
    write(tmp_path, "SPY.csv", table(last=1.0, Price=2.0))
    np.testing.assert_array_equal(load(tmp_path).bars["close"], CLOSE)


def test_dollar_signs_are_left_out(tmp_path):
    dollars = [f"${value!r}" for value in CLOSE.tolist()]
    write(tmp_path, "SPY.csv", table(close=dollars))
    np.testing.assert_array_equal(load(tmp_path).bars["close"], CLOSE)


def test_a_file_without_volume_has_volume_0_and_says_so(tmp_path):
    write(tmp_path, "SPY.csv", table().drop(columns="volume"))
    loaded = load(tmp_path)
    assert (loaded.bars["volume"] == 0.0).all()
    told = {found.code: found for found in loaded.info.quality}
    assert told["no_volume_column"].count == 40
    assert "SPY.csv has no column volume" in told["no_volume_column"].message


def test_a_table_of_stooq_is_understood(tmp_path):
    days = table().drop(columns="date").set_axis(
        ["<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"], axis="columns"
    )  # fmt: skip
    days.insert(0, "<TIME>", "000000")
    days.insert(0, "<DATE>", DAYS.strftime("%Y%m%d"))
    days.insert(0, "<PER>", "D")
    days.insert(0, "<TICKER>", "SPY.US")
    write(tmp_path, "SPY.csv", days.assign(**{"<OPENINT>": 0}))
    assert load(tmp_path).info.rows == 30
    hours = days.assign(**{"<DATE>": "20240102", "<TIME>": [f"14{n:02}00" for n in range(40)]})
    write(tmp_path, "SPY_1m.csv", hours)
    loaded = load(tmp_path, start="2024-01-02", end="2024-01-02", interval="1m")
    assert loaded.start == pd.Timestamp("2024-01-02 14:00", tz="UTC")


def test_a_date_cut_short_is_named(tmp_path):
    text = table().to_csv(index=False)
    (tmp_path / "SPY.csv").write_text(text[: text.rindex("2024-02-23") + 8])
    with pytest.raises(DataError, match=r"SPY\.csv .*'2024-02-' in row 40"):
        load(tmp_path)


def test_intraday_bars_have_their_own_file(tmp_path):
    times = pd.date_range("2024-01-02 14:30", periods=40, freq="h").strftime("%Y-%m-%d %H:%M")
    write(tmp_path, "SPY.csv")
    write(tmp_path, "SPY_1h.csv", table(date=times))
    loaded = load(tmp_path, start="2024-01-03", end="2024-01-03", interval="1h")
    assert loaded.start == pd.Timestamp("2024-01-03 00:30", tz="UTC")
    assert any("read as UTC" in found.message for found in loaded.info.quality)
    with pytest.raises(NoDataError, match="no file of 5m bars for SPY"):
        load(tmp_path, interval="5m")


HALF_HOURS = pd.DatetimeIndex(
    [
        time
        for day in ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
        for time in pd.date_range(f"{day} 14:30", periods=13, freq="30min", tz="UTC")
    ][:40]
)
TWO_HOURS = pd.DatetimeIndex(
    [
        time
        for day in pd.bdate_range("2024-01-02", periods=10)
        for time in pd.date_range(day + pd.Timedelta("14:30:00"), periods=4, freq="2h", tz="UTC")
    ]
)


@pytest.mark.parametrize(
    ("name", "interval", "times", "label"),
    [
        ("SPY_30m.csv", "30m", HALF_HOURS, "30m"),
        ("spy-2h.parquet", "2h", TWO_HOURS, "2h"),
        ("SPY_120m.csv", "2h", TWO_HOURS, "2h"),
        ("SPY_2h.csv", "120m", TWO_HOURS, "2h"),
        ("SPY.1w.csv", "1w", pd.date_range("2023-01-02", periods=40, freq="W-MON"), "1w"),
        ("SPY_1mo.parquet", "1mo", pd.date_range("2020-09-01", periods=40, freq="MS"), "1mo"),
        ("SPY_3mo.csv", "3mo", pd.date_range("2013-12-31", periods=40, freq="QE"), "3mo"),
    ],
)
def test_bars_of_any_regular_length_have_their_own_file(tmp_path, name, interval, times, label):
    write(tmp_path, "SPY.csv")
    write(tmp_path, name, table(date=times))
    loaded = load(tmp_path, start=times[10], end=times[-1].date(), interval=interval)
    assert (loaded.info.interval, loaded.info.warmup_rows, loaded.info.rows) == (label, 10, 30)
    assert loaded.info.coverage == "complete"
    assert name in loaded.info.description


def test_a_file_of_another_interval_is_refused(tmp_path):
    times = pd.date_range("2024-01-02", periods=40, freq="h").strftime("%Y-%m-%dT%H:%MZ")
    write(tmp_path, "SPY.csv", table(date=times))
    with pytest.raises(DataError, match="several bars a day"):
        load(tmp_path)
    write(tmp_path, "SPY_1w.csv")
    with pytest.raises(DataError, match="not the interval 1w"):
        load(tmp_path, interval="1w")


@pytest.mark.parametrize("symbol", ["../secret", "..", "/etc/passwd", "a/../../secret", "S\0", ""])
def test_a_symbol_cannot_leave_the_folder(tmp_path, symbol):
    folder = tmp_path / "data"
    folder.mkdir()
    write(tmp_path, "secret.csv")
    with pytest.raises((UsageError, NoDataError)):
        load(folder, symbol=symbol)


def test_a_slash_in_a_symbol_is_an_underscore_in_the_file(tmp_path):
    write(tmp_path, "BRK_B.csv")
    assert load(tmp_path, symbol="BRK/B").info.symbol == "BRK/B"


@pytest.mark.parametrize("name", ["$SPX", "_SPX"])
def test_a_dollar_in_a_symbol_may_be_an_underscore_in_the_file(tmp_path, name):
    write(tmp_path, f"{name}.csv")
    assert load(tmp_path, symbol="$SPX").info.rows == 30


def test_a_second_fitting_file_is_noted(tmp_path):
    write(tmp_path, "SPY.csv")
    write(tmp_path, "SPY.parquet")
    assert "SPY.csv was read; SPY.parquet would fit the name as well." in load(tmp_path).info.notes


def test_an_unknown_symbol_lists_what_there_is(tmp_path):
    write(tmp_path, "QQQ.csv")
    with pytest.raises(NoDataError, match="no file of 1d bars for SPY") as caught:
        load(tmp_path)
    assert caught.value.exit_code == 1
    assert caught.value.details["files"] == ["QQQ"]


def test_a_missing_folder_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        load(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="BT_DATA_DIR is not set"):
        load(None)


def test_a_truncated_csv_is_refused(tmp_path):
    text = table().to_csv(index=False)
    (tmp_path / "SPY.csv").write_text(text[: text.rindex(",") - 12])
    with pytest.raises(DataError, match="2024-02-23"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("SPY.csv", b""),
        ("SPY.csv", b"\x00\xff\xfe\x01garbage\x00"),
        ("SPY.csv", b"date,open,high,low,close,volume\n2024-01-02,1,2\n2024-01-03,1,2,1,1,1,1,1\n"),
        ("SPY.csv", b"date,open,high,low,close,volume\n2024-01-02,1,2,1,1,1,9\n"),
        ("SPY.csv", b"open,high,low,close,volume\n1,2,1,1,1\n"),
        ("SPY.csv", b"date,open,high,low,volume\n2024-01-02,1,2,1,1\n"),
        ("SPY.csv", b"date,open,high,low,price,last,volume\n2024-01-02,1,2,1,1,1,1\n"),
        ("SPY.csv", b"date,open,high,low,close,volume,vol\n2024-01-02,1,2,1,1,1,1\n"),
        ("SPY.csv", b'date,open,high,low,close,volume\n2024-01-02,"1,000",2,1,1,1\n'),
        ("SPY.csv.gz", gzip.compress(table().to_csv(index=False).encode())[:200]),
        ("SPY.csv.gz", b"no gzip at all"),
        ("SPY.parquet", b""),
        ("SPY.parquet", b"PAR1 not really"),
    ],
)  # fmt: skip
def test_a_corrupt_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert caught.value.exit_code == 2
    assert name in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_a_truncated_parquet_is_refused(tmp_path):
    write(tmp_path, "SPY.parquet")
    file = tmp_path / "SPY.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"SPY\.parquet cannot be read"):
        load(tmp_path)


def test_missing_sessions_become_gaps(tmp_path):
    # 15 January and 19 February 2024 were holidays; these rows are no sessions.
    holidays = ["2024-01-15", "2024-02-19"]
    frame = table()
    write(tmp_path, "SPY.csv", frame[~frame["date"].isin(holidays)].drop(index=[20, 21, 22, 30]))
    info = load(tmp_path, end="2024-02-27").info
    assert info.coverage == "partial"
    assert info.gaps == [
        {"start": "2024-01-29", "end": "2024-01-31"},
        {"start": "2024-02-12", "end": "2024-02-12"},
        {"start": "2024-02-26", "end": "2024-02-27"},
    ]
    assert info.quality == []


def test_bars_on_holidays_are_reported(tmp_path):
    write(tmp_path, "SPY.csv")
    info = load(tmp_path).info
    assert info.coverage == "complete"
    assert [(found.code, found.dates) for found in info.quality] == [
        ("bars_outside_sessions", ["2024-01-15", "2024-02-19"])
    ]
    assert load(tmp_path, calendar="24/7").info.gaps[0] == {
        "start": "2024-01-20", "end": "2024-01-21",
    }  # fmt: skip


def test_an_unknown_calendar_is_a_usage_error(tmp_path):
    write(tmp_path, "SPY.csv")
    with pytest.raises(UsageError, match="NOWHERE"):
        load(tmp_path, calendar="NOWHERE")


@pytest.mark.parametrize("name", ["VIX.csv", "^VIX.csv", "vix.parquet"])
def test_a_vix_file_beside_the_bars_is_joined(tmp_path, name):
    write(tmp_path, "SPY.csv")
    write(tmp_path, name, pd.DataFrame({"Date": ["1/10/2024", "1/16/2024"], "Close": [12.5, 13.0]}))
    vix = load(tmp_path).bars["vix"]
    assert vix["2024-01-09"] != vix["2024-01-09"]
    assert vix["2024-01-15"] == 12.5
    # Five sessions after the 16th is the 23rd.
    assert vix["2024-01-23"] == 13.0
    assert np.isnan(vix["2024-01-24"])


def test_columns_for_vix_and_iv_are_used(tmp_path):
    write(tmp_path, "SPY.csv", table(VIX=["."] * 20 + [15.0] * 20, iv_rank=40.0, Current_IV=np.nan))
    loaded = load(tmp_path, needs_iv=True)
    assert loaded.bars["vix"].notna().sum() == 20
    assert (loaded.bars["iv_rank"] == 40.0).all()
    assert "current_iv" not in loaded.bars


def test_no_iv_columns_are_noted(tmp_path):
    write(tmp_path, "SPY.csv")
    notes = load(tmp_path, needs_iv=True).info.notes
    assert any("iv-rank-backfill --symbol SPY" in note for note in notes)
    assert any("use 20.0" in note for note in notes)
    assert "VIX: BT_DATA_DIR has no file for it beside SPY." in notes


def test_conflicting_values_in_a_vix_file_are_noted(tmp_path):
    write(tmp_path, "SPY.csv")
    write(tmp_path, "VIX.csv", pd.DataFrame({"date": ["2024-01-10"] * 2, "close": [12.5, 13.0]}))
    loaded = load(tmp_path)
    assert "vix" not in loaded.bars
    assert any("different rows for 1 dates" in note for note in loaded.info.notes)
