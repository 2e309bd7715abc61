"""The features of a network: computed as they were for its training, all bars at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.arguments import quoted
from btkit.errors import BundleError
from btkit.indicators import FeatureSet, slower_features
from btkit.indicators.arrays import Array
from btkit.markets import Interval
from btkit.models.fuzzy import Membership
from btkit.models.indicator_parameters import SOURCES
from btkit.models.inputs import Line
from btkit.models.scaling import Scaling
from btkit.spelling import count_of, near, some_of

_SHOWN: Final = 5


@dataclass(frozen=True)
class Feature:
    """One input of a network.

    Parameters
    ----------
    name
        ``<timeframe>_<fuzzy set>_<membership>`` or ``<timeframe>_<indicator>_raw``.
    interval
        Of the bars that it is computed on.
    line
        The indicator's output.
    membership
        The membership function's name and itself; None for the line's own value.
    scaling
        How it is normalised; None for not at all.
    """

    name: str
    interval: Interval
    line: Line
    membership: tuple[str, Membership] | None = None
    scaling: Scaling | None = None

    @property
    def formula(self) -> str:
        """All that decides its value, the same text for the same feature whatever it is called."""
        steps = [f"{self.interval} {self.line.formula}"]
        if self.membership is not None:
            steps.append(self.membership[1].formula)
        if self.scaling is not None:
            steps.append(self.scaling.formula)
        return " > ".join(steps)

    @property
    def description(self) -> str:
        """What it is, for people."""
        kind = self.line.indicator.kind
        output = kind.outputs[self.line.output].name
        what = f"{kind.meaning}, {output}" if output else kind.meaning
        stated = ", ".join(
            f"{key} {value}" for key, value in self.line.indicator.parameters.items()
        )
        parameters = f" ({stated})" if stated else ""
        text = f"{what[0].upper()}{what[1:]}{parameters} on {self.interval.adjective} bars"
        if self.membership is not None:
            name, function = self.membership
            text += f": how far it is {name}, {function.formula}"
        if self.scaling is not None and self.scaling.method != "none":
            text += f"; normalised by the training's {self.scaling.formula}"
        return text

    def values(self, column: Array) -> Array:
        """Return the feature of the line's column, shape (n,), NaN where that is missing."""
        if self.membership is not None:
            column = self.membership[1].degrees(column)
        return column if self.scaling is None else self.scaling.apply(column)


@dataclass(frozen=True)
class FeaturePlan:
    """What to compute for a network, in the order in which it takes it.

    Parameters
    ----------
    features
        One a column, at least one.
    base
        The bars that it is computed for, one row a bar; slower timeframes are made of them.
    notes
        What a user should know of it, a sentence each.
    """

    features: tuple[Feature, ...]
    base: Interval
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def formulas(self) -> tuple[str, ...]:
        """What decides each feature's value, for hashing; names do not."""
        return tuple(feature.formula for feature in self.features)

    @property
    def lookback(self) -> int:
        """The longest lookback, in bars of the feature's own timeframe.

        No row before it is whole. Slower timeframes begin later by as many bars as theirs span,
        where NaN says so.
        """
        return max(feature.line.lookback for feature in self.features)

    @property
    def slower_lookbacks(self) -> dict[Interval, int]:
        """The longest lookback on each slower interval that it reads, in bars of that."""
        found: dict[Interval, int] = {}
        for feature in self.features:
            if feature.interval != self.base:
                known = found.get(feature.interval, 0)
                found[feature.interval] = max(known, feature.line.lookback)
        return found

    def select(self, resolved: Sequence[str]) -> Self:
        """Return the plan with the features that a network was trained on, in their order.

        Parameters
        ----------
        resolved
            The names, in the order of the training (``resolved_features``).

        Returns
        -------
        FeaturePlan
            Without the features that are not named, which its `notes` list.

        Raises
        ------
        BundleError
            If one is missing here, stands twice, or the order is another one; the details list
            the difference.
        """
        wanted = list(resolved)
        own = {feature.name: feature for feature in self.features}
        missing = [name for name in wanted if name not in own]
        if missing or len(set(wanted)) < len(wanted):
            raise _missing(missing, wanted, list(own))
        extra = [name for name in own if name not in set(wanted)]
        here = [name for name in own if name not in set(extra)]
        if here != wanted:
            raise _reordered(wanted, here)
        notes = self.notes
        if extra:
            left_out = (
                f"{count_of(len(extra), 'feature')} that the definition makes "
                f"{'is' if len(extra) == 1 else 'are'} left out, since the model was trained "
                f"without {'it' if len(extra) == 1 else 'them'}: {some_of(extra, most=_SHOWN)}."
            )
            notes = (*notes, left_out)
        return replace(self, features=tuple(own[name] for name in wanted), notes=notes)

    def matrix(
        self,
        bars: pd.DataFrame,
        *,
        interval: Interval | str,
        calendar: str = "XNYS",
        start: int = 0,
        begin: int = 0,
    ) -> Array:
        """Return the features of all bars at once.

        Parameters
        ----------
        bars
            Checked bars with open, high, low, close and volume, warm-up included.
        interval
            Theirs; that of the plan.
        calendar
            A name of `exchange_calendars`, for the periods of slower timeframes.
        start
            The first deciding bar: features of a slower timeframe see the 600 of its own bars
            that have closed before it, as ``on`` in conditions does, and none before those.
        begin
            The first bar that features of the bars' own timeframe see; they are missing before.

        Returns
        -------
        Array
            Shape (n_bars, n_features), C-contiguous. NaN where a value is missing; nothing is
            filled. A slower timeframe's value is that of its last bar that has closed when the
            row's bar closes (SEMANTICS 1.3, 2.10).

        Raises
        ------
        BundleError
            If the bars are of another interval.
        DataError, UsageError
            If a price is missing or not above 0, or a column is missing.
        """
        interval = Interval.parse(interval)
        if interval != self.base:
            raise BundleError(
                f"The model reads {self.base.adjective} bars, and these are {interval.adjective}.",
                hint=f"Run it with --interval {self.base}.",
                details={"interval": str(interval), "trained": str(self.base)},
            )
        checked = FeatureSet(
            bars, bars_per_year=1.0, calendar=calendar, interval=interval, start=start, copy=False
        )
        rows = np.empty((len(bars), len(self.features)))
        frames: dict[Interval, _Frame] = {}
        for place, feature in enumerate(self.features):
            frame = frames.get(feature.interval)
            if frame is None:
                frame = frames[feature.interval] = _Frame.of(checked, begin, feature.interval)
            rows[:, place] = frame.as_of(feature.values(frame.column(feature.line)))
        rows[:begin] = np.nan
        rows[~np.isfinite(rows)] = np.nan
        return rows


