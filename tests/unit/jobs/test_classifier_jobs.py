"""Rules that read a classifier through the verbs: stored, verified, stopped, in a batch."""

import json

import pandas as pd
import pytest
from support.broken_off import StopAfter
from support.classifiers import reading, regime_bundle

import btkit as bt
from btkit.errors import BundleError, InterruptedRunError
from btkit.jobs import execute, list_runs, load_run, resume, verify
from btkit.jobs.asking import read_job
from btkit.jobs.finished_sets import brought_by_user
from btkit.models.classifiers import load_classifiers

RANGE = ("SPX", "2011-01-03", "2013-12-31")
PATH = "models/regime/SPX_1d"


@pytest.fixture
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return regime_bundle(tmp_path / PATH)


def test_a_stored_run_names_the_bundle_and_a_changed_one_is_noticed(settings, folder):
    result = bt.run(reading(PATH), *RANGE, settings=settings)
    report = load_run(result.run_id, settings=settings).report
    [entry] = report.provenance.classifiers
    trained = bt.load_bundle(folder)
    assert entry == {"name": "regime", "path": PATH, "known_from": None, "hash": trained.hash}
    assert report.lookahead.leaks == []
    assert "classifier_in_sample" in [warning.code for warning in report.warnings]
    same = verify(result.run_id, settings=settings)
    assert (same["reproduced"], same["versions"]) == (True, {})
    regime_bundle(folder, seed=7)
    other = verify(result.run_id, settings=settings)
    assert not other["reproduced"]
    assert other["versions"] == {
        f"classifier regime {PATH}": {"stored": trained.hash, "now": bt.load_bundle(folder).hash}
    }


def test_a_walk_forward_runs_each_window_with_it(settings, folder):
    del folder
    found = bt.walk_forward(
        reading(PATH), "SPX", "2009-01-02", "2013-12-31", windows=4, settings=settings
    )
    assert all(len(run.classified) == 1 for run in found.out_of_sample)
    told = [entry for entry in found.report.warnings if entry.code == "classifier_in_sample"]
    assert len(told) == 1
    assert told[0].message.startswith("Windows 1 and 2 out of sample")
    [told] = [entry for entry in found.report.warnings if entry.code == "learnt_in_sample"]
    assert told.message.startswith(("Windows 1, 2 and 3 in sample", "Every window in sample"))


def test_unfinished_sets_are_known_by_the_bundle_as_well(settings, folder):
    del settings
    spec = bt.load_spec(reading(PATH))
    marks = []
    for seed in (6, 7):
        regime_bundle(folder, seed=seed)
        classifiers = load_classifiers(spec.classifier_sources, {})
        marks.append(brought_by_user(spec, "SPX", "sharpe_ratio", classifiers=classifiers))
    assert marks[0] != marks[1]
    assert json.dumps(marks[0])


def test_a_set_of_a_sweep_is_run_again_with_the_bundle_it_was_measured_with(settings, folder):
    rules = reading(
        PATH, parameters={"n": 5}, entry_conditions=['regime == "TRENDING_DOWN" or close > sma_{n}']
    )
    swept = bt.sweep(rules, *RANGE, parameters={"n": [5, 10, 20]}, settings=settings)
    before = bt.load_bundle(folder).hash
    regime_bundle(folder, seed=7)
    for rank in (1, 3):
        run = swept.run(rank)
        row = swept.table.iloc[swept.order[rank - 1]]
        assert run.metrics.sharpe_ratio == pytest.approx(row["sharpe_ratio"], rel=1e-12)
        assert [known.bundle.hash for known in run.classified[0].bundles] == [before]
        # Whoever changes its bars changes no other run's.
        run.all_bars["close"] = 1.0


def test_a_bundle_that_is_not_there_ends_the_run(settings, tmp_path):
    del tmp_path
    with pytest.raises(BundleError, match="nowhere"):
        bt.run(reading("models/nowhere"), *RANGE, settings=settings)


@pytest.mark.parametrize("changed", [False, True])
def test_a_stopped_run_goes_on_with_its_classifier_and_begins_anew_with_another(
    settings, folder, changed
):
    known = settings.model_copy(update={"checkpoint_bars": 1})
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        bt.run(reading(PATH), *RANGE, settings=known, progress=StopAfter(400))
    run_id = list_runs(settings=settings)[0]["run_id"]
    if changed:
        regime_bundle(folder, seed=9)
    watch = StopAfter(None)
    resumed = resume(run_id, settings=known, progress=watch)
    assert watch.counted[0] == (1 if changed else 401)
    whole = bt.run(reading(PATH), *RANGE, settings=settings)
    assert len(whole.trades) > 1
    assert resumed.trades.equals(whole.trades)
    one, other = (load_run(known_id, settings=settings) for known_id in (whole.run_id, run_id))
    pd.testing.assert_frame_equal(one.curve, other.curve, check_exact=True)
    [classifier] = other.report.provenance.classifiers
    assert classifier["hash"] == bt.load_bundle(folder).hash


def test_a_batch_runs_each_spec_with_its_own_classifier(settings, folder, tmp_path):
    others = regime_bundle(tmp_path / "models/other/SPX_1d", seed=9)
    specs = [
        reading(path, name=name)
        for name, path in (("one", folder), ("other", others), ("none", "models/nowhere"))
    ]
    symbol, start, end = RANGE
    jobs = [
        {"kind": "run", "spec": spec, "symbol": symbol, "start": start, "end": end}
        for spec in specs
    ]
    result = execute(read_job({"kind": "batch", "jobs": jobs}), settings=settings)
    one, other, none = result.lines
    for line, spec in ((one, specs[0]), (other, specs[1])):
        alone = bt.run(spec, *RANGE, settings=settings)
        found = load_run(line["run_id"], settings=settings)
        assert found.report.metrics.total_trades == len(alone.trades) > 1
        [classifier] = found.report.provenance.classifiers
        assert classifier["hash"] == bt.load_bundle(spec["classifiers"]["regime"]).hash
    assert one["metrics"]["total_trades"] != other["metrics"]["total_trades"]
    assert (none["exit_code"], none["error"]["type"]) == (2, "BundleError")
