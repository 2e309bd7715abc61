"""Walk-forward windows, and when their results count as robust (SEMANTICS 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from btkit.arguments import check_choice, check_number, check_whole
from btkit.errors import UsageError

Scheme = Literal["rolling", "anchored", "disjoint"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
FEWEST_BARS = 30
"""A part with fewer bars says nothing, and is refused."""

EFFICIENCY_NEEDED = 0.70
EFFICIENCY_LIMIT = 2.0


@dataclass(frozen=True)
class Window:
    """One in-sample part and the out-of-sample part after it, as places of bars.

    Parameters
    ----------
    index
        From 0 on.
    is_first, is_last
        The first and the last bar in sample.
    oos_first, oos_last
        The first and the last bar out of sample.
    """

    index: int
    is_first: int
    is_last: int
    oos_first: int
    oos_last: int


def check_scheme(scheme: str) -> Scheme:
    """Return a scheme that exists.

    Raises
    ------
    UsageError
        If there is no such scheme.
    """
    return check_choice(scheme, SCHEMES, name="scheme", noun="scheme")


def check_windows(windows: object, is_ratio: object) -> tuple[int, float]:
    """Return how many windows there are, and the in-sample share of each.

    Raises
    ------
    UsageError
        If there is no window, or no part on one side.
    """
    count = check_whole(
        windows,
        "windows",
        least=1,
        hint="3 to 10 windows are usual; 1 splits the range once.",
    )
    share = check_number(
        is_ratio,
        "is_ratio",
        rule="above 0 and below 1",
        good=lambda value: 0.0 < value < 1.0,
        hint="0.7 gives 70 % of each window to the in-sample part.",
    )
    return count, share


def make_windows(
    bars: int, *, windows: int = 3, is_ratio: float = 0.70, scheme: Scheme = "rolling"
) -> list[Window]:
    """Cut a range of bars into windows.

    Parameters
    ----------
    bars
        T, the number of bars.
    windows
        N, how many.
    is_ratio
        The in-sample share, taken as the decimal number that it is written as.
    scheme
        ``"rolling"``: the out-of-sample parts are the last N o bars with o = floor(T (1 - ratio) /
        (1 + (N - 1)(1 - ratio))), each in-sample part the T - N o bars before. ``"anchored"``: in
        sample from the first bar. ``"disjoint"``: N equal windows, the remainder to the last, each
        cut at floor(ratio x length).

    Returns
    -------
    list of Window
        In order.

    Raises
    ------
    UsageError
        If a number makes no sense, or a part would hold fewer than 30 bars.
    """
    check_windows(windows, is_ratio)
    if windows > bars // FEWEST_BARS:
        raise _too_short("out-of-sample", 1, bars // windows, bars, windows)
    ratio = Fraction(str(is_ratio))
    if scheme == "disjoint":
        length = bars // windows
        made = []
        for index in range(windows):
            first = index * length
            last = bars - 1 if index == windows - 1 else first + length - 1
            cut = first + math.floor(ratio * (last + 1 - first))
            made.append(Window(index, first, cut - 1, cut, last))
    else:
        size = math.floor(bars * (1 - ratio) / (1 + (windows - 1) * (1 - ratio)))
        before = bars - windows * size
        made = []
        for index in range(windows):
            cut = before + index * size
            first = index * size if scheme == "rolling" else 0
            made.append(Window(index, first, cut - 1, cut, cut + size - 1))
    check_sizes(made, bars=bars)
    return made


def check_sizes(made: list[Window], *, bars: int) -> None:
    """Refuse windows with a part that says nothing.

    Parameters
    ----------
    made
        The windows.
    bars
        How many bars they were cut from, for the message.

    Raises
    ------
    UsageError
        If a part would hold fewer than 30 bars.
    """
    for window in made:
        for part, first, last in (
            ("in-sample", window.is_first, window.is_last),
            ("out-of-sample", window.oos_first, window.oos_last),
        ):
            size = last - first + 1
            if size < FEWEST_BARS:
                raise _too_short(part, window.index + 1, size, bars, len(made))


def _too_short(part: str, window: int, size: int, bars: int, windows: int) -> UsageError:
    return UsageError(
        f"The {part} part of window {window} would hold {max(size, 0)} bars, fewer than "
        f"{FEWEST_BARS}; the range has {bars:,}.",
        hint="Take fewer windows, another ratio, or a longer range.",
        details={"bars": bars, "windows": windows},
    )


def cut_between_days(made: list[Window], days: NDArray[Any]) -> list[Window]:
    """Move the cuts of windows on intraday bars back to the first bar of their day.

    A run covers whole days, and each part is to be a run that can be made again.

    Parameters
    ----------
    made
        What `make_windows` returned.
    days : ndarray, shape (n_bars,)
        The day of each bar, ascending.

    Raises
    ------
    UsageError
        If a part would hold fewer than 30 bars.
    """

    def back(place: int) -> int:
        return int(np.searchsorted(days, days[place])) if place < len(days) else place

    moved = [
        replace(
            window,
            is_first=back(window.is_first),
            is_last=back(window.oos_first) - 1,
            oos_first=back(window.oos_first),
            oos_last=back(window.oos_last + 1) - 1,
        )
        for window in made
    ]
    check_sizes(moved, bars=len(days))
    return moved


def efficiency_of(is_sharpe: float, oos_sharpe: float) -> float | None:
    """Return how much of the in-sample Sharpe ratio is left out of sample (SEMANTICS 6.3).

    Parameters
    ----------
    is_sharpe, oos_sharpe
        Annualised; NaN where undefined.

    Returns
    -------
    float or None
        Clipped to [-2, 2]; an undefined out-of-sample ratio counts as 0. None where the in-sample
        ratio is not above 0: the quotient of two losses is no merit.
    """
    if not is_sharpe > 0.0:
        return None
    if math.isnan(oos_sharpe):
        return 0.0
    if math.isinf(is_sharpe):
        return 1.0 if oos_sharpe == is_sharpe else 0.0
    return min(max(oos_sharpe / is_sharpe, -EFFICIENCY_LIMIT), EFFICIENCY_LIMIT)


def average_efficiency(efficiencies: list[float | None]) -> float:
    """Return the mean, an undefined efficiency counting as 0."""
    return sum(value or 0.0 for value in efficiencies) / len(efficiencies)
