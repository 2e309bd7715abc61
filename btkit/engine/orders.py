"""Orders: what was decided and waits for its fill, and what can become of it.

An entry waits in a row of `State.orders`. An exit is an order on a lot, and its reason waits in
the lot itself, so that no lot can be sold twice.
"""

from __future__ import annotations

from enum import IntEnum

# Columns of State.orders
KIND, SIDE, INSTRUMENT, PRICE, QUANTITY = range(5)
# The last bar that an entry rests in; the lot's stop and target where they are prices, and how far
# its trailing stop lies where that is no fraction
LAST_BAR, STOP_AT, TARGET_AT, DISTANCE_OF = range(5, 9)
ORDER_COLUMNS = 9


class Kind(IntEnum):
    """When and at what price an order fills."""

    MARKET_ON_OPEN = 0
    MARKET_ON_CLOSE = 1
    LIMIT = 2
    STOP = 3


class FillKind(IntEnum):
    """At which of a bar's prices something filled.

    The first two are those of market orders, see `Kind`. A gap is an open that was beyond the price
    of an order already.
    """

    OPEN = 0
    CLOSE = 1
    LEVEL = 2
    GAP = 3


class Side(IntEnum):
    """Which way an order goes; of a lot, which way its entry went."""

    BUY = 1
    SELL = -1


class Reason(IntEnum):
    """Why a lot closed; 0 in the state means that it stays open."""

    STOP = 1
    PROFIT_TARGET = 2
    EXIT = 3
    MAX_HOLDING = 4
    SCALE_OUT = 5
    MARGIN_CALL = 6
    EXPIRATION = 7
    END_OF_DATA = 8
    RUIN = 9
    STOP_LOSS = 10
    TAKE_PROFIT = 11
    TRAILING_STOP = 12
    CROSSED_AT_ENTRY = 13


ENDS = (Reason.END_OF_DATA, Reason.RUIN)
"""The reasons that nobody decided: the run ended."""
INSIDE = (Reason.STOP_LOSS, Reason.TAKE_PROFIT, Reason.TRAILING_STOP, Reason.CROSSED_AT_ENTRY)
"""Those of orders inside the bar."""


class Skip(IntEnum):
    """Why an entry was not made."""

    SIZE_MISSING = 0
    SIZE_NOT_POSITIVE = 1
    SIZE_BELOW_ONE_SHARE = 2
    INSUFFICIENT_CASH = 3
    NO_VOLATILITY = 4
    NO_TIME_TO_EXPIRY = 5
    NO_STRIKE = 6
    STRIKES_COINCIDE = 7
    STRIKES_CROSS = 8
    NO_CREDIT = 9
    CREDIT_ABOVE_WIDTH = 10
    SIZE_BELOW_ONE_CONTRACT = 11
    BOTH_SIDES = 12
    PRICE_MISSING = 13
    PRICE_NOT_POSITIVE = 14
    ORDER_EXPIRED = 15
