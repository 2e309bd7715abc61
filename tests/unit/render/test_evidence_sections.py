"""What the page of a model run says of its answers, from the figures to the page itself."""

import json
from dataclasses import replace

import nbformat
import numpy as np
import pytest
import yaml
from support import scored_models as models

import btkit as bt
from btkit.documents.evidence import MarginsSection, RangesSection
from btkit.render import execute_template, trained
from btkit.render.pieces import Chart, Html
from btkit.settings import Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def pages(folder):
    kinds = {
        "classes": (models.save(folder / "classes"), {}),
        "plain": (models.save(folder / "plain", label=None, label_horizon=1), {}),
        "barriers": (models.save(folder / "barriers", label=models.BARRIERS), {}),
        "returns": (
            models.save(folder / "returns", label=models.RETURNS, outputs=1, scale=0.01),
            {"round_trip_cost": 0.001},
        ),
        "idle": (models.save(folder / "idle"), {"confidence_threshold": 1.0}),
        "unlabelled": (
            models.save(folder / "short", label=models.CLASSES | {"horizon": 10}),
            {"trained_until": "2015-12-10"},
        ),
    }
    return {
        name: models.document(models.simulated(bundle, **fields))
        for name, (bundle, fields) in kinds.items()
    }


def words(section):
    found = []
    for piece in section:
        if isinstance(piece, Html):
            found.append(piece.markup)
        else:
            found += [piece.figure.layout.title.text, piece.note]
    return " ".join(found)


def charts(section):
    return {piece.name: piece for piece in section if isinstance(piece, Chart)}


def changed(document, **parts):
    evidence = document.report.model.evidence.model_copy(update=parts)
    model = document.report.model.model_copy(update={"evidence": evidence})
    return replace(document, report=document.report.model_copy(update={"model": model}))


KINDS = ("classes", "plain", "barriers", "returns", "idle", "unlabelled")


@pytest.mark.parametrize("name", KINDS)
def test_every_section_can_be_drawn_of_every_model(pages, name):
    names = []
    for _, section in trained.SECTIONS:
        for piece in section(pages[name]):
            data, metadata = piece.bundle()
            json.dumps([data, metadata], allow_nan=False)
            if isinstance(piece, Chart):
                names.append(piece.name)
                assert piece.figure.layout.title.text
    assert len(names) == len(set(names))
    own = {"answers", "order", "reliability", "deciles", "random-entries", "importance"}
    lacking = {
        "returns": {"reliability"},
        "idle": {"random-entries"},
        "unlabelled": own - {"answers", "random-entries"},
    }
    missing = lacking.get(name, set())
    assert own - set(names) - {"random-entries"} == missing - {"random-entries"}
    assert ("random-entries" in names) == bool(len(pages[name].trades))


def test_the_answers_stand_under_the_price_on_one_axis(pages):
    document = pages["classes"]
    figure = charts(trained.answers(document))["answers"].figure
    close, entries, buy, sell = figure.data
    assert (close.yaxis, buy.yaxis, buy.name, sell.name) == (None, "y2", "BUY", "SELL")
    assert len(entries.x) == len(document.trades)
    np.testing.assert_allclose(buy.y, document.curve["model_p_buy"] * 100, rtol=1e-6)
    assert figure.layout.hoversubplots == "axis"
    # On hover: what was said, and what held it.
    assert len(close.text) == len(document.curve)
    assert sum(said.endswith((": order", ": did not fill")) for said in close.text) == (
        document.report.model.decisions.buy + document.report.model.decisions.sell
    )
    assert any(said == "SELL: position was so" for said in close.text)
    assert figure.layout.shapes[0].y0 == pytest.approx(38.0)


