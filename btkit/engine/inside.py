"""What one bar does to a stop and a target: numbers in, numbers out (SEMANTICS 9.3 to 9.7).

All is said for a long lot. For a short one the bar is turned over, high for low and each price
negative: then its stop lies below and its target above, and comparisons are exactly the mirrored
ones. Which extreme came first is asked of the bar as it is.
"""

from __future__ import annotations

from btkit.conditions.compiled import compiled_inline
from btkit.decisions.records import OPTIMISTIC, PATH
from btkit.engine.orders import Kind

_LIMIT, _STOP_ENTRY = int(Kind.LIMIT), int(Kind.STOP)
# How a bar ends for a lot.
STAYS, STOPPED, TAKEN = range(3)


@compiled_inline
def turned(side, opened, high, low, close):
    """Return a bar as a lot of a side sees it."""
    if side > 0:
        return opened, high, low, close
    return -opened, -low, -high, -close


@compiled_inline
def is_beyond(price, level, touch):
    """Return whether a price is beyond a target or a limit, or on it where that counts."""
    return price > level or (touch and price == level)


@compiled_inline
def falls_first(side, opened, high, low):
    """Return whether a path through a bar, which is not turned, begins against the lot."""
    low_first = opened - low <= high - opened
    return low_first if side > 0 else not low_first


@compiled_inline
def at_open(opened, stop, target, touch):
    """Return what the open does to a lot that was held before it (9.3)."""
    if opened <= stop:
        return STOPPED
    return TAKEN if is_beyond(opened, target, touch) else STAYS


@compiled_inline
def after_open(high, low, stop, target, touch, intrabar, falls):
    """Return what the rest of a bar does to a lot that holds from its open on, and if that is sure.

    Parameters
    ----------
    high, low
        Of the turned bar.
    stop, target
        Likewise; an infinite one where there is none.
    touch, intrabar
        Of the spec.
    falls
        Of `falls_first`.
    """
    stops, takes = low <= stop, is_beyond(high, target, touch)
    if not (stops and takes):
        return (STOPPED if stops else TAKEN if takes else STAYS), True
    if intrabar == OPTIMISTIC:
        return TAKEN, False
    if intrabar == PATH and not falls:
        return TAKEN, False
    return STOPPED, False


@compiled_inline
def after_entry(kind, high, low, close, stop, target, touch, intrabar, falls):
    """Do what `after_open` does for a lot that was entered inside the bar (9.6).

    Parameters
    ----------
    kind
        `Kind.STOP` or `Kind.LIMIT`: of the order that entered it. The high comes after the first,
        the low after the second.
    high, low, close, stop, target, touch, intrabar, falls
        As for `after_open`.
    """
    stops, takes = low <= stop, is_beyond(high, target, touch)
    if not (stops or takes):
        return STAYS, True
    if kind == _STOP_ENTRY:
        sure = (takes and not stops) or (stops and not takes and close <= stop)
        on_path = TAKEN if takes else STAYS if falls else STOPPED
    else:
        sure = (stops and not takes) or (takes and not stops and is_beyond(close, target, touch))
        on_path = STOPPED if stops else TAKEN if falls else STAYS
    if sure:
        return (STOPPED if stops else TAKEN), True
    if intrabar == PATH:
        return on_path, False
    if intrabar == OPTIMISTIC:
        return (TAKEN if takes else STAYS), False
    return (STOPPED if stops else STAYS), False
