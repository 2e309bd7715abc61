"""Option spreads: five years of daily bars of the S&P 500, spreads priced at every close."""

from __future__ import annotations

from pathlib import Path

from timing import Row, best

import btkit as bt
from btkit.data import load_from_source
from btkit.settings import Settings

STRATEGIES = Path(__file__).resolve().parents[1] / "strategies"
SPECS = (
    "vrp_short_put_spread.json",
    "call_spread_fade.yaml",
    "iron_condor_monthly.yaml",
    "put_spread_high_iv_rank.yaml",
)


def rows() -> list[Row]:
    """Measure every bundled option spec, features and metrics included."""
    loaded = load_from_source(
        "SPX", "2014-01-02", "2018-12-31", settings=Settings(), source="sample", needs_iv=True
    )
    found = []
    for name in SPECS:
        spec = bt.load_spec(STRATEGIES / name)

        def simulate(spec: object = spec) -> object:
            return bt.simulate(spec, loaded.bars, capital=1_000_000, start=loaded.start)

        found.append(Row(f"simulate {spec.name}", best(simulate, repeats=30) * 1e3, "ms", 20.0))
    return found
