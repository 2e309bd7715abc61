from __future__ import annotations

import datetime as dt
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.market_data import MarketDataStandIn, daily_rows

from btkit.data import Request, load_from_source
from btkit.data.market_data_cli import MarketData
from btkit.errors import DataError, NoDataError, SourceError
from btkit.settings import Settings

NOW = dt.datetime(2024, 6, 28, 22, 0, tzinfo=dt.UTC)
SPY = Request("SPY", "1d", pd.Timestamp("2024-01-01"), pd.Timestamp("2024-06-28"))


@pytest.fixture
def stand_in(tmp_path):
    return MarketDataStandIn(tmp_path / "with space").add_bars("SPY", daily_rows("2024-01-01", 40))


def source(stand_in, timeout_s=120.0):
    return MarketData(stand_in.command, timeout_s, NOW)


def load(stand_in, start="2024-01-15", end="2024-02-23", **options):
    settings = Settings(
        _env_file=None, market_data_cmd=stand_in.command, market_data_timeout_s=120.0
    )
    return load_from_source(
        "SPY", start, end, settings=settings, source="market-data", now=NOW, **options
    )


def iv_row(day, rank=40.0, percentile=45.0, **more):
    return {"recorded_at": day, "iv_rank": rank, "iv_percentile": percentile,
            "current_iv": 0.25} | more  # fmt: skip


def test_the_command_is_called_to_the_letter(stand_in):
    source(stand_in).bars(SPY)
    source(stand_in).implied_volatility(SPY)
    days = (dt.date(2024, 6, 28) - dt.date(2024, 1, 1)).days
    assert stand_in.calls == [
        shlex.split("get --symbol SPY --type ohlcv --start 2024-01-01 --end 2024-06-28 "
                    "--interval 1d --format json"),
        shlex.split(f"iv-rank --symbol SPY --days {days + 10} --format json"),
    ]  # fmt: skip


def test_bars_arrive_as_sent(stand_in):
    loaded = load(stand_in)
    assert loaded.start == pd.Timestamp("2024-01-15")
    assert (loaded.info.rows, loaded.info.warmup_rows) == (30, 10)
    assert (loaded.info.first, loaded.info.last) == ("2024-01-15", "2024-02-23")
    assert (loaded.info.source, loaded.info.coverage) == ("market-data", "complete")
    assert "timescaledb" in loaded.info.description
    assert loaded.bars.loc["2024-01-15", "close"] == 105.0
    assert loaded.bars.attrs["btkit"] == loaded.info.model_dump()
    assert set(loaded.bars.dtypes) == {np.dtype("float64")}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("exit_1", "exit code 1: connection to timescaledb refused"),
        ("killed", "signal SIGKILL"),
        ("log_before_json", "did not write plain JSON"),
        ("text_after_json", "did not write plain JSON"),
        ("truncated", "did not write plain JSON"),
        ("empty_stdout", "wrote nothing"),
        ("not_utf8", "not UTF-8"),
        ("json_list", "JSON list, not an object"),
        ("nan_literal", "NaN is not JSON"),
        ("infinity_literal", "Infinity is not JSON"),
        ("wrong_symbol", "answered for symbol 'WRONG' instead of 'SPY'"),
        ("wrong_row_symbol", "row of symbol 'WRONG'"),
        ("wrong_interval", "interval '1w' instead of '1d'"),
        ("missing_column", "row without close"),
        ("rows_disagree", "announced 43 rows but sent 40"),
        ("text_for_number", "'12.5' where a number belongs, in close on"),
    ],
)
def test_a_broken_answer_is_a_source_error(stand_in, fault, words):
    stand_in.fail(fault)
    with pytest.raises(SourceError, match=words) as caught:
        source(stand_in).bars(SPY)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_the_tail_of_stderr_is_told(stand_in):
    stand_in.fail("exit_1")
    with pytest.raises(SourceError) as caught:
        source(stand_in).bars(SPY)
    assert "Traceback" in caught.value.details["stderr"]
    assert caught.value.details["exit_code"] == 1


