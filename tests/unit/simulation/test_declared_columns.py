"""A spec that reads columns of the bars: run, swept, walked forward, checked, hashed."""

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.crosscheck import crosscheck
from btkit.documents import bars_hash
from btkit.errors import DataError, SpecError
from btkit.settings import Settings
from btkit.simulation import check_inputs, in_one_piece, simulate_inputs
from btkit.spec import spec_hash
from btkit.validation import check_lookahead

DAYS = 400
SPEC = {
    "name": "classified",
    "columns": ["regime", "hot", "score"],
    "entry_conditions": ["regime == 'TRENDING_UP' and hot is True", "score > {least}"],
    "exit_conditions": ["prev_regime != 'TRENDING_UP' or (regime if in_position else 'x') < 'E'"],
    "stop_conditions": ["position_pnl_pct < -0.05 or regime == position_pnl_pct"],
    "filter_conditions": ["on('1w', regime) is not None and len(on('1w', regime)) > 3"],
    "position_sizing_formula": "0.5 * capital / close",
    "parameters": {"least": 0.1},
}
REGIMES = ("TRENDING_UP", "TRENDING_DOWN", "RANGING", None)


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(7)
    closes = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, DAYS)))
    return pd.DataFrame(
        {
            "open": closes,
            "high": closes * 1.01,
            "low": closes * 0.99,
            "close": closes,
            "volume": 1e6,
            "regime": [REGIMES[place] for place in rng.integers(0, 4, DAYS)],
            "hot": rng.random(DAYS) > 0.3,
            "score": np.where(rng.random(DAYS) > 0.9, np.nan, rng.random(DAYS)),
        },
        index=pd.bdate_range("2022-01-03", periods=DAYS),
    )


def test_a_run_is_what_the_plain_simulation_says(bars):
    result = bt.simulate(SPEC, bars)
    plain = crosscheck(SPEC, bars)
    assert len(result.trades) > 10
    assert result.trades["pnl"].tolist() == [trade.pnl for trade in plain.trades]
    assert result.equity.tolist() == plain.equity


def test_features_have_texts_as_texts(bars):
    features = bt.simulate(SPEC, bars).features
    as_texts = [frame["regime"].astype(object).fillna("-").tolist() for frame in (features, bars)]
    assert as_texts[0] == as_texts[1]
    assert features["prev_regime"].iloc[1:].dropna().isin(REGIMES).all()
    assert features["score"].dtype == np.float64


def test_both_sides_and_spreads_read_them(bars):
    short = {name: SPEC[name] for name in ("exit_conditions", "stop_conditions")}
    both = {
        **SPEC,
        "direction": "both",
        "short": {**short, "entry_conditions": ["regime in ('TRENDING_DOWN', 'RANGING')"]},
    }
    result = bt.simulate(both, bars)
    plain = crosscheck(both, bars)
    assert len(result.trades) > 20
    assert result.equity.tolist() == plain.equity
    spread = {
        "name": "spread",
        "columns": ["regime"],
        "asset_class": "options",
        "spread_type": "short_put_spread",
        "entry_conditions": ["regime == 'RANGING'"],
        "exit_conditions": ["regime == 'TRENDING_DOWN'"],
        "stop_conditions": [],
    }
    known = bars.assign(current_iv=0.2)
    result, plain = bt.simulate(spread, known), crosscheck(spread, known)
    assert len(result.trades) > 5
    assert result.equity.tolist() == plain.equity


def test_a_sweep_gives_what_single_runs_give(bars):
    swept = bt.sweep(SPEC, bars, parameters={"least": [0.1, 0.5, 0.9]}).table
    for least in (0.1, 0.5, 0.9):
        alone = bt.simulate({**SPEC, "parameters": {"least": least}}, bars)
        (found,) = swept[swept["least"] == least].to_dict("records")
        assert found["total_return_pct"] == alone.metrics.total_return_pct


