"""What a run loads before its first day for slower intervals, and what sees it."""

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.crosscheck import differences
from btkit.data import Answer, History, Source, load_from_source
from btkit.errors import SpecError
from btkit.markets import Interval, slower_bars
from btkit.settings import Settings

BASE = {
    "name": "slower",
    "entry_conditions": ["ema_200 > 0", "rsi_14 < 70"],
    "exit_conditions": [],
    "stop_conditions": [],
    "position_sizing_formula": "10",
}
WEEKLY = {**BASE, "entry_conditions": [*BASE["entry_conditions"], "close > on('1w', ema_100)"]}
WEEK = Interval.parse("1w")


class Daily(Source):
    """Thirty-five years of sessions, the same wherever one begins."""

    name = "daily"

    def bars(self, request):
        days = pd.bdate_range("1985-01-01", "2019-12-31")
        close = 100 + np.cumsum(np.random.default_rng(1).normal(0.01, 0.5, len(days)))
        frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close + 40), days)
        frame["volume"] = 1e6
        return Answer(frame.loc[request.first : request.last], "Made up")


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(
        db_path=tmp_path / "results.db", curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports", min_trades_required=1,
    )  # fmt: skip


def test_six_hundred_slower_bars_are_loaded_and_only_slower_intervals_see_them(settings):
    loaded = load_from_source(
        "X", "2015-01-02", "2016-12-30", settings=settings, source=Daily(), slower=[WEEK]
    )
    before = int(loaded.bars.index.searchsorted(loaded.start))
    assert 2_990 < before < 3_030
    assert loaded.info.warmup_rows == before
    assert loaded.info.seen_from == loaded.bars.index[before - 2_000].isoformat()
    plain = load_from_source("X", "2015-01-02", "2016-12-30", settings=settings, source=Daily())
    assert plain.info.seen_from is None
    assert plain.info.warmup_rows == 2_000
    own, slower = (
        bt.simulate(spec, bars.bars, start=bars.start)
        for spec, bars in ((BASE, plain), (WEEKLY, loaded))
    )
    for name in ("ema_200", "rsi_14"):
        np.testing.assert_array_equal(own.features[name], slower.features[name])
    assert slower.warmup["bars"] == 2_000
    assert differences(slower) == []


def test_a_value_does_not_depend_on_the_other_intervals_of_a_spec(settings):
    found = []
    for text in ("on('1w', ema_100) > 0", "on('1w', ema_100) > 0 or on('1mo', close) > 1"):
        spec = bt.load_spec({**BASE, "entry_conditions": [text]})
        loaded = load_from_source(
            "X", "2015-01-02", "2016-12-30", settings=settings, source=Daily(),
            slower=spec.slower_intervals,
        )  # fmt: skip
        run = bt.simulate(spec, loaded.bars, start=loaded.start)
        found.append(run.features['on("1w", ema_100)'])
    np.testing.assert_array_equal(*found)


def test_less_history_than_wanted_is_all_there_is(settings):
    loaded = load_from_source(
        "X", "1990-01-02", "1990-12-31", settings=settings, source=Daily(), slower=[WEEK]
    )
    assert loaded.bars.index[0] == pd.Timestamp("1985-01-01")
    assert loaded.info.seen_from is None


def test_a_missing_monday_is_no_missing_beginning():
    days = pd.bdate_range("2000-01-03", "2014-12-31")
    days = days[~((days.day_of_week == 0) & (days.day < 8))]
    for place in range(3_500, 3_540):
        first, reaches = History(0, [WEEK]).first(
            days, place, interval=Interval.DAY, calendar="24/5"
        )
        made = slower_bars(days[first:], "1d", WEEK, calendar="24/5")
        assert reaches
        assert made.last_closed[place - first - 1] + 1 in (600, 601)


def test_parts_of_a_walk_forward_are_the_runs_of_their_ranges(settings):
    loaded = load_from_source(
        "X", "2010-01-04", "2014-12-31", settings=settings, source=Daily(), slower=[WEEK]
    )
    walked = bt.walk_forward(
        WEEKLY, loaded.bars, "2010-01-04", "2014-12-31", windows=2, settings=settings
    )
    for part in (*walked.in_sample, *walked.out_of_sample):
        own = load_from_source(
            "X", part.bars.index[0], part.bars.index[-1], settings=settings, source=Daily(),
            slower=[WEEK],
        )  # fmt: skip
        run = bt.simulate(WEEKLY, own.bars, start=own.start)
        pd.testing.assert_frame_equal(run.features, part.features, check_freq=False)
        pd.testing.assert_frame_equal(run.trades, part.trades)


def test_a_job_is_refused_before_anything_is_loaded(settings):
    with pytest.raises(SpecError, match="Bars of 1w do not make bars of 1w"):
        bt.run(
            WEEKLY, "SPX", "2015-01-02", "2016-12-30", interval="1w", source="sample",
            settings=settings,
        )  # fmt: skip
