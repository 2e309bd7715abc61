"""On the bundled S&P 500 history the engine and the oracle agree on every bundled spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from oracle.harness import disagreement
from oracle.strategies import Case

import btkit as bt
from btkit.spec import StrategySpec, dump_spec

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for path in (ROOT / "strategies").iterdir()
    # Option specs have an oracle of their own.
    if path.suffix in {".json", ".yaml", ".yml"} and "spread_type" not in path.read_text()
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bundled_spec(path: Path) -> None:
    spec = bt.load_spec(path)
    assert isinstance(spec, StrategySpec)
    bars = bt.load_bars("SPX", "1999-01-01", "2018-12-31", source="sample")
    assert (
        disagreement(
            Case(json.loads(dump_spec(spec)), bars, 100_000.0, 0.65, 0.005, start_index=500)
        )
        == []
    )
