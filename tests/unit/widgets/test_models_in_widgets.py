"""Model specs in the editor and the labs: edited live, validated window by window, not swept."""

import json

import pytest
import yaml
from support.classifiers import reading, regime_bundle
from support.small_models import DEFINITION, write_bundle

import btkit as bt
from btkit.errors import BundleError, SpecKindError, UsageError
from btkit.models import predictions
from btkit.spec import ModelSpec
from btkit.widgets import SpecEditor, SweepExplorer, WalkForwardLab

SPEC = {
    "name": "small", "model_path": "models/small/SPX_1d", "symbol": "SPX",
    "confidence_threshold": 0.4,
}  # fmt: skip
RANGE = {"start": "2012-01-20", "end": "2014-12-31"}
V3 = {
    "name": "small",
    "version": "3.0",
    **DEFINITION,
    "model": {"type": "mlp"},
    "decisions": {"confidence_threshold": 0.4},
    "training_data": {"symbols": {"symbol": "SPX"}, "timeframes": {"timeframe": "1d"}},
}


@pytest.fixture
def folder(settings, tmp_path):
    """Give the bundle's folder; the working folder is what it is named from."""
    del settings
    return write_bundle(tmp_path / "models" / "small" / "SPX_1d")


@pytest.fixture
def editor(settings, folder):
    del folder
    made = SpecEditor(SPEC, **RANGE, settings=settings)
    yield made
    made.close()


def settle(editor):
    editor._coalescer.flush()


def drawn(editor):
    return [float(value) for value in editor._picture.widget.data[1].y]


def test_a_threshold_moves_result_picture_and_tiles_together(editor, settings, monkeypatch):
    def again(*_arguments, **_named):
        raise AssertionError("the network is asked again")

    before, tiles = drawn(editor), editor._summary.value
    slider = editor.controls["confidence_threshold"].control.slider
    with monkeypatch.context() as patched:
        patched.setattr(predictions, "_predict", again)
        slider.value = 0.6
        slider.value = 0.7
        shown = editor.result
    assert editor.spec.confidence_threshold == 0.7
    assert drawn(editor) != before
    assert editor._summary.value != tiles
    stored = bt.run(editor.spec, "SPX", *RANGE.values(), settings=settings)
    assert shown.metrics == stored.metrics
    assert drawn(editor) == pytest.approx(stored.equity.tolist(), rel=1e-6)
    assert editor.command().startswith("backtest run --strategy small.json --symbol SPX")
    assert editor.run_and_store() != stored.run_id


def test_every_field_that_may_differ_has_a_control_once(editor):
    names = set(ModelSpec.model_fields) - {"entry_conditions", "max_concurrent_positions"}
    assert set(editor.controls) == names
    tabs = editor._kind.names(editor.controls)
    assert sorted(name for on_it in tabs.values() for name in on_it) == sorted(names)
    assert not editor._document.can_undo


def test_what_is_left_out_is_shown_as_it_was_trained(editor):
    controls = editor.controls
    number = controls["confidence_threshold"].control
    number.text.value = ""
    settle(editor)
    assert editor.spec.confidence_threshold is None
    assert (number.text.placeholder, number.slider.value) == ("0.5", 0.5)
    assert controls["trained_until"].control.placeholder == "2011-12-30, as trained"
    assert controls["output_classes"].control.placeholder == "BUY, SELL, HOLD, as trained"
    short = controls["allow_short_from_flat"].control
    assert (short.options[0], short.value) == (("no, as trained", ""), "")
    short.value = "true"
    settle(editor)
    assert editor.spec.allow_short_from_flat is True
    assert set(editor.result.trades["direction"]) == {"long", "short"}
    assert short.options[0][0] == "no, as trained"
    short.value = ""
    settle(editor)
    assert editor.spec.allow_short_from_flat is None
    number.slider.value = 0.45
    assert editor.spec.confidence_threshold == 0.45
    editor.undo()
    assert editor.spec.confidence_threshold is None
    number.text.value = "much"
    assert "must be a number" in controls["confidence_threshold"].problem


def test_costs_are_those_of_a_model(editor):
    assert [cost.placeholder for cost in editor._bar.costs] == ["100000", "0.001", "0.001"]
    assert (editor.result.commission, editor.result.slippage) == (0.001, 0.001)


def test_names_of_its_formula_and_its_classifiers_are_completed(editor, tmp_path):
    known = dict(editor.controls["position_sizing_formula"].list.words)
    assert {"risk_pct", "commission", "slippage"} <= known.keys()
    filters = editor.controls["filter_conditions"]
    assert not {"commission", "regime"} & dict(filters.list.words).keys()
    regime_bundle(tmp_path / "models/regime")
    editor.controls["classifiers"].control.value = json.dumps({"regime": "models/regime"})
    assert "classifier" in dict(filters.list.words)["regime"]
    # It stays, whatever else is declared.
    editor.controls["columns"].control.value = "rate"
    assert {"rate", "regime"} <= dict(filters.list.words).keys()
    editor.controls["columns"].control.value = ""
    filters.texts = ["regime != 'RANGING'"]
    settle(editor)
    assert editor.problems == []
    assert editor.result.classified[0].name == "regime"


