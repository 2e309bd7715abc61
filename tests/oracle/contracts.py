"""Specs and prices of contracts: multipliers, margins, margin calls (SEMANTICS 3.13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

# Down by a tenth and back again, with steps of many sizes; turned round it calls shorts.
DOWN = (100, 100, 99, 97, 92, 91, 95, 99, 100, 101, 99, 98)
DOWN_CLOSES = (100, 99, 98, 93, 91, 94, 98, 100, 101, 100, 98, 99)
MODES = ({"fill": "next_open"}, {"fill": "close"})


class Contract(NamedTuple):
    """What a case of contracts differs in from the plainest one; no prices are the usual ones."""

    spec: dict[str, Any]
    account: dict[str, float]
    prices: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def turned(prices: tuple[float, ...]) -> tuple[float, ...]:
    """Return prices that rise where these fall."""
    return tuple(200 - price for price in prices)


def _fallen(direction: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    falling = DOWN, DOWN_CLOSES
    return falling if direction == "long" else (turned(DOWN), turned(DOWN_CLOSES))


def share_contracts() -> Iterator[Contract]:
    """Yield cases of one side; each comment says what one is there for."""
    margined = {"multiplier": 50.0, "initial_margin": 400.0, "max_holding_bars": 20}
    for mode in MODES:
        for direction in ("long", "short"):
            side = mode | {"direction": direction}
            falling = _fallen(direction)
            # a multiplier alone, under every model of commission, whole and in fractions, all in
            for model, commission in (("per_order", 9.0), ("per_contract", 4.0), ("rate", 0.003)):
                costs = {"commission_model": model, "max_holding_bars": 2}
                plain = side | costs | {"multiplier": 2.5, "asset_class": "futures"}
                size = {"position_sizing_formula": "capital / (close * multiplier)"}
                account = {"capital": 1234.0, "commission": commission}
                yield Contract(plain | size, account)
                yield Contract(plain | size | {"allow_fractional": True}, account)
                # with a margin: the cut is by what entry takes
                size = {"position_sizing_formula": "capital / 30", "initial_margin": 40.0}
                yield Contract(plain | size, account | {"slippage": 0.0})
                yield Contract(plain | size | {"allow_fractional": True}, account)
            # called as the price falls, stopped and sold on the bar of the call
            two = side | margined | {"position_sizing_formula": "2"}
            cheap = {"commission": 0.0, "slippage": 0.0}
            stops = {"exit_conditions": ["close < 94 or close > 106"]}
            for change in ({}, stops, {"stop_conditions": stops["exit_conditions"]}):
                yield Contract(two | change, {"capital": 1100.0, **cheap}, falling)
            # equity of exactly the margin is enough
            yield Contract(two, {"capital": 800.0, **cheap}, ((100.0,) * 4, (100.0,) * 4))
            # lots of several entries, what they have lost and gained, and entries while called
            several = side | margined | {"max_concurrent_positions": 3, "max_holding_bars": 4}
            for capital in (1000.0, 1500.0, 2600.0):
                yield Contract(several | {"position_sizing_formula": "1"}, {"capital": capital})
                yield Contract(
                    several | {"position_sizing_formula": "1"}, {"capital": capital}, falling
                )
                told = {"position_sizing_formula": "capital / 500", "allow_fractional": True}
                yield Contract(several | told, {"capital": capital}, falling)
                yield Contract(several | told, {"capital": capital})
            # ruin of a long lot
            lost = two | {"initial_margin": 100.0, "position_sizing_formula": "9"}
            yield Contract(lost, {"capital": 1000.0}, falling)


def side_contracts(turning: dict[str, Any]) -> Iterator[Contract]:
    """Yield cases of both sides.

    Parameters
    ----------
    turning
        A spec that turns from one side to the other.
    """
    margined = {"multiplier": 50.0, "initial_margin": 400.0}
    for mode in MODES:
        for size in ("1", "capital / 450"):
            for capital in (1000.0, 2600.0):
                yield Contract(
                    turning | mode | margined | {"position_sizing_formula": size},
                    {"capital": capital, "slippage": 0.001},
                )
        # called on a bar at which the other side enters, though no list lets a lot leave
        stuck = turning | mode | margined | {"exit_conditions": [], "max_holding_bars": 20}
        for prices in ((DOWN, DOWN_CLOSES), (turned(DOWN), turned(DOWN_CLOSES))):
            for capital in (900.0, 1150.0):
                yield Contract(
                    stuck | {"position_sizing_formula": "2"},
                    {"capital": capital, "slippage": 0.0},
                    prices,
                )