def test_bars_are_called_unseen_only_where_somebody_says_so(folder, pages):
    said = words(trained.answers(pages["classes"])) + words(trained.skill(pages["classes"]))
    assert "Only bars that no training saw" in said
    assert ">Unseen<" in said
    undated = models.save(folder / "undated", trained_from=None, trained_until=None)
    document = models.document(models.simulated(undated))
    said = words(trained.answers(document)) + words(trained.skill(document))
    assert "it may have learnt these very bars" in said
    assert ">This run<" in said
    assert "nseen" not in said


def test_a_regression_shows_what_it_foresees_between_its_edges(pages):
    figure = charts(trained.answers(pages["returns"]))["answers"].figure
    assert figure.data[2].name == "Return foreseen"
    assert [shape.y0 for shape in figure.layout.shapes] == pytest.approx([0.15, -0.15])


def test_what_counts_as_right_is_said(pages):
    assert "BUY if the return of the close over 5 bars is above 0.50" in words(
        trained.skill(pages["classes"])
    )
    plain = words(trained.skill(pages["plain"]))
    assert "The bundle does not say what its labels were" in plain
    assert "share none" not in plain
    barriers = words(trained.skill(pages["barriers"]))
    assert "which barrier the price meets first, BUY above (at 2.00" in barriers
    assert "the return of the close over 3 bars" in words(trained.skill(pages["returns"]))
    assert "No bar had both" in words(trained.skill(pages["unlabelled"]))


def test_scores_stand_beside_those_without_a_model_and_of_the_training(pages):
    page = words(trained.skill(pages["classes"]))
    evidence = pages["classes"].report.model.evidence
    for shown in ("Brier score", "Log loss", "ROC area, BUY", "Trained on"):
        assert shown in page
    for number in (
        evidence.scores.brier,
        evidence.scores.reference_brier,
        evidence.in_sample.brier,
    ):
        assert f"{number:.3f}" in page


def test_chance_is_called_chance(pages):
    document = pages["classes"]
    known = document.report.model.evidence
    ranks = [one.model_copy(update={"p_value": 0.5}) for one in known.ranks]
    lucky = changed(
        document, ranks=ranks, chance=known.chance.model_copy(update={"percentile": 0.6})
    )
    page = words(trained.skill(lucky))
    assert "no more often than by chance" in page
    assert "its timing is not told from luck" in page
    assert "Earned more than 60" in page
    ranks = [one.model_copy(update={"p_value": 0.005}) for one in known.ranks]
    able = changed(
        document, ranks=ranks, chance=known.chance.model_copy(update={"percentile": 0.99})
    )
    page = words(trained.skill(able))
    assert "Higher probabilities of BUY and SELL came true more often" in page
    assert "its timing was worth something" in page
    poor = changed(document, chance=known.chance.model_copy(update={"percentile": 0.01}))
    assert "its timing cost money" in words(trained.skill(poor))


def test_sure_answers_are_called_better_only_where_intervals_are_apart(pages):
    document = pages["classes"]
    groups = document.report.model.evidence.deciles
    low = groups[0].model_copy(update={"came": 0.2, "low": 0.1, "high": 0.3})
    high = groups[-1].model_copy(update={"came": 0.8, "low": 0.7, "high": 0.9})
    for deciles, said in (
        ([low, high], "right more often than the least sure, beyond chance"),
        ([high, low], "right less often than the least sure, beyond chance"),
        ([low, low], "being sure proves nothing here"),
    ):
        assert said in words(trained.skill(changed(document, deciles=deciles)))


def test_importance_says_which_features_are_of_use(pages):
    document = pages["classes"]
    found = document.report.model.evidence.importance
    one = found.features[0]
    useful = one.model_copy(update={"rise": 0.2, "error": 0.01, "changed": 0.4})
    idle = one.model_copy(update={"feature": "<b>", "rise": 0.0, "error": 0.01, "changed": 0.1})
    section = found.model_copy(update={"features": [useful, idle], "left_out": 3, "bundles": 2})
    page = words(trained.listening(changed(document, importance=section)))
    assert "1 of 2 features was of use" in page
    assert f"hang most on {one.feature}: shuffled, 40.0" in page
    assert "3 features beyond the first" in page
    figure = charts(trained.listening(changed(document, importance=section)))["importance"].figure
    assert list(figure.data[0].y) == ["&lt;b&gt;", one.feature]
    nothing = found.model_copy(update={"features": [idle]})
    page = words(trained.listening(changed(document, importance=nothing)))
    assert "No feature was of use beyond chance" in page


