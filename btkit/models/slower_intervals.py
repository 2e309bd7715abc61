"""The slower intervals that a spec reads: in its conditions, and by the features of its bundles."""

from __future__ import annotations

from collections.abc import Iterator

from btkit.markets import Interval, shortest_first
from btkit.models.loading import read_features
from btkit.models.timeline import bundle_paths
from btkit.spec import BaseSpec, ModelSpec


def slower_intervals(
    spec: BaseSpec, *, symbol: str | None, interval: Interval
) -> tuple[Interval, ...]:
    """Return the slower intervals whose bars a run of a spec reads, the shortest first.

    Parameters
    ----------
    spec
        Of any kind. Of the bundles that it names the documents alone are read.
    symbol, interval
        What it is run on. A bundle that was trained on other bars, or is none, counts for
        nothing: the run itself refuses it, and says why.

    Raises
    ------
    BundleError, UsageError
        If nothing says where its bundles are.
    """
    plans = map(read_features, _paths(spec, symbol, interval))
    trained = (plan.slower_lookbacks for plan in plans if plan and plan.base == interval)
    return shortest_first(spec.slower_intervals, *trained)


def _paths(spec: BaseSpec, symbol: str | None, interval: Interval) -> Iterator[str]:
    if isinstance(spec, ModelSpec):
        yield from (path for _, path in bundle_paths(spec, symbol=symbol, interval=interval.label))
    for source in spec.classifier_sources.values():
        yield from [source.paths] if isinstance(source.paths, str) else source.paths.values()
