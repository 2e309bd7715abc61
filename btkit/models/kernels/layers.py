"""One layer after the other, on a block of rows."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled, compiled_lean
from btkit.models.kernels.functions import activate
from btkit.models.kernels.lanes import LANES, give_rows, sum_products_of_four, take_rows


@compiled_lean
def run_block(sizes, weights, biases, function, here, there):
    """Lead the rows in `here` through all layers, from one to the other and back; end in `here`."""
    weight = bias = 0
    for layer in range(sizes.size - 1):
        inputs, units = sizes[layer], sizes[layer + 1]
        for group in range((units + 3) // 4):
            sums = there[group * 4 * LANES : (group + 1) * 4 * LANES]
            sum_products_of_four(sums, biases[bias:], weights[weight:], here, inputs)
            bias += 4
            weight += 4 * inputs
            if layer < sizes.size - 2:
                activate(function, sums)
        here, there = there, here


@compiled
def run_layers(rows, sizes, weights, biases, function, first, last, outputs):
    """Set the outputs of the blocks from `first` up to `last`.

    Parameters
    ----------
    rows
        Float64 (n_rows, sizes[0]), C-contiguous, at least one.
    sizes
        The width of the input and of each layer.
    weights, biases
        Flat, layer after layer: of each group of four units the weights (inputs, 4), and four
        biases. The units are filled up to whole groups.
    function
        The place in `ACTIVATIONS` of what follows each layer but the last.
    first, last
        Blocks of `LANES` rows.
    outputs
        Float64 (n_rows, sizes[-1]); of a row with a value that is no number, NaN.
    """
    room = np.empty((2, (sizes.max() + 3) // 4 * 4 * LANES))
    here, there = room[0], room[1]
    # Each layer swaps the two, and the outputs end where an even number leads.
    ends = here if sizes.size % 2 else there
    checks = np.empty(LANES)
    for block in range(first, last):
        take_rows(rows, block * LANES, here, checks)
        run_block(sizes, weights, biases, function, here, there)
        give_rows(ends, checks, block * LANES, outputs)
