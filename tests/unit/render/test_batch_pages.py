"""The pages of many runs: the index of a batch, and the curves over each other."""

import re

import pytest
from support.documents import RUNS, long_run

from btkit.errors import UsageError
from btkit.render.compare import COLOURS, compare, overlay, ranked
from btkit.render.index import index_page
from btkit.render.series import DISPLAY_LIMIT


def job(number, sharpe=None, **changes):
    metrics = {
        "sharpe_ratio": sharpe or 0.0, "cagr": 0.05, "max_drawdown_pct": -0.2, "win_rate": 0.5,
        "profit_factor": 1.5, "total_trades": 12, "undefined": [] if sharpe else ["sharpe_ratio"],
    }  # fmt: skip
    line = {
        "job": number, "command": "run", "strategy": f"s{number}", "symbol": "SPX",
        "start": "2010-01-04", "end": "2011-12-30", "exit_code": 0, "run_id": f"r{number}",
        "passed": True, "verdict": "pass", "metrics": metrics,
        "files": {"html": f"/somewhere/r{number}.html"},
    }  # fmt: skip
    return line | changes


def broken(number, message):
    line = job(number, error={"message": message, "hint": "do this"})
    return {name: value for name, value in line.items() if name not in {"metrics", "files"}}


def test_the_best_sharpe_ratio_comes_first_and_an_undefined_one_last():
    html = index_page([job(1, 0.2), job(2), job(3, 1.2), job(4, -0.5)])
    assert re.findall(r'href="(r\d)\.html"', html) == ["r3", "r1", "r4", "r2"]
    assert "the best Sharpe ratio is 1.20, s3 on SPX" in html
    assert "–" in html


def test_one_reason_is_told_once_with_all_its_jobs():
    lines = [broken(1, "no <file>"), broken(2, "no <file>"), broken(3, "other")]
    html = index_page(lines)
    assert html.count("no &lt;file&gt;") == 1
    assert "s1 on SPX" in html
    assert "s2 on SPX" in html
    assert "Which did best?" not in html
    assert "3 jobs failed" in html


def test_numbers_of_other_commands_say_whose_they_are():
    html = index_page([job(1, 0.5, command="walk-forward"), job(2, 0.9, command="sweep")])
    assert "s1 on SPX, walk-forward, out of sample" in html
    assert "s2 on SPX, sweep, its best parameter set" in html
    assert "do not compare" in html


def test_a_comparison_links_nothing_that_is_not_there():
    assert "compare.html" not in index_page([job(1, 0.5)])
    assert 'href="compare.html"' in index_page([job(1, 0.5)], comparison="compare.html")


def test_few_curves_are_named_at_their_end_and_drawn_whole():
    documents = [RUNS[name]() for name in sorted(RUNS)]
    chart = overlay(ranked(documents[:3]))
    figure = chart.figure
    assert len(figure.layout.annotations) == 3
    assert "Drawn with" not in chart.note


def test_many_curves_are_thinned_and_say_so():
    views = ranked([long_run()] * 12)
    chart = overlay(views)
    points = sum(len(trace.y) for trace in chart.figure.data)
    assert points <= DISPLAY_LIMIT + 2 * len(views)
    assert f"of {12 * len(views[0].equity):,} bars" in chart.note
    assert "in grey the other 6" in chart.note
    colours = [trace.line.color for trace in chart.figure.data]
    assert colours[-len(COLOURS) :] == list(reversed(COLOURS))
    # The same strategy on the same symbol: the years tell them apart.
    assert re.search(r", \d{4}–\d{4}$", chart.figure.data[0].name)


def test_nothing_to_compare_is_refused():
    with pytest.raises(UsageError, match="no run to compare"):
        compare([])
