"""How much a piece has: so much that it takes some seconds, by what was measured."""

from __future__ import annotations

from dataclasses import dataclass

PIECE_S = 2.5
"""What a piece of sets is to take, in seconds."""

_FIRST = 64
_MOST = 1_000_000
_MEASURED_OVER_S = 0.3
# From the first beginning on, nothing that was done earlier comes into a rate: it is taken at once.
_FIRST_OVER_S = 0.02
# Small pieces are slower by the set than they need be, so that the first rates say too little, and
# the right size is soon come to; but one that is too large cannot be taken back.
_MOST_GROWTH = 16.0
# To hand a piece out and take it in again costs some hundredths of a second.
_LEAST_SHARE = 0.1
_SMOOTHING = 0.5


@dataclass
class Pace:
    """How fast an operation is, and what its next piece is to have.

    Parameters
    ----------
    unit
        What is counted. Only sets are put together; of anything else a piece has one.
    """

    unit: str
    rate: float | None = None
    _size: float = _FIRST
    _done: int | None = None
    _at: float = 0.0

    def note(self, done: int, now: float, *, threads: int) -> None:
        """Take how many units are done by now.

        Parameters
        ----------
        done
            Units, those under way included.
        now
            Seconds, of any clock that does not go back.
        threads
            How many were at it.
        """
        if self._done is None or done < self._done:
            self._done, self._at = done, now
            return
        least = _FIRST_OVER_S if self.rate is None else _MEASURED_OVER_S
        if now - self._at < least or done == self._done:
            return
        rate = (done - self._done) / (now - self._at)
        known = rate if self.rate is None else self.rate
        self.rate = known + _SMOOTHING * (rate - known)
        wanted = self.rate / max(threads, 1) * PIECE_S
        self._size = max(1.0, min(wanted, self._size * _MOST_GROWTH, _MOST))
        self._done, self._at = done, now

    def size(self, left: int, *, threads: int) -> int:
        """Return how many units the next piece is to have.

        Parameters
        ----------
        left
            Units that are in no piece yet: what others have begun, nobody can take from them.
        threads
            How many are at work: towards the end all are to have something.
        """
        if self.unit != "sets":
            return 1
        shared = -(-left // max(2 * threads, 1))
        least = 0.0 if self.rate is None else _LEAST_SHARE * self._size
        return max(1, round(min(self._size, max(shared, least))))
