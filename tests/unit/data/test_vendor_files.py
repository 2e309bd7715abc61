"""Files as vendors write them: read right, or refused with the question."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import btkit as bt
from btkit.errors import DataError
from btkit.settings import Settings

FOLDER = Path(__file__).with_name("vendor_files")
CASES = json.loads((FOLDER / "index.json").read_text())

DAYS = pd.bdate_range("2024-01-16", periods=24)
HOURS = pd.date_range("2024-01-20 00:00", periods=72, freq="h")


def walk(index, decimals=2):
    rng = np.random.default_rng(20240116)
    close = 120.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(index))))
    open_ = np.concatenate(([120.0], close[:-1])) * np.exp(rng.normal(0.0, 0.001, len(index)))
    high = np.maximum(open_, close) * 1.004
    low = np.minimum(open_, close) * 0.996
    prices = pd.DataFrame({"open": open_, "high": high, "low": low, "close": close}, index=index)
    return prices.round(decimals).assign(volume=rng.integers(1_000, 90_000, len(index)))


DAILY, HOURLY = walk(DAYS), walk(HOURS, 5)
DEAR = (DAILY * [100, 100, 100, 100, 1]).round(2)


def lines(template, frame=DAILY, **more):
    """Fill a template such as ``{t:%Y-%m-%d},{o},{h},{l},{c},{v}`` for each bar."""
    shift = more.pop("shift", pd.Timedelta(0))
    return "".join(
        template.format(
            t=time + shift, o=row.open, h=row.high, l=row.low, c=row.close, v=int(row.volume),
            s=time.value // 10**9, ms=time.value // 10**6, ns=time.value, **more,
        ) + "\n"
        for time, row in zip(frame.index, frame.itertuples(), strict=True)
    )  # fmt: skip


def load(folder, symbol="XYZ", interval="1d", **options):
    settings = Settings(_env_file=None, data_dir=folder)
    asked = {"start": "2024-01-01", "end": "2024-12-31", "source": "files", **options}
    return bt.load_bars(symbol, interval=interval, settings=settings, **asked)


def codes(bars):
    return [found["code"] for found in bars.attrs["btkit"]["quality"]]


def agree(bars, expected, rtol=0.0):
    assert list(bars.index.tz_localize(None)) == list(expected.index)
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_allclose(bars[name], expected[name], rtol=rtol, atol=0.0)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_vendors_file_is_read_right_or_refused(tmp_path, case):
    for file in (FOLDER / case["name"]).iterdir():
        if file.name != "expected.csv":
            shutil.copy(file, tmp_path)
    if case["format"]:
        side = tmp_path / f"{case['symbol']}.format.yaml"
        side.write_text(yaml.safe_dump(case["format"]))
    asked = {name: case[name] for name in ("interval", "start", "end")}
    if case["calendar"]:
        asked["calendar"] = case["calendar"]
    if case["refuse"]:
        with pytest.raises(DataError, match=case["refuse"]):
            load(tmp_path, case["symbol"], **asked)
        return
    bars = load(tmp_path, case["symbol"], **asked)
    expected = pd.read_csv(FOLDER / case["name"] / "expected.csv", index_col=0, parse_dates=True)
    assert list(bars.index) == list(expected.index)
    np.testing.assert_array_equal(bars[expected.columns], expected)


DATED = "{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
LISTED = {
    "stooq": ("Date,Open,High,Low,Close,Volume\n" + lines(DATED), []),
    "barchart, newest first, a line below": (
        "Time,Open,High,Low,Latest,Change,%Chg,Volume\n"
        + "\n".join(lines("{t:%m/%d/%Y},{o},{h},{l},{c},1.2,+0.5%,{v}").split("\n")[-2::-1])
        + '\n"Downloaded from Barchart.com as of 02-20-2024 10:33am CST"\n',
        ["lines_left_out", "sorted"],
    ),
    "nasdaq": (
        "Date,Close/Last,Volume,Open,High,Low\n" + lines("{t:%m/%d/%Y},${c},{v},${o},${h},${l}"),
        [],
    ),
    "yahoo's page": (
        "Date\tOpen\tHigh\tLow\tClose Close price adjusted for splits.\tAdj Close Adjusted close "
        "price adjusted for splits and dividend and/or capital gain distributions.\tVolume\n"
        + lines("{t:%b %d, %Y}\t{o}\t{h}\t{l}\t{c}\t{c}\t{v:,}"),
        [],
    ),
    "yfinance": (
        "Price,Close,High,Low,Open,Volume\nTicker,XYZ,XYZ,XYZ,XYZ,XYZ\nDate,,,,,\n"
        + lines("{t:%Y-%m-%d},{c},{h},{l},{o},{v}"),
        [],
    ),
    "yfinance by ticker": (
        "Ticker,XYZ,XYZ,XYZ,XYZ,XYZ\nPrice,Close,High,Low,Open,Volume\nDate,,,,,\n"
        + lines("{t:%Y-%m-%d},{c},{h},{l},{o},{v}"),
        [],
    ),
    "yfinance, index reset": (
        "Date,Close,High,Low,Open,Volume\n,XYZ,XYZ,XYZ,XYZ,XYZ\n"
        + lines("{t:%Y-%m-%d},{c},{h},{l},{o},{v}"),
        [],
    ),
    "yfinance by ticker, index reset": (
        "Date,XYZ,XYZ,XYZ,XYZ,XYZ\n,Close,High,Low,Open,Volume\n"
        + lines("{t:%Y-%m-%d},{c},{h},{l},{o},{v}"),
        [],
    ),
    "yfinance, two tickers": (
        "Ticker,ABC,ABC,ABC,ABC,ABC,XYZ,XYZ,XYZ,XYZ,XYZ\n"
        "Price,Open,High,Low,Close,Volume,Open,High,Low,Close,Volume\nDate,,,,,,,,,,\n"
        + lines("{t:%Y-%m-%d},1,1,1,1,1,{o},{h},{l},{c},{v}"),
        ["other_symbols"],
    ),
    "a line of units": (
        "Date,Open,High,Low,Close,Volume\nyyyy-mm-dd,USD,USD,USD,USD,shares\n" + lines(DATED),
        ["lines_left_out"],
    ),
    "polygon, many tickers, nanoseconds": (
        "ticker,volume,open,close,high,low,window_start,transactions\n"
        + lines("ABC,1,1,1,1,1,{ns},5\nXYZ,{v},{o},{c},{h},{l},{ns},5"),
        ["other_symbols"],
    ),
    "databento": (
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        + lines("{t:%Y-%m-%d}T00:00:00.000000000Z,35,1,7,{o},{h},{l},{c},{v},XYZ"),
        [],
    ),
    "sharadar": (
        "ticker,date,open,high,low,close,volume,closeadj,closeunadj,lastupdated\n"
        + lines("XYZ,{t:%Y-%m-%d},{o},{h},{l},{c},{v},{c},{c},2024-03-01"),
        [],
    ),
    "nse bhavcopy": (
        "SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,ISIN,\n"
        + lines("ABC,EQ,1,1,1,1,1,1,5,5,{t:%d-%b-%Y},IN,\n"
                "XYZ,EQ,{o},{h},{l},{c},{c},1,{v},5,{t:%d-%b-%Y},IN,"),
        ["other_symbols"],
    ),
    "bse": (
        "Date,Open Price,High Price,Low Price,Close Price,WAP,No.of Shares,No. of Trades\n"
        + lines("{t:%d-%B-%Y},{o},{h},{l},{c},1,{v},2"),
        [],
    ),
    "bloomberg, lines above": (
        "Security;XYZ Index\nStart Date;16.01.2024\n\n"
        "Date;PX_OPEN;PX_HIGH;PX_LOW;PX_LAST;PX_VOLUME\n"
        + lines("{t:%d.%m.%Y};{o};{h};{l};{c};{v}"),
        ["lines_left_out"],
    ),
    "coinmarketcap": (
        "timeOpen;timeClose;name;open;high;low;close;volume;timestamp\n"
        + lines('"{t:%Y-%m-%d}T00:00:00.000Z";"{t:%Y-%m-%d}T23:59:59.999Z";"2781";{o};{h};{l};{c};'
                '{v};"{t:%Y-%m-%d}T23:59:59.999Z"'),
        [],
    ),
    "tradingview, stamped inside the session": (
        "time,open,high,low,close,Volume,Volume MA\n"
        + lines("{t:%Y-%m-%d}T09:30:00-05:00,{o},{h},{l},{c},{v},5"),
        [],
    ),
    "metastock": (
        "<TICKER>,<PER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        + lines("XYZ,D,{t:%Y%m%d},000000,{o},{h},{l},{c},{v},0"),
        [],
    ),
    "euronext": (
        '"Historical Data"\n"From 2024-01-16 to 2024-02-16"\nFR0000000000\n'
        'Date;Open;High;Low;Last;Close;"Number of Shares";"Number of Trades";Turnover;VWAP\n'
        + lines("{t:%d/%m/%Y};{o};{h};{l};{c};{c};{v};5;6;7"),
        ["lines_left_out"],
    ),
    "no heading": (lines("{t:%m/%d/%Y},{o},{h},{l},{c},{v}"), ["no_heading"]),
    "no heading, symbol first": (lines("XYZ,{t:%Y%m%d},{o},{h},{l},{c},{v}"), ["no_heading"]),
    "R's row names": (
        '"date","open","high","low","close","volume"\n' + lines('"{s}",' + DATED), [],
    ),
    "a delimiter at the end of rows": (
        "Date,Open,High,Low,Close,Volume\n" + lines(DATED + ","), [],
    ),
    "Excel's word on delimiters": (
        "sep=;\r\nDate;Open;High;Low;Close;Volume\r\n" + lines(DATED.replace(",", ";")), [],
    ),
    "the day's year in two digits": (
        "Date, Open, High, Low, Close, Volume\n"
        + lines("{t:%m/%d/%y}, {o}, {h}, {l}, {c}, {v}"),
        [],
    ),
    "another symbol throughout": (
        "Symbol,Date,Open,High,Low,Close,Volume\n" + lines("ABC," + DATED), ["other_symbol"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_daily_files_of_other_vendors_are_read(tmp_path, name):
    text, told = LISTED[name]
    (tmp_path / "XYZ.csv").write_text(text)
    bars = load(tmp_path)
    agree(bars, DAILY)
    assert [code for code in codes(bars) if code != "bars_outside_sessions"] == told


INTRADAY = {
    "metatrader 5, real volume 0": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        + lines("{t:%Y.%m.%d}\t{t:%H:%M:%S}\t{o}\t{h}\t{l}\t{c}\t{v}\t0\t1", HOURLY),
        ["times_taken_as_utc", "tick_volume"],
    ),
    "metatrader 5, real volume": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        + lines("{t:%Y.%m.%d}\t{t:%H:%M:%S}\t{o}\t{h}\t{l}\t{c}\t7\t{v}\t1", HOURLY),
        ["times_taken_as_utc"],
    ),
    "dukascopy, local time": (
        "Local time,Open,High,Low,Close,Volume\n"
        + lines("{t:%d.%m.%Y %H:%M:%S}.000 GMT+0100,{o},{h},{l},{c},{v}", HOURLY,
                shift=pd.Timedelta(hours=1)),
        [],
    ),
    "kraken": (lines("{s},{o},{h},{l},{c},{v},7", HOURLY), ["no_heading"]),
    "coinbase": (
        "time,low,high,open,close,volume\n" + lines("{s},{l},{h},{o},{c},{v}", HOURLY), [],
    ),
    "eodhd": (
        "Timestamp,Gmtoffset,Datetime,Open,High,Low,Close,Volume\n"
        + lines("{s},0,{t:%Y-%m-%d %H:%M:%S},{o},{h},{l},{c},{v}", HOURLY),
        [],
    ),
    "coinapi": (
        "time_period_start;time_open;price_open;price_high;price_low;price_close;volume_traded\n"
        + lines("{t:%Y-%m-%dT%H:%M:%S}Z;{t:%Y-%m-%dT%H:%M:%S}.5Z;{o};{h};{l};{c};{v}", HOURLY),
        [],
    ),
    "sierra chart": (
        "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades\n"
        + lines("{t:%Y/%m/%d}, {t:%H:%M:%S}.000, {o}, {h}, {l}, {c}, {v}, 1", HOURLY),
        ["times_taken_as_utc"],
    ),
    "finam, no heading": (
        lines("XYZ;60;{t:%Y%m%d};{t:%H%M%S};{o};{h};{l};{c};{v}", HOURLY),
        ["times_taken_as_utc", "no_heading"],
    ),
    "ISO 8601's basic form": (
        "Date,Open,High,Low,Close,Volume\n"
        + lines("{t:%Y%m%dT%H%M%S}Z,{o},{h},{l},{c},{v}", HOURLY),
        [],
    ),
    "kibot": (
        lines("{t:%m/%d/%Y},{t:%H:%M},{o},{h},{l},{c},{v}", HOURLY),
        ["times_taken_as_utc", "no_heading"],
    ),
    "first rate": (
        lines("{t:%Y-%m-%d %H:%M:%S},{o},{h},{l},{c},{v}", HOURLY),
        ["times_taken_as_utc", "no_heading"],
    ),
    "histdata": (
        lines("{t:%Y%m%d %H%M%S};{o};{h};{l};{c};{v}", HOURLY),
        ["times_taken_as_utc", "no_heading"],
    ),
    "blanks between fields": (
        lines("{t:%Y.%m.%d} {t:%H:%M} {o} {h} {l} {c} {v}", HOURLY),
        ["times_taken_as_utc", "no_heading"],
    ),
    "before and after noon": (
        "Date,Open,High,Low,Close,Volume\n"
        + lines("{t:%m/%d/%Y %I:%M:%S %p},{o},{h},{l},{c},{v}", HOURLY),
        ["times_taken_as_utc"],
    ),
    "a heading that says UTC": (
        "Time (UTC),Open,High,Low,Close,Volume\n"
        + lines("{t:%Y-%m-%d %H:%M},{o},{h},{l},{c},{v}", HOURLY),
        [],
    ),
    "refinitiv": (
        "#RIC,Domain,Date-Time,GMT Offset,Type,Open,High,Low,Last,Volume\n"
        + lines("XYZ,Market Price,{t:%Y-%m-%dT%H:%M:%S}.000000000Z,0,Intraday,{o},{h},{l},{c},{v}",
                HOURLY),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INTRADAY)
def test_intraday_files_of_other_vendors_are_read(tmp_path, name):
    text, told = INTRADAY[name]
    (tmp_path / "XYZ_1h.csv").write_text(text)
    bars = load(tmp_path, interval="1h", calendar="24/7")
    assert str(bars.index.tz) == "UTC"
    agree(bars, HOURLY)
    assert codes(bars) == told


def test_investing_com_is_read(tmp_path):
    rows = lines('"{t:%m/%d/%Y}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{l:,.2f}","{k:.2f}K","-0.5%"',
                 DEAR, k=0).replace('"0.00K"', '"2.45K"')  # fmt: skip
    text = '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n' + rows
    (tmp_path / "XYZ.csv").write_text(text, encoding="utf-8")
    agree(load(tmp_path), DEAR.assign(volume=2450.0))
    (tmp_path / "XYZ.csv").write_text(text.replace("2.45K", "-"), encoding="utf-8")
    bars = load(tmp_path)
    agree(bars, DEAR.assign(volume=0.0))
    assert "no_volume_column" in codes(bars)


def test_volumes_of_crypto_pairs_are_of_what_is_traded(tmp_path):
    text = (
        "https://www.CryptoDataDownload.com\n"
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount\n"
        + lines("{ms},{t:%Y-%m-%d %H:%M:%S},BTC/USDT,{o},{h},{l},{c},{v},9999,3", HOURLY)
    )
    (tmp_path / "BTCUSDT_1h.csv").write_text(text)
    bars = load(tmp_path, "BTCUSDT", "1h", calendar="24/7")
    agree(bars, HOURLY)
    assert codes(bars) == ["lines_left_out", "volume_of_asset"]
    (tmp_path / "XYZ_1h.csv").write_text(text.replace("BTC/USDT", "XYZ"))
    with pytest.raises(DataError, match="Volume BTC, Volume USDT, and which of them"):
        load(tmp_path, "XYZ", "1h", calendar="24/7")


def test_prices_in_billionths_are_divided_and_said(tmp_path):
    whole = lines("{ns},35,1,7,{o:.9f},{h:.9f},{l:.9f},{c:.9f},{v},XYZ").replace(".", "")
    (tmp_path / "XYZ.csv").write_text(
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n" + whole
    )
    bars = load(tmp_path)
    agree(bars, DAILY, rtol=1e-15)
    assert "fixed_point_prices" in codes(bars)


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-16", []), ("utf-16-le", []), ("utf-16-be", []), ("utf-8-sig", []),
     ("cp1252", ["encoding"])],
)  # fmt: skip
def test_files_in_other_encodings_are_read(tmp_path, encoding, told):
    text = "Date;Open;High;Low;Close;Volume;Währung\r\n" + lines(
        "{t:%Y-%m-%d};{o};{h};{l};{c};{v};$"
    )
    (tmp_path / "XYZ.csv").write_bytes(text.encode(encoding))
    bars = load(tmp_path)
    agree(bars, DAILY)
    assert [code for code in codes(bars) if code != "bars_outside_sessions"] == told


def test_symbols_of_digits_are_told_apart(tmp_path):
    rows = lines("6758.T," + DATED.replace("{c}", "{o}") + "\n7203.T," + DATED)
    (tmp_path / "7203.T.csv").write_text("Code,Date,Open,High,Low,Close,Volume\n" + rows)
    agree(load(tmp_path, "7203.T"), DAILY)


QUESTIONS = {
    "last and settle": (
        "Date,Open,High,Low,Last,Settle,Volume\n" + lines("{t:%Y-%m-%d},{o},{h},{l},{c},{c},{v}"),
        "means close: Last, Settle",
    ),
    "open or close first": (
        lines("{t:%Y-%m-%d},{o},{c},{h},{l},{v}"), "open, close, high, low or close, open",
    ),
    "closes before opens": (
        lines("{t:%Y-%m-%d},{c},{h},{l},{o},{v}"), "open, high, low, close or close, high, low",
    ),
    "lows first": (lines("{t:%Y-%m-%d},{l},{h},{o},{c},{v}"), "low, high, open, close or low"),
    "no prices": ("2024-01-16,1,3,2,4,5\n2024-01-17,4,3,2,1,5\n", "in any order"),
    "adjusted close or volume": (
        lines("{t:%Y-%m-%d},{o},{h},{l},{c},{c},{v}"), "may be the volume or another price",
    ),
    "day or month first": (
        "Date,Open,High,Low,Close,Volume\n"
        + lines("{t:%m/%d/%Y},{o},{h},{l},{c},{v}", walk(pd.bdate_range("2024-02-01", periods=8))),
        "'02/01/2024' may be 2024-02-01 or 2024-01-02",
    ),
    "days of a spreadsheet": (
        "Date,Open,High,Low,Close,Volume\n" + lines("45307,{o},{h},{l},{c},{v}"),
        "times that cannot be read, such as '45307'",
    ),
    "an abbreviation of several zones": (
        "Date,Open,High,Low,Close,Volume\n" + lines("{t:%Y-%m-%d} 00:00 CST,{o},{h},{l},{c},{v}"),
        "whose zone is not known",
    ),
    "two decimal signs": (
        "Date;Open;High;Low;Close;Volume\n" + lines("{t:%Y-%m-%d};{o};{h};{l};120,5;{v}"),
        "writes numbers in two ways, such as '120,5'",
    ),
    "thousands or decimals": (
        "Date;Open;High;Low;Close;Volume\n" + lines("{t:%Y-%m-%d};1,234;1,236;1,233;1,235;{v}"),
        "'1,234', which may be 1234 or 1.234",
    ),
    "an unheard column of symbols": (
        "Date,Open,High,Low,Close,Volume,Serie\n"
        + lines(DATED + ",AA\n{t:%Y-%m-%d},1,1,1,1,1,BB"),
        "2 instruments by its column Serie",
    ),
    "32 parts of a bond's point": (
        "Date,Open,High,Low,Close,Volume\n"
        + lines("{t:%Y-%m-%d},110'165,110'207,110'160,110'172,{v}"),
        "\"110'165\", which may be 110165, or 110 and 16 of 32",
    ),
    "a first row of a year that nobody traded in": (
        "Date,Open,High,Low,Close,Volume\n0001-01-01,1,1,1,1,1\n" + lines(DATED),
        "'0001-01-01' in row 1",
    ),
    "dates of six digits": (
        "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n"
        + lines("XYZ;D;{t:%y%m%d};000000;{o};{h};{l};{c};{v}", DAILY.iloc[:10]),
        "such as '240116 00:00:00' in row 1",
    ),
    "headings nobody knows": (
        "Datum;Erster;Hoch;Tief;Schlusskurs;Volumen\n"
        + lines("{t:%d.%m.%Y};{o};{h};{l};{c};{v}"),
        "no column of dates",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_has_two_readings_is_refused_with_the_question(tmp_path, name):
    text, words = QUESTIONS[name]
    (tmp_path / "XYZ.csv").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        load(tmp_path)
    assert caught.value.hint


def test_years_of_two_digits_are_of_the_past(tmp_path):
    days = pd.bdate_range("1962-01-02", periods=15).append(pd.bdate_range("2023-01-02", periods=15))
    (tmp_path / "XYZ.csv").write_text(
        "Date,Open,High,Low,Close,Volume\n" + lines("{t:%d-%b-%y},{o},{h},{l},{c},{v}", walk(days))
    )
    agree(load(tmp_path, start="1960-01-01", end="2100-01-01"), walk(days))


def test_apostrophes_of_thousands_are_read_where_they_are_stated(tmp_path):
    (tmp_path / "XYZ.csv").write_text(
        "Date,Open,High,Low,Close,Volume\n"
        + lines("{t:%Y-%m-%d},110'165,110'207,110'160,110'172,{v}")
    )
    assert load(tmp_path, format={"thousands": "'"})["close"].iloc[0] == 110_172.0