def test_megabytes_on_both_streams_do_not_block(tmp_path):
    stand_in = MarketDataStandIn(tmp_path).add_bars("SPY", daily_rows("1900-01-01", 30_000))
    stand_in.fail("loud_stderr")
    request = Request("SPY", "1d", pd.Timestamp("1900-01-01"), pd.Timestamp("2024-06-28"))
    assert len(source(stand_in).bars(request).frame) == 30_000


def test_a_hanging_command_is_killed_with_its_children(stand_in):
    stand_in.fail("hang_with_child")
    born = stand_in.folder / "child.pid"
    # On a busy machine it takes longer to begin than it is given to answer.
    for seconds in (2, 20, 120):
        with pytest.raises(SourceError, match=f"did not answer within {seconds} s") as caught:
            source(stand_in, timeout_s=float(seconds)).bars(SPY)
        if born.exists():
            break
    assert "BT_MARKET_DATA_TIMEOUT_S" in caught.value.hint
    child = int(born.read_text())
    deadline = time.monotonic() + 60.0
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child)


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A killed orphan may wait as a zombie until somebody collects it.
    return state not in "ZX"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-market-data", "was not found"),
        ("/dev/null", "cannot be run"),
        ("   ", "is empty"),
        ("'unclosed", "cannot be read"),
    ],
)
def test_a_command_that_cannot_run_is_a_source_error(command, words):
    with pytest.raises(SourceError, match=words):
        MarketData(command, 120.0, NOW).bars(SPY)


def test_nothing_goes_through_a_shell(tmp_path):
    echo = tmp_path / "echo.py"
    echo.write_text("import sys, json; print(json.dumps({'symbol': sys.argv[3]}))")
    command = shlex.join([sys.executable, str(echo)])
    with pytest.raises(SourceError, match=r"without a list of rows"):
        MarketData(command, 120.0, NOW).bars(
            Request("$(touch hacked); X", "1d", SPY.first, SPY.last)
        )


def test_no_rows_is_no_data(stand_in):
    with pytest.raises(NoDataError, match="no 1d bars of SPY") as caught:
        load(stand_in.fail("no_rows"))
    assert caught.value.exit_code == 1


def test_no_rows_in_range_says_what_there_is(stand_in):
    with pytest.raises(NoDataError, match="it has 40 bars from 2024-01-01 to 2024-02-23"):
        load(stand_in, start="2024-05-01", end="2024-06-01")


def test_gaps_are_taken_from_the_source_and_clipped_to_the_range(stand_in):
    stand_in.add_gap("SPY", "2016-01-01", "2023-12-31").add_gap("SPY", "2024-02-26", "2024-06-28")
    whole = load(stand_in)
    assert (whole.info.coverage, whole.info.gaps) == ("complete", [])
    longer = load(stand_in, end="2024-03-15")
    assert longer.info.coverage == "partial"
    assert longer.info.gaps == [{"start": "2024-02-26", "end": "2024-03-15"}]


def test_a_source_that_calls_missing_bars_complete_is_not_believed(stand_in):
    info = load(stand_in, end="2024-03-15").info
    assert info.coverage == "partial"
    assert info.gaps == [{"start": "2024-02-26", "end": "2024-03-15"}]
    assert any("calls the range complete" in note for note in info.notes)


def without_days(stand_in, *days):
    rows = stand_in.scenario["bars"]["SPY"]["1d"]
    stand_in.scenario["bars"]["SPY"]["1d"] = [
        row for row in rows if row["timestamp"][:10] not in days
    ]
    return stand_in._save()


