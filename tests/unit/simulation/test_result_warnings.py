"""What a reader must know before trusting the numbers."""

import functools
import math

import pandas as pd
import pytest

import btkit as bt

NAN = math.nan
FLAT = (8,) * 40
_NEAR = "comes within 90 days of that"


@pytest.fixture
def run(run):
    """Return `run` with a calendar that has no holidays, which these bars do not keep."""
    return functools.partial(run, calendar="24/5")


def told(result):
    # These bars are few, and a test of their own says that this is told.
    return [warning for warning in result.warnings if warning["code"] != "short_range"]


def codes(result):
    return [warning["code"] for warning in told(result)]


def test_nothing_to_warn_of(run):
    result = run(FLAT, entry_conditions=["close > sma_5"])
    assert (told(result), result.fallbacks) == ([], {})


def test_a_fallback_on_every_bar(run):
    result = run(FLAT, filter_conditions=["vix < 35"])
    assert told(result) == [
        {
            "code": "fallback",
            "message": "filter_conditions[0] 'vix < 35' read a fallback value instead of data on "
            "40 of 40 bars (100%): vix.",
        }
    ]
    assert result.fallbacks == {"vix": 40}


# More than 5 % of 40 bars is 3 of them.
@pytest.mark.parametrize(("missing", "warned"), [(0, []), (2, []), (3, ["fallback"])])
def test_few_fallbacks_are_counted_and_not_warned_of(run, missing, warned):
    vix = [NAN] * missing + [15.0] * (40 - missing)
    result = run(FLAT, filter_conditions=["vix < 35"], bars={"vix": vix})
    assert codes(result) == warned
    assert result.fallbacks == ({"vix": missing} if missing else {})


def test_only_bars_of_the_run_count(run):
    vix = [NAN] * 20 + [15.0] * 20
    result = run(FLAT, filter_conditions=["vix < 35"], bars={"vix": vix}, start="2018-01-30")
    assert (codes(result), result.fallbacks) == ([], {})


def test_each_condition_is_warned_of_by_itself(run):
    result = run(
        FLAT,
        entry_conditions=["close > 0", "vix < 35"],
        stop_conditions=["prev_vix > 90"],
        position_sizing_formula="200 / vix",
    )
    assert codes(result) == ["fallback"] * 3
    assert [warning["message"].split(" ")[0] for warning in told(result)] == [
        "entry_conditions[1]",
        "stop_conditions[0]",
        "position_sizing_formula",
    ]


def test_events_outside_the_years_that_are_known(run):
    result = run(FLAT, filter_conditions=["not fomc_meeting_day and not cpi_release_day"])
    assert told(result) == [
        {
            "code": "unknown_events",
            "message": "filter_conditions[0] 'not fomc_meeting_day and not cpi_release_day' read "
            "event dates outside the years that are known on 40 of 40 bars (100%): "
            "cpi_release_day, fomc_meeting_day.",
        }
    ]


@pytest.mark.parametrize(
    ("first", "name", "warned"),
    [
        ("2027-12-06", "days_to_fomc > 0", "lies beyond that"),
        ("2027-08-06", "days_to_fomc > 0", ""),  # the 40th bar is of 2027-09-30
        ("2027-08-10", "days_to_fomc > 0", _NEAR),
        ("2026-08-06", "prev_cpi_release_day", ""),
        ("2026-08-10", "prev_cpi_release_day", _NEAR),
        ("2027-08-10", "close > 0", ""),
        ("2026-08-10", "earnings_within_5d", ""),
    ],
)
def test_a_run_near_the_end_of_a_calendar(run, first, name, warned):
    result = run(FLAT, filter_conditions=[name], bars={"first": first})
    found = [entry["message"] for entry in told(result) if entry["code"] == "calendar_ends"]
    assert len(found) == bool(warned)
    if warned:
        assert warned in found[0]
        assert name.split(" ")[0] in found[0]


def test_events_of_ones_own_that_end(make_bars, make_spec):
    bars = make_bars(FLAT, first="2018-01-02")
    spec = bt.load_spec(
        make_spec(filter_conditions=["not talk_day"], max_holding_bars=5),
        events=pd.DataFrame({"name": "talk", "date": ["2018-01-08", "2018-02-01"]}),
    )
    messages = {entry["code"]: entry["message"] for entry in told(bt.simulate(spec, bars))}
    assert {"calendar_ends", "unknown_events"} <= set(messages)
    assert "The dates of talk are known up to 2018-02-01" in messages["calendar_ends"]


def test_earnings_without_dates_are_a_fallback(run):
    result = run(FLAT, filter_conditions=["not earnings_within_5d"])
    assert codes(result) == ["fallback"]
    assert result.fallbacks == {"earnings_within_5d": 40}


def test_events_in_a_year_that_is_known(run):
    result = run(FLAT, filter_conditions=["not fomc_meeting_day"], bars={"first": "2022-01-03"})
    assert codes(result) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"entry_conditions": ["iv_rank is None or iv_rank > 30"]},
        {"exit_conditions": ["iv_percentile is not None and iv_percentile > 90"]},
        {"stop_conditions": ["current_iv is not None and current_iv > 1"]},
        {"requires_options_data": True},
    ],
)
def test_implied_volatility_that_is_not_there(run, changes):
    [warning] = told(run(FLAT, **changes))
    assert warning["code"] == "no_implied_volatility"
    assert (
        "`market-data iv-rank-backfill --symbol SYMBOL --start 2018-01-02 --yes`"
        in warning["message"]
    )


