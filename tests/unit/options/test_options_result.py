from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import btkit as bt
from btkit.documents import OptionsReport, RunDocument, read_report
from btkit.jobs import report

SPEC = {
    "name": "plain",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
    "target_dte": 10,
}
RULES = {
    "name": "rules",
    "entry_conditions": ["close > 0"],
    "exit_conditions": [],
    "stop_conditions": [],
}


@pytest.fixture
def bars(market):
    rng = np.random.default_rng(3)
    return market(100 * np.cumprod(1 + rng.normal(0, 0.006, 90)), iv_rank=40.0)


def test_the_document_is_that_of_a_run_and_its_spreads(bars):
    result = bt.simulate(SPEC, bars)
    document = report(result)
    rules = bt.simulate(RULES, bars)
    assert list(document) == [*report(rules), "spreads"]
    assert document["trade_count"] == len(document["spreads"]) == len(result.trades) > 3
    assert document["metrics"].keys() == report(rules)["metrics"].keys()
    spread = document["spreads"][0]
    assert set(spread) >= {
        "entry_date", "exit_date", "expiry", "contracts", "legs", "credit", "close_value",
        "max_loss", "pnl", "exit_reason", "iv_entry", "greeks",
    }  # fmt: skip
    assert [set(leg) for leg in spread["legs"]] == [
        {"side", "right", "strike", "delta", "entry_price", "exit_price"}
    ] * 4
    assert set(spread["greeks"]) == {"delta", "gamma", "theta", "vega", "rho"}
    assert (spread["iv_entry"], spread["iv_rank_entry"]) == (0.2, 40.0)
    again = read_report(document)
    assert isinstance(again, OptionsReport)
    assert again.to_dict() == document


def test_a_document_of_the_time_when_none_said_its_kind_is_read_as_what_it_was(bars):
    for spec, kind in ((SPEC, "options"), (RULES, "rules")):
        document = report(bt.simulate(spec, bars))
        assert document.pop("kind") == kind
        assert read_report(document).kind == kind
    with pytest.raises(ValidationError, match="there is no kind of spec 'unheard'"):
        read_report(document | {"kind": "unheard"})


def test_legs_are_a_table_beside_the_trades(bars):
    result = bt.simulate(SPEC, bars)
    assert result.legs["spread"].tolist() == np.repeat(np.arange(len(result.trades)), 4).tolist()
    sign = np.where(result.legs["side"] == "short", 1, -1)
    received = (sign * result.legs["entry_price"]).groupby(result.legs["spread"]).sum()
    np.testing.assert_allclose(received, result.trades["entry_price"])
    shares = bt.simulate(RULES, bars)
    assert shares.legs.empty
    assert shares.spreads == []


def test_a_spread_is_valued_from_its_entry_to_its_exit(bars):
    result = bt.simulate(SPEC, bars)
    for number, spread in enumerate(result.spreads):
        life = result.valuations[result.valuations["spread"] == number]
        assert str(life["time"].iloc[0].date()) == spread.entry_date
        assert life["to_close"].tolist() == spread.life.value
        at_close = spread.exit_reason in {"expiration", "end_of_data"}
        last = str(life["time"].iloc[-1].date())
        assert (last == spread.exit_date) if at_close else (last < spread.exit_date)


def test_the_curve_has_a_point_a_bar_and_equity_is_cash_and_what_is_invested(bars):
    result = bt.simulate(SPEC, bars, start=bars.index[35])
    document = RunDocument.from_result(result, read_report(report(result)))
    assert len(document.curve) == len(bars) - 35 == len(result.features)
    np.testing.assert_allclose(
        document.curve["equity"], document.curve["cash"] + document.curve["invested"]
    )
    assert result.warmup["bars"] == 35
    assert "spreads" in repr(result)


def test_without_implied_volatility_it_is_estimated_counted_and_said(bars):
    result = bt.simulate(SPEC, bars.drop(columns=["current_iv", "iv_rank"]), start=bars.index[40])
    assert result.fallbacks == {"iv_atm": 50}
    codes = {warning["code"]: warning["message"] for warning in result.warnings}
    assert "market-data iv-rank-backfill" in codes["no_implied_volatility"]
    assert "50 of 50" in codes["estimated_volatility"]
    assert "in favour of whoever sells" in codes["estimated_volatility"]
    assert "5 to 6 points" in codes["estimated_volatility"]
    assert len(result.spreads) > 1
    assert result.spreads[0].iv_entry == pytest.approx(
        1.2 * result.feature_set.column("hv_30")[40], rel=1e-12
    )
    assert result.spreads[0].iv_rank_entry is None