def test_single_sessions_that_a_complete_answer_lacks_are_gaps(stand_in):
    info = load(without_days(stand_in, "2024-01-29", "2024-01-30", "2024-02-12")).info
    assert info.coverage == "partial"
    assert info.gaps == [
        {"start": "2024-01-29", "end": "2024-01-30"},
        {"start": "2024-02-12", "end": "2024-02-12"},
    ]
    assert any("calls the range complete" in note for note in info.notes)


def test_a_told_gap_that_bars_fill_is_none(stand_in):
    info = load(stand_in.add_gap("SPY", "2024-01-29", "2024-02-09")).info
    assert (info.coverage, info.gaps) == ("complete", [])
    assert any(
        "a gap from 2024-01-29 to 2024-02-09, but it delivered bars of 10 days" in note
        for note in info.notes
    )


def test_a_told_gap_that_bars_fill_in_part_is_cut(stand_in):
    without_days(stand_in, "2024-02-01", "2024-02-02", "2024-02-05", "2024-02-21")
    info = load(stand_in.add_gap("SPY", "2024-01-29", "2024-02-09")).info
    assert info.coverage == "partial"
    # The weekend belongs to the gap around it.
    assert info.gaps == [
        {"start": "2024-02-01", "end": "2024-02-05"},
        {"start": "2024-02-21", "end": "2024-02-21"},
    ]
    assert any("tells other gaps" in note for note in info.notes)


def test_a_gap_that_is_told_and_real_is_not_disputed(stand_in):
    without_days(stand_in, "2024-02-01", "2024-02-02", "2024-02-05")
    info = load(stand_in.add_gap("SPY", "2024-02-01", "2024-02-05")).info
    assert info.gaps == [{"start": "2024-02-01", "end": "2024-02-05"}]
    assert not any(note.startswith("The source") for note in info.notes)


def test_partial_coverage_without_gaps_is_looked_up(stand_in):
    del stand_in.scenario["bars"]["SPY"]["1d"][20]
    info = load(stand_in.set_coverage("SPY", "partial")).info
    assert info.coverage == "partial"
    assert info.gaps == [{"start": "2024-01-29", "end": "2024-01-29"}]


@pytest.mark.parametrize(
    ("gaps", "words"),
    [([{"start": "x", "end": "y"}], "cannot be read"), ([1], "cannot be read"),
     ([{"start": "2024-02-02", "end": "2024-02-01"}], "ends before")],
)  # fmt: skip
def test_malformed_gaps_are_a_source_error(stand_in, gaps, words):
    stand_in.scenario["gaps"]["SPY"] = {"coverage": "partial", "gaps": gaps}
    stand_in._save()
    with pytest.raises(SourceError, match=words):
        source(stand_in).bars(SPY)


def test_an_unknown_coverage_is_a_source_error(stand_in):
    with pytest.raises(SourceError, match="unknown coverage 'splendid'"):
        source(stand_in.set_coverage("SPY", "splendid")).bars(SPY)


def test_disorder_and_repeats_are_repaired_and_told(stand_in):
    loaded = load(stand_in.fail("shuffled", symbol="SPY").fail("repeated", symbol="SPY"))
    assert {found.code for found in loaded.info.quality} >= {"sorted", "duplicates_dropped"}
    assert loaded.bars.index.is_monotonic_increasing
    assert loaded.info.rows == 30


def test_conflicting_rows_are_refused_with_their_date(stand_in):
    with pytest.raises(DataError) as caught:
        load(stand_in.fail("conflicting"))
    assert caught.value.details["dates"] == ["2024-01-29"]


def test_adj_close_null_everywhere_means_no_such_column(stand_in):
    assert "adj_close" not in load(stand_in.fail("adj_close_null")).bars


def test_adj_close_null_on_some_rows_is_kept_and_noted(stand_in):
    loaded = load(stand_in.fail("adj_close_partly_null"))
    assert loaded.bars["adj_close"].isna().sum() == 1
    assert "adj_close is missing on 1 of the 40 rows received." in loaded.info.notes


