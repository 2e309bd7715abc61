"""The loop in parts: between two of them it can be watched, stopped, saved and taken up again."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from btkit.conditions.compiled import sources_hash
from btkit.decisions.records import Decisions
from btkit.engine.loop import run_bars
from btkit.engine.run import Outcome, gather_outcome
from btkit.engine.state import (
    RUINED,
    TRADES,
    Curve,
    State,
    TradeRows,
    new_curve,
    new_state,
    new_trades,
)

Arrays = Mapping[str, np.ndarray[Any, Any]]
"""By name."""

Result = TypeVar("Result")
"""What a loop comes to."""


class Snapshot(NamedTuple):
    """All that a run has come to, and all that it needs to go on.

    Parameters
    ----------
    next_bar
        The first bar that is not simulated yet.
    state
        What the loop remembers, by name: cash, open lots, pending orders, counters.
    trades
        The closed lots so far.
    curve
        The account from the first deciding bar to the one before `next_bar`.
    """

    next_bar: int
    state: Any
    trades: Any
    curve: Any


class _Place(NamedTuple):
    next_bar: int
    state: Any


class Chunked(ABC, Generic[Result]):
    """A loop over bars that runs some of them at a time.

    However it is cut, stopped, saved and taken up again, it gives what one piece gives, to the
    last bit.

    Parameters
    ----------
    market, decisions, rules
        What the loop reads: named arrays and numbers.
    capital
        $ at the start.
    start
        The first bar at which orders are decided; bars before it are warm-up.
    """

    closed_at: int
    """Where the state's counts have how many lots, or spreads, were closed."""
    ruined_at: int
    """Where they have whether the account was lost."""

    def __init__(
        self,
        market: Any,  # noqa: ANN401 - a named tuple of arrays, as each loop has its own
        decisions: Decisions,
        rules: Any,  # noqa: ANN401 - likewise
        *,
        capital: float,
        start: int = 0,
    ) -> None:
        self.bars: int = market.close.size
        self.start = start
        self.capital = float(capital)
        self._inputs = market, decisions, rules
        state, self._trades, self._curve = self._begin(min(rules.max_positions, self.bars))
        self._place = _Place(start, state)

    @abstractmethod
    def _begin(self, positions: int) -> tuple[Any, Any, Any]:
        """Return the state before the first bar, and room for what closes and for the curve."""

    @abstractmethod
    def _run(self, first: int, last: int, state: Any) -> None:  # noqa: ANN401 - as above
        """Simulate bars `first` to `last` - 1."""

    @abstractmethod
    def _gather(self, state: Any) -> Result:  # noqa: ANN401 - as above
        """Return what the run came to."""

    @property
    def next_bar(self) -> int:
        """The first bar that is not simulated yet; the number of bars once all are."""
        return self._place.next_bar

    def advance(self, bars: int) -> bool:
        """Simulate some more bars.

        An exception that arrives meanwhile, such as KeyboardInterrupt, leaves the run as it was
        before or as it is after them, never between.

        Parameters
        ----------
        bars
            How many, at most.

        Returns
        -------
        bool
            Whether there are more.
        """
        first, before = self._place
        last = min(first + bars, self.bars)
        state = _copy(before)
        self._run(first, last, state)
        # After ruin the loop has filled the curve to its end and is not to be entered again.
        self._place = _Place(self.bars if state.counts[self.ruined_at] else last, state)
        return self.next_bar < self.bars

    def snapshot(self, *, since: Snapshot | None = None) -> Snapshot:
        """Return where the run stands.

        Parameters
        ----------
        since
            An earlier snapshot of this run: trades and curve then begin where it ended.

        Returns
        -------
        Snapshot
            Its arrays are copies.
        """
        next_bar, state = self._place
        first_bar = self.start if since is None else since.next_bar
        first_trade = 0 if since is None else int(since.state.counts[self.closed_at])
        rows = slice(first_trade, int(state.counts[self.closed_at]))
        points = slice(first_bar, next_bar)
        return Snapshot(
            next_bar,
            _copy(state),
            type(self._trades)(*(array[rows].copy() for array in self._trades)),
            type(self._curve)(*(array[points].copy() for array in self._curve)),
        )

    def snapshot_of(self, next_bar: int, state: Arrays, done: Arrays) -> Snapshot:
        """Return a snapshot that was saved as arrays by name.

        Parameters
        ----------
        next_bar
            The first bar that was not simulated yet.
        state
            Of `Snapshot.state`.
        done
            Of `Snapshot.trades` and `Snapshot.curve`.

        Raises
        ------
        KeyError
            If one is missing.
        """

        def filled(kind: Any, arrays: Arrays) -> Any:  # noqa: ANN401 - a named tuple of arrays
            return type(kind)(*(arrays[name] for name in kind._fields))

        return Snapshot(
            next_bar,
            filled(self._place.state, state),
            filled(self._trades, done),
            filled(self._curve, done),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot with all trades and the whole curve.

        Parameters
        ----------
        snapshot
            Of a run with the same `fingerprint`.

        Raises
        ------
        ValueError
            If its arrays do not have the sizes that it needs itself, or this run.
        """
        next_bar, state, trades, curve = snapshot
        own = self._place.state
        done = int(state.counts[self.closed_at]) if state.counts.shape == own.counts.shape else -1
        sound = (
            self.start <= next_bar <= self.bars
            and all(array.shape == mine.shape for array, mine in zip(state, own, strict=True))
            and 0 <= done <= self.bars
            and all(len(array) == done for array in trades)
            and all(array.shape == (next_bar - self.start,) for array in curve)
        )
        if not sound:
            raise ValueError("the snapshot is of another run, or incomplete")
        for mine, array in zip(self._trades, trades, strict=True):
            mine[:done] = array
        for series, points in zip(self._curve, curve, strict=True):
            series[self.start : next_bar] = points
        self._place = _Place(next_bar, _copy(state))

    def finish(
        self, *, chunk_bars: int, after_chunk: Callable[[Self], None] | None = None
    ) -> Result:
        """Simulate what is left.

        Parameters
        ----------
        chunk_bars
            Bars between two calls of `after_chunk`.
        after_chunk
            Called between chunks, not after the last; what it raises stops the run.

        Returns
        -------
        Outcome or SpreadOutcome
            As the loop in one piece gives it.
        """
        more = self.next_bar < self.bars
        while more:
            more = self.advance(chunk_bars)
            if more and after_chunk is not None:
                after_chunk(self)
        return self._gather(self._place.state)

    def fingerprint(self, *, salt: str = "") -> str:
        """Return a hash of all that the bars to come depend on, but the snapshot.

        Parameters
        ----------
        salt
            What else must be the same, such as versions.

        Returns
        -------
        str
            SHA-256 in hexadecimal over prices, decisions, rules, capital, start and the loop's
            own code.
        """
        market, decisions, rules = self._inputs
        digest = hashlib.sha256(f"{sources_hash()} {self.start} {self.capital!r}".encode())
        digest.update(f" {tuple(rules)!r} {salt}".encode())
        for value in (*market, *decisions[:-1], *decisions.tables):
            array = np.ascontiguousarray(value)
            digest.update(f" {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


class ChunkedRun(Chunked[Outcome]):
    """A rule run in parts; see `run_decisions`."""

    closed_at, ruined_at = TRADES, RUINED

    def _begin(self, positions: int) -> tuple[State, TradeRows, Curve]:
        bars = self.bars
        return new_state(self.capital, positions), new_trades(bars), new_curve(bars)

    def _run(self, first: int, last: int, state: State) -> None:
        run_bars(first, last, *self._inputs, state, self._trades, self._curve)

    def _gather(self, state: State) -> Outcome:
        return gather_outcome(
            state, self._trades, self._curve, capital=self.capital, start=self.start
        )


def _copy(state: Any) -> Any:  # noqa: ANN401 - a named tuple of arrays
    return type(state)(*(array.copy() for array in state))
