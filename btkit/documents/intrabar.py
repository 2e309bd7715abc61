"""The part of a report that says what nobody knows of the run's bars (SEMANTICS 9.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btkit.documents.models import IntrabarPassEntry, IntrabarSection
from btkit.metrics import verdict_of
from btkit.spec import ModelSpec, StrategySpec

if TYPE_CHECKING:
    from btkit.simulation import Result

_TRAILING = (
    "The trailing stop is an order that is renewed at each close, not a broker's that follows the "
    "price within the bar: what a bar's own high would have raised it to counts from the next bar."
)


def intrabar_section(result: Result, min_trades_required: int) -> IntrabarSection | None:
    """Return what a run hangs on; None of one without orders inside the bar.

    Parameters
    ----------
    result
        Of a simulation.
    min_trades_required
        Fewer trades than this have a verdict of their own.
    """
    found, spec = result.ambiguity, result.spec
    if found is None:
        return None
    assert isinstance(spec, StrategySpec | ModelSpec)
    sides = spec.levels_of(short=False), spec.levels_of(short=True)
    return IntrabarSection(
        intrabar=spec.intrabar,
        ambiguous_trades=found.trades,
        share=found.share,
        passes=[
            IntrabarPassEntry(
                intrabar=each.intrabar,
                trades=each.metrics.total_trades,
                verdict=verdict_of(
                    passed=each.passed,
                    trades=each.metrics.total_trades,
                    least=min_trades_required,
                ),
                **{name: each.metrics.to_json_values()[name] for name in _NUMBERS},
            )
            for each in found.passes
        ],
        notes=[_TRAILING] if any(side.trailing_stop is not None for side in sides) else [],
    )


_NUMBERS = ("total_return", "sharpe_ratio", "max_drawdown_pct")
