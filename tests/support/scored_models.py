"""Runs of small models whose bundles say their labels and ranges."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from support.small_models import DEFINITION, SCALING, write_bundle

import btkit as bt
from btkit.data import load_from_source
from btkit.documents import RunDocument, build_provenance, build_report, describe_run
from btkit.markets import Interval
from btkit.models.loading import load_bundle
from btkit.models.saving import save_bundle
from btkit.settings import Settings

MADE = "2026-01-02T00:00:00Z"
CLASSES = {"kind": "forward_class", "horizon": 5, "buy_above": 0.005, "sell_below": -0.005}
RETURNS = {"kind": "forward_return", "horizon": 3}
BARRIERS = {"kind": "triple_barrier", "horizon": 10, "take_profit": 0.02, "stop_loss": 0.02}


@cache
def sample(start="2010-01-04", end="2015-12-31"):
    known = Settings(_env_file=None)
    return load_from_source("SPX", start, end, settings=known, source="sample")


def features():
    """Return the features of the sample's bars, in training's order."""
    with TemporaryDirectory() as folder:
        plan = load_bundle(write_bundle(Path(folder) / "small")).features
        return plan.matrix(sample().bars, interval=Interval.parse("1d"), calendar="XNYS")


def save(folder, *, label=CLASSES, outputs=3, seed=11, scale=1.0, **changes):
    """Save a model of random weights, trained on nothing, that says what it learnt."""
    random = np.random.default_rng(seed)
    rows = features()
    times = sample().bars.index
    learnt = rows[(times >= "2010-03-01") & (times <= "2011-12-30")]
    layers = {
        "0.weight": random.normal(size=(6, 3)),
        "0.bias": random.normal(scale=0.1, size=6),
        "2.weight": random.normal(scale=scale, size=(outputs, 6)),
        "2.bias": np.zeros(outputs),
    }
    kind = (
        {"output_classes": ["BUY", "SELL", "HOLD"]}
        if outputs == 3
        else {"output_type": "regression"}
    )
    settings = {
        "strategy": {"name": "small", **DEFINITION},
        "rows": learnt,
        "symbols": "SPX",
        "timeframes": "1d",
        "normalization_params": SCALING,
        "activation": "tanh",
        "trained_from": "2010-03-01",
        "trained_until": "2011-12-30",
        "label": label,
        **kind,
        **changes,
    }
    return save_bundle(folder, layers, **settings)


def simulated(bundles, **fields):
    """Return a run of a model, or of several by date."""
    spec = {"name": "small", "version": "1.0", "confidence_threshold": 0.38} | fields
    spec |= {"model_path": "small"} if not isinstance(bundles, dict) else {}
    if isinstance(bundles, dict):
        spec |= {"models": {date: str(bundle.path) for date, bundle in bundles.items()}}
    else:
        spec["model_path"] = str(bundles.path)
    loaded = sample()
    return bt.simulate(bt.load_spec(spec), loaded.bars, start=loaded.start)


def document(result):
    """Return the document of a run."""
    run = describe_run(result, run_id="0" * 32, created_at=MADE, completed_at=MADE)
    provenance = build_provenance(result, versions={"btkit": "0.1.0"}, command=["backtest", "run"])
    report = build_report(result, run, min_trades_required=10, provenance=provenance)
    return RunDocument.from_result(result, report)
