from __future__ import annotations

import datetime as dt
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest

from btkit.data import load_from_source
from btkit.data.choose import open_source
from btkit.data.sample import COMPLETE
from btkit.errors import NoDataError, SourceError, SourceUnavailableError, UsageError
from btkit.markets import sessions
from btkit.settings import Settings

NOW = dt.datetime(2024, 6, 28, 22, 0, tzinfo=dt.UTC)
SETTINGS = Settings(_env_file=None, market_data_cmd="no-such-market-data")


class YFPricesMissingError(Exception):
    pass


class FakeYahoo(types.ModuleType):
    def __init__(self):
        super().__init__("yfinance")
        self.__spec__ = types.SimpleNamespace(name="yfinance")
        self.calls, self.error, self.frames = [], None, {}

    def Ticker(self, symbol):  # noqa: N802 - yfinance's name
        return types.SimpleNamespace(history=lambda **options: self._history(symbol, options))

    def _history(self, symbol, options):
        self.calls.append((symbol, options))
        if self.error is not None:
            raise self.error
        return self.frames[symbol].copy()


def yahoo_frame(count=40):
    index = pd.bdate_range("2024-01-01", periods=count, tz="America/New_York", name="Date")
    close = 100.0 + np.arange(count, dtype=float)
    return pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 1, "Close": close,
         "Adj Close": close / 2, "Volume": 1000},
        index=index,
    )  # fmt: skip


@pytest.fixture
def yfinance(monkeypatch):
    fake = FakeYahoo()
    fake.frames = {"SPY": yahoo_frame(), "^VIX": yahoo_frame() * 0.1}
    monkeypatch.setitem(sys.modules, "yfinance", fake)
    return fake


def load(symbol="SPY", start="2024-01-15", end="2024-02-23", source="yahoo", **options):
    return load_from_source(
        symbol, start, end, settings=SETTINGS, source=source, now=NOW, **options
    )


def test_the_sample_is_real_history_and_says_so():
    loaded = load("SPX", "2005-01-01", "2018-12-31", "sample")
    info = loaded.info
    assert (info.rows, info.warmup_rows, info.coverage, info.gaps) == (3523, 1508, "complete", [])
    assert "S&P 500" in info.description
    assert "arch" in info.description
    assert loaded.bars.loc["2018-12-31", ["close", "vix"]].tolist() == [2506.850098, 25.42]
    assert loaded.bars["vix"].loc[:"2014-01-02"].isna().all()
    assert any("2014-01-03" in note for note in info.notes)


def test_the_warm_up_is_exactly_what_was_asked_for():
    loaded = load("IXIC", "2010-01-01", "2010-12-31", "sample")
    assert (loaded.info.warmup_rows, loaded.info.rows) == (2000, 252)
    assert loaded.bars.index[2000] == loaded.start == pd.Timestamp("2010-01-04")
    none = load("IXIC", "2010-01-01", "2010-12-31", "sample", warmup=0)
    assert none.bars.index[0] == none.start
    pd.testing.assert_frame_equal(none.bars, loaded.bars.iloc[2000:])


@pytest.mark.parametrize("symbol", ["SPX", "IXIC", "VIX"])
def test_the_sample_holds_every_session_it_claims(symbol):
    first, last = COMPLETE[symbol]
    bars = load(symbol, first, last, "sample").bars
    assert list(bars.index) == list(sessions(first, last))


def test_the_sample_ends_where_it_ends():
    info = load("spx", "2018-06-01", "2020-06-01", "sample").info
    assert info.coverage == "partial"
    assert info.gaps == [{"start": "2019-01-02", "end": "2020-06-01"}]
    with pytest.raises(NoDataError, match="1999-01-04 to 2018-12-31"):
        load("SPX", "2021-01-01", "2021-06-01", "sample")


def test_the_vix_itself_is_its_own_vix():
    loaded = load("VIX", "2015-01-01", "2015-12-31", "sample")
    np.testing.assert_array_equal(loaded.bars["vix"], loaded.bars["close"])
    assert any("closes only" in note for note in loaded.info.notes)


def test_the_sample_has_daily_bars_of_three_symbols_only():
    with pytest.raises(NoDataError, match="no symbol SPY"):
        load("SPY", "2015-01-01", "2015-12-31", "sample")
    with pytest.raises(NoDataError, match="daily bars only"):
        load("SPX", "2015-01-01", "2015-12-31", "sample", interval="1h")


