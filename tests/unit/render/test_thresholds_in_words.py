"""A threshold is written down once; every text says what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.random_bars import crossover

import btkit as bt
from btkit.cli.commands.walk_forward import HELP
from btkit.cli.verdicts import show_sweep
from btkit.documents import sweeps
from btkit.documents.sweeps import DEFLATED_SHARPE_NEEDED
from btkit.jobs.sweep import describe_sweep
from btkit.metrics import THRESHOLDS
from btkit.render import sweep as sweep_page
from btkit.render import walk_forward as walk_forward_page
from btkit.render.text import NARROW
from btkit.settings import Settings
from btkit.validation.windows import EFFICIENCY_NEEDED

ROOT = Path(__file__).parents[3]
RANGE = ("SPX", "2012-01-03", "2013-12-31")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("thresholds")
    return Settings(
        data_source="sample",
        db_path=folder / "results.db",
        curve_dir=folder / "curves",
        report_dir=folder / "reports",
        min_trades_required=3,
    )


@pytest.fixture(scope="module")
def swept(settings):
    result = bt.sweep(
        bt.load_spec(crossover()),
        *RANGE,
        parameters={"fast": [3, 5, 7], "slow": [10, 21]},
        settings=settings,
    )
    return sweep_page.SweepPage(describe_sweep(result, settings=settings), result.table)


@pytest.fixture(scope="module")
def walked(settings):
    result = bt.walk_forward(bt.load_spec(crossover()), *RANGE, windows=2, settings=settings)
    return walk_forward_page.WalkForwardPage(result.report, result.curve)


def markup(section):
    return "".join(getattr(piece, "markup", "") for piece in section.pieces)


def test_the_page_of_a_sweep(swept, monkeypatch):
    said = markup(sweep_page.headline(swept))
    assert "needs 0.95" in said
    assert f"at most 50{NARROW}%" in said
    monkeypatch.setattr(sweep_page, "DEFLATED_SHARPE_NEEDED", 0.87)
    monkeypatch.setattr(sweep_page, "OVERFITTING_ALLOWED", 0.36)
    monkeypatch.setattr(sweep_page, "SIGNIFICANT_P", 0.02)
    said = markup(sweep_page.headline(swept))
    assert "needs 0.87" in said
    assert f"at most 36{NARROW}%" in said
    assert "Skill is below 0.02" in said


@pytest.mark.parametrize(
    ("nothing", "holding", "sentence"),
    [
        (0.012, 0.44, "finds skill against doing nothing (p 0.012) and none against buy-and-hold"),
        (0.0, 0.0, "finds skill against doing nothing (p &lt; 0.001) and skill against buy-and-h"),
        (0.2, None, "finds none against doing nothing (p 0.200)."),
        (None, None, None),
    ],
)
def test_a_page_says_in_words_what_the_best_set_beats(swept, nothing, holding, sentence):
    document = swept.report.to_dict()
    document["overfitting"].update(spa_p=nothing, holding_spa_p=holding)
    said = markup(sweep_page.headline(sweep_page.SweepPage.of(document, swept.sets)))
    assert (sentence in said) if sentence else ("test finds" not in said)


def test_the_closing_lines_of_a_sweep(swept, monkeypatch, capsys):
    monkeypatch.setattr(sweeps, "DEFLATED_SHARPE_NEEDED", 0.87)
    monkeypatch.setattr(sweeps, "OVERFITTING_ALLOWED", 0.36)
    show_sweep(swept.report.to_dict(), {})
    said = capsys.readouterr().err
    assert "needs 0.87" in said
    assert "at most 36 %" in said


def test_the_page_of_a_walk_forward(walked, monkeypatch):
    assert f"needs 70{NARROW}%" in markup(walk_forward_page.headline(walked))
    monkeypatch.setattr(walk_forward_page, "EFFICIENCY_NEEDED", -3.0)
    assert f"needs −300{NARROW}%" in markup(walk_forward_page.headline(walked))
    title = walk_forward_page._sharpes(walked.report).figure.layout.title.text
    assert f"2 of 2 windows kept at least −300{NARROW}%" in title


def test_texts_that_cannot_read_a_constant_agree_with_it():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    efficiency = f"{EFFICIENCY_NEEDED * 100:.0f} % of the in-sample Sharpe ratio"
    assert efficiency in " ".join(HELP.split())
    assert efficiency in readme
    bounds = {threshold.metric: threshold.bound for threshold in THRESHOLDS}
    assert (
        f"win rate is at least {bounds['win_rate'] * 100:.0f} %, its profit factor "
        f"{bounds['profit_factor']:.1f}, its Sharpe ratio {bounds['sharpe_ratio']:.1f}, its worst "
        f"drawdown no deeper than {-bounds['max_drawdown_pct'] * 100:.0f} %, and no more than "
        f"{bounds['consecutive_losses_max']:.0f} losses come in a row"
    ) in readme
    notebook = (ROOT / "notebooks" / "05_sweeps.ipynb").read_text(encoding="utf-8")
    # The notebook can: its cells read it, and its prose does not name it.
    assert "import DEFLATED_SHARPE_NEEDED" in notebook
    assert f"{DEFLATED_SHARPE_NEEDED:.2f}" not in notebook
