"""A folder of dated bundles: each learnt what was known at its date, and nothing of later."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.random_bars import make_bars

import btkit as bt
from btkit.errors import BundleError, NoDataError, PluginError, SpecError, StoreError, UsageError
from btkit.jobs.dated_bundles import DatedBundles
from btkit.jobs.retraining import retrain
from btkit.models import load_bundle, plan_inputs, read_strategy_v3
from btkit.models.findings import refused_bundle
from btkit.models.labelling import CLASSES, read_label

STRATEGY = {
    "name": "dips",
    "version": "3.0",
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SPX"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    },
    "indicators": {
        "rsi_14": {"type": "rsi", "period": 14},
        "atr_14": {"type": "atr", "period": 14},
    },
    "fuzzy_sets": {"rsi": {"indicator": "rsi_14", "low": [0, 30, 50], "high": [50, 70, 100]}},
    "nn_inputs": [
        {"fuzzy_set": "rsi", "timeframes": "all"},
        {"raw_indicator": "atr_14", "timeframes": "all", "normalization": "minmax"},
    ],
    "model": {"type": "mlp", "architecture": {"hidden_layers": [4], "activation": "relu"}},
    "decisions": {"output_format": "classification", "confidence_threshold": 0.4},
}
BARRIERS = {"kind": "triple_barrier", "take_profit": 0.02, "stop_loss": 0.02, "horizon": 8}
BARS = make_bars(420)
START, END = str(BARS.index[300].date()), str(BARS.index[-1].date())


def fit(rows, labels, weights, seed):
    """Fit the head of a network whose hidden layer is drawn, by weighted least squares."""
    hidden = np.random.default_rng(seed).normal(size=(4, rows.shape[1]))
    drawn = np.c_[np.maximum(rows.to_numpy() @ hidden.T, 0.0), np.ones(len(rows))]
    root = np.sqrt(weights.to_numpy())[:, None]
    head = np.linalg.lstsq(drawn * root, np.eye(3)[labels.cat.codes] * root, rcond=None)[0]
    return {"0.weight": hidden, "0.bias": np.zeros(4), "2.weight": head[:4].T, "2.bias": head[4]}


class Recorder:
    """Fits, and keeps what it was handed."""

    def __init__(self):
        self.calls = []

    def __call__(self, rows, labels, weights, seed):
        self.calls.append((rows.copy(), labels.copy(), weights.copy(), seed))
        model = fit(rows, labels, weights, seed)
        # What it does to them is its own affair.
        rows.iloc[:] = 0.0
        return model


CALLS = Path("calls")


def fit_twice(rows, labels, weights, seed):
    """Fit, but not the third time; what was done is on disk, where it is no part of the code."""
    CALLS.touch()
    CALLS.write_text(CALLS.read_text() + ".")
    if CALLS.read_text() == "...":
        raise RuntimeError("out of luck")
    return fit(rows, labels, weights, seed)


def fit_nothing(rows, labels, weights, seed):
    """Forget to return what was trained."""
    fit(rows, labels, weights, seed)


@pytest.fixture
def train(tmp_path, settings):
    def call(bars=BARS, *, output="made", trainer=fit, label=BARRIERS, **changes):
        asked = {"every": 30, "window": 200, "start": START, "end": END, "seed": 7} | changes
        strategy = asked.pop("strategy", STRATEGY)
        return retrain(
            strategy, bars, trainer=trainer, label=label, output=tmp_path / output,
            settings=settings, **asked,
        )  # fmt: skip

    return call


def test_no_row_has_a_label_of_later(train):
    recorder = Recorder()
    document = train(trainer=recorder)
    ends = read_label(BARRIERS).compute(BARS)["end"]
    strategy = read_strategy_v3(STRATEGY)
    plan = plan_inputs(strategy.inputs, timeframes=strategy.timeframes)
    assert [entry["date"] for entry in document["bundles"]] == [
        str(day.date()) for day in BARS.index[300::30]
    ]
    for entry, (rows, labels, weights, seed) in zip(
        document["bundles"], recorder.calls, strict=True
    ):
        known = pd.Timestamp(entry["date"])
        at = BARS.index.get_loc(known)
        assert (ends[rows.index] <= known).all()
        # Nor is a row there because its label came early.
        assert rows.index.tolist() == BARS.index[at - 8 - 199 : at - 7].tolist()
        assert (seed, weights.mean()) == (7, pytest.approx(1.0))
        # As they were when nothing later was there.
        assert (
            labels.tolist()
            == read_label(BARRIERS).compute(BARS[: at + 1])["label"][rows.index].tolist()
        )
        raw = plan.matrix(BARS[: at + 1], interval="1d")[at - 8 - 199 : at - 7]
        assert np.array_equal(rows.iloc[:, :2].to_numpy(), raw[:, :2])
        low, high = raw[:, 2].min(), raw[:, 2].max()
        assert np.array_equal(rows.iloc[:, 2].to_numpy(), (raw[:, 2] - low) / (high - low))
        bundle = load_bundle(entry["path"])
        assert (bundle.trained_from, bundle.trained_until) == (rows.index[0], rows.index[-1])
        assert (bundle.label_horizon, bundle.seed, bundle.hash) == (8, 7, entry["hash"])
        assert bundle.classes == CLASSES
        # A backtest asks it with what it was trained on.
        asked = bundle.features.matrix(BARS[: at + 1], interval="1d")[at - 8 - 199 : at - 7]
        assert np.array_equal(asked, rows.to_numpy())


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@pytest.mark.parametrize("anchored", [False, True])
def test_a_bundle_is_the_same_to_the_byte_whatever_comes_after(train, anchored):
    whole = train(anchored=anchored)
    for place, entry in enumerate(whole["bundles"]):
        at = BARS.index.get_loc(pd.Timestamp(entry["date"]))
        short = train(BARS[: at + 1], output=f"cut{place}", anchored=anchored)
        assert len(short["bundles"]) == place + 1
        assert bytes_of(short["bundles"][-1]["path"]) == bytes_of(entry["path"])


def test_a_trainer_that_returns_nothing_is_named(train):
    with pytest.raises(
        PluginError, match=r"fit_nothing returned nothing for the rows of"
    ) as caught:
        train(trainer=fit_nothing)
    assert "Return the trained model" in caught.value.hint


def test_what_was_broken_off_goes_on_and_comes_to_the_same(train):
    with pytest.raises(PluginError, match="RuntimeError: out of luck") as failed:
        train(trainer=fit_twice)
    assert failed.value.details["date"] == str(BARS.index[360].date())
    document = train(trainer=fit_twice)
    assert [entry["kept"] for entry in document["bundles"]] == [True, True, False, False]
    assert CALLS.read_text() == "....."
    other = train(trainer=fit_twice, output="other")
    assert [entry["hash"] for entry in document["bundles"]] == [
        entry["hash"] for entry in other["bundles"]
    ]
    assert CALLS.read_text() == "." * 9
    assert all(entry["kept"] for entry in train(trainer=fit_twice)["bundles"])
    # An earlier end leaves what is there of later.
    short = train(trainer=fit_twice, end=str(BARS.index[330].date()))
    assert [entry["kept"] for entry in short["bundles"]] == [True, True]
    assert len(list(Path(document["folder"]).glob("2*"))) == 4
    assert CALLS.read_text() == "." * 9


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 8}, "seed"),
        ({"label": {**BARRIERS, "horizon": 9}}, "label"),
        ({"trainer": Recorder()}, "trainer"),
        ({"every": 15}, "every"),
        ({"strategy": {**STRATEGY, "decisions": {"confidence_threshold": 0.6}}}, "strategy"),
    ],
)
def test_a_folder_has_bundles_of_one_retraining(train, changes, named):
    train()
    with pytest.raises(StoreError, match=f"another retraining: .*{named}") as refused:
        train(**changes)
    assert "another folder" in refused.value.hint


def test_bundles_of_other_bars_or_of_nobody_knows_what_are_not_mixed(train, tmp_path):
    document = train()
    changed = BARS.copy()
    changed.iloc[150, changed.columns.get_loc("close")] *= 1.0001
    with pytest.raises(StoreError, match="learnt from other bars"):
        train(changed)
    last = Path(document["bundles"][-1]["path"])
    (last / "retraining.json").unlink()
    with pytest.raises(StoreError, match="that no retraining made"):
        train()
    shutil.rmtree(last)
    (last / "inside").mkdir(parents=True)
    with pytest.raises(StoreError, match="that no retraining made"):
        train()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is no folder"):
        train(output="file")


def test_a_bundle_that_was_changed_is_not_kept(train):
    document = train()
    model = Path(document["bundles"][1]["path"]) / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"\x01")
    with pytest.raises(Exception, match=r"model\.safetensors"):
        train()


def test_a_spec_is_left_that_trades_by_the_bundles_and_stays_as_it_was_edited(train):
    document = train()
    spec = Path(document["spec"])
    assert json.loads(spec.read_text())["models"] == document["folder"]
    spec.write_text("{}")
    train()
    assert spec.read_text() == "{}"


def test_a_backtest_asks_at_each_bar_the_newest_bundle_that_was_there(train):
    document = train()
    result = bt.simulate(bt.load_spec(Path(document["spec"])), BARS)
    dates = [entry["date"] for entry in document["bundles"]]
    decided = result.decisions
    assert str(decided.index[0].date()) == dates[0]
    newest = [max(date for date in dates if date <= str(day.date())) for day in decided.index]
    assert decided["bundle"].tolist() == newest
    assert decided["answer"].notna().all()


def test_a_regression_learns_a_forward_return(train):
    def line(rows, returns, weights, seed):
        head = np.linalg.lstsq(rows.to_numpy(), returns.to_numpy(), rcond=None)[0]
        spread = np.eye(4, 3)
        return {
            "0.weight": spread,
            "0.bias": np.zeros(4),
            "2.weight": [[*head, 0.0]],
            "2.bias": [0],
        }

    strategy = {**STRATEGY, "decisions": {"output_format": "regression"}}
    label = "{kind: forward_return, horizon: 5}"
    document = train(strategy=strategy, label=label, trainer=line)
    bundle = load_bundle(document["bundles"][0]["path"])
    assert (bundle.output_type, bundle.classes, bundle.label_horizon) == ("regression", None, 5)
    with pytest.raises(UsageError, match="output_format is classification"):
        train(label=label, output="other")


def test_hourly_bars_are_trained_on_for_the_next_session(train):
    days = pd.bdate_range("2023-01-03", periods=60, tz="UTC")
    times = pd.DatetimeIndex(
        [day + pd.Timedelta(minutes=870 + 60 * hour) for day in days for hour in range(7)]
    )
    hourly = make_bars(len(times), index=times)
    timeframes = {"mode": "single", "timeframe": "1h"}
    strategy = {
        **STRATEGY,
        "training_data": {**STRATEGY["training_data"], "timeframes": timeframes},
    }
    recorder = Recorder()
    document = train(
        hourly, strategy=strategy, trainer=recorder, every=1, window=100,
        start="2023-02-10", end="2023-03-28",
    )  # fmt: skip
    dates = [entry["date"] for entry in document["bundles"]]
    assert dates == sorted(set(dates))
    ends = read_label(BARRIERS).compute(hourly)["end"]
    for entry, (rows, *_) in zip(document["bundles"], recorder.calls, strict=True):
        assert (ends[rows.index] < pd.Timestamp(entry["date"], tz="UTC")).all()
        assert load_bundle(entry["path"]).trained_until == rows.index[-1]
    decided = bt.simulate(bt.load_spec(Path(document["spec"])), hourly).decisions
    assert decided.index[0] == hourly.index[hourly.index >= pd.Timestamp(dates[0], tz="UTC")][0]
    assert decided["bundle"].tolist() == [str(time.date()) for time in decided.index]
    # Dated by the session that it saw to its end, it would decide in that session's morning.
    earlier = {"name": "early", "models": {dates[3]: document["bundles"][4]["path"]}}
    with pytest.raises(BundleError, match=f"stands at {dates[3]}"):
        bt.simulate(earlier, hourly)


REFUSED = {
    "trainer is 'fit'": {"trainer": "fit"},
    "trainer is 5": {"trainer": 5},
    "no_such_module of the trainer cannot be imported": {"trainer": "no_such_module:fit"},
    "has no function nothing": {"trainer": "json:nothing"},
    "horizon is 0": {"label": {**BARRIERS, "horizon": 0}},
    "every is 0": {"every": 0},
    "seed is -1": {"seed": -1},
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_makes_no_sense_is_refused_before_anything_is_written(train, tmp_path, said):
    with pytest.raises(UsageError, match=said) as refused:
        train(**REFUSED[said])
    assert refused.value.hint
    assert not (tmp_path / "made").exists()


def test_bars_that_do_not_reach_are_refused(train):
    with pytest.raises(NoDataError, match="learns 200"):
        train(start=str(BARS.index[100].date()))
    with pytest.raises(NoDataError, match="There is no bar from"):
        train(start="2030-01-02", end="2030-03-04")
    with pytest.raises(SpecError):
        train(strategy={"name": "x"})


def test_a_model_that_is_none_is_refused_and_leaves_nothing(train, tmp_path):
    with pytest.raises(Exception, match="model") as refused:
        train(trainer=lambda *_: "a model")
    assert refused.value.hint
    assert list((tmp_path / "made").iterdir()) == []


def test_a_bundle_that_is_refused_is_named_by_where_it_would_stand(tmp_path):
    problems = [
        {"path": "decisions", "message": "It is wrong", "hint": "Mend it."},
        {"path": "metadata", "message": "So is this", "hint": "Mend that."},
    ]

    def refuse(path):
        raise refused_bundle(path, problems)

    with pytest.raises(BundleError) as refused:
        DatedBundles(tmp_path / "made", {}, private=False).add(START, "learnt", refuse)
    place = tmp_path / "made" / START
    assert refused.value.message == (
        f"The bundle {place} is refused: decisions: It is wrong (and 1 more problem)"
    )
    assert refused.value.details == {"path": str(place), "problems": problems}
    assert refused.value.__suppress_context__
    assert list((tmp_path / "made").iterdir()) == []


def test_what_is_learnt_does_not_hang_on_how_much_came_before(train):
    training = {"symbols": {"symbol": "SPX"}, "timeframes": {"timeframes": ["1d", "1w"]}}
    slow = {"rsi_14": {"type": "rsi", "period": 100}, "atr_14": {"type": "ema", "period": 150}}
    strategy = STRATEGY | {"training_data": training, "indicators": slow}
    asked = {"strategy": strategy, "start": "2017-06-01", "end": "2017-12-29", "every": 60}
    loaded, handed = Recorder(), Recorder()
    train(None, output="loaded", trainer=loaded, source="sample", **asked)
    whole = bt.load_bars("SPX", "1999-01-04", "2017-12-29", source="sample")
    train(whole, output="handed", trainer=handed, **asked)
    assert len(loaded.calls) == len(handed.calls) == 3
    for ours, theirs in zip(loaded.calls, handed.calls, strict=True):
        assert len(ours[0]) == 200
        pd.testing.assert_frame_equal(ours[0], theirs[0], check_freq=False, check_exact=True)
        assert ours[1].equals(theirs[1])