def test_null_prices_are_refused_with_their_date(stand_in):
    stand_in.scenario["bars"]["SPY"]["1d"][20]["open"] = None
    with pytest.raises(DataError, match="open missing on 1 of 40 bars, the first 2024-01-29"):
        load(stand_in._save())


def test_an_interval_that_the_command_does_not_know_is_refused_unasked(tmp_path):
    stand_in = MarketDataStandIn(tmp_path).add_bars("SPY", daily_rows("2024-06-17", 10))
    with pytest.raises(NoDataError, match="the market-data command has no 30m bars") as refusal:
        load(stand_in, "2024-06-17", "2024-06-28", interval="30m")
    assert "1m 5m 15m 1h 4h 1d 1w" in refusal.value.hint
    assert stand_in.calls == []


def test_intraday_asks_for_its_own_type_and_is_utc(tmp_path):
    rows = [
        {"timestamp": f"2024-06-{day:02}T{hour:02}:30:00+00:00", "open": 10.0, "high": 11.0,
         "low": 9.0, "close": 10.0 + hour / 100 + day / 10_000, "volume": 100}
        for day in (24, 25, 26, 27, 28) for hour in range(13, 20)
    ]  # fmt: skip
    vix = daily_rows("2024-06-17", 10, first_close=13.0, step=1.0)
    stand_in = MarketDataStandIn(tmp_path).add_bars("SPY", rows, interval="1h")
    loaded = load(stand_in.add_bars("VIX", vix), "2024-06-25", "2024-06-28", interval="1h")
    assert "ohlcv_intraday" in stand_in.calls[0]
    assert str(loaded.bars.index.tz) == "UTC"
    assert loaded.start == pd.Timestamp("2024-06-25 13:30", tz="UTC")
    assert loaded.info.coverage == "complete"
    # Tuesday's bars know Monday's VIX close only.
    assert set(loaded.bars.loc["2024-06-25", "vix"]) == {18.0}


def test_bars_that_have_not_closed_are_dropped(stand_in):
    settings = Settings(_env_file=None, market_data_cmd=stand_in.command)
    during = dt.datetime(2024, 2, 23, 20, 0, tzinfo=dt.UTC)
    after = dt.datetime(2024, 2, 23, 21, 0, tzinfo=dt.UTC)
    ask = {"settings": settings, "source": "market-data", "needs_vix": False}
    open_day = load_from_source("SPY", "2024-02-01", "2024-02-23", now=during, **ask)
    assert open_day.info.last == "2024-02-22"
    told = {found.code: found.dates for found in open_day.info.quality}
    assert told["not_closed"] == ["2024-02-23"]
    assert open_day.info.coverage == "complete"
    assert (
        load_from_source("SPY", "2024-02-01", "2024-02-23", now=after, **ask).info.last
        == "2024-02-23"
    )


def test_vix_is_asked_from_the_same_source(stand_in):
    stand_in.add_bars("VIX", daily_rows("2024-01-01", 30, first_close=13.0, step=0.1))
    loaded = load(stand_in)
    assert loaded.bars["vix"].iloc[0] == 13.0
    # The last close, of 9 February, is used for five sessions, then unknown.
    assert loaded.bars["vix"].loc["2024-02-16"] == pytest.approx(15.9)
    assert np.isnan(loaded.bars["vix"].loc["2024-02-20":]).all()
    assert "VIX: daily closes from market-data." in loaded.info.notes


@pytest.mark.parametrize("fault", [None, "exit_1", "conflicting", "no_rows"])
def test_a_vix_that_cannot_be_had_is_noted(stand_in, fault):
    if fault is not None:
        stand_in.add_bars("VIX", daily_rows("2024-01-01", 30)).fail(fault, symbol="VIX")
    loaded = load(stand_in)
    assert "vix" not in loaded.bars
    assert any("use 20.0" in note for note in loaded.info.notes)


