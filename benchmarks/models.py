"""How fast networks are, beside PyTorch in one batch and beside one bar at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from timing import Row, best

from btkit.models.networks import network_of

BARS, FEATURES, CLASSES, WINDOW, UNITS = 5_031, 24, 3, 30, 64
# Bars that are run one by one: a window takes as long alone as thirty-two do together.
_ALONE = 200
_SECONDS = 8.0


def rows() -> list[Row]:
    """Measure an MLP 24-64-32-3, and an LSTM of two layers of 64 over windows of 30 bars."""
    torch.manual_seed(0)
    features = np.random.default_rng(0).normal(size=(BARS, FEATURES))
    batch = torch.tensor(features, dtype=torch.float32)
    return [
        *_measure("MLP", _mlp(), batch, features, {"model_type": "mlp", "activation": "relu"}, 1.0),
        *_measure(
            "LSTM",
            _Lstm().eval(),
            batch.unfold(0, WINDOW, 1).transpose(1, 2).contiguous(),
            features,
            {"model_type": "lstm", "sequence_length": WINDOW},
            2.0,
        ),
    ]


class _Lstm(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
    """As bundles have it: the last state of the top layer, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(FEATURES, UNITS, 2, batch_first=True)
        self.fc = torch.nn.Linear(UNITS, CLASSES)

    def forward(self, windows: Any) -> Any:
        """Return the outputs of each window."""
        return self.fc(self.lstm(windows)[1][0][-1])


def _mlp() -> Any:
    sizes = (FEATURES, 64, 32, CLASSES)
    first, second, head = (torch.nn.Linear(*pair) for pair in pairwise(sizes))
    return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), head).eval()


def _measure(
    name: str,
    module: Any,
    batch: Any,
    features: np.ndarray[Any, Any],
    told: dict[str, Any],
    limit: float,
) -> list[Row]:
    tensors = {key: value.double().numpy() for key, value in module.state_dict().items()}
    network = network_of(tensors, **told)
    threads = torch.get_num_threads()

    def peer(count: int) -> Callable[[], object]:
        def run() -> None:
            torch.set_num_threads(count)
            with torch.inference_mode():
                module(batch)

        return run

    ours, one, usual = _turns(lambda: network.forward(features), peer(1), peer(threads))
    torch.set_num_threads(threads)
    before = network.window - 1
    ends = range(before, before + _ALONE)
    alone = best(
        lambda: [network.forward(features[end - before : end + 1]) for end in ends], repeats=5
    )
    return [
        Row(
            f"{name}, {BARS:,} bars, in float64", ours * 1e3, "ms", 15.0 if name == "MLP" else None
        ),
        Row("  beside PyTorch in float32, one thread", ours / one, "x", limit),
        Row(f"  beside PyTorch in float32, its usual {threads} threads", ours / usual, "x", limit),
        Row("  beside one bar at a time", ours / (alone / _ALONE * BARS), "x", None),
    ]


def _turns(*works: Callable[[], object]) -> list[float]:
    """Return the least time of each in turns, so that what else the machine does touches all.

    A turn takes a tenth of a second: PyTorch's threads look out for work for some time after theirs
    is done, and whoever comes next has no core for a second thread.
    """
    least = [best(work, repeats=1) for work in works]
    until = time.perf_counter() + _SECONDS
    while time.perf_counter() < until:
        for place, work in enumerate(works):
            repeats = 1 + int(0.1 / least[place])
            least[place] = min(least[place], best(work, repeats=repeats))
    return least
