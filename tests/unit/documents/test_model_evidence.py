"""What the document of a model run says of its answers, against numbers made another way."""

import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, r2_score, roc_auc_score
from support import scored_models as models
from support.networks import recurrent_weights

from btkit.documents import read_report
from btkit.documents.evidence import probing
from btkit.documents.evidence.chance import trips_of
from btkit.documents.evidence.gathering import evidence_of
from btkit.documents.evidence.outcomes import outcomes_of
from btkit.models.evidence import trips_return
from btkit.models.labels import read_label
from btkit.models.networks import network_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def run(folder):
    return models.simulated(models.save(folder / "classes"))


@pytest.fixture(scope="module")
def evidence(run):
    return evidence_of(run)


@pytest.fixture(scope="module")
def regression(folder):
    bundle = models.save(folder / "returns", label=models.RETURNS, outputs=1, scale=0.01)
    return models.simulated(bundle, round_trip_cost=0.001)


def labelled(run, description=models.CLASSES):
    """Return the decisions of bars whose label is known, and the labels."""
    bars = run.all_bars
    labels = (
        read_label(description).compute(bars)["label"].iloc[: len(bars) - description["horizon"]]
    )
    told = run.decisions
    labels = labels.reindex(told.index)
    known = labels.notna() & told["confidence"].notna()
    return told[known], labels[known]


def test_scores_are_scikit_learns_of_the_labels_on_these_bars(run, evidence):
    told, labels = labelled(run)
    names = ["BUY", "SELL", "HOLD"]
    probabilities = told[["p_buy", "p_sell", "p_hold"]].to_numpy()
    codes = [names.index(label) for label in labels]
    scores = evidence.scores
    assert scores.rows == len(told) > 900
    assert scores.accuracy == pytest.approx(np.mean(told["answer"].to_numpy() == labels.to_numpy()))
    assert scores.brier == pytest.approx(
        brier_score_loss(codes, probabilities, labels=[0, 1, 2], scale_by_half=False)
    )
    assert scores.log_loss == pytest.approx(log_loss(codes, probabilities, labels=[0, 1, 2]))
    for name in ("BUY", "SELL"):
        area = roc_auc_score(labels == name, told[f"p_{name.lower()}"])
        assert scores.area[name] == pytest.approx(area)
    assert [one.of for one in evidence.ranks] == ["BUY", "SELL"]
    assert [one.value for one in evidence.ranks] == pytest.approx(list(scores.area.values()))
    assert all(one.block == 10 and len(one.shuffled) == 200 for one in evidence.ranks)
    assert evidence.label.source == "bundle"
    assert evidence.label.description == models.CLASSES


def test_bars_of_the_training_are_scored_apart(run, evidence):
    told, labels = labelled(run.in_sample, models.CLASSES)
    # At the end of the training, what came is known, but not to a run that ends there.
    assert 0 <= evidence.in_sample.rows - len(told) <= 5
    assert labels.index[-1] < run.bars.index[0]
    assert evidence.in_sample.accuracy == pytest.approx(
        np.mean(told["answer"].to_numpy() == labels.to_numpy()), abs=0.01
    )


def test_groups_hold_all_bars_and_their_intervals_the_share(evidence):
    rows = evidence.scores.rows
    for groups in (evidence.deciles, *(one.groups for one in evidence.reliability)):
        assert sum(group.rows for group in groups) == rows
        assert all(group.low < group.came < group.high for group in groups)
        foreseen = [group.foreseen for group in groups]
        assert foreseen == sorted(foreseen)
    right = sum(group.rows * group.came for group in evidence.deciles) / rows
    assert right == pytest.approx(evidence.scores.accuracy)


def test_the_same_run_has_the_same_evidence_and_survives_a_file(run, evidence):
    assert evidence_of(run) == evidence
    report = models.document(run).report
    assert read_report(json.loads(report.to_json())) == report
    assert report.model.evidence == evidence


def test_labels_that_nobody_describes_are_the_sign_of_the_return(folder):
    bundle = models.save(folder / "plain", label=None, label_horizon=4)
    run = models.simulated(bundle)
    found = evidence_of(run)
    assert (found.label.source, found.label.horizon_bars) == ("forward_return", 4)
    assert found.label.classes == ["BUY", "SELL"]
    told = run.decisions
    moved = (run.bars["close"].shift(-4) / run.bars["close"] - 1).to_numpy()
    known = np.isfinite(moved) & (moved != 0.0)
    assert found.scores.rows == known.sum()
    buy = told["p_buy"].to_numpy()[known]
    assert found.scores.area["BUY"] == pytest.approx(roc_auc_score(moved[known] > 0, buy))
    # Of BUY and SELL alone, whatever HOLD has.
    share = buy / (buy + told["p_sell"].to_numpy()[known])
    assert found.scores.accuracy == pytest.approx(np.mean((share >= 0.5) == (moved[known] > 0)))
    assert found.scores.brier == pytest.approx(2 * np.mean((share - (moved[known] > 0)) ** 2))


