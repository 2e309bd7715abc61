from __future__ import annotations

import numpy as np
import pytest
from support.random_bars import crossover

from btkit.errors import UsageError
from btkit.spec import load_spec
from btkit.validation.axes import check_axes, read_axis, write_axis
from btkit.validation.grid import make_grid, sample_grid

AXES = {"fast": [5, 10, 15], "slow": [10, 20]}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast=5:20:5", [5, 10, 15, 20]),
        ("fast=5:19:5", [5, 10, 15]),
        ("fast=3:5", [3, 4, 5]),
        ("fast=0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("fast=-2:2:2", [-2, 0, 2]),
        (" fast = 7 , 3 ", [7, 3]),
        ("fast=1.50,2", [1.5, 2]),
    ],
)
def test_axes_are_read(text, values):
    name, found = read_axis(text)
    assert (name, found) == ("fast", values)
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    "text",
    ["fast", "=1:2", "fast=", "fast=9:5:1", "fast=1:9:0", "fast=1:9:-1", "fast=a:b", "fast=1:2:3:4",
     "fast=1,,2", "fast=nan", "fast=1:1e9:1", "fast=1e400", "fast=0:1e15:1e-15"],
)  # fmt: skip
def test_axes_that_make_no_sense_are_refused(text):
    with pytest.raises(UsageError):
        read_axis(text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([5, 10, 15], "fast=5:15:5"),
        ([5, 10], "fast=5,10"),
        ([5, 10, 14], "fast=5,10,14"),
        ([9, 6, 3], "fast=9,6,3"),
        ([0.1, -2.5, 1e-7], "fast=0.1,-2.5,1e-07"),
    ],
)
def test_axes_are_written_as_they_are_read(values, text):
    assert write_axis("fast", values) == text
    assert read_axis(text) == ("fast", values)


@pytest.mark.parametrize("constraint", [None, "a < b"])
def test_a_grid_that_no_number_counts_is_refused(constraint):
    axes = {name: range(1_000) for name in "abcdefgh"}
    with pytest.raises(UsageError, match=r"1\.0e\+24 parameter sets"):
        sample_grid(axes, count=5, seed=0, constraint=constraint)


def test_the_last_parameter_varies_fastest():
    sets = make_grid(AXES, max_sets=6)
    assert [sets.at(index) for index in range(3)] == [
        {"fast": 5, "slow": 10},
        {"fast": 5, "slow": 20},
        {"fast": 10, "slow": 10},
    ]
    assert len(sets) == 6


def test_a_constraint_is_a_condition_over_the_parameters():
    sets = make_grid(AXES, constraint="fast < slow and not slow / (fast - 5) > 3", max_sets=9)
    # Where it would divide by zero it does not hold, as a condition is not met.
    assert [sets.at(index) for index in range(len(sets))] == [{"fast": 15, "slow": 20}]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("fast < slw", "slw"),
        ("fast < close", "close"),
        ("fast <", "no Python expression"),
        ("__import__('os')", "call is not allowed"),
        ("fast > 100", "leaves no set"),
        ("lag(fast, 1) < slow", "'lag', which is no parameter"),
        ("crossed_above(fast, slow)", "'crossed_above', which is no parameter"),
    ],
)
def test_bad_constraints_are_refused(constraint, message):
    with pytest.raises(UsageError, match=message):
        make_grid(AXES, constraint=constraint, max_sets=10)


def test_a_parameter_may_have_the_name_of_a_column():
    sets = make_grid({"close": [1, 2], "capital": [1, 2]}, constraint="close < capital", max_sets=9)
    assert sets.at(0) == {"close": 1, "capital": 2}


def test_a_grid_that_is_too_large_is_refused_before_it_is_made():
    with pytest.raises(UsageError, match="1,000,000,000,000 parameter sets"):
        make_grid({"fast": range(10**6), "slow": range(10**6)}, max_sets=1_000_000)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "No parameter"),
        ({"fsat": [1]}, "no parameter 'fsat'"),
        ({"fast": []}, "no values"),
        ({"fast": ["x"]}, "must be a number"),
        ({"fast": [float("inf")]}, "finite"),
    ],
)
def test_axes_are_checked_against_the_spec(axes, message):
    with pytest.raises(UsageError, match=message):
        check_axes(load_spec(crossover()), axes)


def test_numpys_numbers_are_numbers():
    assert check_axes(load_spec(crossover()), {"fast": np.arange(2, 4)}) == {"fast": [2, 3]}


@pytest.mark.parametrize("size", [40, 4_000])
def test_samples_are_drawn_without_repetition_and_by_seed(size):
    axes = {"fast": range(size), "slow": range(size)}
    first, again = (sample_grid(axes, count=50, seed=3, constraint="fast < slow") for _ in range(2))
    drawn = {tuple(first.at(index).items()) for index in range(50)}
    assert len(drawn) == 50
    assert all(np.array_equal(first.columns[name], again.columns[name]) for name in axes)
    assert (first.columns["fast"] < first.columns["slow"]).all()
