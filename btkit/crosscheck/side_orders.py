"""What a spec says of orders inside the bar, for one side: SEMANTICS 9.1 and 3.11."""

from __future__ import annotations

from dataclasses import dataclass

from btkit.crosscheck.evaluation import filled_in
from btkit.spec import StrategySpec

ATR = "atr_14"
"""9.1: What a trailing stop is a multiple of."""


@dataclass(frozen=True)
class SideOrders:
    """What one side orders; None where it orders nothing of the kind.

    Parameters
    ----------
    stop, target
        A fraction of the entry fill, or an expression for a price.
    trail, atr, after
        Of the trailing stop: a fraction, or a multiple of `ATR`; and the gain from which on.
    entry
        An expression for a price.
    is_limit
        Whether the entry is a limit order, else a stop order.
    valid_bars
        How many bars it rests.
    """

    stop: float | str | None
    target: float | str | None
    trail: float | None
    atr: float | None
    after: float | None
    entry: str | None
    is_limit: bool
    valid_bars: int

    @property
    def has_trail(self) -> bool:
        """Whether there is a trailing stop."""
        return self.trail is not None or self.atr is not None

    @property
    def expressions(self) -> list[str]:
        """Every text whose names are read at a deciding bar."""
        texts = [text for text in (self.stop, self.target, self.entry) if isinstance(text, str)]
        return [*texts, ATR] if self.atr is not None else texts


def side_orders(spec: StrategySpec, *, short: bool) -> SideOrders:
    """3.11: What the short side lacks is the spec's own, mirrored.

    Parameters
    ----------
    spec
        Loaded.
    short
        Whether of the side that sells short.
    """
    own = spec.short if short else None

    def field(name: str) -> object:
        said = None if own is None else getattr(own, name)
        return getattr(spec, name) if said is None else said

    def number(said: object) -> float | None:
        return None if said is None else float(filled_in(str(said), spec.parameters))

    def level(name: str) -> float | str | None:
        said = field(name)
        price = getattr(said, "price", None)
        return number(said) if price is None else filled_in(price, spec.parameters)

    trailing, entry = field("trailing_stop"), field("entry_order")
    limit, stop = getattr(entry, "limit", None), getattr(entry, "stop", None)
    text = stop if limit is None else limit
    return SideOrders(
        stop=level("stop_loss"),
        target=level("take_profit"),
        trail=number(getattr(trailing, "fraction", None)),
        atr=number(getattr(trailing, "atr", None)),
        after=number(getattr(trailing, "after", None)),
        entry=None if text is None else filled_in(text, spec.parameters),
        is_limit=limit is not None,
        valid_bars=int(number(getattr(entry, "valid_bars", None)) or 1),
    )