@pytest.mark.parametrize("label", [{"kind": "of my own"}, models.CLASSES])
def test_a_label_that_is_not_of_this_models_answers_is_not_computed(folder, label):
    outputs = 1 if label is models.CLASSES else 3
    bundle = models.save(folder / str(outputs), label=None, label_horizon=2, outputs=outputs)
    object.__setattr__(bundle, "label", label)
    run = models.simulated(bundle)
    object.__setattr__(run.bundles[-1].bundle, "label", label)
    assert outcomes_of(run).source == "forward_return"
    assert outcomes_of(run).horizon == 2


def test_barriers_count_only_where_their_horizon_is_over(folder):
    run = models.simulated(models.save(folder / "barriers", label=models.BARRIERS))
    outcomes = outcomes_of(run)
    assert outcomes.classes == ("BUY", "SELL", "HOLD")
    assert outcomes.known[: -models.BARRIERS["horizon"]].all()
    # Some of the last met a barrier already, and would be no fair sample.
    assert not outcomes.known[-models.BARRIERS["horizon"] :].any()
    assert evidence_of(run).scores.rows == evidence_of(run).label.answered - 10


def test_a_regression_is_scored_by_the_returns_that_came(regression):
    found = evidence_of(regression)
    came = (regression.bars["close"].shift(-3) / regression.bars["close"] - 1).to_numpy()
    known = np.isfinite(came)
    foreseen = regression.decisions["output"].to_numpy()[known]
    assert found.label.classes == []
    assert found.scores.r_squared == pytest.approx(r2_score(came[known], foreseen))
    hits = np.sign(came[known]) == np.sign(foreseen)
    assert found.scores.accuracy == pytest.approx(hits.mean())
    assert [one.measure for one in found.ranks] == ["rank_correlation"]
    assert found.reliability == []
    assert len(found.deciles) == 10
    assert found.importance.features[0].rise >= found.importance.features[-1].rise
    least = np.abs(np.abs(regression.decisions["output"]) - 0.0015).min()
    assert found.margins.least == pytest.approx(least)


def test_features_outside_their_training_are_counted(run, evidence):
    (known,) = run.bundles
    rows = models.features()[-len(run.bars) :]
    ranges = known.bundle.ranges
    outside = np.array(
        [
            (column < ranges[name].min) | (column > ranges[name].max)
            for name, column in zip(known.bundle.features.names, rows.T, strict=True)
        ]
    )
    assert evidence.ranges.rows == len(rows)
    assert evidence.ranges.outside == pytest.approx(outside.any(axis=0).mean())
    shares = {one.feature: one.outside for one in evidence.ranges.features}
    assert shares == pytest.approx(
        dict(zip(known.bundle.features.names, outside.mean(axis=1), strict=True))
    )
    # A level that kept rising left its training; memberships are 0 on many rows, which
    # quantiles do not tell.
    moved = {one.feature: one.stability_index for one in evidence.ranges.features}
    assert moved["1d_sma_10_raw"] > 0.25
    assert shares["1d_sma_10_raw"] > 0.5
    assert moved["1d_momentum_oversold"] is None


def test_a_bundle_without_ranges_has_none(folder, run):
    bundle = models.save(folder / "unranged")
    (bundle.path / "bundle.json").unlink()
    found = evidence_of(models.simulated(bundle, output_classes=["BUY", "SELL", "HOLD"]))
    assert found.ranges is None
    assert found.importance is not None


def test_importance_asks_no_more_than_it_may(run, monkeypatch):
    there = np.zeros(len(run.all_bars), bool)
    there[run.outcome.start :] = True
    asked = []
    probes = probing.probes_of(run, there)
    network = probes[0].bundle.network
    forward = type(network).forward

    def count(self, rows):
        asked.append(len(rows))
        return forward(self, rows)

    monkeypatch.setattr(type(network), "forward", count)
    monkeypatch.setattr(probing, "MOST_ROWS", 900)
    monkeypatch.setattr(probing, "LEAST_ROWS", 100)
    monkeypatch.setattr(probing, "MOST_FEATURES", 2)
    found = probing.importance_of(probes, outcomes_of(run), seed=0)
    assert (found.rows, found.asked, found.left_out) == (450, 2, 1)
    assert asked == [450] * 3
    assert {one.feature for one in found.features} == set(probes[0].bundle.features.names[:2])


