"""Whether anything that a run decides by hangs on bars that came later."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions.nodes import Of, On
from btkit.data.declared import ready_column
from btkit.data.info import format_time
from btkit.decisions import Clauses
from btkit.indicators import plain_values
from btkit.indicators.causality import ROUNDING, changed_bars
from btkit.simulation import Inputs, Result
from btkit.simulation.lookahead import Leak, LeakKind, Lookahead
from btkit.validation.foresight import foreseeing_columns
from btkit.validation.futures import (
    ALTERATIONS,
    CUT_OFF,
    HALVED,
    MISSING_BEFORE,
    altered,
    cut_off,
    halved,
    optional_columns,
    window,
    with_gap,
)
from btkit.validation.sampling import sampled_bars
from btkit.validation.traces import Series, trace

_FEW = 5
_ORDER = get_args(LeakKind)
# Of each slower interval a part of a long run has so many bars before a cut, and as many more as a
# bundle looks back, as far as that is not more history than can be worked out again and again.
_SLOWER_BARS, _MOST_HISTORY = 60, 50_000
# Bars before the first output of a model, at most.
_LONGEST_LEAD = 2_000


@dataclass(frozen=True)
class Extent:
    """How much history and future stand around a bar at which a check cuts.

    Parameters
    ----------
    all_of
        A run of no more bars is always worked out from its own beginning.
    before, after
        Bars of a longer run, on either side of the cut.
    """

    all_of: int
    before: int
    after: int


# The longest lookback of btkit's own is 1,498 bars, and `on` sees 600 slower ones.
THOROUGH = Extent(all_of=100_000, before=30_000, after=2_000)
"""Of the command: seconds."""
BRIEF = Extent(all_of=10_000, before=4_000, after=1_000)
"""Of every run: milliseconds, however long it is."""


@dataclass
class _Findings:
    index: pd.DatetimeIndex
    leaks: dict[tuple[str, str], Leak] = field(default_factory=dict)
    checks: int = 0

    def compare(
        self,
        before: Sequence[Series],
        after: Sequence[Series],
        *,
        first: int,
        cut: int,
        how: str,
    ) -> None:
        """Note what is another value up to a cut.

        Parameters
        ----------
        before, after
            Series from the bar `first` of the run on.
        first, cut
            Places in the run.
        how
            What was done to the bars after the cut.
        """
        self.checks += 1
        # Of code that somebody registered the sums may round otherwise over another length, and
        # what is compared with them may be met elsewhere.
        rounded: set[str] = set()
        known = slice(cut - first + 1)
        for ours, again in zip(before, after, strict=True):
            changed = changed_bars(ours.column[known], again.column[known], rounding=0.0)
            if not changed.any() or not rounded.isdisjoint(ours.reads):
                continue
            if not ours.is_own:
                changed = changed_bars(ours.column[known], again.column[known])
            if not changed.any():
                rounded.update(ours.reads if ours.kind == "feature" else {ours.name})
            else:
                self.note(ours, again, first=first, bar=int(changed.argmax()), cut=cut, how=how)

    def note(
        self, ours: Series, again: Series, *, first: int, bar: int, cut: int, how: str
    ) -> None:
        """Keep the first leak of each name."""
        self.leaks.setdefault(
            (ours.kind, ours.name),
            Leak(
                name=ours.name,
                kind=ours.kind,
                bar=format_time(self.index[first + bar]),
                known_until=format_time(self.index[cut]),
                altered=how,
                was=ours.shown(bar),
                became=again.shown(bar),
            ),
        )

    def in_order(self) -> tuple[Leak, ...]:
        """Return the leaks, causes before effects."""
        return tuple(sorted(self.leaks.values(), key=lambda leak: _ORDER.index(leak.kind)))


def check_lookahead(
    inputs: Inputs,
    result: Result,
    *,
    bars: int = 50,
    seed: int = 0,
) -> Lookahead:
    """Work a run out again without its future, and with others, at sampled bars.

    At each bar the later ones are cut off, then shuffled, scaled, made flat and emptied of
    optional values; and cut off once more where optional values just before are missing. Every
    feature, output, condition and decision up to the bar has to be the same to the bit: each is
    worked out from the oldest bar to the newest, or from a window, so that nothing is added up in
    another order. Only code that users registered may differ by 1e-9, as where it is registered,
    because a library may add up arrays of another length in another order.

    Adjusted prices are levels that hang on later splits and dividends by nature, so the future is
    altered after the adjustment. Where the spec adjusts prices, all of them are halved instead, as
    a later split would halve them: a condition that is then met elsewhere compares with a level.

    Parameters
    ----------
    inputs
        What `check_inputs` returned, of any kind of spec.
    result
        What `simulate_inputs` made of them.
    bars
        At how many bars, at least the first deciding one and the last but one.
    seed
        Of the choice of bars, and of what is random in their future.

    Returns
    -------
    Lookahead
        Of a run of more than 100,000 bars each comparison but two is of 30,000 bars of history
        before a cut and of 2,000 after it.

    Notes
    -----
    No difference at the sampled bars is no proof for the others, but a cause that acts everywhere,
    such as a centred window or a scale over the whole run, shows at any of them.
    """
    inputs, rng, clauses = _scored(inputs, result), np.random.default_rng(seed), result.clauses
    cuts = sampled_bars(inputs, first=result.outcome.start, count=bars, rng=rng)
    found = _Findings(pd.DatetimeIndex(inputs.bars.index))
    for part in _parts(inputs, cuts, THOROUGH, clauses):
        before = trace(part.inputs, clauses)
        for cut in part.cuts:
            _cut(found, part, before, clauses, cut)
            _alter(found, part, before, clauses, cut, rng)
            _cut_after_gap(found, part, clauses, cut)
    whole = len(inputs.bars) <= THOROUGH.all_of
    if not whole and cuts:
        part = _Part(inputs, 0, sorted({cuts[0], cuts[-1]}))
        before = trace(inputs, clauses)
        for cut in part.cuts:
            _cut(found, part, before, clauses, cut)
    if inputs.spec.price_adjustment != "none":
        _halve(found, inputs, clauses)
    for leak in foreseeing_columns(inputs, clauses):
        found.leaks[leak.kind, leak.name] = leak
    return Lookahead(found.checks, len(cuts), whole, found.in_order())


def check_briefly(inputs: Inputs, result: Result) -> Lookahead:
    """Work a run out again without its future at a handful of bars; its short form, for every run.

    Parameters
    ----------
    inputs
        What was simulated.
    result
        What came of it.

    Returns
    -------
    Lookahead
        Of a run of more than 10,000 bars each comparison is of 4,000 bars of history before a cut
        and 1,000 after it, so that the longest run takes no longer than a short one. A model takes
        longer for a bar than conditions do: of its run there are three comparisons, of 300 bars
        before a cut beyond the first bar on which it has an output, and 60 after it.
    """
    inputs = _scored(inputs, result)
    rng, first = np.random.default_rng(0), result.outcome.start
    extent, count = (_brief_of(inputs), 3) if inputs.outputs else (BRIEF, _FEW)
    cuts = sampled_bars(inputs, first=first, count=count, rng=rng)
    found = _Findings(pd.DatetimeIndex(inputs.bars.index))
    for part in _parts(inputs, cuts, extent, result.clauses):
        before = trace(part.inputs, result.clauses)
        for cut in part.cuts:
            _cut(found, part, before, result.clauses, cut)
    return Lookahead(found.checks, len(cuts), len(inputs.bars) <= extent.all_of, found.in_order())


def _scored(inputs: Inputs, result: Result) -> Inputs:
    # Bars that a model was trained on are before what is scored, whose history is its own.
    start = result.outcome.start
    return inputs if start == inputs.start else inputs.deciding_from(start)


def _brief_of(inputs: Inputs) -> Extent:
    seen = slice(inputs.asked.begin, None)
    known = [np.isfinite(output[seen]) for output in inputs.outputs.values()]
    leads = [int(present.argmax()) for present in known if present.any()]
    # A model that is known only from a date on has no output before it, and needs no bars for that.
    lead = max((lead for lead in leads if lead <= _LONGEST_LEAD), default=0)
    return Extent(all_of=1_000, before=lead + 300, after=60)


def compare_loaded(
    whole: pd.DataFrame, again: pd.DataFrame, *, cut: int, how: str
) -> tuple[Leak, ...]:
    """Return the columns of loaded bars that are others once they are loaded as of an earlier bar.

    Parameters
    ----------
    whole, again
        Bars as a run has them, and as they are loaded then.
    cut
        The place of that bar.
    how
        What was not there for the loader.
    """
    found = _Findings(pd.DatetimeIndex(whole.index))
    known = whole.iloc[: cut + 1]
    same = again.reindex(index=known.index, columns=known.columns)
    before, after = (
        [Series("bars", str(name), values) for name, values in _numbers(part, known)]
        for part in (known, same)
    )
    found.compare(before, after, first=0, cut=cut, how=how)
    return found.in_order()


def _numbers(
    bars: pd.DataFrame, known: pd.DataFrame
) -> Iterator[tuple[Hashable, NDArray[np.float64]]]:
    for name in known.columns:
        both = pd.concat([known[name], bars[name]])
        if isinstance(known[name].dtype, pd.CategoricalDtype):
            # Another history has other texts: those of both, in one order.
            both = ready_column(both.astype(object), str(name))
        yield name, plain_values(both)[len(known) :]


@dataclass(frozen=True)
class _Part:
    # Bars from the run's bar `first` on, and the cuts that are made in them.

    inputs: Inputs
    first: int
    cuts: list[int]


def _parts(inputs: Inputs, cuts: list[int], extent: Extent, clauses: Clauses) -> Iterator[_Part]:
    if len(inputs.bars) <= extent.all_of:
        yield _Part(inputs, 0, cuts)
        return
    before = _history(inputs, extent, clauses)
    for cut in cuts:
        first = max(0, cut + 1 - before)
        last = min(len(inputs.bars), cut + 1 + extent.after)
        yield _Part(window(inputs, first, last), first, [cut])


def _history(inputs: Inputs, extent: Extent, clauses: Clauses) -> int:
    # A slower bar is made of many, and a bundle, or a call over time, says how many it needs.
    calendar, needed = inputs.spec.calendar, dict(inputs.slower_lookbacks)
    own, reach = inputs.annualisation.bars_per_year, 0
    for column, bars in clauses.columns().items():
        if isinstance(column, Of):
            continue  # of another instrument 600 earlier bars are always there
        if isinstance(column, On):
            needed[column.interval] = max(needed.get(column.interval, 0), bars)
        else:
            reach = max(reach, bars)
    wanted = [
        int((needed.get(slower, 0) + _SLOWER_BARS) * own / slower.bars_per_year(calendar))
        for slower in inputs.slower_intervals
    ]
    return max(extent.before + reach, *(min(bars, _MOST_HISTORY) for bars in wanted), 0)


def _cut(found: _Findings, part: _Part, before: list[Series], clauses: Clauses, cut: int) -> None:
    after = trace(cut_off(part.inputs, cut - part.first), clauses)
    found.compare(before, after, first=part.first, cut=cut, how=CUT_OFF)


def _alter(
    found: _Findings,
    part: _Part,
    before: list[Series],
    clauses: Clauses,
    cut: int,
    rng: np.random.Generator,
) -> None:
    for how in ALTERATIONS:
        after = trace(altered(part.inputs, cut - part.first, how, rng), clauses)
        found.compare(before, after, first=part.first, cut=cut, how=how)


def _cut_after_gap(found: _Findings, part: _Part, clauses: Clauses, cut: int) -> None:
    beside = [other.bars for other in part.inputs.others.values()]
    if any(map(optional_columns, (part.inputs.bars, *beside))):
        gap = with_gap(part.inputs, cut - part.first)
        after = trace(cut_off(gap, cut - part.first), clauses)
        how = MISSING_BEFORE
        found.compare(trace(gap, clauses), after, first=part.first, cut=cut, how=how)


def _halve(found: _Findings, inputs: Inputs, clauses: Clauses) -> None:
    first = max(0, len(inputs.bars) - THOROUGH.all_of)
    part = window(inputs, first, len(inputs.bars))
    before = trace(part, clauses)
    # Each instrument has splits of its own.
    for symbol in (None, *part.others):
        found.checks += 1
        for ours, again in zip(before, trace(halved(part, symbol), clauses), strict=True):
            # Features, sizes and what is compared with a position may well be levels.
            is_met = ours.kind == "condition" and ours.column.dtype == np.bool_
            if is_met or ours.kind == "output":
                rounding = 0.0 if is_met else ROUNDING
                changed = changed_bars(ours.column, again.column, rounding=rounding)
                if changed.any():
                    last, bar = len(inputs.bars) - 1, int(changed.argmax())
                    found.note(ours, again, first=first, bar=bar, cut=last, how=HALVED)
