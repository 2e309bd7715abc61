"""The loop of option spreads in parts."""

from __future__ import annotations

from btkit.engine.books.spread_records import (
    CLOSED,
    RUINED,
    SpreadCurve,
    SpreadRows,
    SpreadState,
    new_spread_curve,
    new_spread_rows,
    new_spread_state,
)
from btkit.engine.chunks import Chunked
from btkit.engine.spread_loop import run_spreads
from btkit.engine.spread_run import SpreadOutcome, gather_spreads


class ChunkedSpreads(Chunked[SpreadOutcome]):
    """An option run in parts; see `btkit.engine.spread_run.run_options`."""

    closed_at, ruined_at = CLOSED, RUINED

    def _begin(self, positions: int) -> tuple[SpreadState, SpreadRows, SpreadCurve]:
        state = new_spread_state(self.capital, positions)
        return state, new_spread_rows(self.bars), new_spread_curve(self.bars)

    def _run(self, first: int, last: int, state: SpreadState) -> None:
        run_spreads(first, last, *self._inputs, state, self._trades, self._curve)

    def _gather(self, state: SpreadState) -> SpreadOutcome:
        return gather_spreads(
            state, self._trades, self._curve, capital=self.capital, start=self.start
        )
