"""SEMANTICS 9.3 to 9.7, one bar: what is called certain is so on every way through the bar.

And what is not is not: two ways come to different ends. Bars are drawn in whole ticks, so that
gaps, ties, levels at the very prices of the bar and bars without any movement are frequent.
"""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.deep import sized
from support.paths import Ticks, between, extremes, follow, wander

from btkit.crosscheck.inside import BarOutcome, InsideBar, InsideEntry

PROFILE = settings.get_profile(sized("ci", "deep"))
MODES = ("pessimistic", "path", "optimistic")
INF = float("inf")


def judged(bar: Ticks, mode: str = "pessimistic") -> BarOutcome:
    """Return what the plain simulation's rules make of it."""
    rules = InsideBar(mode=mode, limit_touch=bar.limit_touch)
    seen = rules.as_seen_by(bar.open, bar.high, bar.low, bar.close, short=bar.short)
    side = -1 if bar.short else 1
    stop = -INF if bar.stop is None else side * bar.stop
    target = INF if bar.target is None else side * bar.target
    entry = None if bar.entry is None else InsideEntry(side * bar.entry, bar.by_limit)
    if entry is not None:
        assert rules.comes_to(seen, entry)
        assert not rules.passed(seen, entry)
    return rules.through(seen, entry, stop, target)


def end(bar: Ticks, outcome: BarOutcome) -> tuple[str | None, float]:
    """Return by which level a lot left, and where; or None and the close."""
    if outcome.ended is None:
        return None, bar.close
    return outcome.ended, (-1 if bar.short else 1) * outcome.price


def is_possible(bar: Ticks) -> bool:
    """Return whether the bar is one, and a lot in it one that has not left at its entry."""
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        return False
    side = -1 if bar.short else 1
    stop = -INF if bar.stop is None else side * bar.stop
    target = INF if bar.target is None else side * bar.target
    if bar.entry is None:
        return stop < target
    best, worst = (bar.low, bar.high) if bar.short else (bar.high, bar.low)
    entry = side * bar.entry
    if bar.by_limit:
        opened_short_of_it = not fits(side * bar.open, entry, touch=bar.limit_touch)
        come_to = opened_short_of_it and fits(side * worst, entry, touch=bar.limit_touch)
    else:
        come_to = side * bar.open < entry <= side * best
    return come_to and stop < entry < target


def fits(price: int, limit: int, *, touch: bool) -> bool:
    return price <= limit if touch else price < limit


@st.composite
def bars(draw: st.DrawFn) -> Ticks:
    """Return a bar of up to ten ticks, with levels in it, at its prices and about it."""
    size = draw(st.integers(0, 10))
    inside = st.integers(0, size)
    opened, closed = draw(inside), draw(inside)
    low, high = draw(st.just(min(opened, closed)) | st.just(0)), size
    about = st.none() | st.integers(-2, size + 2)
    bar = Ticks(
        opened,
        max(draw(st.just(high) | st.just(0)), opened, closed),
        low,
        closed,
        stop=draw(about),
        target=draw(about),
        entry=draw(st.none() | inside | inside),
        by_limit=draw(st.booleans()),
        short=draw(st.booleans()),
        limit_touch=draw(st.booleans()),
    )
    assume(is_possible(bar))
    return bar


@settings(PROFILE)
@given(bar=bars(), random=st.randoms(use_true_random=False))
def test_what_is_certain_holds_on_every_way(bar: Ticks, random: Random) -> None:
    outcome = judged(bar)
    if outcome.certain:
        ways = [wander(bar, random) for _ in range(12)]
        assert {follow(bar, way) for way in ways} == {end(bar, outcome)}


@settings(PROFILE)
@given(bar=bars())
def test_the_modes_bound_each_bar(bar: Ticks) -> None:
    ends = [end(bar, judged(bar, mode)) for mode in MODES]
    # A stop pays slippage (9.4), a target does not; a close is a mark.
    side, slippage = (-1 if bar.short else 1), 0.01
    worst, path, best = (
        side * price * (1 - side * slippage * (ended == "stop")) for ended, price in ends
    )
    assert worst <= path <= best
    if judged(bar).certain:
        assert ends[0] == ends[1] == ends[2]


@settings(PROFILE)
@given(bar=bars())
def test_the_path_is_followed(bar: Ticks) -> None:
    low_first = bar.open - bar.low <= bar.high - bar.open
    turns = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    way = between([bar.open, *turns, bar.close])
    assert end(bar, judged(bar, "path")) == follow(bar, way)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("touch", [False, True])
@pytest.mark.parametrize("by_limit", [None, False, True])
def test_every_small_bar(*, short: bool, touch: bool, by_limit: bool | None) -> None:
    """What is certain is one end on all ways, what is not has two; each mode takes one of them."""
    size, seen = range(0, 10, 2), {True: 0, False: 0}
    about = (None, *range(-2, 12, 2))
    entries = (None,) if by_limit is None else size
    for opened, high, low, closed in product(size, repeat=4):
        if not low <= min(opened, closed) <= max(opened, closed) <= high:
            continue
        for stop, target, entry in product(about, about, entries):
            options: dict[str, Any] = {"short": short, "limit_touch": touch}
            bar = Ticks(opened, high, low, closed, stop, target, entry, by_limit is True, **options)
            if not is_possible(bar):
                continue
            ends = {follow(bar, way) for way in extremes(bar)}
            found = {mode: judged(bar, mode) for mode in MODES}
            (certain,) = {outcome.certain for outcome in found.values()}
            assert certain == (len(ends) == 1), str(bar)
            assert {end(bar, outcome) for outcome in found.values()} <= ends, str(bar)
            seen[certain] += 1
    assert seen[True] > 900
    assert seen[False] > 80