@pytest.mark.parametrize(
    ("name", "value"),
    [("model_path", "models/gone"), ("classifiers", '{"regime": "models/gone"}')],
)
def test_a_refused_bundle_stands_by_the_field_that_names_it(editor, name, value):
    before = drawn(editor)
    control = editor.controls[name]
    control.control.value = value
    settle(editor)
    assert "bt-problem" in control.problem
    assert "Not updated" in editor._reason.value
    assert drawn(editor) == before
    editor.undo()
    settle(editor)
    assert control.problem == ""
    assert editor._reason.value == ""


def test_a_v3_strategy_is_opened_and_never_written_over(settings, folder, tmp_path):
    path = tmp_path / "dip.yaml"
    text = yaml.safe_dump(V3, sort_keys=False)
    path.write_text(text)
    editor = SpecEditor(path, **RANGE, settings=settings)
    assert editor.result.metrics.total_trades
    assert editor._file.value == str(tmp_path / "dip.spec.yaml")
    with pytest.raises(UsageError, match=r"could not be trained again") as caught:
        editor.save(path)
    assert "dip.spec.yaml" in caught.value.hint
    saved = editor.save(editor._file.value)
    assert path.read_text() == text
    assert bt.load_spec(saved) == editor.spec
    assert editor.spec.features["nn_inputs"] == DEFINITION["nn_inputs"]
    other = SpecEditor(SPEC, **RANGE, settings=settings)
    other.load(path)
    assert other.spec == editor.spec
    assert other._file.value == str(tmp_path / "dip.spec.yaml")
    for made in (editor, other):
        made.close()
    del folder


def test_what_is_refused_leaves_no_widget_behind(settings, folder):
    del folder
    with pytest.raises(BundleError):
        SpecEditor(SPEC | {"model_path": "models/gone"}, **RANGE, settings=settings)
    with pytest.raises(BundleError):
        WalkForwardLab(SPEC | {"model_path": "models/gone"}, settings=settings)


def test_a_model_is_validated_window_by_window(settings, folder):
    del folder
    lab = WalkForwardLab(SPEC, windows=2, settings=settings)
    assert lab._market.request.start == "2011-12-31"
    # Nothing of it is chosen.
    assert lab._axes == {}
    shown = lab.result.report
    stored = bt.walk_forward(
        SPEC, "SPX", "2011-12-31", "2018-12-31", windows=2, settings=settings
    ).report
    assert shown.avg_oos_sharpe == stored.avg_oos_sharpe
    assert shown.windows[1].oos_sharpe == stored.windows[1].oos_sharpe
    lab.fields["windows"].control.slider.value = 3
    assert len(lab.result.report.windows) == 3
    lab.close()
    early = WalkForwardLab(SPEC, start="2008-01-02", end="2013-12-31", settings=settings)
    with pytest.raises(UsageError, match="The model learnt from bars up to"):
        early.result  # noqa: B018 - raises
    assert "bt-edit-wrong" in early._bar.start._dom_classes
    early.close()
    with pytest.raises(UsageError, match="only the parameters of rules are optimised"):
        WalkForwardLab(SPEC, optimize={"n": [1, 2]}, settings=settings)


def test_a_sweep_of_a_model_is_refused_with_what_to_do_instead(settings, folder):
    del folder
    with pytest.raises(SpecKindError, match=r"^The spec 'small' is a model spec: it ") as caught:
        SweepExplorer(SPEC, parameters={"n": [1, 2]}, settings=settings)
    assert "run them with `backtest batch`" in caught.value.hint


def test_rules_that_read_a_classifier_are_edited_too(settings, tmp_path):
    regime_bundle(tmp_path / "models/regime")
    editor = SpecEditor(reading("models/regime"), **RANGE, settings=settings)
    assert "regime" in dict(editor.controls["entry_conditions"].list.words)
    assert editor.result.metrics.total_trades
    editor.close()


ODD = (None, True, 10**400, "much", [None], {"a": {"b": 1}})


@pytest.mark.parametrize(
    "name",
    ["parameters", "classifiers", "round_trip_cost", "output_classes", "allow_fractional",
     "position_sizing_formula", "stop_conditions", "name"],
)  # fmt: skip
def test_what_a_program_sets_and_no_hand_could_is_told_and_taken_back(editor, monkeypatch, name):
    monkeypatch.setattr(editor._coalescer, "ask", lambda: None)
    before = editor.spec
    for value in ODD:
        editor.set(name, value)
        if editor.problems:
            editor._redraw()
            assert "Not updated" in editor._reason.value
        editor.undo()
        assert (editor.problems, editor.spec) == ([], before)