def test_vix_is_not_asked_for_when_not_needed(stand_in):
    load(stand_in, needs_vix=False)
    assert [call[2] for call in stand_in.calls] == ["SPY"]


def test_iv_is_asked_for_only_when_needed(stand_in):
    stand_in.add_iv("SPY", [iv_row("2024-01-15")])
    assert "iv_rank" not in load(stand_in).bars
    assert all(call[0] == "get" for call in stand_in.calls)
    bars = load(stand_in, needs_iv=True).bars
    assert list(bars.loc["2024-01-15", ["iv_rank", "iv_percentile", "current_iv"]]) == [
        40.0, 45.0, 0.25,
    ]  # fmt: skip


def test_no_iv_names_the_command_that_fills_it(stand_in):
    loaded = load(stand_in, needs_iv=True)
    assert "iv_rank" not in loaded.bars
    advice = "market-data iv-rank-backfill --symbol SPY --start 2024-01-01 --yes"
    assert any(advice in note for note in loaded.info.notes)


def test_the_sentinel_is_missing_and_told(stand_in):
    flat = {"iv_52w_high": 0.2, "iv_52w_low": 0.2}
    rows = [iv_row("2024-01-02", 50.0, 50.0, **flat), iv_row("2024-01-03", 50.0, 50.0, **flat),
            iv_row("2024-02-21", 50.0, 50.0)]  # fmt: skip
    loaded = load(stand_in.add_iv("SPY", rows), needs_iv=True)
    assert loaded.bars["iv_rank"].dropna().to_dict() == dict.fromkeys(
        pd.to_datetime(["2024-02-21", "2024-02-22", "2024-02-23"]), 50.0
    )
    told = {found.code: found.dates for found in loaded.info.quality}
    assert told["iv_sentinel"] == ["2024-01-02", "2024-01-03"]


def test_a_history_of_sentinels_alone_is_no_history(stand_in):
    flat = {"iv_52w_high": 0.2, "iv_52w_low": 0.2}
    loaded = load(stand_in.add_iv("SPY", [iv_row("2024-01-16", 50.0, 50.0, **flat)]), needs_iv=True)
    assert "iv_rank" not in loaded.bars
    assert "current_iv" not in loaded.bars
    assert any("iv-rank-backfill" in note for note in loaded.info.notes)


@pytest.mark.parametrize("wrong", [{"iv_rank": 130.0}, {"iv_percentile": -1.0}, {"current_iv": 0}])
def test_impossible_iv_is_missing_and_told(stand_in, wrong):
    stand_in.add_iv("SPY", [iv_row("2024-01-15"), iv_row("2024-01-16") | wrong])
    loaded = load(stand_in, needs_iv=True)
    assert loaded.bars["iv_rank"].loc["2024-01-16"] == 40.0
    assert "iv_impossible" in [found.code for found in loaded.info.quality]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("exit_1", SourceError), ("missing_column", SourceError), ("conflicting", DataError)],
)
def test_iv_that_was_needed_and_is_broken_is_an_error(stand_in, fault, error):
    stand_in.add_iv("SPY", [iv_row("2024-01-15"), iv_row("2024-01-16")])
    with pytest.raises(error):
        load(stand_in.fail(fault, verb="iv-rank"), needs_iv=True)


def test_declared_columns_come_along(tmp_path):
    rows = daily_rows("2024-01-01", 40)
    for place, row in enumerate(rows):
        row |= {"regime": ("UP", None)[place % 2], "hot": place % 3 == 0}
    stand_in = MarketDataStandIn(tmp_path).add_bars("SPY", rows)
    bars = load(stand_in, columns=("regime", "hot")).bars
    assert [str(bars[name].dtype) for name in ("regime", "hot")] == ["category", "boolean"]
    assert bars["regime"].dropna().unique().tolist() == ["UP"]
    assert bars["hot"].sum() == 14
    with pytest.raises(DataError, match="lack the column score"):
        load(stand_in, columns=("score",))
