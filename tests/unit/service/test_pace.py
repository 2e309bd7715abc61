"""How much a piece has: soon much, less towards the end, and never so little that all is cost."""

import pytest

from btkit.service.pace import PIECE_S, Pace

MANY = 10_000_000


def at(rate, threads=2, seconds=10.0):
    """Return a pace that has heard of so many sets a second for a while."""
    pace = Pace("sets")
    for tick in range(int(seconds * 2)):
        pace.note(int(rate * tick / 2), tick / 2, threads=threads)
    return pace


def test_what_is_not_sets_is_given_out_one_by_one():
    assert Pace("jobs").size(MANY, threads=4) == 1


@pytest.mark.parametrize("rate", [0.5, 40.0, 20_000.0])
def test_a_piece_takes_some_seconds(rate):
    assert at(rate, seconds=60.0).size(MANY, threads=2) == max(1, round(rate / 2 * PIECE_S))


def test_the_first_pieces_are_small_and_the_third_measurement_is_enough():
    pace = Pace("sets")
    assert pace.size(MANY, threads=2) == 64
    for tick in range(4):
        pace.note(tick * 10_000, tick * 0.5, threads=2)
    assert pace.size(MANY, threads=2) == 10_000 * PIECE_S


def test_towards_the_end_everybody_has_something_and_no_piece_is_a_trifle():
    pace, left, sizes = at(20_000.0), 200_000, []
    while left:
        sizes.append(min(pace.size(left, threads=2), left))
        left -= sizes[-1]
    assert sizes[0] == 25_000
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes[:-1]) == 2_500
    assert len(sizes) < 25


def test_few_sets_are_spread_before_anything_is_known_of_them():
    assert Pace("sets").size(16, threads=2) == 4


def test_the_first_measurement_is_taken_at_once_and_the_others_over_a_while():
    pace = Pace("sets")
    for done, now in ((0, 0.0), (64, 0.01), (128, 0.05)):
        pace.note(done, now, threads=2)
    assert pace.rate == 128 / 0.05
    # Two workers that end at about the same time are no faster for it.
    pace.note(128 + 1_024, 0.10, threads=2)
    assert pace.rate == 128 / 0.05
    assert pace.size(MANY, threads=2) == 64 * 16