def test_windows_are_of_neighbours_and_what_leads_into_them_does_not_count():
    rows = np.array([*range(50, 60), *range(62, 100)])
    at, counts = probing._chosen(rows, 1_000, window=5, first=46)
    assert at.tolist() == list(range(46, 100))
    assert at[counts].tolist() == rows.tolist()
    at, counts = probing._chosen(rows, 20, window=5, first=46)
    assert counts.sum() == 20
    places = np.flatnonzero(counts)
    assert (at[places] - at[places - 4] == 4).all()
    assert not len(probing._chosen(rows[:0], 20, window=5, first=0)[0])


def test_stretches_of_windows_are_answered_as_among_all_bars():
    random, window = np.random.default_rng(5), 5
    tensors = recurrent_weights(random, "lstm", 3, 4, 1, 2)
    network = network_of(tensors, model_type="lstm", sequence_length=window)
    features = random.normal(size=(400, 3))
    rows = np.flatnonzero(random.random(400) < 0.9)[20:]
    at, counts = probing._chosen(rows, 60, window=window, first=0)
    assert np.count_nonzero(counts) == 60 < len(at)
    found = probing._forward_of(network, at)(features[at])
    np.testing.assert_array_equal(found[counts], network.forward(features)[at][counts])
    # No bar is asked of that counts for nothing, but within a stretch.
    assert np.isnan(found).all(axis=1).sum() == 10 * (window - 1)


def test_the_trades_where_they_were_earn_what_the_run_earned(run, evidence):
    trips = trips_of(run)
    entries = np.sort(run.positions.closed.entry_bar)[None, :]
    last = run.all_bars["close"].to_numpy()[-1:]
    at_end = run.trades["exit_reason"].iloc[-1] == "end_of_data"
    found = trips_return(
        trips, entries, run.all_bars["open"].to_numpy(), capital=run.initial_capital,
        last=last if at_end else None,
    )  # fmt: skip
    assert found[0] == pytest.approx(run.metrics.total_return_pct, rel=1e-9)
    assert evidence.chance.total_return_pct == pytest.approx(run.metrics.total_return_pct)
    draws = np.array(evidence.chance.returns)
    assert evidence.chance.percentile == pytest.approx(np.mean(draws < found[0]), abs=0.002)
    assert (evidence.chance.draws, evidence.chance.trades) == (500, len(run.trades))


def test_without_a_trade_there_is_no_chance_and_without_room_no_label(folder):
    bundle = models.save(folder / "idle", label=models.CLASSES | {"horizon": 10})
    # Of its four bars out of sample none has a label.
    run = models.simulated(bundle, confidence_threshold=1.0, trained_until="2015-12-10")
    found = evidence_of(run)
    assert run.trades.empty
    assert found.chance is None
    assert (found.scores, found.ranks, found.deciles, found.importance) == (None, [], [], None)
    assert found.margins.rows == found.label.answered
    assert json.loads(found.model_dump_json())["label"]["known"] == 0


def test_bundles_by_date_are_asked_about_the_bars_that_they_decided(folder):
    dated = {
        "2012-06-01": models.save(folder / "first", seed=1),
        "2014-01-02": models.save(folder / "second", seed=2),
    }
    run = models.simulated(dated)
    found = evidence_of(run)
    assert (found.importance.bundles, found.ranges.bundles) == (2, 2)
    assert found.ranges.rows == found.label.answered
    assert {one.stability_index for one in found.ranges.features} == {None}
    assert found.in_sample is None
    told, labels = labelled(run)
    assert found.scores.accuracy == pytest.approx(
        np.mean(told["answer"].to_numpy() == labels.to_numpy())
    )


def test_a_decision_on_the_threshold_is_named(folder, run):
    told = run.decisions
    at = int(np.flatnonzero(told["answer"] == "BUY")[20])
    threshold = float(told["confidence"].iloc[at])
    near = models.simulated(run.bundles[0].bundle, confidence_threshold=threshold)
    found = evidence_of(near).margins
    assert found.near >= 1
    assert found.least == 0.0
    assert str(told.index[at].date()) in {one.time[:10] for one in found.nearest}
