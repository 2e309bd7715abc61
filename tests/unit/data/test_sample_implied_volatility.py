from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from btkit.data import load_from_source
from btkit.data.implied import rank_history
from btkit.settings import Settings


def loaded(symbol="SPX", start="2014-01-02", end="2018-12-31"):
    settings = Settings(_env_file=None)
    return load_from_source(symbol, start, end, settings=settings, source="sample", needs_iv=True)


def test_rank_and_percentile_are_the_documented_formulas():
    days = pd.bdate_range("2020-01-01", periods=7)
    history = rank_history(pd.Series([0.2, 0.3, 0.1, 0.15, 0.3, 0.3, 0.3], days), window=4)
    assert history["current_iv"].tolist() == [0.2, 0.3, 0.1, 0.15, 0.3, 0.3, 0.3]
    expected = [np.nan] * 3 + [25.0, 100.0, 100.0, 100.0]
    np.testing.assert_allclose(history["iv_rank"], expected)
    # Strictly below, out of the window with the present day in it.
    np.testing.assert_allclose(history["iv_percentile"], [np.nan] * 3 + [25.0, 50.0, 50.0, 25.0])


def test_a_flat_year_has_no_rank():
    flat = rank_history(pd.Series(0.2, pd.bdate_range("2020-01-01", periods=5)), window=3)
    assert flat["iv_rank"].isna().all()
    assert flat["iv_percentile"].tolist()[2:] == [0.0] * 3
    assert rank_history(pd.Series(dtype=float), window=3).empty


def test_the_sample_gives_the_vix_as_the_volatility_of_the_s_and_p_500():
    bars, info = loaded().bars, loaded().info
    known = bars["current_iv"].dropna()
    pd.testing.assert_series_equal(known, bars["vix"].dropna() / 100, check_names=False)
    assert str(known.index[0].date()) == "2014-01-03"
    assert str(bars["iv_rank"].dropna().index[0].date()) == "2015-01-02"
    assert any("VIX/100" in note for note in info.notes)
    last = bars.loc[:"2018-06-29", "vix"].iloc[-252:]
    rank = (last.iloc[-1] - last.min()) / (last.max() - last.min()) * 100
    assert bars.loc["2018-06-29", "iv_rank"] == pytest.approx(rank, rel=1e-12)


def test_the_nasdaq_has_none_and_the_note_says_what_to_do():
    nasdaq = loaded("IXIC", "2016-01-04", "2016-12-30")
    assert "current_iv" not in nasdaq.bars
    assert any("iv-rank-backfill" in note for note in nasdaq.info.notes)