def test_implied_volatility_that_is_there(run):
    iv = {"iv_rank": [30.0] * 40, "current_iv": [0.2] * 40, "iv_percentile": [30.0] * 40}
    assert codes(run(FLAT, entry_conditions=["iv_rank > 20"], bars=iv)) == []


def test_an_iv_rank_without_an_iv_is_there_too(run):
    result = run(FLAT, entry_conditions=["iv_rank > 20"], bars={"iv_rank": [30.0] * 40})
    assert len(result.trades) == 1
    assert codes(result) == []


def test_ruin(run):
    result = run((8, 8, 16, 8), direction="short", account={"capital": 80.0})
    # A price that doubles over night is what a reverse split looks like, too.
    warning, _ = told(result)
    assert codes(result) == ["ruined", "split_like_jump"]
    assert warning["code"] == "ruined"
    assert warning["message"].startswith("The account was lost")


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("position_pnl_pct < -5", "-500%. If -5 % is meant, write -0.05."),
        ("8 < position_pnl_pct", "800%. If 8 % is meant, write 0.08."),
        ("bars_held > 5 and not position_pnl_pct >= -1", "-100%. If -1 % is meant, write -0.01."),
        ("position_pnl_pct < -0.05", None),
        ("position_pnl_pct >= 1", None),
        ("position_pnl_pct * 100 < -5", None),
        ("bars_held > 5", None),
    ],
)
def test_a_fraction_that_is_asked_for_in_percent(run, text, warned):
    result = run(FLAT, stop_conditions=[text])
    if warned is None:
        assert told(result) == []
        return
    [warning] = told(result)
    assert warning["code"] == "fraction_not_percent"
    assert warning["message"].startswith(f"stop_conditions[0] '{text}' asks for position_pnl_pct")
    assert warning["message"].endswith(f"which is a fraction: {warned}")


def test_a_timeframe_that_the_bars_are_not_of(run, make_bars, make_spec):
    assert codes(run(FLAT, timeframe="intraday")) == ["other_timeframe"]
    assert codes(run(FLAT, timeframe="daily")) == []
    hours = make_bars(FLAT, freq="h", first="2018-01-02")
    hours.index = hours.index.tz_localize("UTC")
    for timeframe, warned in (("daily", ["other_timeframe"]), ("intraday", []), ("swing", [])):
        result = bt.simulate(make_spec(timeframe=timeframe, calendar="24/7"), hours)
        assert [code for code in codes(result) if code == "other_timeframe"] == warned


def test_names_of_a_time_within_the_session_on_bars_that_have_none(run, make_bars, make_spec):
    conditions = ["close > vwap or hour == 9", "month > 0"]
    result = run(FLAT, entry_conditions=conditions)
    why = "it is of the time within a session, and these are 1d bars."
    assert [warning["message"] for warning in told(result)] == [
        f"{name} is None on every bar of the run: {why}" for name in ("hour", "vwap")
    ]
    assert codes(result) == ["no_value", "no_value"]
    hours = make_bars(FLAT, freq="h", first="2018-01-02")
    hours.index = hours.index.tz_localize("UTC")
    conditions += ["close > opening_range_high_90 or close > prev_opening_range_high_120"]
    result = bt.simulate(make_spec(calendar="24/7", entry_conditions=conditions), hours)
    [warning] = told(result)
    assert warning["message"] == (
        "opening_range_high_90 is None on every bar of the run: its minutes are not over at the "
        "close of a 1h bar in any session of the calendar 24/7."
    )
    nowhere = "none of them lies in a session of the calendar XNYS that it is known of"
    nights = hours[hours.index.hour < 9]
    result = bt.simulate(make_spec(entry_conditions=["minutes_to_close > 5"]), nights)
    messages = [one["message"] for one in told(result) if one["code"] == "no_value"]
    assert messages == [f"minutes_to_close is None on every bar of the run: {nowhere}."]


def test_another_instrument_than_the_spec_is_meant_for(make_bars, make_spec):
    bars = make_bars(FLAT)
    known = bt.load_bars("SPX", "2010-01-01", "2010-03-31", source="sample")
    for instruments, warned in (([], []), (["spx", "SPY"], []), (["SPY"], ["other_instrument"])):
        result = bt.simulate(make_spec(instruments=instruments), known)
        assert codes(result) == warned
        spec = make_spec(instruments=instruments, calendar="24/5")
        assert codes(bt.simulate(spec, bars)) == []


@pytest.mark.parametrize(("last", "days"), [("2020-03-31", 89), ("2020-04-01", None)])
def test_a_run_of_less_than_ninety_days(make_bars, make_spec, last, days):
    index = pd.date_range("2020-01-02", last, freq="B")
    result = bt.simulate(make_spec(), make_bars((8.0,) * len(index), first="2020-01-02"))
    short = [warning for warning in result.warnings if warning["code"] == "short_range"]
    assert len(short) == (days is not None)
    if days is not None:
        assert f"spans {days} calendar days, fewer than 90" in short[0]["message"]
    assert ("total return" in repr(result), "CAGR" in repr(result)) == (bool(days), not days)
