"""A result says what its bars lack and what looks wrong in them, whoever loaded them."""

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.markets import sessions
from btkit.settings import Settings

SPEC = {
    "name": "crossing",
    "entry_conditions": ["close > sma_5"],
    "exit_conditions": ["close < sma_5"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
}
SPREADS = {"name": "puts", "entry_conditions": ["close > sma_5"], "spread_type": "short_put_spread"}


def bars(count=120):
    close = 100.0 + 5.0 * np.sin(np.arange(count) / 9.0)
    index = pd.DatetimeIndex(sessions("2018-01-02", "2018-12-31")[:count]).as_unit("ns")
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6},
        index=index,
    )


def halved(frame, place=60):
    frame.iloc[place:, :4] /= 2
    return frame


def warnings(result):
    # That these bars are few is told, too, and has a test of its own.
    return {
        warning["code"]: warning["message"]
        for warning in result.warnings
        if warning["code"] != "short_range"
    }


def report(result, tmp_path):
    return bt.report(result, settings=Settings.model_construct(db_path=tmp_path / "none.db"))


@pytest.mark.parametrize("spec", [SPEC, SPREADS], ids=["rules", "spreads"])
def test_bars_of_every_session_have_nothing_to_warn_of(spec):
    result = bt.simulate(spec, bars())
    assert (result.data.coverage, result.data.gaps, result.data.quality) == ("complete", [], [])
    assert (result.data.source, result.info, result.symbol) == ("dataframe", None, None)
    assert not {"partial_coverage", "split_like_jump"} & warnings(result).keys()


@pytest.mark.parametrize("spec", [SPEC, SPREADS], ids=["rules", "spreads"])
def test_gaps_jumps_and_strange_days_are_warned_of(spec, tmp_path):
    frame = halved(bars())
    frame = frame.drop(frame.index[30:35])
    saturday = frame.iloc[[10]].set_axis(pd.DatetimeIndex(["2018-01-20"]))
    result = bt.simulate(spec, pd.concat([frame, saturday]).sort_index())
    found = warnings(result)
    assert found["partial_coverage"].startswith("The bars have gaps: 2018-02-14 to 2018-02-21.")
    assert "(2018-03-29)." in found["split_like_jump"]
    assert "price_adjustment: splits_dividends" in found["split_like_jump"]
    assert found["bars_outside_sessions"].endswith("of the calendar XNYS (2018-01-20).")
    document = report(result, tmp_path)
    assert document["data"]["coverage"] == "partial"
    assert document["data"]["gaps"] == [{"start": "2018-02-14", "end": "2018-02-21"}]
    codes = [warning["code"] for warning in document["warnings"]]
    assert len(codes) == len(set(codes))
    assert codes[: len(found)] == list(found)


def test_the_calendar_is_that_of_the_spec():
    # New York keeps Memorial Day, London the Monday before Whitsun; both have the other's.
    result = bt.simulate({**SPEC, "calendar": "XLON"}, bars())
    assert {"start": "2018-01-15", "end": "2018-01-15"} in result.data.gaps
    assert bt.simulate({**SPEC, "calendar": "XNYS"}, bars()).data.gaps == []


def test_warnings_that_list_dates_say_how_many_more_there_are():
    frame = bars()
    result = bt.simulate(SPEC, frame.drop(frame.index[3:23:2]))
    assert warnings(result)["partial_coverage"].startswith(
        "The bars have gaps: 2018-01-05 to 2018-01-05, 2018-01-09 to 2018-01-09, "
        "2018-01-11 to 2018-01-11 and 7 more."
    )
    saturdays = bars().set_axis(bars().index + pd.Timedelta(days=1))
    assert warnings(bt.simulate(SPEC, saturdays))["bars_outside_sessions"].endswith(
        " and 21 more)."
    )


def test_intraday_sessions_that_lack_bars():
    days = sessions("2018-01-03", "2018-01-31")
    times = [day + pd.Timedelta(minutes=870 + 15 * bar) for day in days for bar in range(26)]
    frame = pd.concat([bars()] * 5).head(len(times)).set_axis(pd.DatetimeIndex(times, tz="UTC"))
    assert warnings(bt.simulate(SPEC, frame)) == {}
    thin = frame.drop(frame.index[26 * 5 + 3 : 26 * 6])
    assert list(warnings(bt.simulate(SPEC, thin))) == ["thin_sessions"]
    without = frame.drop(frame.index[26 * 5 : 26 * 7])
    assert bt.simulate(SPEC, without).data.gaps == [{"start": "2018-01-10", "end": "2018-01-11"}]


@pytest.fixture
def loaded(tmp_path):
    def load(frame):
        frame.rename_axis("date").to_csv(tmp_path / "XYZ.csv")
        return bt.load_bars(
            "XYZ",
            "2018-01-02",
            "2018-12-31",
            source="files",
            settings=Settings.model_construct(data_dir=tmp_path, vix_path=None),
        )

    return load


def test_loaded_bars_are_warned_of_once_and_like_those_that_are_handed_over(loaded):
    frame = halved(bars())
    frame = frame.drop(frame.index[30:35])
    known = loaded(frame)
    codes = [warning["code"] for warning in bt.simulate(SPEC, known).warnings]
    assert codes == [warning["code"] for warning in bt.simulate(SPEC, frame).warnings]
    assert bt.simulate(SPEC, known).info.source == "files"


def test_loaded_bars_that_were_thinned_out_are_judged_anew(loaded):
    known = loaded(bars())
    whole = bt.simulate(SPEC, known)
    assert whole.data.gaps == whole.info.gaps
    thinned = bt.simulate(SPEC, known.drop(known.index[20:25]))
    assert {"start": "2018-01-31", "end": "2018-02-06"} in thinned.data.gaps
    assert (thinned.data.source, thinned.data.rows) == ("files", 115)


def test_a_split_that_the_adjustment_explains_is_not_warned_of():
    frame = bars().assign(splits=np.where(np.arange(120) == 60, 2.0, 0.0))
    raw = halved(frame)
    assert "price_adjustment: splits" in warnings(bt.simulate(SPEC, raw))["split_like_jump"]
    adjusted = bt.simulate({**SPEC, "price_adjustment": "splits"}, raw)
    assert warnings(adjusted) == {}
    np.testing.assert_allclose(adjusted.bars["close"], bars()["close"] / 2, rtol=1e-14)


def test_every_verb_takes_a_frame_as_files_have_them(tmp_path):
    settings = Settings.model_construct(db_path=tmp_path / "runs.db")
    plain, messy = bars(), bars().rename(columns=str.title).reset_index(names="Date").iloc[::-1]
    swept = {**SPEC, "entry_conditions": ["close > sma_{n}"], "parameters": {"n": 5}}
    verbs = (
        lambda frame: bt.simulate(SPEC, frame).equity,
        lambda frame: bt.run(SPEC, frame, "2018-02-01", settings=settings).equity,
        lambda frame: bt.options_sim(SPREADS, frame, settings=settings).equity,
        lambda frame: bt.compute_indicators(frame)["rsi_14"],
        lambda frame: bt.walk_forward(
            SPEC, frame, windows=1, is_ratio=0.5, settings=settings
        ).curve["equity"],
        lambda frame: bt.sweep(swept, frame, parameters={"n": [3, 5]}, settings=settings).table[
            "total_return_pct"
        ],
    )
    for verb in verbs:
        pd.testing.assert_series_equal(
            verb(messy), verb(plain), check_freq=False, check_names=False
        )
    assert not (tmp_path / "runs.db").exists()
