"""Trained models as files, written by hand: what stands in them is known to the last weight."""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import save_file

DEFINITION = {
    "indicators": {
        "rsi_14": {"type": "rsi", "period": 14},
        "sma_10": {"type": "sma", "period": 10},
    },
    "fuzzy_sets": {
        "momentum": {
            "indicator": "rsi_14",
            "oversold": [0, 30, 55],
            "overbought": [45, 70, 100],
        }
    },
    "nn_inputs": [
        {"fuzzy_set": "momentum", "timeframes": ["1d"]},
        {"raw_indicator": "sma_10", "timeframes": ["1d"]},
    ],
}
FEATURES = ["1d_momentum_oversold", "1d_momentum_overbought", "1d_sma_10_raw"]
SCALING = {"1d_sma_10_raw": {"method": "zscore", "mean": 1300.0, "std": 300.0}}


def write_bundle(folder, *, seed=6, outputs=3, hidden=8, scale=3.0, **changes):
    """Write a bundle of a small MLP, and return its folder; None leaves a key out."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        "0.weight": (hidden, len(FEATURES)),
        "0.bias": (hidden,),
        "3.weight": (outputs, hidden),
        "3.bias": (outputs,),
    }
    tensors = {
        name: rng.normal(scale=scale, size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    # A level that grows from year to year would decide alone, and so would a constant.
    tensors["0.weight"][:, 2] *= np.float32(0.05)
    for name in ("0.bias", "3.bias"):
        tensors[name] *= np.float32(0.05)
    if outputs == 1:
        tensors["3.weight"] *= np.float32(0.001)
        tensors["3.bias"] *= np.float32(0.001)
    save_file(tensors, folder / "model.safetensors")
    metadata = {
        "model_name": "small",
        "strategy_name": "small",
        "created_at": "2012-01-03T00:00:00",
        "strategy_version": "3.0",
        **DEFINITION,
        "resolved_features": FEATURES,
        "training_symbols": ["SPX"],
        "training_timeframes": ["1d"],
        "output_type": "classification" if outputs == 3 else "regression",
        "model_type": "mlp",
        "normalization_params": SCALING,
        "output_classes": ["BUY", "SELL", "HOLD"] if outputs == 3 else None,
        "output_activation": "logits" if outputs == 3 else None,
        "trained_from": "2000-01-03",
        "trained_until": "2011-12-30",
        "label_horizon_bars": 5,
        **changes,
    }
    known = {name: value for name, value in metadata.items() if value is not None}
    (folder / "metadata_v3.json").write_text(json.dumps(known), encoding="utf-8")
    config = {
        "model": {"type": "mlp", "architecture": {"hidden_layers": [hidden], "activation": "relu"}}
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


SLOWER = {
    "indicators": {
        "rsi_100": {"type": "rsi", "period": 100},
        "ema_150": {"type": "ema", "period": 150},
        "sma_10": {"type": "sma", "period": 10},
    },
    "fuzzy_sets": {},
    "nn_inputs": [
        {"raw_indicator": "rsi_100", "timeframes": ["1w"]},
        {"raw_indicator": "ema_150", "timeframes": ["1d"]},
        {"raw_indicator": "sma_10", "timeframes": ["1mo"]},
    ],
    "resolved_features": ["1w_rsi_100_raw", "1d_ema_150_raw", "1mo_sma_10_raw"],
    "training_timeframes": ["1d", "1w", "1mo"],
    "normalization_params": {
        "1w_rsi_100_raw": {"method": "zscore", "mean": 57.0, "std": 2.0},
        "1d_ema_150_raw": {"method": "zscore", "mean": 2200.0, "std": 200.0},
        "1mo_sma_10_raw": {"method": "zscore", "mean": 2200.0, "std": 10.0},
    },
    "trained_until": "2014-12-30",
}
"""Of a bundle of days that reads weeks and months, too, all for long."""
