"""Whatever stands in a spec, a file's name or an error is text on a page, never its markup."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from support.documents import long_run
from support.options import RUNS as OPTION_RUNS
from support.pages import page
from support.random_bars import crossover

import btkit as bt
from btkit.documents import ReportWarning
from btkit.errors import Problem
from btkit.jobs.sweep import describe_sweep
from btkit.render import options, sweep, walk_forward
from btkit.render.compare import compare, ranked
from btkit.render.export import fragment
from btkit.render.index import index_page
from btkit.render.pages import markup
from btkit.render.text import NARROW
from btkit.settings import Settings
from btkit.widgets.problems import problem_markup

NAME = "<script>alert(1)</script>"
SYMBOL = '"><img src=x onerror=alert(1)>'
WARNING = ReportWarning(code='"onclick="', message="<i>read & weep</i>")
RAW = ("<script>alert", "<img", "<i>read", 'onclick="">')


def assert_harmless(html):
    for markup_ in RAW:
        assert markup_ not in html
    assert "&lt;" in html


def hostile(document):
    run = document.report.run.model_copy(update={"strategy_name": NAME, "symbol": SYMBOL})
    report = document.report.model_copy(update={"run": run, "warnings": [WARNING]})
    return replace(document, report=report)


def text(section):
    return "".join(getattr(piece, "markup", "") for piece in section)


@pytest.fixture(scope="module")
def bars():
    return bt.load_bars("SPX", "2012-01-03", "2013-12-31", source="sample")


def test_on_the_page_of_a_run_and_of_spreads():
    assert_harmless(page(hostile(long_run())).replace("</script><script", ""))
    assert_harmless(page(hostile(OPTION_RUNS["puts"]()), options.SECTIONS))


def test_on_a_comparison_its_names_stand_as_they_are():
    documents = [hostile(long_run())] * 4
    section = compare(documents)
    assert_harmless(text(section))
    (chart,) = [piece for piece in section if hasattr(piece, "figure")]
    data, metadata = chart.bundle()
    figure = next(value for value in data.values() if isinstance(value, dict))
    html = fragment(figure, metadata["btkit"], {})
    assert_harmless(html)
    # plotly reads names as HTML, the page does not: each escapes them once.
    assert "&lt;script&gt;alert(1)&lt;/script&gt; on" in html
    assert "&amp;lt;" not in html.split("application/json")[0]
    assert ranked(documents)[0].symbol == SYMBOL


def test_on_the_page_of_a_sweep(bars):
    spec = bt.load_spec(crossover())
    swept = bt.sweep(spec, bars, parameters={"fast": [3, 5], "slow": [10, 21]})
    report = describe_sweep(swept, settings=Settings(_env_file=None))
    changed = report.model_copy(
        update={"strategy_name": NAME, "symbol": SYMBOL, "warnings": [WARNING]}
    )
    found = sweep.SweepPage(changed, swept.table)
    assert_harmless(text(sweep.headline(found)) + text(sweep.rests_on(found)))


def test_on_the_page_of_a_walk_forward(bars):
    walked = bt.walk_forward(bt.load_spec(crossover()), bars, windows=2)
    changed = walked.report.model_copy(
        update={"strategy_name": NAME, "symbol": SYMBOL, "warnings": [WARNING]}
    )
    found = walk_forward.WalkForwardPage(changed, walked.curve)
    assert_harmless(text(walk_forward.headline(found)) + text(walk_forward.chosen(found)))


def test_on_the_index_of_a_batch():
    line = {
        "command": "run", "strategy": NAME, "symbol": SYMBOL, "start": "2010-01-04",
        "end": "2011-12-30", "error": {"message": "<i>read", "hint": "<img>"},
    }  # fmt: skip
    assert_harmless(index_page([line]))


def test_beside_the_fields_of_a_widget():
    wrong = Problem(path="name", message=NAME, hint=SYMBOL, column=2)
    assert_harmless(problem_markup(wrong, f"x {NAME}"))
    assert_harmless(markup("widgets.refused", NAME, SYMBOL))
    links = markup("widgets.links", [(NAME, f"a{SYMBOL}"), ("b", "c")])
    assert_harmless(links)
    assert ">b</a>" in links


def test_a_number_keeps_its_unit():
    assert markup("pieces.shown", f"1{NARROW}%") == "1\u00a0%"


def test_whoever_wants_no_page_does_not_wait_for_jinja2():
    code = "import sys, btkit.render.leaving; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]
