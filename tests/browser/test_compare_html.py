"""Runs side by side on one page in a real browser: offline, drawn whole, nothing cut."""

import pytest
from support.documents import long_run, warned_run
from support.looks import assert_whole
from support.pages import page_of

from btkit.render.compare import compare


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_comparison_is_drawn_whole(visit, keep, tmp_path, width, scheme):
    question = "Which one earned more?"
    words = {question: f"## {question}\n\nBoth start at 100."}
    path = tmp_path / "compare.html"
    html = page_of([long_run(), warned_run()], ((question, compare),), words)
    path.write_text(html, encoding="utf-8")
    tab = visit(path, width=width, scheme=scheme)
    assert_whole(tab, width=width, charts=1)
    keep(tab, f"compare-{width}-{scheme}", full_page=True)