def test_a_file_is_walked_forward_as_a_frame_is(bars, tmp_path):
    bars.to_csv(tmp_path / "SPY.csv", index_label="date")
    settings = Settings.model_construct(data_dir=tmp_path)
    period = ("2022-01-03", "2023-07-14")
    given = {"windows": 3, "settings": settings, "optimize": {"least": [0.1, 0.5]}}
    framed = bt.walk_forward(SPEC, bars, *period, **given)
    filed = bt.walk_forward(SPEC, "SPY", *period, source="files", **given)
    assert framed.curve.equals(filed.curve)
    assert len(framed.windows) == 3


def test_a_short_form_of_the_look_ahead_check_passes_over_them(bars):
    inputs = check_inputs(in_one_piece, bt.load_spec(SPEC), bars)
    found = check_lookahead(inputs, simulate_inputs(inputs), bars=6)
    assert found.leaks == ()
    assert found.checks > 20


def test_a_text_that_knows_the_next_return_is_found(bars):
    ahead = bars["close"].shift(-1) > bars["close"]
    known = bars.assign(regime=np.where(ahead, "TRENDING_UP", "TRENDING_DOWN"))
    inputs = check_inputs(in_one_piece, bt.load_spec(SPEC), known)
    (leak,) = check_lookahead(inputs, simulate_inputs(inputs), bars=6).leaks
    assert leak.name.startswith("regime == 'TRENDING_")


def test_whatever_index_the_texts_have_the_run_is_the_same(bars):
    as_categories = bars.assign(regime=pd.Categorical(bars["regime"], categories=REGIMES[2::-1]))
    first, second = bt.simulate(SPEC, bars), bt.simulate(SPEC, as_categories)
    assert first.equity.equals(second.equity)
    hashes = {bars_hash(run.all_bars, columns=SPEC["columns"]) for run in (first, second)}
    assert len(hashes) == 1


def test_a_declared_column_is_needed(bars):
    with pytest.raises(DataError, match="bars lack the column hot"):
        bt.simulate(SPEC, bars.drop(columns="hot"))


def test_a_rate_cannot_be_a_text(bars):
    with pytest.raises(DataError, match="does not hold numbers") as refused:
        bt.simulate({**SPEC, "sharpe_risk_free": "regime"}, bars)
    assert refused.value.hint


def test_a_size_that_is_a_text_is_no_trade(bars):
    sized = {**SPEC, "position_sizing_formula": "regime", "parameters": {"least": 0.1}}
    result = bt.simulate(sized, bars)
    assert not len(result.trades)
    assert sum(result.diagnostics.skipped_entries.values()) > 0
    assert crosscheck(sized, bars).trades == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("close", "is a name of btkit's own"),
        ("sma_20", "is a name of btkit's own"),
        ("in_position", "is a name of btkit's own"),
        ("days_to_fomc", "is a name of btkit's own"),
        ("capital", "is a name of btkit's own"),
        ("risk_pct", "means something to btkit already"),
        ("splits", "means something to btkit already"),
        ("max", "means something to btkit already"),
        ("prev_signal", "begins like a value of one bar before"),
        ("lambda", "is a word of Python's grammar"),
        ("regime", "stands twice"),
        ("two words", "is no name that a condition can read"),
        ("", "is no name"),
    ],
)
def test_what_cannot_be_declared(name, reason):
    with pytest.raises(SpecError) as refused:
        bt.load_spec({**SPEC, "columns": [*SPEC["columns"], name]})
    (problem,) = refused.value.problems
    assert problem.path == "columns[3]"
    assert reason in problem.message
    assert problem.hint


def test_the_hash_of_a_spec_without_columns_stays():
    plain = {name: value for name, value in SPEC.items() if name != "columns"}
    plain["entry_conditions"] = ["close > {least}"]
    plain |= {"exit_conditions": [], "stop_conditions": [], "filter_conditions": []}
    assert spec_hash(bt.load_spec(plain)) == spec_hash(bt.load_spec({**plain, "columns": []}))
    assert spec_hash(bt.load_spec(plain)) != spec_hash(bt.load_spec({**plain, "columns": ["x"]}))
