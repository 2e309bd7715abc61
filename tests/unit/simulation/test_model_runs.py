"""A model over bars: what it was trained on apart, dated bundles, and each reason to refuse one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.small_models import DEFINITION, SLOWER, write_bundle

import btkit as bt
from btkit.data import load_from_source
from btkit.errors import BundleError, NoDataError, SpecError, UsageError
from btkit.markets import Interval
from btkit.models.asked_bars import AskedBars
from btkit.models.decisions import FIRST_BAR
from btkit.models.loading import load_bundle
from btkit.models.predictions import predict
from btkit.settings import Settings
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs

RULES = {
    "name": "r",
    "entry_conditions": ["close > 1"],
    "exit_conditions": [],
    "stop_conditions": [],
}
SPEC = {"name": "m", "model_path": "anywhere", "confidence_threshold": 0.4}


@pytest.fixture(scope="module")
def bars():
    known = Settings(_env_file=None)
    return load_from_source(
        "SPX", "2011-01-03", "2014-12-31", settings=known, source="sample", warmup=100
    ).bars


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(write_bundle(tmp_path_factory.mktemp("bundle") / "SPX_1d"))


def run(bars, bundle, *, start="2011-01-03", spec=SPEC, **changes):
    return bt.simulate({**spec, **changes}, bars, start=start, models=bundle)


def test_bars_of_the_training_and_of_its_labels_are_a_run_apart(bars, bundle):
    result = run(bars, bundle)
    # Trained until 2011-12-30, and a label looked five bars ahead.
    assert str(result.in_sample.bars.index[0].date()) == "2011-01-03"
    assert str(result.in_sample.bars.index[-1].date()) == "2012-01-09"
    assert str(result.bars.index[0].date()) == "2012-01-10"
    assert result.equity.iloc[0] == pytest.approx(100_000.0)
    assert len(result.equity) == len(result.decisions) == len(result.bars)
    assert result.side == "long only"
    assert [warning["code"] for warning in result.warnings] == ["in_sample_apart"]
    # Each is what it is alone: the later one flat at its first bar, the earlier one closed at its
    # last.
    alone = bt.simulate(SPEC, bars, start="2012-01-10", models=bundle)
    assert alone.in_sample is None
    pd.testing.assert_frame_equal(alone.trades, result.trades)
    pd.testing.assert_series_equal(alone.equity, result.equity, check_freq=False)
    assert alone.metrics == result.metrics
    learnt = result.in_sample
    cut = bars.loc[:"2012-01-09"]
    scored = simulate_inputs(
        check_inputs(in_one_piece, SPEC, cut, start="2011-01-03", models=bundle, in_sample="scored")
    )
    pd.testing.assert_frame_equal(scored.trades, learnt.trades)
    assert scored.metrics == learnt.metrics
    assert learnt.metrics != result.metrics


def test_a_later_date_or_a_longer_horizon_of_the_spec_counts(bars, bundle):
    later = run(bars, bundle, trained_until="2012-06-29", label_horizon=10)
    assert str(later.bars.index[0].date()) == "2012-07-17"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            {"trained_until": "2011-06-30"},
            r"trained_until of the spec is 2011-06-30, .* was trained until 2011-12-30\.",
        ),
        ({"label_horizon": 1}, r"label_horizon of the spec is 1, .* looked 5 bars ahead\."),
    ],
)
def test_a_spec_that_would_score_what_was_learnt_is_refused(bars, bundle, stated, message):
    with pytest.raises(BundleError, match=message) as refused:
        run(bars, bundle, **stated)
    assert "Leave" in refused.value.hint
    undated = replace(bundle, trained_until=None, rows_until=pd.Timestamp("2011-12-30"))
    if "trained_until" in stated:
        with pytest.raises(BundleError, match="was saved with rows until 2011-12-30"):
            run(bars, undated, **stated)
    assert len(run(bars, undated, trained_until="2011-12-30", label_horizon=5).equity)


def test_no_bar_out_of_sample_is_no_result(bars, bundle):
    with pytest.raises(NoDataError, match=r"No bar is out of sample: .* 2014-12-30") as caught:
        run(bars, bundle, trained_until="2014-12-30")
    assert caught.value.exit_code == 1
    assert "Choose a later end" in caught.value.hint


def test_a_training_that_nobody_dates_is_a_warning(bars, tmp_path):
    known = load_bundle(write_bundle(tmp_path / "x", trained_until=None, trained_from=None))
    result = run(bars, known)
    assert result.in_sample is None
    assert result.warnings[0]["code"] == "training_dates_unknown"
    stated = run(bars, known, trained_until="2011-12-30")
    assert "training_dates_unknown" not in [warning["code"] for warning in stated.warnings]
    assert stated.in_sample is not None


def test_recursive_features_may_still_drift_at_the_start(bars, bundle, tmp_path):
    late = run(bars, bundle, start="2012-01-10")
    before = late.outcome.start
    weight = pytest.approx((13 / 14) ** (before - 14), rel=1e-12)
    drift = {"1d_momentum_oversold": weight, "1d_momentum_overbought": weight}
    assert late.warmup["drift"] == drift
    slow = load_bundle(write_bundle(tmp_path / "slow", **{**SLOWER, "trained_until": "2011-12-30"}))
    early = run(bars, slow, start="2012-01-10").warmup
    weeks = early["drift"]
    assert early["missing_until"] == {"1w_rsi_100_raw": "2012-07-20"}
    assert weeks == {
        # Of 82 weeks none has a value yet; of the days' average little is forgotten.
        "1w_rsi_100_raw": 1.0,
        "1d_ema_150_raw": pytest.approx((149 / 151) ** (before - 149), rel=1e-12),
    }
    rules = {**RULES, "entry_conditions": ["regime == 'BUY' and ema_5 > 1"]}
    rules["classifiers"] = {"regime": str(bundle.path)}
    read = bt.simulate(rules, bars, start="2012-01-10").warmup["drift"]
    assert read.pop("ema_5") == pytest.approx((2 / 3) ** (before - 4), rel=1e-12)
    assert read == {"atr_14": read["atr_14"]} | {
        f"regime {name}": known for name, known in drift.items()
    }
    # Several bundles have each its own.
    both = {"2012-02-01": bundle, "2013-02-01": slow}
    dated = run(bars, both, spec={"name": "m", "models": "anywhere"}).warmup["drift"]
    assert set(dated) == {*drift, *weeks}


def test_what_a_bundle_leaves_open_is_no_warning_once_the_spec_says_it(bars, tmp_path):
    known = load_bundle(
        write_bundle(tmp_path / "x", outputs=1, label_horizon_bars=None), output_classes=None
    )
    codes = [warning["code"] for warning in run(bars, known).warnings]
    assert {"no_short_from_flat", "label_horizon_unknown"} < set(codes)
    stated = run(bars, known, allow_short_from_flat=True, label_horizon=3)
    assert [warning["code"] for warning in stated.warnings] == ["in_sample_apart"]


def test_defaults_are_those_of_models_and_what_is_given_counts(bars, bundle):
    result = run(bars, bundle)
    assert (result.commission, result.slippage, result.commission_model) == (0.001, 0.001, "rate")
    given = bt.simulate(SPEC, bars, models=bundle, commission=0.0, slippage=0.01)
    assert (given.commission, given.slippage) == (0.0, 0.01)
    plain = bt.simulate(RULES, bars)
    assert (plain.commission, plain.slippage) == (0.65, 0.005)
    first = result.trades.iloc[0]
    decided = result.all_bars.loc[: first["entry_date"], "close"].iloc[-2]
    assert first["shares"] == pytest.approx(0.25 * 100_000 / (decided * 1.001), rel=1e-12)


def test_a_formula_may_read_the_costs_and_conditions_gate_and_stop(bars, bundle):
    formula = "100 * commission + 1000 * slippage + risk_pct"
    sized = run(bars, bundle, position_sizing_formula=formula)
    assert sized.trades["shares"].tolist() == pytest.approx([1.11] * len(sized.trades))
    stopped = run(bars, bundle, stop_conditions=["bars_held >= 2"])
    assert "stop" in set(stopped.trades["exit_reason"])
    # A stop does not wait for the separation that signals wait for.
    assert stopped.trades["bars_held"].max() <= 3
    gated = run(bars, bundle, filter_conditions=["close > sma_50"])
    assert "filter" in gated.held_decisions
    above = gated.all_bars["close"] > gated.all_bars["close"].rolling(50).mean()
    days = gated.all_bars.index.get_indexer(gated.trades["entry_date"]) - 1
    assert above.iloc[days].all()
    held = run(bars, bundle, max_holding_bars=3)
    assert held.trades["bars_held"].max() <= 4


def test_no_decision_is_made_before_the_fiftieth_bar(bars, bundle):
    result = run(bars, bundle, start=None)
    learnt = result.in_sample
    assert learnt.outcome.start == 0
    assert (learnt.decisions["held_by"].iloc[:FIRST_BAR] == "warm_up").all()
    assert (learnt.decisions["held_by"].iloc[FIRST_BAR:] != "warm_up").all()
    assert learnt.diagnostics.held_decisions["warm_up"] == FIRST_BAR


def test_a_missing_feature_holds_and_is_counted(bars, bundle):
    class Holes:
        def __getattr__(self, name):
            return getattr(bundle.features, name)

        def matrix(self, frame, **more):
            rows = bundle.features.matrix(frame, **more).copy()
            rows[-7:-3, 1] = np.nan
            return rows

    holed = replace(bundle, features=Holes(), hash="holed")
    result = run(bars, holed)
    assert (result.decisions["held_by"].iloc[-7:-3] == "missing_feature").all()
    assert result.held_decisions["missing_feature"] == 4


def test_without_an_order_it_says_what_held(bars, bundle):
    result = run(bars, bundle, confidence_threshold=1.0)
    assert not len(result.trades)
    said = " ".join(result.diagnostics.explanation)
    assert "the confidence was below the threshold" in said
    assert str(len(result.bars)) in said.replace(",", "")


def test_predictions_are_known_by_hashes_and_never_by_name(bars, bundle, monkeypatch):
    asked = []
    forward = type(bundle.network).forward
    monkeypatch.setattr(
        type(bundle.network), "forward", lambda self, rows: asked.append(1) or forward(self, rows)
    )
    changed = bars.copy()
    changed.iloc[-1, changed.columns.get_loc("close")] += 0.01
    before = len(asked)
    # Without a part in sample, which is asked for on its own.
    start = "2012-01-10"
    run(bars, replace(bundle, hash="a"), start=start)
    run(bars, replace(bundle, hash="a", name="another"), start=start, confidence_threshold=0.9)
    assert len(asked) - before == 1
    run(bars, replace(bundle, hash="b"), start=start)
    assert len(asked) - before == 2
    run(changed, replace(bundle, hash="a"), start=start)
    assert len(asked) - before == 3


def test_what_is_kept_cannot_be_written_to(bars, bundle):
    made = predict(bundle, AskedBars(bars, None, Interval.DAY, "XNYS"))
    with pytest.raises(ValueError, match="read-only"):
        made.outputs[0] = 1.0


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dated")
    return {
        date: load_bundle(write_bundle(folder / date, seed=seed, trained_until=until))
        for date, seed, until in (
            ("2012-02-01", 6, "2011-12-30"),
            ("2013-02-01", 3, "2012-12-31"),
        )
    }


def test_at_each_bar_the_newest_known_bundle_decides(bars, dated):
    spec = {"name": "m", "models": "anywhere", "confidence_threshold": 0.4}
    result = run(bars, dated, spec=spec)
    assert str(result.bars.index[0].date()) == "2012-02-01"
    assert result.in_sample is None
    # 272 of the bars that were asked for lie before it.
    (warning,) = result.warnings
    assert warning["code"] == "no_model_yet"
    assert "known from 2012-02-01: 272 bars before it" in warning["message"]
    assert not run(bars, dated, spec=spec, start="2012-02-01").warnings
    table = result.decisions
    for (date, known), until in zip(dated.items(), ("2013-01-31", "2014-12-31"), strict=True):
        rows = table.loc[date:until]
        assert (rows["bundle"] == date).all()
        alone = bt.simulate(SPEC, bars, start=date, models=known).decisions.loc[rows.index]
        for column in ("answer", "confidence", "p_buy"):
            assert rows[column].equals(alone[column])
    assert table["bundle"].nunique() == 2


def test_a_bundle_from_the_future_is_refused(bars, dated):
    spec = {"name": "m", "models": "anywhere"}
    for date, message in (
        ("2012-01-06", "not known before 2012-01-09"),
        ("2011-12-29", "trained until 2011-12-30"),
    ):
        with pytest.raises(BundleError, match=message):
            run(bars, {date: dated["2012-02-01"]}, spec=spec)
    # The label of the last row was known at that close.
    run(bars, {"2012-01-09": dated["2012-02-01"]}, spec=spec)


def test_before_the_first_bundle_there_is_no_run(bars, dated):
    with pytest.raises(NoDataError, match="No model was known before the last bar"):
        run(bars.loc[:"2011-12-30"], dated, spec={"name": "m", "models": "anywhere"})


def test_bundles_that_differ_in_what_one_run_has_are_refused(bars, dated):
    spec = {"name": "m", "models": "anywhere"}
    other = replace(dated["2013-02-01"], decisions={"allow_short_from_flat": True})
    both = {"2012-02-01": dated["2012-02-01"], "2013-02-01": other}
    with pytest.raises(BundleError, match="differ in allow_short_from_flat"):
        run(bars, both, spec=spec)
    run(bars, both, spec={**spec, "allow_short_from_flat": False})


def test_the_spec_decides_over_the_bundle(bars, bundle):
    known = replace(bundle, decisions={"confidence_threshold": 1.0})
    assert not len(run(bars, known, spec={"name": "m", "model_path": "anywhere"}).trades)
    assert len(run(bars, known).trades)


def test_another_symbol_or_timeframe_is_refused_unless_it_is_meant(bars, tmp_path):
    spy = load_bundle(write_bundle(tmp_path / "spy", training_symbols=["SPY"]))
    with pytest.raises(BundleError, match="trained on SPY, and this run is on SPX"):
        run(bars, spy)
    assert len(run(bars, spy, allow_other=["symbol"]).equity)
    definition = {**DEFINITION, "nn_inputs": DEFINITION["nn_inputs"]}
    hourly = {
        "nn_inputs": [{**entry, "timeframes": ["1h"]} for entry in definition["nn_inputs"]],
        "training_timeframes": ["1h"],
        "resolved_features": ["1h_momentum_oversold", "1h_momentum_overbought", "1h_sma_10_raw"],
        "normalization_params": {"1h_sma_10_raw": {"method": "zscore", "mean": 0.0, "std": 1.0}},
    }
    hour = load_bundle(write_bundle(tmp_path / "hour", **hourly))
    with pytest.raises(BundleError, match="trained on bars of 1h, and these are of 1d"):
        run(bars, hour)
    assert len(run(bars, hour, allow_other=["timeframe"]).equity)


def test_a_bundle_that_trades_nothing_is_refused(bars, tmp_path):
    regime = load_bundle(
        write_bundle(
            tmp_path / "regime", output_type="context_classification",
            output_classes=["BULLISH", "BEARISH", "NEUTRAL"],
        )
    )  # fmt: skip
    with pytest.raises(BundleError, match="says nothing of buying or selling"):
        run(bars, regime)


def test_the_definition_of_a_strategy_has_to_be_the_bundles(bars, bundle):
    assert len(run(bars, bundle, features=DEFINITION).equity)
    indicators = {**DEFINITION["indicators"], "sma_10": {"type": "sma", "period": 11}}
    with pytest.raises(BundleError, match=r"sma_10_raw is .*10.* in the bundle and .*11") as caught:
        run(bars, bundle, features={**DEFINITION, "indicators": indicators})
    (difference,) = caught.value.details["differences"]
    assert difference["feature"] == "1d_sma_10_raw"
    swapped = {**DEFINITION, "nn_inputs": DEFINITION["nn_inputs"][::-1]}
    with pytest.raises(BundleError, match="number 0 is 1d_momentum_oversold in the bundle"):
        run(bars, bundle, features=swapped)
    with pytest.raises(SpecError, match="the definition of m was refused"):
        run(bars, bundle, features={**DEFINITION, "indicators": {"rsi_14": {"type": "no"}}})


def test_a_bundle_is_read_from_the_working_folder(bars, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "models" / "dip_2" / "SPX_1d")
    write_bundle(tmp_path / "years" / "2012-02-01")
    (tmp_path / "years" / "notes").mkdir()
    by_name = bt.simulate({"name": "dip 2", "confidence_threshold": 0.4}, bars)
    by_path = bt.simulate({**SPEC, "model_path": "models/dip_2/SPX_1d"}, bars)
    pd.testing.assert_frame_equal(by_name.trades, by_path.trades)
    folder = bt.simulate({"name": "m", "models": "years"}, bars)
    mapping = bt.simulate({"name": "m", "models": {"2012-02-01": "years/2012-02-01"}}, bars)
    pd.testing.assert_frame_equal(folder.trades, mapping.trades)
    with pytest.raises(BundleError, match="no folder that exists"):
        bt.simulate({**SPEC, "model_path": "models/none"}, bars)
    (tmp_path / "years" / "2014-02-30").mkdir()
    with pytest.raises(BundleError, match="has 2014-02-30 in it, which is no date"):
        bt.simulate({"name": "m", "models": "years"}, bars)
    with pytest.raises(BundleError, match="has no bundle in it"):
        bt.simulate({"name": "m", "models": "models"}, bars)
    with pytest.raises(BundleError, match="cannot be read"):
        bt.simulate({"name": "m", "models": "nowhere"}, bars)
    unnamed = bars.copy()
    unnamed.attrs.clear()
    with pytest.raises(UsageError, match="the bars do not say their symbol"):
        bt.simulate({"name": "m", "confidence_threshold": 0.4}, unnamed)


def test_classes_that_nobody_orders_are_refused_and_a_wrong_order_too(bars, tmp_path):
    folder = write_bundle(tmp_path / "x", output_classes=None)
    spec = {**SPEC, "model_path": str(folder)}
    with pytest.raises(BundleError, match=r"(?s)BUY.*SELL.*HOLD"):
        bt.simulate(spec, bars)
    assert len(bt.simulate({**spec, "output_classes": ["BUY", "SELL", "HOLD"]}, bars).equity)
    stated = write_bundle(tmp_path / "y")
    with pytest.raises(BundleError):
        bt.simulate(
            {**SPEC, "model_path": str(stated), "output_classes": ["BUY", "HOLD", "SELL"]}, bars
        )


@pytest.mark.parametrize("models", [5, {}, {"soon": 1}, {"2012-01-03": 1}, [1]])
def test_models_that_are_none_are_refused(bars, models):
    with pytest.raises(UsageError, match="one bundle, or bundles by the date"):
        bt.simulate(SPEC, bars, models=models)


def test_models_of_a_rule_spec_are_refused(bars, bundle):
    with pytest.raises(UsageError, match="trades by its own conditions"):
        bt.simulate(RULES, bars, models=bundle)
