"""What the networks of a run listen to, and whether they were asked about what they had seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from btkit.documents.evidence.outcomes import Outcomes, shares_of
from btkit.documents.evidence.sections import (
    FeatureImportance,
    FeatureRangeEntry,
    ImportanceSection,
    RangesSection,
)
from btkit.markets import Interval
from btkit.models.evidence import (
    outside_ranges,
    permutation_importance,
    stability_index,
)
from btkit.models.evidence.probabilities import log_losses
from btkit.models.outputs import class_probabilities
from btkit.settings import usable_cores
from btkit.spec import ModelSpec

if TYPE_CHECKING:
    from btkit.models.bundle import Bundle
    from btkit.models.forward import Network
    from btkit.simulation.trained import ModelResult

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Judge = Callable[[Floats], tuple[Floats, Integers]]

MOST_BUNDLES = 8
MOST_FEATURES = 100
MOST_ROWS = 200_000
"""Rows that networks are asked of again, all features together; of windows as many rows of them."""
LEAST_ROWS = 250
_STRETCHES = 10


class Probe(NamedTuple):
    """A bundle, and the bars of the run that it answered.

    Parameters
    ----------
    bundle
        The trained model.
    rows
        int64: places of the bars.
    first
        The first bar that its network reads for them.
    features
        float64 (n_read, n_features): of that bar and those after it, to the last of `rows`.
    """

    bundle: Bundle
    rows: Integers
    first: int
    features: Floats

    def at(self, rows: Integers) -> Floats:
        """Return the features of bars that are read."""
        return self.features[rows - self.first]


def probes_of(run: ModelResult, there: Flags) -> list[Probe]:
    """Return the bundles of a run that are asked again: of many some, the newest among them.

    Parameters
    ----------
    run
        Of a model spec.
    there : ndarray of bool, shape (n_bars,)
        Where there is an answer.
    """
    names = run.bundles[-1].bundle.features.names
    asked = [
        place
        for place in np.unique(run.answers.which[there]).tolist()
        if run.bundles[place].bundle.features.names == names
    ]
    if len(asked) > MOST_BUNDLES:
        chosen = np.linspace(0, len(asked) - 1, MOST_BUNDLES).round().astype(np.int64)
        asked = [asked[at] for at in chosen]
    probes = []
    for place in asked:
        bundle = run.bundles[place].bundle
        rows = np.flatnonzero(there & (run.answers.which == place))
        probes.append(_probe(run, bundle, rows))
    return probes


def _probe(run: ModelResult, bundle: Bundle, rows: Integers) -> Probe:
    spec = run.spec
    assert isinstance(spec, ModelSpec)
    base = Interval.parse(bundle.timeframes[0])
    features = bundle.features.matrix(
        run.all_bars,
        interval=base if "timeframe" in spec.allow_other else run.annualisation.interval,
        calendar=spec.calendar,
        start=run.feature_set.start,
        begin=run.feature_set.begin,
    )
    first = max(0, int(rows[0]) - bundle.network.window + 1)
    # A copy: of several bundles not each shall keep all bars.
    return Probe(bundle, rows, first, features[first : int(rows[-1]) + 1].copy())


def ranges_of(probes: list[Probe]) -> RangesSection | None:
    """Hold features against those of the training; None where no bundle says their ranges.

    Parameters
    ----------
    probes
        As `probes_of` returns them.
    """
    told = [probe for probe in probes if probe.bundle.ranges]
    if not told:
        return None
    newest = told[-1].bundle
    names, known = newest.features.names, newest.ranges
    flags = np.concatenate([_outside(probe) for probe in told])
    shares = flags.mean(axis=0)
    # Of several, each has quantiles of its own, and few bars.
    moved = _moved(told[0]) if len(told) == 1 else {}
    entries = [
        FeatureRangeEntry(
            feature=name,
            outside=float(share),
            lowest=known[name].min,
            highest=known[name].max,
            stability_index=moved.get(name),
        )
        for name, share in zip(names, shares, strict=True)
        if name in known
    ]
    return RangesSection(
        rows=len(flags),
        outside=float(flags.any(axis=1).mean()),
        features=sorted(entries, key=lambda entry: -entry.outside),
        bundles=len(told),
    )


def _moved(probe: Probe) -> dict[str, float | None]:
    found = {}
    values, known = probe.at(probe.rows), probe.bundle.ranges
    for place, name in enumerate(probe.bundle.features.names):
        if name not in known:
            continue
        told = sorted((float(level), value) for level, value in known[name].quantiles.items())
        levels, quantiles = [level for level, _ in told], np.array([value for _, value in told])
        # A value at an end that many rows share is not between any two quantiles.
        shared = len(told) and (quantiles[0] <= known[name].min or quantiles[-1] >= known[name].max)
        found[name] = None if shared else stability_index(values[:, place], levels, quantiles)
    return found


def _outside(probe: Probe) -> Flags:
    names, known = probe.bundle.features.names, probe.bundle.ranges
    ends = np.full((2, len(names)), np.nan)
    for place, name in enumerate(names):
        if name in known:
            ends[:, place] = known[name].min, known[name].max
    return outside_ranges(probe.at(probe.rows), *ends)


def importance_of(
    probes: list[Probe], outcomes: Outcomes, *, seed: int
) -> ImportanceSection | None:
    """Shuffle each feature, and ask again; None where no bar has a label.

    Parameters
    ----------
    probes
        As `probes_of` returns them.
    outcomes
        What came.
    seed
        Of the shuffles.
    """
    names = probes[-1].bundle.features.names if probes else ()
    features = np.arange(min(len(names), MOST_FEATURES))
    parts = []
    for probe in probes:
        rows = probe.rows[outcomes.known[probe.rows]]
        network = probe.bundle.network
        most = MOST_ROWS // (len(features) * network.window * len(probes))
        at, counts = _chosen(rows, max(most, LEAST_ROWS), window=network.window, first=probe.first)
        if not counts.any():
            continue
        found = permutation_importance(
            _forward_of(network, at),
            _judge(probe.bundle, outcomes, at, counts),
            probe.at(at),
            features=features,
            block=max(outcomes.block, network.window),
            horizon=outcomes.horizon,
            seed=seed,
        )
        if np.isfinite(found.rise).all():
            parts.append((int(counts.sum()), max(outcomes.block, network.window), found))
    if not parts:
        return None
    weights = np.array([rows for rows, _, _ in parts], np.float64)
    weights /= weights.sum()
    rise, changed = (
        weights @ np.array([getattr(found, name) for _, _, found in parts])
        for name in ("rise", "changed")
    )
    error = np.sqrt(weights**2 @ np.array([found.error for _, _, found in parts]) ** 2)
    entries = [
        FeatureImportance(feature=name, rise=up, error=about, changed=share)
        for name, up, about, share in zip(
            names[: len(features)], rise.tolist(), error.tolist(), changed.tolist(), strict=True
        )
    ]
    return ImportanceSection(
        features=sorted(entries, key=lambda entry: -entry.rise),
        rows=sum(rows for rows, _, _ in parts),
        block=max(block for _, block, _ in parts),
        asked=len(features),
        left_out=len(names) - len(features),
        bundles=len(parts),
    )


def _forward_of(network: Network, at: Integers) -> Callable[[Floats], Floats]:
    """Return what asks a network of bars, of windows stretch by stretch.

    A window that reaches from one stretch into another is of no neighbours, and counts for nothing:
    with ten stretches of 27 windows of 30 bars they would be half of the work.
    """
    if network.window == 1:
        return network.forward
    ends = [*(np.flatnonzero(np.diff(at) != 1) + 1).tolist(), len(at)]
    stretches = [slice(*ends_of) for ends_of in pairwise([0, *ends])]

    def forward(rows: Floats) -> Floats:
        parts = (rows[stretch] for stretch in stretches)
        with ThreadPoolExecutor(min(usable_cores(), len(stretches))) as threads:
            return np.concatenate(list(threads.map(network.forward, parts)))

    return forward


def _chosen(rows: Integers, most: int, *, window: int, first: int) -> tuple[Integers, Flags]:
    """Return the bars that are asked of, in order, and which of them count.

    Of too many, stretches of neighbours are taken: a shuffle keeps blocks of them together. What
    leads into a stretch of windows is asked of, and counts for nothing.
    """
    at: list[Integers] = []
    counts: list[Flags] = []
    for part in _stretches(rows, most):
        lead = np.arange(max(first, int(part[0]) - window + 1), int(part[0]))
        # Windows are of neighbours, and between two rows with a label there may be one without.
        whole = np.arange(int(part[0]), int(part[-1]) + 1) if window > 1 else part
        at += [lead, whole]
        counts += [np.zeros(len(lead), np.bool_), np.isin(whole, part)]
    if not at:
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    return np.concatenate(at), np.concatenate(counts)


def _stretches(rows: Integers, most: int) -> Iterator[Integers]:
    if len(rows) <= most:
        if len(rows):
            yield rows
        return
    each = most // _STRETCHES
    for first in np.linspace(0, len(rows) - each, _STRETCHES).round().astype(np.int64).tolist():
        yield rows[first : first + each]


def _judge(bundle: Bundle, outcomes: Outcomes, at: Integers, counts: Flags) -> Judge:
    """Return what tells a row's loss, NaN where it does not count, and its answer."""
    if not outcomes.classes:
        returns = np.where(counts, outcomes.returns[at], np.nan)

        def by_return(outputs: Floats) -> tuple[Floats, Integers]:
            foreseen = outputs[:, 0]
            return (foreseen - returns) ** 2, np.sign(np.nan_to_num(foreseen)).astype(np.int64)

        return by_return
    own = bundle.classes
    assert own is not None
    order = [own.index(name) for name in outcomes.classes]
    labels = np.maximum(outcomes.codes[at], 0)

    def by_class(outputs: Floats) -> tuple[Floats, Integers]:
        sound = np.isfinite(outputs).all(axis=1, keepdims=True)
        probabilities = class_probabilities(
            np.where(sound, outputs, np.nan),
            activation=bundle.activation,
            temperature=bundle.temperature,
        )
        answers = np.nan_to_num(probabilities).argmax(axis=1)
        losses = log_losses(shares_of(probabilities, order), labels)
        return np.where(counts, losses, np.nan), answers

    return by_class