def test_ranges_and_margins_are_said_in_words(pages):
    document = pages["classes"]
    page = words(trained.listening(document))
    assert "lower or higher than ever in training" in page
    assert "Most often it is 1d_sma_10_raw" in page
    assert "No decision hangs on a millionth" in page
    near = MarginsSection(
        rows=10, limit=1e-6, near=4, least=0.0,
        nearest=[{"time": f"2015-01-0{day}", "margin": 0.0} for day in (5, 6, 7, 8)],
    )  # fmt: skip
    page = words(trained.listening(changed(document, ranges=None, margins=near)))
    assert "No bundle says between which values" in page
    assert "4 decisions hang on a millionth of an output" in page
    assert "2015-01-05, 2015-01-06 and 2015-01-07 and others" in page
    found = document.report.model.evidence.ranges
    untold = [one.model_copy(update={"stability_index": None}) for one in found.features]
    page = words(
        trained.listening(changed(document, ranges=found.model_copy(update={"features": untold})))
    )
    assert "Stability index" in words(trained.listening(document))
    assert "Stability index" not in page
    assert "no stability index of these" in page
    quiet = RangesSection(rows=10, outside=0.0, features=[], bundles=1)
    assert "On none of 10 bars" in words(trained.listening(changed(document, ranges=quiet)))


def test_a_stored_run_becomes_a_page_that_says_it_all(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    settings = Settings(_env_file=None)
    bundle = models.save(folder / "paged")
    spec = {"name": "small", "version": "1.0", "model_path": str(bundle.path)}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(spec | {"confidence_threshold": 0.38}))
    asked = {"symbol": "SPX", "start": "2010-01-04", "end": "2015-12-31", "source": "sample"}
    result = bt.run(tmp_path / "small.yaml", **asked, settings=settings)
    parameters = {"run_id": result.run_id, "database": str(settings.db_path), "request": {}}
    files = execute_template(
        "model_run", parameters, out_dir=tmp_path / "reports", run_id=result.run_id
    )
    executed = nbformat.read(files.notebook, as_version=4)
    assert {"answers", "skill", "listening"} <= {cell.id for cell in executed.cells}
    html = files.html.read_text(encoding="utf-8")
    for _, section in trained.SECTIONS:
        assert f"render.{section.__name__}(document)" in html
    for said in (
        "What did it say, and when?",
        "Are its answers better than chance?",
        "What does it listen to, and had it seen the like?",
        "of random entries",
        "Brier score",
    ):
        assert said in html
    assert html.count('class="bt-plot"') == 7 + 1 + 6


@pytest.mark.parametrize(
    ("ends", "written"),
    [
        ((0.0, 0.999), "0.0000 to 0.9990"),
        ((0.0, 0.9965), "0.0000 to 0.9965"),
        ((-2.5, 1.0), "\u22122.5000 to 1.0000"),
        ((1_200.0, 2_130.821), "1,200.00 to 2,130.82"),
        ((-2e-6, 1.5e-5), "\u22122.0e\u221206 to 1.5e\u221205"),
        ((0.0, 0.0), "0.0000 to 0.0000"),
    ],
)
def test_ends_of_features_are_written_alike(pages, ends, written):
    document = pages["classes"]
    known = document.report.model.evidence.ranges
    one = known.features[0].model_copy(update=dict(zip(("lowest", "highest"), ends, strict=True)))
    alone = known.model_copy(update={"features": [one]})
    assert f">{written}<" in words(trained.listening(changed(document, ranges=alone)))
