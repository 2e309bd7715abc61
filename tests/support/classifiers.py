"""Trained classifiers as bundles of random weights, and specs whose conditions read one."""

from __future__ import annotations

from support.small_models import write_bundle

REGIMES = ["TRENDING_UP", "TRENDING_DOWN", "RANGING", "VOLATILE"]
CONTEXTS = ["BULLISH", "BEARISH", "NEUTRAL"]


def regime_bundle(folder, **changes):
    """Write the bundle of a regime classifier, trained until 2011-12-30, and return its folder."""
    kind = {
        "output_type": "regime_classification",
        "output_classes": REGIMES,
        "output_activation": "logits",
    }
    return write_bundle(
        folder, outputs=len(changes.get("output_classes", REGIMES)), **kind | changes
    )


def reading(path, **fields):
    """Return the fields of a spec that is long while the regime is TRENDING_DOWN."""
    return {
        "name": "by regime",
        "classifiers": {"regime": str(path) if not isinstance(path, dict) else path},
        "entry_conditions": ['regime == "TRENDING_DOWN"'],
        "exit_conditions": ['regime != "TRENDING_DOWN"'],
        "stop_conditions": [],
        "position_sizing_formula": "10",
        "max_holding_bars": 1000,
    } | fields
