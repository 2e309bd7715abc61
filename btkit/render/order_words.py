"""Sentences on stops, targets and entries at a price, as a run had them."""

from __future__ import annotations

from btkit.render import text
from btkit.render.view import RunView
from btkit.spec.orders import RestingEntry, StatedOrders, Trailing
from btkit.spelling import listed


def order_sentences(view: RunView) -> list[str]:
    """Return what a strategy says of orders inside the bar, side by side; nothing without any.

    Parameters
    ----------
    view
        The run.
    """
    direction = view.terms.direction
    sentences: list[str] = []
    for short in (False, True):
        if direction == ("long" if short else "short"):
            continue
        orders = view.rule.orders_of(short=short)
        who = ("A short" if short else "A long") if direction == "both" else "A lot"
        if levels := _levels(orders, short=short):
            sentences.append(f"{who} leaves inside the bar at {listed(levels, last='or')}.")
        if orders.entry_order is not None:
            sentences.append(_entry(orders.entry_order, who, short=short))
    return sentences


def _share(fraction: float) -> str:
    # As it is written, for a stop of 0.25 % is none of 0.3 %.
    return f"{fraction * 100:.6g}{text.NARROW}%"


def _levels(orders: StatedOrders, *, short: bool) -> list[str]:
    against, ahead = ("above", "below") if short else ("below", "above")
    levels = []
    if orders.stop_loss is not None:
        levels.append(f"a stop {_share(orders.stop_loss)} {against} its entry fill")
    if orders.stop_price is not None:
        levels.append(f"a stop at {orders.stop_price} of the deciding bar")
    if orders.take_profit is not None:
        levels.append(f"a target {_share(orders.take_profit)} {ahead} its entry fill")
    if orders.target_price is not None:
        levels.append(f"a target at {orders.target_price} of the deciding bar")
    if orders.trailing_stop is not None:
        levels.append(_trailing(orders.trailing_stop, against, short=short))
    return levels


def _trailing(stop: Trailing, against: str, *, short: bool) -> str:
    far = f"{stop.atr:g} × atr_14" if stop.fraction is None else _share(stop.fraction)
    best = "lowest low" if short else "highest high"
    since = "" if stop.after is None else f", once {_share(stop.after)} are gained"
    return f"a trailing stop {far} {against} the {best} since entry{since}"


def _entry(order: RestingEntry, who: str, *, short: bool) -> str:
    kind, price = ("stop", order.stop) if order.limit is None else ("limit", order.limit)
    verb = "sold" if short else "bought"
    return (
        f"{who} is {verb} by a {kind} order at {price} of the deciding bar, which rests through "
        f"{text.plural(order.valid_bars, 'bar')}."
    )