def test_the_vix_prices_spreads_where_the_spec_says_so(bars):
    known = bars.assign(vix=np.linspace(14.0, 22.0, len(bars)))
    result = bt.simulate(SPEC | {"iv_source": "vix", "iv_scale": 0.85}, known, start=bars.index[40])
    for spread in result.spreads:
        place = bars.index.get_loc(spread.entry_date)
        # A fill at an open is priced with the volatility of the last closed bar.
        assert spread.iv_entry == 0.85 * (known["vix"].iloc[place - 1] / 100)
    assert result.fallbacks == {}
    codes = {warning["code"] for warning in result.warnings}
    assert not codes & {"estimated_volatility", "no_implied_volatility", "fallback"}
    assert "vix" in result.features.columns
    # What a condition reads is not what prices.
    asked = bt.simulate(
        SPEC | {"iv_source": "vix", "iv_scale": 0.85, "exit_conditions": ["iv_atm > 0"]}, known
    )
    np.testing.assert_array_equal(asked.features["iv_atm"], known["current_iv"])


def test_half_the_scale_is_half_the_volatility(bars):
    half = bt.simulate(SPEC | {"iv_scale": 0.5}, bars)
    assert half.spreads[0].iv_entry == bt.simulate(SPEC, bars).spreads[0].iv_entry / 2


def test_a_vix_that_is_not_known_is_20_counted_and_said(bars):
    known = bars.assign(vix=[np.nan] * 45 + [30.0] * 45).drop(columns=["current_iv", "iv_rank"])
    result = bt.simulate(SPEC | {"iv_source": "vix"}, known, start=bars.index[40])
    assert result.fallbacks == {"vix": 5}
    messages = {warning["code"]: warning["message"] for warning in result.warnings}
    assert "no_implied_volatility" not in messages
    assert (
        "a VIX of 20, which stands in where it is not known, on 5 of 50 bars"
        in (messages["estimated_volatility"])
    )
    assert result.spreads[0].iv_entry == 0.2


def test_entries_without_a_volatility_are_skipped(bars):
    result = bt.simulate(SPEC, bars.iloc[:25].drop(columns=["current_iv", "iv_rank"]))
    assert result.diagnostics.skipped_entries == {"no_volatility": 24}
    assert "iv_atm" in result.diagnostics.explanation[0]


def test_a_run_without_spreads_says_why(bars):
    small = bt.simulate(SPEC, bars, capital=1000.0)
    assert not small.spreads
    assert "one contract" in small.diagnostics.explanation[0]
    never = bt.simulate(SPEC | {"entry_conditions": ["close > 1000"]}, bars)
    assert "never held" in never.diagnostics.explanation[0]
    assert never.metrics.total_trades == 0
    assert never.valuations.empty


def test_the_position_is_flat_when_flat(bars):
    # When flat the names are 0, 0 and short_delta.
    flat = "pnl_pct_of_max_credit == 0 and position_pnl_pct == 0 and short_strike_delta == 0.3"
    result = bt.simulate(SPEC | {"entry_conditions": [f"{flat} and not in_position"]}, bars)
    assert len(result.spreads) > 3
    assert bt.simulate(
        SPEC | {"entry_conditions": ["open_interest_short_strike == 2000", "bars_held < 1"]}, bars
    ).spreads


def test_intraday_spreads_expire_at_the_last_bar_of_the_session():
    opens = pd.DatetimeIndex(
        [
            f"{day.date()}T{hour}:30:00Z"
            for day in pd.bdate_range("2018-06-04", periods=15)
            for hour in range(13, 20)
        ]
    )
    # It ends between the strikes, so that neither target nor stop is met on the last day.
    prices = np.linspace(100.0, 93.0, len(opens))
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=opens)
    bars = bars.assign(volume=1.0, current_iv=0.2)
    spec = SPEC | {"max_holding_bars": 500, "stop_loss_pct": 900.0, "profit_target_pct": 1.0}
    result = bt.simulate(spec, bars)
    spread = result.spreads[0]
    assert spread.exit_reason == "expiration"
    assert spread.exit_date == f"{spread.expiry}T19:30:00+00:00"
