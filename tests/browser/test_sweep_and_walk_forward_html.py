"""The pages of a sweep and of a walk-forward validation in a real browser."""

import json
from pathlib import Path

import pytest
from support.looks import assert_whole
from support.random_bars import crossover

import btkit as bt
from btkit.jobs.sweep import describe_sweep
from btkit.render import execute_template
from btkit.settings import Settings

RANGE = ("SPX", "2008-01-02", "2013-12-31")
AXES = {"fast": range(3, 15, 2), "slow": range(20, 60, 5)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches")
    settings = Settings(
        db_path=folder / "results.db",
        curve_dir=folder / "curves",
        report_dir=folder / "reports",
        data_source="sample",
    )
    spec = folder / "cross.json"
    spec.write_text(json.dumps(crossover()), encoding="utf-8")

    def page(template, parameter, stored_id):
        files = execute_template(
            template,
            {parameter: stored_id, "folder": str(settings.report_dir), "request": {}},
            out_dir=settings.report_dir,
            run_id=stored_id,
        )
        return Path(files.html)

    found = {}
    for name, axes in (("surface", AXES), ("curve", {"fast": AXES["fast"]})):
        swept = bt.sweep(spec, *RANGE, parameters=axes, settings=settings)
        describe_sweep(swept, start=RANGE[1], end=RANGE[2], settings=settings)
        found[name] = page("sweep", "sweep_id", swept.sweep_id)
    for name, windows in (("four windows", 4), ("twelve windows", 12)):
        walked = bt.walk_forward(spec, *RANGE, windows=windows, optimize=AXES, settings=settings)
        known = walked.report.walk_forward_id
        found[name] = page("walk_forward", "walk_forward_id", known)
    return found


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["surface", "curve", "four windows", "twelve windows"])
def test_every_chart_is_drawn_and_no_text_is_cut(pages, visit, keep, name, width, scheme):
    tab = visit(pages[name], width=width, scheme=scheme)
    assert_whole(tab, width=width, charts=3)
    keep(tab, f"{name.replace(' ', '-')}-{width}-{scheme}", full_page=True)


def test_the_truth_about_a_sweep_stands_above_its_first_picture(pages, visit):
    tab = visit(pages["surface"])
    tiles = tab.locator(".bt-tiles")
    for name in ("Deflated Sharpe", "Overfitting", "SPA against nothing", "SPA against holding"):
        assert name in tiles.inner_text()
    first = tab.locator(".bt-plot").first.bounding_box()
    assert tiles.bounding_box()["y"] < first["y"] < 900


def test_what_a_page_rests_on_can_be_had_again(pages, visit):
    for name, command in (("surface", "backtest sweep"), ("four windows", "backtest walk-forward")):
        said = visit(pages[name]).locator(".bt-facts-list").inner_text()
        assert command in said
        assert "--source sample" in said
