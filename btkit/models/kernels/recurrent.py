"""LSTM and GRU over windows of rows: a window a lane, each from a state of zeros."""

from __future__ import annotations

import numpy as np

from btkit.conditions.compiled import compiled, compiled_apart, compiled_lean
from btkit.models.kernels.functions import sigmoid, tanh
from btkit.models.kernels.lanes import (
    LANES,
    add_products_of_four,
    add_products_of_three,
    give_rows,
    spread,
    sum_products_of_four,
    take_rows,
)

LSTM_GATES, GRU_GATES = 4, 3


@compiled_apart
def step_lstm(sums, cells, states):
    """Advance a unit by its sums of input, forget, cell and output gate."""
    for lane in range(LANES):
        kept = sigmoid(sums[LANES + lane]) * cells[lane]
        cell = kept + sigmoid(sums[lane]) * tanh(sums[2 * LANES + lane])
        cells[lane] = cell
        states[lane] = sigmoid(sums[3 * LANES + lane]) * tanh(cell)


@compiled_apart
def step_gru(sums, before, states):
    """Advance a unit by its sums: new from the input, reset, update, new from the state."""
    for lane in range(LANES):
        reset, update = sigmoid(sums[LANES + lane]), sigmoid(sums[2 * LANES + lane])
        new = tanh(sums[lane] + reset * sums[3 * LANES + lane])
        states[lane] = (1.0 - update) * new + update * before[lane]


@compiled_lean
def sum_inputs(gates, sums, biases, weights, values, inputs):
    """Set a unit's sums to its biases and what comes from below."""
    if gates == LSTM_GATES:
        sum_products_of_four(sums, biases, weights, values, inputs)
    else:
        spread(biases, sums)
        add_products_of_three(sums, weights, values, inputs)


@compiled_lean
def advance(gates, sums, unit, weights, before, cells, states):
    """Add to a unit's sums what comes from the states before, and advance it."""
    units, own = before.size // LANES, unit * LANES
    if gates == LSTM_GATES:
        add_products_of_four(sums, weights, before, units)
        step_lstm(sums, cells[own:], states[own:])
    else:
        # The sum of the new state from the input is kept apart, and stands first.
        add_products_of_three(sums[LANES:], weights, before, units)
        step_gru(sums, before[own:], states[own:])


@compiled_apart
def put_sums(sums, unit, begin, projected):
    """Keep a unit's sums of `LANES` rows in their columns."""
    for i in range(4):
        for lane in range(LANES):
            projected[4 * unit + i, begin + lane] = sums[i * LANES + lane]


@compiled_apart
def get_sums(projected, unit, begin, sums):
    """Set a unit's sums to those of the rows from a column on."""
    for i in range(4):
        for lane in range(LANES):
            sums[i * LANES + lane] = projected[4 * unit + i, begin + lane]


@compiled_apart
def check_windows(checks, window, checked):
    """Set the check of each window to the sum of its rows' checks."""
    for lane in range(LANES):
        checked[lane] = 0.0
    for step in range(window):
        for lane in range(LANES):
            checked[lane] += checks[step + lane]


@compiled_lean
def run_steps(gates, window, inward, across, biases, projected, sums, cells, states):
    """Lead each layer through the steps of a block of windows; the last state is ``states[l, 0]``.

    The two states of a layer take turns, so that the last step writes the first of them.
    """
    layers, units = cells.shape[0], cells.shape[1] // LANES
    first_inputs = inward.size // (gates * units) - (layers - 1) * units
    for step in range(window):
        old = (window - step) % 2
        new = 1 - old
        for unit in range(units):
            get_sums(projected, unit, step, sums)
            weights = across[gates * units * unit :]
            advance(gates, sums, unit, weights, states[0, old], cells[0], states[0, new])
        for layer in range(1, layers):
            above, below = gates * units * units * layer, states[layer - 1, new]
            weight = gates * units * (first_inputs + (layer - 1) * units)
            for unit in range(units):
                bias = 4 * (layer * units + unit)
                place = gates * units * unit
                sum_inputs(gates, sums, biases[bias:], inward[weight + place :], below, units)
                advance(
                    gates, sums, unit, across[above + place :], states[layer, old],
                    cells[layer], states[layer, new],
                )  # fmt: skip


@compiled
def run_windows(
    rows, window, layers, units, gates, inward, across, biases, head, head_biases, first, last,
    outputs,
):  # fmt: skip
    """Set the outputs of the blocks of windows from `first` up to `last`.

    Parameters
    ----------
    rows
        Float64 (n_rows, features), C-contiguous, of which at least one window.
    window
        How many rows a window has.
    layers, units
        How many layers there are, and how many units each has.
    gates
        4 of an LSTM: input, forget, cell, output; 3 of a GRU: from the input new, reset, update,
        from the state reset, update, new.
    inward, across
        Flat, layer after layer: of each unit the weights (inputs, gates) of what is below, and
        (units, gates) of the states before.
    biases
        Flat, layer after layer: four of each unit; of a GRU new from the input, reset, update, new
        from the state.
    head, head_biases
        The linear layer on the last states of the top, in groups of four as `run_layers` has it.
    first, last
        Blocks of `LANES` windows.
    outputs
        Float64 (n_windows, outputs); of a window with a value that is no number, NaN.
    """
    features = rows.shape[1]
    chunks = (window - 1 + 2 * LANES - 1) // LANES
    values, sums = np.empty(features * LANES), np.empty(4 * LANES)
    projected, checks = np.empty((4 * units, chunks * LANES)), np.empty(chunks * LANES)
    cells, states = np.empty((layers, units * LANES)), np.empty((layers, 2, units * LANES))
    checked, given = np.empty(LANES), np.empty((outputs.shape[1] + 3) // 4 * 4 * LANES)
    for block in range(first, last):
        for chunk in range(chunks):
            begin = chunk * LANES
            take_rows(rows, block * LANES + begin, values, checks[begin:])
            for unit in range(units):
                weights = inward[gates * features * unit :]
                sum_inputs(gates, sums, biases[4 * unit :], weights, values, features)
                put_sums(sums, unit, begin, projected)
        cells[:] = 0.0
        states[:] = 0.0
        run_steps(gates, window, inward, across, biases, projected, sums, cells, states)
        for group in range(given.size // (4 * LANES)):
            sum_products_of_four(
                given[group * 4 * LANES :], head_biases[4 * group :], head[4 * units * group :],
                states[layers - 1, 0], units,
            )  # fmt: skip
        check_windows(checks, window, checked)
        give_rows(given, checked, block * LANES, outputs)
