"""The option report in a real browser: offline, every chart drawn, nothing cut, light and dark."""

from __future__ import annotations

import pytest
from support.looks import assert_whole
from support.options import RUNS
from support.pages import page

from btkit.render import options


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("condor", 1440, "light"),
        ("condor", 390, "light"),
        ("condor", 1440, "dark"),
        ("single", 390, "light"),
        ("idle", 1440, "light"),
    ],
)
def test_every_chart_is_drawn_and_nothing_is_cut(visit, keep, tmp_path, name, width, scheme):
    path = tmp_path / f"{name}.html"
    path.write_text(page(RUNS[name](), options.SECTIONS), encoding="utf-8")
    tab = visit(path, width=width, scheme=scheme)
    assert_whole(tab, width=width, charts=3 if name == "idle" else 9)
    keep(tab, f"options-{name}-{width}-{scheme}", full_page=True)