@dataclass(frozen=True)
class _Frame:
    """Bars of one timeframe, with the lines that were asked for.

    Each bar that features are wanted of has its place among them: itself or, of a slower timeframe,
    the last that has closed by then; -1 for none.
    """

    bars: Mapping[str, Array]
    places: NDArray[np.int64]
    lines: dict[str, tuple[Array, ...]]
    columns: dict[str, Array]

    @classmethod
    def of(cls, bars: FeatureSet, begin: int, interval: Interval) -> _Frame:
        if interval == bars.interval:
            own = {name: bars.raw(name)[begin:] for name in SOURCES}
            return cls(own, np.maximum(np.arange(len(bars)) - begin, -1), {}, {})
        slower = slower_features(bars, interval)
        known = slower.features
        own = {name: np.empty(0) if known is None else known.raw(name) for name in SOURCES}
        return cls(own, slower.last_closed, {}, {})

    def column(self, line: Line) -> Array:
        """Return a line's column; missing before its lookback, whatever the formula gives there."""
        found = self.columns.get(line.formula)
        if found is None:
            count, lookback = len(self.bars["close"]), line.lookback
            found = np.full(count, np.nan)
            if count > lookback:
                found[lookback:] = self._lines(line)[line.output][lookback:]
                found[np.isinf(found)] = np.nan
            self.columns[line.formula] = found
        return found

    def _lines(self, line: Line) -> tuple[Array, ...]:
        key = line.indicator.formula
        if key not in self.lines:
            self.lines[key] = line.indicator.kind.lines(self.bars, line.indicator.parameters)
        return self.lines[key]

    def as_of(self, values: Array) -> Array:
        """Return a column of these bars as it is known at each bar."""
        return np.append(values, np.nan)[self.places]


def _missing(missing: list[str], wanted: list[str], own: list[str]) -> BundleError:
    if not missing:
        twice = next(name for name in wanted if wanted.count(name) > 1)
        return BundleError(
            f"resolved_features names {quoted(twice)} twice.",
            hint="Each input of a network has a name of its own: save the bundle again.",
            details={"twice": sorted({name for name in wanted if wanted.count(name) > 1})},
        )
    close = {name: near(name, own) for name in missing[:_SHOWN]}
    likely = "; ".join(
        f"{name} may be {' or '.join(found)} here" for name, found in close.items() if found
    )
    return BundleError(
        f"{len(missing)} of the {count_of(len(wanted), 'feature')} that the model was trained on "
        f"{'is' if len(missing) == 1 else 'are'} not in its definition: "
        f"{some_of(missing, most=_SHOWN)}.",
        hint=f"Its metadata was changed, or is another model's: {likely or 'restore it'}.",
        details={"missing": missing, "trained": wanted, "defined": own},
    )


def _reordered(wanted: list[str], here: list[str]) -> BundleError:
    at = next(
        place for place, pair in enumerate(zip(wanted, here, strict=True)) if len({*pair}) > 1
    )
    shown = slice(at, at + _SHOWN)
    return BundleError(
        f"The features are in another order than in training, from feature {at} on: the model "
        f"learnt {', '.join(wanted[shown])}, and the definition gives {', '.join(here[shown])}.",
        hint="Put nn_inputs and memberships back into the order of the training.",
        details={"first_difference": at, "trained": wanted, "defined": here},
    )
