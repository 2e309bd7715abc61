from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.market_data import MarketDataStandIn, daily_rows

from btkit.documents import OptionsReport
from btkit.errors import NoDataError
from btkit.jobs import list_runs, load_document, load_run, options_sim, report, resume

SPEC = {
    "name": "puts",
    "spread_type": "short_put_spread",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
}
RANGE = ("SPX", "2016-01-04", "2016-12-30")


def test_a_run_is_stored_with_its_spreads(settings):
    result = options_sim(SPEC, *RANGE, capital=1e6, settings=settings)
    stored = load_run(result.run_id, settings=settings)
    assert isinstance(stored.report, OptionsReport)
    assert stored.report.spreads == result.spreads
    pd.testing.assert_frame_equal(stored.trades, result.trades, check_exact=True)
    assert stored.report.trade_count == len(result.spreads) > 5
    assert stored.report.data.warmup.bars == 2000
    document = load_document(result.run_id, settings=settings)
    assert report(result, settings=settings) == document
    assert document["spreads"][0]["iv_rank_entry"] is not None
    (row,) = list_runs(settings=settings)
    assert (row["run_id"], row["status"]) == (result.run_id, "complete")


def test_bars_that_are_handed_over_are_not_stored(settings):
    closes = 100 * np.cumprod(1 + np.resize([0.01, -0.009], 60))
    days = pd.bdate_range("2018-01-02", periods=60)
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes), index=days)
    bars = bars.assign(volume=1.0, current_iv=0.2)
    result = options_sim(SPEC, bars, start="2018-01-15", settings=settings)
    assert result.run_id is None
    assert result.spreads
    assert not settings.db_path.exists()


@pytest.fixture
def market_data(tmp_path, settings):
    stand_in = MarketDataStandIn(tmp_path / "service")
    stand_in.add_bars("SPY", daily_rows("2017-01-02", 250, step=0.05))

    def sell():
        update = {"data_source": "market-data", "market_data_cmd": stand_in.command}
        return options_sim(
            SPEC, "SPY", "2017-03-01", "2017-11-30", settings=settings.model_copy(update=update)
        )

    return stand_in, sell


def iv_rows(iv, **more):
    return [
        {"recorded_at": row["timestamp"][:10], "iv_rank": 40.0, "iv_percentile": 45.0,
         "current_iv": iv} | more
        for row in daily_rows("2017-01-02", 250)
    ]  # fmt: skip


def test_implied_volatility_comes_from_the_service(market_data):
    stand_in, sell = market_data
    stand_in.add_iv("SPY", iv_rows(0.25))
    result = sell()
    assert {spread.iv_entry for spread in result.spreads} == {0.25}
    assert {spread.iv_rank_entry for spread in result.spreads} == {40.0}
    assert "iv_atm" not in result.fallbacks


@pytest.mark.parametrize("sentinel", [False, True])
def test_no_history_is_estimated_and_names_the_backfill(market_data, sentinel):
    stand_in, sell = market_data
    if sentinel:
        flat = {"iv_52w_high": 0.2, "iv_52w_low": 0.2, "iv_rank": 50.0, "iv_percentile": 50.0}
        stand_in.add_iv("SPY", iv_rows(0.2, **flat))
    result = sell()
    assert result.fallbacks["iv_atm"] == len(result.bars)
    messages = " ".join(warning["message"] for warning in result.warnings)
    assert "market-data iv-rank-backfill --symbol SPY" in messages
    assert all(spread.iv_rank_entry is None for spread in result.spreads)


def test_what_was_asked_for_survives_storage_so_that_it_can_be_resumed(settings):
    with pytest.raises(NoDataError) as caught:
        options_sim(SPEC, "NOPE", "2016-01-04", "2016-12-30", settings=settings)
    run_id = caught.value.details["run_id"]
    # The same question again, and for the same reason without an answer.
    with pytest.raises(NoDataError):
        resume(run_id, settings=settings)
    (row,) = list_runs(settings=settings)
    assert (row["run_id"], row["status"]) == (run_id, "failed")
