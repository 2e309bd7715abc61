"""What the page of a model run shows beside that of any: what decided, and what it learnt from."""

import json

import pytest
from support.small_models import write_bundle

import btkit as bt
from btkit.documents import build_report, describe_run
from btkit.documents.build import RunDocument
from btkit.render import trained
from btkit.render.kinds import PAGES
from btkit.render.notebook import template_path
from btkit.settings import Settings

SPEC = {"name": "m", "confidence_threshold": 0.4, "allow_short_from_flat": True}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    def make(start, **changes):
        path = str(write_bundle(tmp_path_factory.mktemp("model") / "SPX_1d", **changes))
        bars = bt.load_bars(
            "SPX", start, "2013-12-31", source="sample", settings=Settings(_env_file=None)
        )
        result = bt.simulate({**SPEC, "model_path": path}, bars)
        run = describe_run(result, run_id=None, created_at="2020-01-01T00:00:00")
        provenance = bt.report(result)["provenance"]
        report = build_report(result, run, min_trades_required=10, provenance=provenance)
        return result, RunDocument.from_result(result, report)

    return make


def written(section):
    return " ".join(str(piece.markup) for piece in section if hasattr(piece, "markup"))


def test_the_training_is_on_grey_ground_before_what_is_scored(document):
    result, stored = document("2010-01-04")
    chart, *_ = trained.model(stored)
    learnt, scored = chart.figure.data
    assert learnt.y[-1] == pytest.approx(result.in_sample.equity.iloc[-1], rel=1e-6)
    assert scored.y[-1] == pytest.approx(result.equity.iloc[-1], rel=1e-6)
    shade = chart.figure.layout.shapes[0]
    assert shade.type == "rect"
    assert shade.x0 == learnt.x[0]
    assert learnt.x[-1] < shade.x1 == scored.x[0]
    assert "on what it was trained on" in chart.figure.layout.title.text


def test_what_decided_and_what_held_is_written_out(document):
    result, stored = document("2010-01-04")
    text = written(trained.model(stored))
    for words in (
        "MLP 3-8-3, relu",
        "BUY, SELL, HOLD",
        "2011-12-30",
        "at least 40.0",
        "Trained on",
    ):
        assert words in text
    orders = (result.decisions["signal"] == "BUY").sum()
    assert f"{orders:,} (" in text
    assert "an order would have changed nothing" in text


def test_the_sides_are_those_that_its_bundles_settle(document):
    result, stored = document("2012-06-01")
    assert "on SPX, long and short" in repr(result)
    assert "long and short" in written(trained.headline(stored))
    model, either = stored.report.model, stored.report.model.bundles[0]
    settings = {**either.settings, "allow_short_from_flat": False}
    one = either.model_copy(update={"settings": settings})
    for bundles, side in (([one], "long only"), ([one, either], "long and short")):
        changed = model.model_copy(update={"bundles": bundles})
        assert stored.report.model_copy(update={"model": changed}).side == side


def test_without_a_training_in_the_range_there_is_no_grey_ground(document):
    _, stored = document("2012-06-01")
    section = list(trained.model(stored))
    assert len(section) == 2
    assert "Unseen" in written(section)


def test_of_a_regression_its_edge_is_said(document):
    _, stored = document("2012-06-01", outputs=1, seed=1)
    assert "the return foreseen exceeds 0.45" in written(trained.model(stored))


def test_the_template_has_a_cell_for_each_section():
    cells = json.loads(template_path("model_run").read_text(encoding="utf-8"))["cells"]
    calls = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"][2:]
    makers = [maker.__name__ for _, maker in PAGES["model"].sections()]
    assert calls == [f"render.{name}(document)" for name in makers]
    questions = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    for (question, _), words in zip(PAGES["model"].sections()[1:], questions, strict=True):
        assert words.startswith(f"## {question}\n")
