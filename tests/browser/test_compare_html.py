"""Runs side by side on one page in a real browser: offline, drawn whole, nothing cut."""

import pytest
from support.documents import long_run, warned_run
from support.looks import assert_whole
from support.pages import page

from btkit.render.compare import compare


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_comparison_is_drawn_whole(visit, keep, tmp_path, width, scheme):
    sections = (("Which one earned more?", "Both start at 100.", compare),)
    path = tmp_path / "compare.html"
    path.write_text(page([long_run(), warned_run()], sections), encoding="utf-8")
    tab = visit(path, width=width, scheme=scheme)
    assert_whole(tab, width=width, charts=1)
    keep(tab, f"compare-{width}-{scheme}", full_page=True)
