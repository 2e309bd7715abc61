"""A stated format: checked like a spec, found beside a file, and obeyed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.data import BarFormat, bars_from_table, load_format
from btkit.data.formats import BarColumns
from btkit.data.quality import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from btkit.errors import DataError, FormatError, UsageError
from btkit.settings import Settings

DAYS = pd.bdate_range("2024-01-16", periods=20)
CLOSE = 100.0 + np.arange(20) / 4.0


def table(**more):
    columns = {"open": CLOSE, "high": CLOSE + 1, "low": CLOSE - 1, "close": CLOSE + 0.5,
               "volume": 1000}  # fmt: skip
    return pd.DataFrame({"date": DAYS.strftime("%Y-%m-%d"), **columns} | more)


def load(folder, symbol="XYZ", **options):
    settings = Settings(_env_file=None, data_dir=folder)
    asked = {"start": "2024-01-01", "end": "2024-12-31", "source": "files", **options}
    return bt.load_bars(symbol, settings=settings, **asked)


@pytest.mark.parametrize(
    ("stated", "path", "words"),
    [
        ({"tiem_zone": "UTC"}, "tiem_zone", "did you mean 'time_zone'"),
        ({"columns": {"tiem": "x"}}, "columns.tiem", "did you mean 'time'"),
        ({"columns": {"open": 0}}, "columns.open", "counted from 1, not the number 0"),
        ({"columns": {"open": True}}, "columns.open", "counted from 1, not true"),
        ({"columns": {"open": ""}}, "columns.open", "not the text ''"),
        ({"columns": ["time"]}, "columns", "a mapping such as"),
        ({"columns": {"time": 1, "date": 2}}, "columns.date", "beside time"),
        ({"columns": {"clock": 2}}, "columns.clock", "without a date"),
        ({"header": "no"}, "header", "must be true or false, not the text 'no'"),
        ({"header": False, "columns": {"open": "Erster"}}, "columns.open", "without headings"),
        ({"header": False, "symbol_column": "Contract"}, "symbol_column", "without headings"),
        ({"skip_lines": -1}, "skip_lines", "0 or more"),
        ({"skip_lines": 1.5}, "skip_lines", "0 or more"),
        ({"delimiter": "::"}, "delimiter", "one character"),
        ({"delimiter": "\n"}, "delimiter", "line break"),
        ({"delimiter": '"'}, "delimiter", "quotation mark"),
        ({"delimiter": "a"}, "delimiter", "letter"),
        ({"delimiter": "é"}, "delimiter", "of ASCII"),
        ({"decimal": ";"}, "decimal", 'must be "." or ","'),
        ({"decimal": ",", "thousands": ","}, "thousands", "the same character"),
        ({"thousands": "x"}, "thousands", "must be one of"),
        ({"time_zone": "New York"}, "time_zone", "did you mean 'America/New_York'"),
        ({"time_zone": 5}, "time_zone", "the name of a time zone"),
        ({"time_format": "yyyy"}, "time_format", "a format that strptime knows"),
        ({"time_format": "%d.%m."}, "time_format", "has a year"),
        ({"time_format": "%Y-%m-%d %Q"}, "time_format", "strptime knows"),
        ({"time_format": "%Y-%m-%d %d"}, "time_format", "strptime knows"),
        ({"time_format": "%Y-%W"}, "time_format", "strptime knows"),
        ({"time_format": "%Y-%m-%d%"}, "time_format", "strptime knows"),
        ({"bar_time": "opening"}, "bar_time", "open, close or session_open"),
        ({"symbol_column": []}, "symbol_column", "a heading, or a position"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_path_and_a_hint(stated, path, words):
    with pytest.raises(FormatError) as caught:
        load_format(stated)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert words in f"{problem.message}; {problem.hint}"
    assert problem.hint


def test_all_problems_come_at_once():
    with pytest.raises(FormatError) as caught:
        load_format({"headr": True, "decimal": 5, "columns": {"opne": 1, "high": 0}})
    assert {problem.path for problem in caught.value.problems} == {
        "headr", "decimal", "columns.opne", "columns.high",
    }  # fmt: skip
    assert len(caught.value.details["problems"]) == 4


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "columns: [\n", "a: &b 1\nc: *b\n", "time_zone: UTC\ntime_zone: UTC\n"],
)
def test_a_text_that_is_no_format_is_refused(tmp_path, text):
    (tmp_path / "XYZ.format.yaml").write_text(text)
    table().to_csv(tmp_path / "XYZ.csv", index=False)
    with pytest.raises(FormatError, match=r"XYZ\.format\.yaml was refused"):
        load(tmp_path)


def test_a_format_comes_as_a_mapping_a_text_or_a_path(tmp_path):
    known = BarFormat(time_zone="Europe/Paris", columns=BarColumns(close="Dernier", open=2))
    (tmp_path / "f.yaml").write_text("time_zone: Europe/Paris\ncolumns: {close: Dernier, open: 2}")
    text = '{"time_zone": "Europe/Paris", "columns": {"close": "Dernier", "open": 2}}'
    file = tmp_path / "f.yaml"
    for source in (known, known.stated(), file, str(file), text):
        assert load_format(source) == known
    for nothing in ("nowhere.yaml", 5, None):
        with pytest.raises(UsageError):
            load_format(nothing)


def test_every_column_that_bars_may_have_can_be_stated():
    assert set(BarColumns.model_fields) == {
        "time", "date", "clock", *REQUIRED_COLUMNS, *OPTIONAL_COLUMNS,
    }  # fmt: skip


@pytest.mark.parametrize("side", ["XYZ.format.yaml", "xyz.FORMAT.yml", "format.yaml"])
def test_a_format_is_found_beside_the_file(tmp_path, side):
    table().set_axis(["Datum", *"ABCDE"], axis="columns").to_csv(tmp_path / "XYZ.csv", index=False)
    (tmp_path / side).write_text(
        "columns: {time: Datum, open: A, high: B, low: C, close: D, volume: E}"
    )
    bars = load(tmp_path)
    np.testing.assert_array_equal(bars["close"], CLOSE + 0.5)
    info = bars.attrs["btkit"]
    assert info["description"].endswith(f"by the format in {side}.")
    assert info["format"]["columns"]["close"] == "D"


def test_the_nearest_format_wins(tmp_path):
    times = pd.date_range("2024-01-16 09:30", periods=20, freq="h").strftime("%Y-%m-%d %H:%M")
    table(date=times).to_csv(tmp_path / "XYZ_1h.csv", index=False)

    def first():
        return load(tmp_path, interval="1h", calendar="24/7").index[0].hour

    assert first() == 9
    (tmp_path / "format.yaml").write_text("time_zone: America/New_York")
    assert first() == 14
    (tmp_path / "XYZ.format.yaml").write_text("time_zone: Europe/Berlin")
    assert first() == 8
    (tmp_path / "XYZ_1h.format.yaml").write_text("time_zone: Asia/Tokyo")
    assert first() == 0
    stated = load(tmp_path, interval="1h", calendar="24/7", format={"time_zone": "UTC"})
    assert stated.index[0].hour == 9
    assert stated.attrs["btkit"]["description"].endswith("by a stated format.")


def test_what_is_stated_for_the_bars_is_not_said_of_the_vix(tmp_path):
    table().rename(columns={"close": "Dernier"}).to_csv(tmp_path / "XYZ.csv", index=False)
    table().to_csv(tmp_path / "VIX.csv", index=False)
    bars = load(tmp_path, format={"columns": {"close": "Dernier"}})
    np.testing.assert_array_equal(bars["vix"], CLOSE + 0.5)


def test_columns_are_stated_by_position(tmp_path):
    odd = table()[["volume", "low", "date", "close", "open", "high"]]
    odd.to_csv(tmp_path / "XYZ.csv", index=False, header=False)
    stated = {
        "header": False,
        "columns": {"volume": 1, "low": 2, "time": 3, "close": 4, "open": 5, "high": 6},
    }
    bars = load(tmp_path, format=stated)
    for name in REQUIRED_COLUMNS:
        np.testing.assert_array_equal(bars[name], table()[name])
    assert "no_heading" not in {found["code"] for found in bars.attrs["btkit"]["quality"]}
    stated["columns"]["volume"] = 7
    with pytest.raises(DataError, match="has 6 columns, and its format takes number 7 for volume"):
        load(tmp_path, format=stated)


def test_date_and_clock_may_stand_in_two_columns(tmp_path):
    times = pd.date_range("2024-01-16 09:30", periods=20, freq="30min")
    table(date=times.strftime("%d.%m.%Y"), Uhr=times.strftime("%H:%M")).to_csv(
        tmp_path / "XYZ_15m.csv", index=False
    )
    stated = {"columns": {"date": "date", "clock": "Uhr"}, "time_zone": "UTC"}
    settings = Settings(_env_file=None, data_dir=tmp_path)
    frame, findings = bars_from_table(
        pd.read_csv(tmp_path / "XYZ_15m.csv"), interval="15m", origin="x",
        bar_format=load_format(stated),
    )  # fmt: skip
    assert settings.data_dir == tmp_path
    assert list(frame.index) == list(times.tz_localize("UTC"))
    assert findings == []


def test_a_heading_that_the_file_lacks_is_told_with_the_nearest(tmp_path):
    table().to_csv(tmp_path / "XYZ.csv", index=False)
    with pytest.raises(DataError, match="no column 'Closing'") as caught:
        load(tmp_path, format={"columns": {"close": "Closing"}})
    assert "close" in caught.value.hint


def test_stated_lines_signs_and_time_are_obeyed(tmp_path):
    rows = "".join(
        f"{day:%y%m%d}|{close:.2f}|{close + 1:.2f}|{close - 1:.2f}|{close + 0.5:.2f}|1'000\n"
        for day, close in zip(DAYS, CLOSE, strict=True)
    ).replace(".", ",")
    (tmp_path / "XYZ.csv").write_text("2024-01-16|a|b\nand more\nd|o|h|l|c|v\n" + rows)
    stated = {
        "skip_lines": 2, "header": True, "delimiter": "|", "decimal": ",", "thousands": "'",
        "time_format": "%y%m%d", "columns": {"time": "d"},
    }  # fmt: skip
    bars = load(tmp_path, format=stated)
    assert list(bars.index) == list(DAYS)
    for name in REQUIRED_COLUMNS:
        np.testing.assert_array_equal(bars[name], table()[name])
    with pytest.raises(DataError, match="'240116' in row 1, which is not written as '%Y-%m-%d'"):
        load(tmp_path, format=stated | {"time_format": "%Y-%m-%d"})


def test_a_stated_day_order_answers_the_question(tmp_path):
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    short = table().head(3).assign(date=days.strftime("%d/%m/%Y"))
    short.to_csv(tmp_path / "XYZ.csv", index=False)
    with pytest.raises(DataError, match="ambiguous dates"):
        load(tmp_path)
    assert list(load(tmp_path, format={"time_format": "%d/%m/%Y"}).index) == list(days)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_stated_unit_counts_from_1970(tmp_path, unit):
    index = pd.date_range("1970-01-05", periods=20, freq="D").as_unit(unit)
    table(date=index.asi8).to_csv(tmp_path / "XYZ.csv", index=False)
    bars = load(tmp_path, format={"time_format": unit}, start="1970-01-01", calendar="24/7")
    assert list(bars.index) == list(index)


def test_a_stated_symbol_column_decides(tmp_path):
    two = pd.concat([table(Root="ES", Contract="ESH4"), table(Root="NQ", Contract="NQH4", close=1)])
    two.to_csv(tmp_path / "ES.csv", index=False)
    two.to_csv(tmp_path / "ZZ.csv", index=False)
    bars = load(tmp_path, "ES", format={"symbol_column": "Root"})
    np.testing.assert_array_equal(bars["close"], CLOSE + 0.5)
    with pytest.raises(DataError, match=r"column Root \(ES, NQ\), and none of them is ZZ"):
        load(tmp_path, "ZZ", format={"symbol_column": "Root"})


def test_a_format_is_refused_where_no_file_is_read(tmp_path):
    with pytest.raises(UsageError, match="a format is of files"):
        load(tmp_path, "SPX", source="sample", format={"decimal": ","})


def test_a_stated_zone_says_in_which_dates_are_meant(tmp_path):
    midnights = DAYS.tz_localize("Europe/Berlin").tz_convert("UTC")
    table(date=midnights.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(tmp_path / "XYZ.csv", index=False)
    bars = load(tmp_path, format={"time_zone": "Europe/Berlin"})
    assert list(bars.index) == list(DAYS)


def test_the_format_that_the_readme_shows_is_one():
    readme = next(
        folder / "README.md"
        for folder in Path(__file__).parents
        if (folder / "pyproject.toml").exists()
    )
    blocks = re.findall(r"```yaml\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    (shown,) = [block for block in blocks if "time_zone" in block]
    assert set(load_format(shown).stated()) | {"header"} == set(BarFormat.model_fields)


def test_rows_that_begin_with_a_symbol_and_a_date_of_no_usual_form_are_all_read(tmp_path):
    rows = "".join(
        f"XYZ;D;{day:%y%m%d};000000;{close};{close + 1};{close - 1};{close + 0.5};1000\n"
        for day, close in zip(DAYS, CLOSE, strict=True)
    )
    heading = "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n"
    (tmp_path / "XYZ.csv").write_text(heading + rows)
    bars = load(tmp_path, format={"time_format": "%y%m%d %H:%M:%S"})
    assert list(bars.index) == list(DAYS)
    assert bars.attrs["btkit"]["quality"] == []


def test_a_stated_time_beyond_nanoseconds_is_refused(tmp_path):
    rows = table()
    rows["date"] += "T00:00:00+0000"
    rows.loc[19, "date"] = "9999-12-31T00:00:00+0000"
    rows.to_csv(tmp_path / "XYZ.csv", index=False)
    with pytest.raises(DataError, match="'9999-12-31T00:00:00\\+0000' in row 20"):
        load(tmp_path, format={"time_format": "%Y-%m-%dT%H:%M:%S%z"})
