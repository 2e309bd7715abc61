"""The tiles above the payoff: what a spread is worth, can make and lose, and its greeks."""

from __future__ import annotations

from btkit.render import text
from btkit.render.options.position import OpenSpread
from btkit.render.pages import markup
from btkit.render.tiles import Tile

_GREEKS = (
    ("delta", "Delta, shares", "Shares of the underlying that it moves like"),
    ("gamma", "Gamma, shares", "Change of delta as the underlying rises by $1"),
    ("theta", "Theta, $ a day", "What the passing of a calendar day brings"),
    ("vega", "Vega, $ a point", "What a rise of IV by one point, 0.01, brings"),
    ("rho", "Rho, $ a point", "What a rise of the interest rate by one point brings"),
)


def position_tiles(position: OpenSpread) -> str:
    """Return twelve tiles as markup, greeks beside what they were when the spread was sold.

    Parameters
    ----------
    position
        What is shown.
    """
    now, sold = position.now, position.sold
    gain = float(position.profit(now.spot))
    kept = gain / position.most_kept if position.most_kept > 0 else None
    evens = [f"{price:,.0f}" for price in position.evens]
    ratio = text.ratio(_over(position.max_loss, position.most_kept), digits=1)
    tiles = [
        Tile(
            "P&L now",
            text.money(gain, sign=True),
            [f"{text.percent(kept, digits=0)} of most kept"],
            meaning="At mid, commission at the sale included, slippage at the exit not",
        ),
        Tile(
            "Most kept",
            text.money(position.most_kept),
            [f"{text.count(position.contracts)} × ${position.credit:,.2f}"],
            meaning="If every option expires worthless; contracts and credit a share",
        ),
        Tile(
            "Most lost",
            text.money(-position.max_loss),
            [f"{ratio} × most kept"],
            meaning="Beyond the option bought, both commissions included",
        ),
        Tile(
            "Even at",
            (evens or [text.DASH])[0],
            [" and ".join(["", *evens[1:]]).strip() or f"price {now.spot:,.0f}"],
            meaning="Where it neither makes nor loses at expiry",
        ),
        Tile(
            "Chance of profit",
            text.percent(position.chance, digits=0),
            ["by the model"],
            meaning="Risk-neutral probability of a profit at expiry with the IV that is shown; "
            "no forecast",
        ),
        Tile(
            "Days left",
            text.count(now.days),
            [f"of {text.count(sold.days)}"],
            meaning="Calendar days to expiry",
        ),
        _legs(position),
        *(_greek(position, *greek) for greek in _GREEKS),
    ]
    return markup("widgets.framed", [markup("pieces.tiles", tiles)])


def _greek(position: OpenSpread, name: str, label: str, meaning: str) -> Tile:
    now, sold = position.now, position.sold
    form = text.money if "$" in label else _plain
    then = float(position.greek(name, sold.spot, days=sold.days, iv=sold.iv))
    value = float(position.greek(name, now.spot))
    return Tile(label, form(value), [f"sold {form(then)}"], meaning=meaning)


def _legs(position: OpenSpread) -> Tile:
    short = [leg for leg in position.legs if leg.side == "short"]
    deltas = [text.ratio(abs(position.leg_delta(leg))) for leg in short]
    others = [f"{leg.right} {delta}" for leg, delta in zip(short[1:], deltas[1:], strict=True)]
    others.append(f"IV {text.percent(position.now.iv)}")
    meaning = "Absolute delta of what was sold, as things stand"
    return Tile("Short delta", deltas[0], [", ".join(others)], meaning=meaning)


def _plain(value: float) -> str:
    return text.ratio(value, digits=1 if abs(value) >= 10 else 3 if abs(value) < 1 else 2)  # noqa: PLR2004 - three digits each


def _over(loss: float, gain: float) -> float | None:
    return loss / gain if gain > 0 else None
