"""Networks of known weights at work: what rows, and windows of rows, give."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from btkit.errors import BundleError
from btkit.models.kernels import ACTIVATIONS, LANES, LSTM_GATES, run_layers, run_windows
from btkit.settings import usable_cores
from btkit.spelling import count_of

Floats = NDArray[np.float64]

# Products of a part that another thread may take: a tenth of a millisecond, ten times of what it
# costs to hand it over.
_SHARE = 4_000_000
# Parts a thread at the most, so that all end together.
_PARTS = 16


class Network(Protocol):
    """What gives outputs for rows of features."""

    @property
    def inputs(self) -> int:
        """How many features a row has."""

    @property
    def outputs(self) -> int:
        """How many outputs there are a row."""

    @property
    def window(self) -> int:
        """How many rows, the last of them its own, an output rests on."""

    @property
    def provenance(self) -> Mapping[str, str]:
        """What else its outputs hang on than weights, rows and btkit's own code, by name."""

    def forward(self, rows: Floats) -> Floats:
        """Return the outputs of each row.

        Parameters
        ----------
        rows
            Float64 (n_rows, inputs), in order of time.

        Returns
        -------
        ndarray
            Float64 (n_rows, outputs). NaN in the rows before the first whole window, and in each
            whose window has a value that is NaN or infinite.

        Raises
        ------
        BundleError
            If the rows have another number of features.
        """


class MLP:
    """Linear layers, an activation after each but the last, in float64 and a fixed order.

    A row's outputs are the same bit for bit whatever rows stand beside it, and however many
    threads there are.

    Parameters
    ----------
    layers
        Of each layer the weights (units, inputs) and the biases (units,), as PyTorch has them.
    activation
        One of `ACTIVATIONS`.
    """

    window = 1
    provenance: Mapping[str, str] = MappingProxyType({})

    def __init__(self, layers: list[tuple[Floats, Floats]], activation: str) -> None:
        self._sizes = np.array([layers[0][0].shape[1], *(len(biases) for _, biases in layers)])
        self.inputs, self.outputs = int(self._sizes[0]), int(self._sizes[-1])
        self._weights = np.concatenate([_in_fours(weights).ravel() for weights, _ in layers])
        self._biases = np.concatenate([_in_fours(biases).ravel() for _, biases in layers])
        self._function = ACTIVATIONS.index(activation)

    def forward(self, rows: Floats) -> Floats:
        """Return the outputs of each row, as `Network.forward` says."""
        rows = check_rows(rows, self.inputs)
        outputs = np.empty((len(rows), self.outputs))

        def work(first: int, last: int) -> None:
            run_layers(
                rows, self._sizes, self._weights, self._biases, self._function, first, last, outputs
            )

        _share_out(len(rows), self._weights.size, work)
        return outputs


class Recurrent:
    """LSTM or GRU layers over windows of rows, and a linear layer on the last state of the top one.

    Each window begins with a state of zeros, and its outputs are the same bit for bit whatever
    windows are worked out beside it, and however many threads there are.

    Parameters
    ----------
    gates
        `LSTM_GATES` or `GRU_GATES`.
    layers
        Of each layer the weights and biases of input and state, as PyTorch has and orders them.
    head
        Weights and biases of the linear layer.
    window
        How many rows a window has.
    """

    provenance: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        gates: int,
        layers: list[tuple[Floats, Floats, Floats, Floats]],
        head: tuple[Floats, Floats],
        window: int,
    ) -> None:
        self.window, self.outputs = window, len(head[1])
        self.inputs = layers[0][0].shape[1]
        self._gates, self._layers, self._units = gates, len(layers), layers[0][1].shape[1]
        arranged = [_arrange(gates, *layer) for layer in layers]
        self._inward, self._across, self._biases = (
            np.concatenate([layer[part].ravel() for layer in arranged]) for part in range(3)
        )
        self._head = tuple(_in_fours(part).ravel() for part in head)

    def forward(self, rows: Floats) -> Floats:
        """Return the outputs of each row, as `Network.forward` says."""
        rows = check_rows(rows, self.inputs)
        outputs = np.full((len(rows), self.outputs), np.nan)
        windows = outputs[self.window - 1 :]

        def work(first: int, last: int) -> None:
            run_windows(
                rows, self.window, self._layers, self._units, self._gates, self._inward,
                self._across, self._biases, *self._head, first, last, windows,
            )  # fmt: skip

        weights = self._inward.size + self._across.size
        _share_out(len(windows), weights * self.window, work)
        return outputs


def _in_fours(units: Floats) -> Floats:
    """Return the weights or biases of units in groups of four, the last one filled up with 0."""
    filled = np.zeros((-(-len(units) // 4) * 4, *units.shape[1:]))
    filled[: len(units)] = units
    return np.moveaxis(filled.reshape(-1, 4, *units.shape[1:]), 1, -1)


def _arrange(
    gates: int, inward: Floats, across: Floats, inward_biases: Floats, across_biases: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return what `run_windows` takes of a layer, of PyTorch's arrangement of it."""
    inward, across = (part.reshape(gates, -1, part.shape[1]) for part in (inward, across))
    below, before = (part.reshape(gates, -1) for part in (inward_biases, across_biases))
    if gates == LSTM_GATES:
        biases = below + before
    else:
        # PyTorch has reset, update, new; of new, the state's part is kept apart.
        inward = inward[[2, 0, 1]]
        biases = np.stack([below[2], below[0] + before[0], below[1] + before[1], before[2]])
    return inward.transpose(1, 2, 0), across.transpose(1, 2, 0), biases.T


def check_rows(rows: Floats, inputs: int) -> Floats:
    """Return rows as compiled functions take them, or refuse those of another width."""
    if rows.ndim != 2 or rows.shape[1] != inputs:  # noqa: PLR2004 - rows of features
        raise BundleError(
            f"The network takes {count_of(inputs, 'feature')} a row, and is given rows of shape "
            f"{rows.shape}",
            hint="Give the features of the bundle, in its order.",
        )
    # One kind of array, so that one compiled function serves all.
    return np.require(rows, np.float64, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])


def _share_out(count: int, products: int, work: Callable[[int, int], None]) -> None:
    """Let threads work on whole blocks of rows, this one on what no other has begun."""
    blocks, cores = -(-count // LANES), usable_cores()
    parts = min(blocks, count * products // _SHARE, _PARTS * cores) if cores > 1 else 1
    if parts <= 1:
        work(0, blocks)
        return
    first, *others = pairwise(blocks * part // parts for part in range(parts + 1))
    helpers = _helpers(os.getpid(), cores - 1)
    begun = [(helpers.submit(work, *part), part) for part in others]
    work(*first)
    for future, part in reversed(begun):
        if future.cancel():
            work(*part)
        else:
            future.result()


@lru_cache(maxsize=1)
def _helpers(_process: int, count: int) -> ThreadPoolExecutor:
    # To begin a thread takes a quarter of what a small network does. A forked process has none of
    # the threads of the one before.
    return ThreadPoolExecutor(count, thread_name_prefix="btkit-network")
