"""What orders can come to: why a lot leaves, and why an entry is not made."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why a lot closed; 0 in the state means that it stays open."""

    STOP = 1
    EXIT = 2
    MAX_HOLDING = 3
    END_OF_DATA = 4
    RUIN = 5


class Skip(IntEnum):
    """Why an entry was not made."""

    SIZE_MISSING = 0
    SIZE_NOT_POSITIVE = 1
    SIZE_BELOW_ONE_SHARE = 2
    INSUFFICIENT_CASH = 3
