"""What the same trades would have brought at random times: luck, with the same costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DRAWS, LEAST_DRAWS = 500, 50
MOST_TRIPS = 2_000_000
"""Trades of all draws together, which bound how many draws there are."""


class Trips(NamedTuple):
    """The trades of a run of one lot at most, in order of time, and what one costs.

    Parameters
    ----------
    held
        int64 (n_trades,): bars from the entry's fill to the exit's.
    fraction
        float64 (n_trades,): what the lot was worth at its entry's price, as a fraction of the
        account then; of contracts more than was paid.
    side
        float64 (n_trades,): 1 of a long lot, -1 of a short one.
    slippage
        Fraction of the price against the trader at each fill.
    per_order, per_share, rate
        The parts of the commission (SEMANTICS 3.7): $ an order, $ a share, or a contract over its
        multiplier, a fraction of the amount.
    """

    held: Integers
    fraction: Floats
    side: Floats
    slippage: float
    per_order: float
    per_share: float
    rate: float


def trips_return(
    trips: Trips, entries: Integers, prices: Floats, *, capital: float, last: Floats | None = None
) -> Floats:
    """Return what trades bring that are entered at given bars, one after the other.

    Parameters
    ----------
    trips
        What is traded; each trade is the same fraction of the account as it was.
    entries : ndarray of int64, shape (n_draws, n_trades)
        Bars of the entries' fills; the exits fill `Trips.held` bars later.
    prices : ndarray, shape (n_bars,)
        What orders fill at, without slippage.
    capital
        $ at the start.
    last : ndarray, shape (n_draws,), optional
        The price of the last trade's exit, where it is another.

    Returns
    -------
    ndarray, shape (n_draws,)
        Fractions; -1 where nothing was left.

    Notes
    -----
    With s the side, f the fraction, e and x the fill prices (slippage included), and rates as
    in `Trips`, an account A becomes A (1 + f (s (x − e) − rate (e + x) − 2 per_share) / e) −
    2 per_order: SEMANTICS 3.7, 3.9 and 3.10 for one lot after the other.

    Examples
    --------
    >>> trips = Trips(np.array([1]), np.ones(1), np.ones(1), 0.0, 0.0, 0.0, 0.0)
    >>> trips_return(trips, np.array([[0], [1]]), np.array([4.0, 5.0, 4.0]), capital=1.0).tolist()
    [0.25, -0.19999999999999996]
    """
    entry, leave = prices[entries], prices[entries + trips.held]
    if last is not None:
        leave[:, -1] = last
    cost = trips.slippage * trips.side
    entry, leave = entry * (1.0 + cost), leave * (1.0 - cost)
    gain = trips.side * (leave - entry) - trips.rate * (entry + leave) - 2.0 * trips.per_share
    growth = np.cumprod(1.0 + trips.fraction * gain / entry, axis=1)
    if trips.per_order:
        # What was paid by then, as it would have grown since.
        with np.errstate(divide="ignore", invalid="ignore"):
            paid = np.cumsum(2.0 * trips.per_order / growth, axis=1)
            growth = np.where(growth > 0.0, growth * (1.0 - paid / capital), 0.0)
    ruined = (growth <= 0.0).any(axis=1)
    return np.where(ruined, -1.0, growth[:, -1] - 1.0)


def random_returns(
    trips: Trips, prices: Floats, *, first: int, capital: float, seed: int, draws: int | None = None
) -> Floats:
    """Return what the trades of a run would have brought at random times.

    Parameters
    ----------
    trips, prices, capital
        As for `trips_return`.
    first
        The first bar at which an entry may fill.
    seed
        Of what is drawn: the order of the trades, and where each begins. None stands beside
        another, and all have ended by the last bar.
    draws
        How many; None takes 500, or as many as together have two million trades, at least 50.

    Returns
    -------
    ndarray, shape (n_draws,)
        Fractions.
    """
    count = len(trips.held)
    if draws is None:
        draws = max(LEAST_DRAWS, min(DRAWS, MOST_TRIPS // max(1, count)))
    random = np.random.default_rng(seed)
    spare = len(prices) - 1 - first - int(trips.held.sum())
    returns = np.empty(draws)
    for draw in range(draws):
        order = random.permutation(count)
        gaps = np.sort(random.integers(0, spare + 1, count))
        held = trips.held[order]
        entries = first + gaps + np.cumsum(held) - held
        mixed = trips._replace(held=held, fraction=trips.fraction[order], side=trips.side[order])
        returns[draw] = trips_return(mixed, entries[None, :], prices, capital=capital)[0]
    return returns
