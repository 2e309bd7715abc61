"""A run of closed gates as the plain loop finds it, and as compiled code does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from btkit.engine.vectors import SCANNED, closed_run


@njit
def compiled(one, other, at):
    return closed_run(one, other, at)


@settings(deadline=None)
@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)), st.integers(0, 8))
def test_closed_run(one, other, at):
    gates = np.zeros((2, 40), np.bool_)
    gates[0, list(one)] = gates[1, list(other)] = True
    opened = [place for place in sorted(one | other) if at <= place < at + SCANNED]
    expected = opened[0] - at if opened else SCANNED
    assert compiled(*gates, at) == expected
    assert closed_run(*gates, at) == expected


@pytest.mark.parametrize("gate", [np.ones(80, np.bool_)[::2], np.ones(40, np.int8)])
def test_arrays_that_would_be_misread_are_refused(gate):
    with pytest.raises(TypeError, match="contiguous arrays of bool"):
        compiled(gate, gate, 0)
