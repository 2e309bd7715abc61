"""Rules that read a classifier through the verbs: stored, verified, in windows, resumed."""

import json

import pytest
from support.classifiers import reading, regime_bundle

import btkit as bt
from btkit.errors import BundleError
from btkit.jobs import load_run, verify
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


def test_a_bundle_that_is_not_there_ends_the_run(settings, tmp_path):
    del tmp_path
    with pytest.raises(BundleError, match="nowhere"):
        bt.run(reading("models/nowhere"), *RANGE, settings=settings)