def test_the_sample_needs_no_slow_import():
    program = (
        "import sys; from btkit.data import load_from_source; from btkit.settings import Settings\n"
        "load_from_source('SPX', '2010-01-01', '2018-12-31', settings=Settings(),"
        " source='sample')\n"
        "print([name for name in ('arch', 'statsmodels', 'exchange_calendars', 'pyarrow.parquet',"
        " 'yfinance') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_vix_of_a_market_that_closes_before_new_york_lags_a_day():
    same = load("SPX", "2015-03-02", "2015-03-31", "sample").bars["vix"]
    later = load("SPX", "2015-03-02", "2015-03-31", "sample", calendar="XLON")
    np.testing.assert_array_equal(later.bars["vix"].loc["2015-03-03":], same["2015-03-02":][:-1])
    assert any("closes before New York" in note for note in later.info.notes)


def test_yahoo_is_asked_for_unadjusted_prices(yfinance):
    loaded = load()
    symbol, options = yfinance.calls[0]
    assert symbol == "SPY"
    assert options["auto_adjust"] is False
    assert options["back_adjust"] is False
    assert options["end"] == "2024-02-24"
    assert loaded.bars.loc["2024-01-15", ["close", "adj_close"]].tolist() == [110.0, 55.0]
    assert loaded.bars.loc["2024-01-15", "vix"] == pytest.approx(11.0)
    assert loaded.bars.index.tz is None


def test_yahoo_spells_indices_its_own_way(yfinance):
    yfinance.frames["^GSPC"] = yahoo_frame()
    assert "^GSPC" in load("SPX").info.description


def test_yahoo_rows_without_any_price_are_dropped_and_noted(yfinance):
    yfinance.frames["SPY"].iloc[20] = np.nan
    loaded = load()
    assert loaded.info.rows == 29
    assert any("1 rows that Yahoo sent without any price" in note for note in loaded.info.notes)


def test_yahoo_intraday_reaches_back_only_so_far(yfinance):
    with pytest.raises(NoDataError, match="no 15m bars of SPY before 2024-05-01"):
        load(interval="15m")
    index = pd.date_range("2024-06-03 09:30", periods=26, freq="15min", tz="America/New_York")
    yfinance.frames["SPY"] = yahoo_frame(26).set_axis(index)
    loaded = load(start="2024-06-03", end="2024-06-03", interval="15m")
    assert yfinance.calls[-2][1]["start"] == "2024-05-01"
    assert loaded.start == pd.Timestamp("2024-06-03 13:30", tz="UTC")
    assert any("last 58 days only" in note for note in loaded.info.notes)


def test_yahoo_names_intervals_its_own_way_and_makes_no_others(yfinance):
    months = pd.date_range("2023-01-01", periods=18, freq="MS", tz="America/New_York")
    yfinance.frames["SPY"] = yahoo_frame(18).set_axis(months)
    loaded = load(start="2023-06-01", end="2024-03-31", interval="1mo")
    assert yfinance.calls[0][1]["interval"] == "1mo"
    assert loaded.info.rows == 10
    weeks = pd.date_range("2023-01-02", periods=18, freq="7D", tz="America/New_York")
    yfinance.frames["SPY"] = yahoo_frame(18).set_axis(weeks)
    yfinance.calls.clear()
    load(start="2023-02-06", end="2023-03-05", interval="1w")
    assert yfinance.calls[0][1]["interval"] == "1wk"
    with pytest.raises(NoDataError, match="Yahoo has no 2h bars") as refusal:
        load(interval="2h")
    assert "90m" in refusal.value.hint


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (YFPricesMissingError("possibly delisted"), NoDataError),
        (OSError("no route"), SourceUnavailableError),
    ],
)
def test_yahoo_errors_are_told_apart(yfinance, error, kind):
    yfinance.error = error
    with pytest.raises(kind, match="SPY") as caught:
        load()
    assert type(caught.value) is kind


def test_yahoo_without_yfinance_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(SourceError, match="not installed") as caught:
        load()
    assert "pip install yfinance" in caught.value.hint


def chosen(name="auto", **fields):
    settings = Settings(_env_file=None, **({"market_data_cmd": "no-such-market-data"} | fields))
    return open_source(name, settings=settings, now=NOW).name


def test_auto_takes_the_first_source_there_is(tmp_path, yfinance):
    command = tmp_path / "market-data"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert chosen(market_data_cmd=f"{command} --quiet", data_dir=tmp_path) == "market-data"
    assert chosen(data_dir=tmp_path) == "files"
    assert chosen() == "yahoo"


def test_auto_never_takes_the_sample(monkeypatch):
    monkeypatch.setattr("btkit.data.yahoo.is_installed", lambda: False)
    with pytest.raises(SourceError, match="no source of bars") as caught:
        chosen()
    assert "--source sample" in caught.value.hint
    assert "BT_DATA_DIR" in caught.value.hint


def test_an_unknown_source_is_a_usage_error():
    with pytest.raises(UsageError, match="There is no source 'bloomberg'"):
        chosen("bloomberg")
