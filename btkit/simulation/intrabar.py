"""What a run hangs on where nobody knows what came first inside a bar (SEMANTICS 9.7, 9.10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from btkit.decisions import BothSides, Decisions
from btkit.decisions.records import INTRABAR
from btkit.engine import ChunkedRun
from btkit.metrics import Metrics, check_thresholds
from btkit.simulation.inputs import Inputs, in_one_piece, measure_outcome
from btkit.spelling import count_of

if TYPE_CHECKING:
    from btkit.engine import AnyDecisions
    from btkit.simulation.shares import SharePositions

TELLING_SHARE = 0.05
"""Above this share of trades with an ambiguous bar finer data are needed."""


@dataclass(frozen=True)
class IntrabarPass:
    """One pass of a run over its bars.

    Parameters
    ----------
    intrabar
        What was taken to have come first: a value of the spec's field of this name.
    metrics
        True values; NaN where undefined.
    """

    intrabar: str
    metrics: Metrics

    @property
    def passed(self) -> bool:
        """Whether it keeps every threshold."""
        return not check_thresholds(self.metrics)


@dataclass(frozen=True)
class Ambiguity:
    """How much of a run with orders inside the bar hangs on what nobody knows.

    Parameters
    ----------
    trades
        Trades that had a bar of which nobody knows what came first, survived or not.
    share
        What they are of all trades; 0 without any.
    passes
        The run with each answer, the most cautious first: they bound each bar, not the run.
    """

    trades: int
    share: float
    passes: tuple[IntrabarPass, ...]

    @property
    def verdict_differs(self) -> bool:
        """Whether some of the answers keep every threshold, and others do not."""
        return len({each.passed for each in self.passes}) > 1

    def warnings(self, *, verdict_differs: bool) -> list[dict[str, str]]:
        """Return that finer data are needed, if they are.

        Parameters
        ----------
        verdict_differs
            Whether the verdict hangs on the answer.
        """
        if self.share <= TELLING_SHARE and not verdict_differs:
            return []
        had = f"{count_of(self.trades, 'trade')} of the run ({self.share:.0%})"
        differ = ", and the verdict hangs on the answer" if verdict_differs else ""
        return [
            {
                "code": "ambiguous_bars",
                "message": f"{had} had a bar of which nobody knows whether the stop or the target "
                f"came first{differ}: bars of a finer interval are needed to know.",
            }
        ]


def ambiguity_of(
    inputs: Inputs, decisions: AnyDecisions, positions: SharePositions, metrics: Metrics
) -> Ambiguity | None:
    """Return what a run hangs on; None of one without orders inside the bar.

    Parameters
    ----------
    inputs
        What was simulated.
    decisions
        When to act.
    positions
        What the run held and closed.
    metrics
        Of the run.
    """
    sides = decisions[:2] if isinstance(decisions, BothSides) else (decisions,)
    levels = sides[0].levels
    if levels is None:
        return None
    trades = positions.outcome.trades
    # A lot that left in parts is one trade, which its last row knows all of.
    certain = trades.certain[trades.ends_lot]
    unsure = int(np.count_nonzero(~certain))
    passes = []
    for name, number in INTRABAR.items():
        measured = metrics
        # Without an ambiguous bar all answers are the same run.
        if unsure and number != levels.intrabar:
            run = ChunkedRun(
                positions.market,
                _answered(decisions, number),
                positions.rules,
                capital=inputs.capital,
                start=inputs.start,
                finer=inputs.finer,
            )
            outcome = in_one_piece(run)
            measured = measure_outcome(inputs, outcome, replace(positions, outcome=outcome))
        passes.append(IntrabarPass(name, measured))
    return Ambiguity(unsure, unsure / len(certain) if len(certain) else 0.0, tuple(passes))


def _answered(decisions: AnyDecisions, intrabar: int) -> AnyDecisions:
    if isinstance(decisions, BothSides):
        return decisions._replace(
            long=_one_side(decisions.long, intrabar), short=_one_side(decisions.short, intrabar)
        )
    return _one_side(decisions, intrabar)


def _one_side(decisions: Decisions, intrabar: int) -> Decisions:
    assert decisions.levels is not None
    return decisions._replace(levels=decisions.levels._replace(intrabar=intrabar))
