"""The field of a spec that names classifiers: what it may hold, and which names are refused."""

import datetime as dt

import pytest
from support.classifiers import reading

from btkit.errors import SpecError
from btkit.spec import dump_spec, load_spec, spec_hash


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("models/r", "models/r"),
        ({"2012-01-03": "a", "2011-01-03": "b"}, {"2011-01-03": "b", "2012-01-03": "a"}),
        ({dt.date(2012, 1, 3): "a"}, {"2012-01-03": "a"}),
        ({"path": "a"}, {"path": "a", "allow_other": []}),
        (
            {"path": {"2012-01-03": "a"}, "allow_other": ["timeframe", "symbol"]},
            {"path": {"2012-01-03": "a"}, "allow_other": ["symbol", "timeframe"]},
        ),
    ],
)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_classifier_is_a_path_or_paths_by_date(stated, kept, form):
    spec = load_spec(reading(stated))
    assert spec.classifiers == {"regime": kept}
    assert spec.declared == ("regime",)
    again = load_spec(dump_spec(spec, format=form))
    assert again.classifiers == spec.classifiers
    assert spec_hash(again) == spec_hash(spec)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (3, "must have the path of a bundle, or paths by date, not the number 3"),
        ("", "must have the path of a bundle, or paths by date"),
        ({}, "must have the path of a bundle, or paths by date"),
        ({"2012-13-01": "a"}, "has '2012-13-01', which is no date as YYYY-MM-DD"),
        ({"2012-01-03": 3}, "has 3 at 2012-01-03, which is no path"),
        ({"path": "a", "more": 1}, "has 'more' beside path and allow_other"),
        ({"path": {}}, "must have the path of a bundle, or paths by date"),
        ({"allow_other": ["symbol"]}, "must have the path of a bundle, or paths by date"),
        ({"path": "a", "allow_other": ["bars"]}, "lists in allow_other what is none of symbol"),
    ],
)
def test_what_names_no_bundle_is_refused(stated, message):
    with pytest.raises(SpecError) as caught:
        load_spec(reading("x") | {"classifiers": {"regime": stated}})
    [problem] = caught.value.problems
    assert problem.path == "classifiers.regime"
    assert problem.message.startswith(message)
    assert "regime: models/regime/SPX_1d" in problem.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rsi_14", "is a name of btkit's own"),
        ("close", "is a name of btkit's own"),
        ("capital", "is a name of btkit's own"),
        ("prev_regime", "begins like a value of one bar before"),
        ("lambda", "is a word of Python's grammar"),
        ("1st", "is no name that a condition can read"),
    ],
)
def test_a_name_that_means_something_already_is_refused(name, message):
    fields = {"entry_conditions": ["close > 1"], "exit_conditions": []}
    with pytest.raises(SpecError) as caught:
        load_spec(reading("x", **fields) | {"classifiers": {name: "models/r"}})
    [problem] = caught.value.problems
    assert problem.path == f"classifiers.{name}"
    assert message in problem.message


def test_one_name_is_a_column_or_a_classifier():
    with pytest.raises(SpecError, match="is a column, too"):
        load_spec(reading("x", columns=["regime"]))


def test_an_undeclared_name_stays_unknown_and_a_near_one_is_suggested():
    fields = {"entry_conditions": ['regimes == "RANGING"']}
    with pytest.raises(SpecError) as caught:
        load_spec(reading("x", **fields))
    assert "did you mean 'regime'" in caught.value.problems[0].hint


def test_a_spec_without_a_classifier_has_the_hash_that_it_had():
    fields = {"entry_conditions": ["close > 1"], "exit_conditions": ["close < 1"]}
    plain = reading("x", **fields)
    del plain["classifiers"]
    assert spec_hash(load_spec(plain)) == spec_hash(load_spec(plain | {"classifiers": {}}))
    assert spec_hash(load_spec(plain)) != spec_hash(load_spec(reading("x", **fields)))
