"""Bundles of trained models, as another program leaves them and as btkit does."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import save

STRATEGY = {
    "name": "dip",
    "indicators": {"rsi_14": {"type": "rsi", "period": 14}},
    "fuzzy_sets": {"rsi": {"indicator": "rsi_14", "low": [0, 25, 40], "up": [60, 75, 99]}},
    "nn_inputs": [{"fuzzy_set": "rsi", "timeframes": "all"}],
}
FEATURES = ["1d_rsi_low", "1d_rsi_up"]
ORDER = ["BUY", "SELL", "HOLD"]


def layers(*sizes, seed=7):
    """Return the weights of an MLP by name, as PyTorch calls them without dropout."""
    generator = np.random.default_rng(seed)
    weights = {}
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        weights[f"{2 * place}.weight"] = generator.normal(size=(outputs, inputs))
        weights[f"{2 * place}.bias"] = generator.normal(size=outputs)
    return weights


def relu_network(weights, rows):
    """Return the outputs of an MLP, from its definition."""
    places = sorted({int(name.split(".")[0]) for name in weights})
    for place in places:
        rows = rows @ weights[f"{place}.weight"].T + weights[f"{place}.bias"]
        if place != places[-1]:
            rows = np.maximum(rows, 0.0)
    return rows


def metadata(**changes):
    """Return metadata_v3.json as the other program writes it, and ``output_classes``."""
    parts = {name: STRATEGY[name] for name in ("indicators", "fuzzy_sets", "nn_inputs")}
    known = {
        "model_name": "dip_v1",
        "strategy_name": "dip",
        "created_at": "2024-03-01T10:00:00+00:00",
        "strategy_version": "3.0",
        **parts,
        "resolved_features": FEATURES,
        "training_symbols": ["SPX"],
        "training_timeframes": ["1d"],
        "training_metrics": {"accuracy": 0.55},
        "output_type": "classification",
        "model_type": "mlp",
        "sequence_length": None,
        "normalization_params": {},
        "context_data_config": None,
        "context_source_ids": [],
        "output_classes": ORDER,
    }
    return {name: value for name, value in (known | changes).items() if value is not ...}


def config(**changes):
    """Return config.json as the other program writes it."""
    known = {
        "name": "dip",
        "model": {"type": "mlp", "architecture": {"hidden_layers": [4], "activation": "relu"}},
        "decisions": {"output_format": "classification", "confidence_threshold": 0.6},
        "training": {"epochs": 10},
    }
    return known | changes


def write_json(path, values):
    """Write a document as the other program does."""
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")


def foreign_bundle(folder, *, weights=None, without=(), **documents):
    """Write the bundle of another program, and return its folder.

    Parameters
    ----------
    folder
        Where to; made.
    weights
        None for those of a small MLP.
    without
        Names of files to leave out.
    **documents
        ``metadata``, ``config`` and ``features`` in place of the usual ones.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    files = {
        "metadata_v3.json": documents.get("metadata", metadata()),
        "config.json": documents.get("config", config()),
        "features.json": documents.get("features", {"feature_count": 2}),
    }
    for name, values in files.items():
        if name not in without:
            write_json(folder / name, values)
    if "model.safetensors" not in without:
        (folder / "model.safetensors").write_bytes(save(weights or layers(2, 4, 3)))
    return folder
