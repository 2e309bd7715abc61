"""How a run stood when each bar was decided upon, read off what it did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.engine.inputs import Flags, Integers
from btkit.engine.orders import ENDS, INSIDE, FillKind
from btkit.engine.state import NEVER, Trades


class Standing(NamedTuple):
    """What was held when each bar's orders were decided, and when something last filled.

    Parameters
    ----------
    position
        int8 (n_bars,): the `Side` of the open lots, 0 where there were none.
    last_fill
        int64 (n_bars,): bar of the last fill, of an entry or an exit; -1 before any. What closes
        because the run ends, or at a level inside a bar, is none.
    """

    position: NDArray[np.int8]
    last_fill: Integers

    def held_back(self, separation: Integers) -> Flags:
        """Return where a decision came too soon after a fill; see `BothSides.separation`."""
        return self.last_fill > separation


def decided_upon(trades: Trades) -> tuple[Integers, Integers]:
    """Return of each lot the first bar that could decide upon it, and the one after the last.

    Parameters
    ----------
    trades
        Closed lots.
    """
    # A lot that fills or leaves at a close is decided upon from the next bar, or until then.
    entered, left = (kind == FillKind.CLOSE for kind in (trades.entry_kind, trades.fill_kind))
    return trades.entry_bar + entered, trades.exit_bar + left


def was_ordered(trades: Trades) -> Flags:
    """Return whether each lot left because a close had decided it: bool (n_trades,).

    Parameters
    ----------
    trades
        Closed lots.
    """
    return ~np.isin(trades.reason, (*ENDS, *INSIDE))


def standing_of(trades: Trades, bars: int) -> Standing:
    """Return how a run stood when each bar was decided upon.

    Parameters
    ----------
    trades
        Its closed lots, of one side at a time; a finished run has no open ones.
    bars
        The number of bars, warm-up included.

    Examples
    --------
    >>> standing = standing_of(outcome.trades, len(bars))  # doctest: +SKIP
    >>> standing.position.tolist()  # doctest: +SKIP
    [0, 0, 1, 1, 0, -1]
    """
    first, after = decided_upon(trades)
    change = np.zeros(bars + 1, np.int64)
    np.add.at(change, first, trades.side)
    np.add.at(change, after, -trades.side)
    position = np.sign(np.cumsum(change[:bars])).astype(np.int8)
    ordered = was_ordered(trades)
    fills = np.concatenate([trades.entry_bar, trades.exit_bar[ordered]])
    kinds = np.concatenate([trades.entry_kind, trades.fill_kind[ordered]])
    last = np.full(bars, NEVER, np.int64)
    # A fill at a close comes after what that close decides.
    seen = fills + (kinds == FillKind.CLOSE)
    fills, seen = fills[seen < bars], seen[seen < bars]
    last[seen] = fills
    return Standing(position, np.maximum.accumulate(last))


__all__ = ["Standing", "decided_upon", "standing_of", "was_ordered"]
