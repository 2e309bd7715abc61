"""Every bundled spec of rules on the bundled S&P 500 history: engine and plain simulation agree."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import btkit as bt
from btkit.crosscheck import differences
from btkit.crosscheck.inputs import BOOKS
from btkit.data import load_from_source
from btkit.settings import Settings

FILES = sorted(
    path
    for path in (Path(__file__).resolve().parents[2] / "strategies").iterdir()
    if path.suffix in {".json", ".yaml", ".yml"}
    # What a network says the plain simulation does not know.
    and bt.load_spec(path).kind in BOOKS
)


@cache
def history():
    return load_from_source(
        "SPX",
        "2004-01-02",
        "2018-12-31",
        settings=Settings(_env_file=None),
        source="sample",
        needs_iv=True,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bundled_spec(path):
    loaded = history()
    spec = bt.load_spec(path)
    result = bt.simulate(spec, loaded.bars, capital=1_000_000, start=loaded.start)
    assert len(result.trades) >= 5
    assert differences(result) == []
