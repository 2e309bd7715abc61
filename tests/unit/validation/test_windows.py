from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.errors import UsageError
from btkit.validation.windows import (
    average_efficiency,
    check_scheme,
    cut_between_days,
    efficiency_of,
    make_windows,
)

RATIOS = st.integers(5, 95).map(lambda hundredths: hundredths / 100)


def cut(bars, windows, ratio, scheme):
    # A range that is too short for its windows is refused, see below.
    try:
        return make_windows(bars, windows=windows, is_ratio=ratio, scheme=scheme)
    except UsageError:
        return []


@given(st.integers(1, 20_000), st.integers(1, 12), RATIOS, st.sampled_from(["rolling", "anchored"]))
def test_oos_parts_are_the_last_bars_without_gap_or_overlap(bars, windows, ratio, scheme):
    made = cut(bars, windows, ratio, scheme)
    share = 1 - Fraction(str(ratio))
    size = math.floor(bars * share / (1 + (windows - 1) * share))
    for window in made:
        assert window.oos_last - window.oos_first + 1 == size
        assert window.is_last == window.oos_first - 1
        length = window.is_last - window.is_first + 1
        assert window.is_first == 0 if scheme == "anchored" else length == bars - windows * size
    for first, second in pairwise(made):
        assert second.oos_first == first.oos_last + 1
    if made:
        assert len(made) == windows
        assert made[-1].oos_last == bars - 1
        assert made[0].is_first == 0


@given(st.integers(1, 20_000), st.integers(1, 12), RATIOS)
def test_disjoint_windows_cover_every_bar_once(bars, windows, ratio):
    made = cut(bars, windows, ratio, "disjoint")
    at = 0
    for window in made:
        assert window.is_first == at
        assert window.oos_first == window.is_last + 1
        length = window.oos_last - window.is_first + 1
        assert window.is_last - window.is_first + 1 == math.floor(Fraction(str(ratio)) * length)
        assert length == bars // windows or window is made[-1]
        at = window.oos_last + 1
    assert at == bars or not made


def test_the_ratio_is_the_decimal_number_that_was_written():
    # In binary 1 - 0.7 is a little above 0.3; one window of 1,000 bars must have 300 and 700.
    (window,) = make_windows(1_000, windows=1, is_ratio=0.7)
    assert (window.is_last, window.oos_first, window.oos_last) == (699, 700, 999)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows": 0}, "windows is 0"),
        ({"is_ratio": 0.0}, "is_ratio is 0.0"),
        ({"is_ratio": 1.0}, "is_ratio is 1.0"),
        ({"is_ratio": math.nan}, "is_ratio is nan"),
        ({"windows": 20}, "fewer than 30"),
        ({"windows": 10**12}, "fewer than 30"),
    ],
)
def test_numbers_that_make_no_windows_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        make_windows(500, **{"windows": 3, "is_ratio": 0.7, **changes})


@pytest.mark.parametrize(
    ("scheme", "places"),
    [
        # T 1000, N 3, share 0.3: o = floor(300 / 1.6) = 187, and 1000 - 561 = 439 bars before.
        ("rolling", [(0, 438, 439, 625), (187, 625, 626, 812), (374, 812, 813, 999)]),
        ("anchored", [(0, 438, 439, 625), (0, 625, 626, 812), (0, 812, 813, 999)]),
        # 333 bars each and 334 at last; floor(0.7 x 333) = 233, floor(0.7 x 334) = 233.
        ("disjoint", [(0, 232, 233, 332), (333, 565, 566, 665), (666, 898, 899, 999)]),
    ],
)
def test_a_thousand_bars_cut_by_hand(scheme, places):
    made = make_windows(1_000, windows=3, is_ratio=0.7, scheme=scheme)
    assert [
        (window.is_first, window.is_last, window.oos_first, window.oos_last) for window in made
    ] == places


def test_cuts_between_days_go_back_to_the_days_first_bar():
    days = np.repeat(np.arange(50), 20)
    made = cut_between_days(make_windows(1_000, windows=3, is_ratio=0.7), days)
    assert [
        (window.is_first, window.is_last, window.oos_first, window.oos_last) for window in made
    ] == [(0, 419, 420, 619), (180, 619, 620, 799), (360, 799, 800, 999)]


def test_a_part_that_lost_its_bars_to_whole_days_is_refused():
    with pytest.raises(UsageError, match="fewer than 30"):
        cut_between_days(make_windows(120, windows=1, is_ratio=0.7), np.repeat([0, 1], [119, 1]))


def test_an_unknown_scheme_is_refused():
    with pytest.raises(UsageError, match="sideways"):
        check_scheme("sideways")


@pytest.mark.parametrize(
    ("inside", "outside", "left"),
    [
        (1.0, 0.8, 0.8),
        (1.0, -3.0, -2.0),
        (0.1, 9.0, 2.0),
        (-0.5, -2.5, None),
        (-1.0, 1.0, None),
        (0.0, 1.0, None),
        (math.nan, 1.0, None),
        (1.0, math.nan, 0.0),
    ],
)
def test_efficiency(inside, outside, left):
    assert efficiency_of(inside, outside) == left


def test_two_losses_make_no_pass_and_no_window_carries_all():
    assert average_efficiency([None, None, None]) == 0.0
    assert average_efficiency([2.0, None, None]) < 0.7
