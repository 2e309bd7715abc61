"""Weighted sums of several rows at once, each in an order that does not depend on the others.

A row has a lane: the same place in every block of `LANES` numbers. Blocks are always whole, so a
row is worked out by the same instructions wherever it stands and whatever stands beside it. A
product is rounded before it is added, on every processor: numba does not fuse the two unless it
is told that it may.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_apart, compiled_inline

LANES = 32


# Flat arrays and a constant number of lanes, so that the sums of a group stay in registers.
@compiled_inline
def products_of_four(sums, weights, values, count):
    """Do what `add_products_of_four` says."""
    for k in range(count):
        first, second = weights[4 * k], weights[4 * k + 1]
        third, fourth = weights[4 * k + 2], weights[4 * k + 3]
        for lane in range(LANES):
            value = values[k * LANES + lane]
            sums[lane] += first * value
            sums[LANES + lane] += second * value
            sums[2 * LANES + lane] += third * value
            sums[3 * LANES + lane] += fourth * value


@compiled_apart
def add_products_of_four(sums, weights, values, count):
    """Add ``weights[k, i] * values[k, lane]`` to ``sums[i, lane]``, k from 0 to `count`, i to 4."""
    products_of_four(sums, weights, values, count)


@compiled_apart
def sum_products_of_four(sums, biases, weights, values, count):
    """Set four sums of each lane to `biases`, and add the products as `add_products_of_four`."""
    for lane in range(LANES):
        sums[lane] = biases[0]
        sums[LANES + lane] = biases[1]
        sums[2 * LANES + lane] = biases[2]
        sums[3 * LANES + lane] = biases[3]
    products_of_four(sums, weights, values, count)


@compiled_apart
def add_products_of_three(sums, weights, values, count):
    """Do the same for three sums a lane."""
    for k in range(count):
        first, second, third = weights[3 * k], weights[3 * k + 1], weights[3 * k + 2]
        for lane in range(LANES):
            value = values[k * LANES + lane]
            sums[lane] += first * value
            sums[LANES + lane] += second * value
            sums[2 * LANES + lane] += third * value


@compiled_apart
def take_rows(rows, begin, values, checks):
    """Put `LANES` rows from `begin` into lanes; beyond the end the last one stands again.

    The check of a lane is 0, or NaN where its row has a value that is no number, or infinite.
    """
    for lane in range(LANES):
        row = rows[min(begin + lane, rows.shape[0] - 1)]
        checked = 0.0
        for feature in range(row.size):
            values[feature * LANES + lane] = row[feature]
            checked += 0.0 * row[feature]
        checks[lane] = checked


@compiled_apart
def give_rows(values, checks, begin, outputs):
    """Take the rows from `begin` out of their lanes, as many as there are; NaN by their checks."""
    for lane in range(min(LANES, outputs.shape[0] - begin)):
        for unit in range(outputs.shape[1]):
            outputs[begin + lane, unit] = values[unit * LANES + lane] + checks[lane]


@compiled_apart
def spread(biases, sums):
    """Set four sums of each lane to four biases."""
    for i in range(4):
        for lane in range(LANES):
            sums[i * LANES + lane] = biases[i]
