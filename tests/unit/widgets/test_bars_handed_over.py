"""Widgets work on a frame of bars as on a symbol."""

import numpy as np
import pandas as pd
import pytest

import btkit
from btkit.errors import DataError, NoDataError, UsageError
from btkit.markets import sessions
from btkit.settings import Settings
from btkit.widgets import OptionsLab, SpecEditor, SweepExplorer, WalkForwardLab

SPEC = {
    "name": "crossing",
    "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
    "parameters": {"n": 5},
}
SPREADS = {"name": "puts", "entry_conditions": ["close > sma_5"], "spread_type": "short_put_spread"}


def bars(count=250):
    close = 100.0 + 5.0 * np.sin(np.arange(count) / 9.0)
    frame = pd.DataFrame({"Open": close, "High": close + 1, "Low": close - 1, "Close": close})
    frame.insert(0, "Date", sessions("2018-01-02", "2019-12-31")[:count])
    return frame


@pytest.fixture
def settings(tmp_path):
    return Settings.model_construct(db_path=tmp_path / "runs.db", report_dir=tmp_path)


WIDGETS = {
    "editor": lambda **given: SpecEditor(SPEC, **given),
    "options": lambda **given: OptionsLab(SPREADS, **given),
    "sweep": lambda **given: SweepExplorer(SPEC, parameters={"n": [3, 5]}, **given),
    "walk-forward": lambda **given: WalkForwardLab(SPEC, windows=1, is_ratio=0.5, **given),
}


@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_a_frame_stands_for_a_symbol(make, settings):
    widget = make(symbol=bars(), settings=settings)
    assert widget.result is not None
    bar = widget._bar
    assert (bar.symbol.value, bar.symbol.disabled, bar.source.disabled) == ("DataFrame", True, True)
    assert (str(bar.start.value), str(bar.end.value)) == ("2018-01-02", "2018-12-28")
    widget.close()


def test_the_editor_simulates_the_range_and_says_how_to_do_it_again(settings):
    editor = SpecEditor(SPEC, symbol=bars(), start="2018-03-01", settings=settings)
    assert str(editor.result.equity.index[0].date()) == "2018-03-01"
    assert editor.command() == 'bt.run("crossing.json", bars, "2018-03-01", "2018-12-28")'
    with pytest.raises(UsageError, match="not stored") as refused:
        editor.run_and_store()
    assert refused.value.hint
    assert not settings.db_path.exists()


def hours(days):
    """Make four bars of each day that make it up."""
    frame = days.rename(columns=str.lower).set_index("date")
    four = frame.loc[frame.index.repeat(4)].reset_index()
    clock = pd.to_timedelta(np.tile([10, 12, 14, 16], len(frame)), unit="h")
    zoned = pd.DatetimeIndex(four.pop("date") + clock).tz_localize("America/New_York")
    return four.set_index(zoned.rename("timestamp"))


@pytest.mark.parametrize("name", ["editor", "sweep", "walk-forward"])
def test_finer_bars_are_handed_over_with_their_bars(name, settings, monkeypatch):
    stopped = SPEC | {"stop_loss": 0.05, "take_profit": 0.05, "detail": "2h"}
    monkeypatch.setitem(globals(), "SPEC", stopped)
    days = bars()
    widget = WIDGETS[name](symbol=days, detail=hours(days), settings=settings)
    assert widget.result is not None
    widget.close()
    with pytest.raises(UsageError, match="finer bars") as refused:
        WIDGETS[name](symbol="SPX", source="sample", detail=hours(days), settings=settings)
    assert refused.value.details == {"argument": "detail"}


def test_a_set_is_shown_of_a_spec_that_reads_another_instrument(settings):
    spec = SPEC | {"entry_conditions": ["close > sma_{n}", 'of("INDEX", close) > 90']}
    both = {"OWN": bars(), "INDEX": bars()}
    explorer = SweepExplorer(spec, parameters={"n": [3, 5]}, symbol=both, settings=settings)
    explorer.select(n=3)
    expected = btkit.simulate(spec | {"parameters": {"n": 3}}, both, symbol="OWN")
    assert explorer.run.metrics == expected.metrics
    explorer.close()


def test_the_editor_says_that_finer_bars_are_handed_over(settings):
    days = bars()
    spec = SPEC | {"stop_loss": 0.05, "detail": "2h"}
    editor = SpecEditor(spec, symbol=days, detail=hours(days), settings=settings)
    expected = btkit.simulate(spec, days, detail=hours(days)).metrics
    assert editor.result.metrics == expected
    assert editor.command().endswith(', bars, "2018-01-02", "2018-12-28", detail=detail)')
    editor.set("detail", None)
    assert editor.problems == []
    assert editor.command().endswith(', bars, "2018-01-02", "2018-12-28")')
    editor.close()


@pytest.mark.parametrize(
    ("frame", "error"), [(bars().drop(columns="Close"), DataError), (bars().head(0), NoDataError)]
)
@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_a_frame_that_has_no_bars_is_refused(make, frame, error, settings):
    with pytest.raises(error) as refused:
        make(symbol=frame, settings=settings)
    assert refused.value.hint


@pytest.mark.parametrize(
    "asked",
    [
        {"symbol": {"Close": [1.0]}}, {"symbol": np.ones((3, 4))},
        {"start": "2018-13-01"}, {"start": 5}, {"end": pd.NaT}, {"source": "nonsense"},
        {"interval": 7}, {"capital": "much"}, {"capital": 10**5000}, {"slippage": [1]},
        {"commission": float("nan")},
    ],
    ids=lambda asked: f"{next(iter(asked))} {type(next(iter(asked.values()))).__name__}",
)  # fmt: skip
@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_what_no_field_can_show_is_refused(make, asked, settings):
    with pytest.raises(UsageError) as refused:
        make(**{"symbol": bars(), **asked}, settings=settings)
    assert refused.value.hint
    (name,) = asked
    assert name in refused.value.message


@pytest.mark.parametrize("name", ["options", "sweep"])
def test_a_symbol_that_no_spec_says_is_missed(name, settings):
    with pytest.raises(UsageError, match="symbol"):
        WIDGETS[name](symbol=None, settings=settings)


@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_days_may_be_dates(make, settings):
    start = pd.Timestamp("2018-03-01")
    widget = make(symbol=bars(), start=start, end=start.date() + pd.Timedelta(200, unit="D"),
                  settings=settings)  # fmt: skip
    assert str(widget._bar.start.value) == "2018-03-01"
    widget.close()
