"""The columns of one set of bars, each computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.errors import DataError, UsageError
from btkit.indicators.announcements import KNOWN, NO_DATES, EventDates, announcements
from btkit.indicators.arrays import Array, Mask
from btkit.indicators.base import Definition
from btkit.indicators.declared import DeclaredColumns, define_declared
from btkit.indicators.event_names import define_event, split_event_name
from btkit.indicators.names import closest_names, name_hint
from btkit.indicators.other_bars import NO_OTHERS, OtherBars
from btkit.indicators.registry import define, is_truth_value, lookup, split_previous
from btkit.markets import Days, Interval, bar_dates

T = TypeVar("T")
S = TypeVar("S", bound=np.generic)
REQUIRED = ("open", "high", "low", "close", "volume")
LONG = 250_000
"""Bars from which on a column takes so much room, 2 MB, that it is rather computed twice."""
NO_EVENTS: Mapping[str, EventDates] = MappingProxyType({})
OPTIONAL = ("iv_rank", "iv_percentile", "current_iv", "vix")


class FeatureSet:
    """Indicator columns over one set of bars.

    A column is computed when it is first asked for and kept; columns that share a calculation,
    such as MACD's three lines, share its result.

    Parameters
    ----------
    bars
        Checked bars: ascending DatetimeIndex (dates for daily and longer bars, UTC open times
        for intraday ones), columns open, high, low, close and volume without NaN, optionally
        iv_rank, iv_percentile, current_iv and vix with NaN where they are not known.
    bars_per_year
        Bars in a year, for annualised volatility.
    calendar
        A name of `exchange_calendars`, for expiries and the session dates of intraday and of
        weekly or longer bars.
    interval
        Of the bars, or its label.
    events
        The dates of the user's events, by name, that concern the bars' instrument.
    start, begin
        The first deciding bar, and the first bar that columns are worked out from: earlier ones
        are there for bars of slower intervals alone (see `slower_features`), and columns are
        missing on them.
    columns
        The columns that a spec declares, which are names here, too.
    others
        Other instruments' bars beside these, by symbol.
    texts
        What declared columns of other bars say, which are compared with these.
    copy
        Whether later changes to `bars` must not reach it.

    Raises
    ------
    UsageError
        If the bars lack a required column.
    DataError
        If a price is missing or not above 0, or a volume is missing or below 0.

    Examples
    --------
    >>> bars = pd.DataFrame(
    ...     {"open": 1.0, "high": 2.0, "low": 1.0, "close": [1.0, 2.0], "volume": 10.0},
    ...     index=pd.DatetimeIndex(["2024-01-04", "2024-01-05"]),
    ... )
    >>> FeatureSet(bars, bars_per_year=252.0).column("prev_close")
    array([nan,  1.])
    """

    def __init__(  # noqa: PLR0913 - what may be said of bars
        self,
        bars: pd.DataFrame,
        *,
        bars_per_year: float,
        calendar: str = "XNYS",
        interval: Interval | str = Interval.DAY,
        events: Mapping[str, EventDates] = NO_EVENTS,
        start: int = 0,
        begin: int = 0,
        columns: Iterable[str] = (),
        others: Mapping[str, OtherBars] = NO_OTHERS,
        texts: Iterable[str] = (),
        copy: bool = True,
    ) -> None:
        self.bars_per_year = bars_per_year
        self.calendar = calendar
        self.interval = Interval.parse(interval)
        self.start, self.begin = start, begin
        self.events = events
        self.index = cast("pd.DatetimeIndex", bars.index)
        self.others = others
        beside = (DeclaredColumns.of(each.bars, each.columns).texts for each in others.values())
        self.declared = DeclaredColumns.of(bars, columns, texts=chain(texts, *beside))
        self._as_declared = {name: bars[name] for name in self.declared.kinds}
        self._seen: FeatureSet | None = None
        if begin:
            self._seen = FeatureSet(
                bars.iloc[begin:], bars_per_year=bars_per_year, calendar=calendar,
                interval=interval, events=events, columns=self.declared.kinds,
                texts=self.declared.texts, copy=copy,
            )  # fmt: skip
        found = _bar_columns(bars)
        found |= {name: self.declared.values(column) for name, column in self._as_declared.items()}
        self._raw = {
            name: _read_only(values.copy() if copy else values) for name, values in found.items()
        }
        self._columns: dict[str, Array] = {}
        self._fallbacks: dict[str, Mask | None] = {}
        self._unknowns: dict[str, Mask | None] = {}
        self._shared: dict[Hashable, object] = {}
        self._lasting: dict[Hashable, object] = {}

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.index)

    @property
    def bars(self) -> pd.DataFrame:
        """The columns of the bars that can be read, as they are."""
        return pd.DataFrame(self._raw | self._as_declared, index=self.index)

    @property
    def dates(self) -> Days:
        """Session date of each bar, datetime64[D]; the last one of weekly and longer bars."""

        def compute() -> Days:
            return bar_dates(self.index, self.interval, calendar=self.calendar)

        return self.shared("dates", compute)

    def event(self, name: str) -> EventDates:
        """Return the dates of an event, the package's own or one that was handed over.

        Parameters
        ----------
        name
            Such as ``fomc``.

        Returns
        -------
        EventDates
            Without any date where there is no such event.
        """
        return announcements(name) if name in KNOWN else self.events.get(name, NO_DATES)

    def shared(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return an intermediate result, computed when it is first asked for.

        Parameters
        ----------
        key
            Names the result.
        compute
            Called once.

        Returns
        -------
        object
            What `compute` returned.
        """
        if key not in self._shared:
            self._shared[key] = compute()
        return cast("T", self._shared[key])

    def lasting(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return an intermediate result as `shared` does, which `forget` does not let go of."""
        if key not in self._lasting:
            self._lasting[key] = compute()
        return cast("T", self._lasting[key])

    def raw(self, name: str) -> Array:
        """Return a column of the bars as it is.

        Parameters
        ----------
        name
            Such as ``vix``.

        Returns
        -------
        Array
            All NaN where the bars have no such column.
        """
        if name not in self._raw:
            self._raw[name] = _read_only(np.full(len(self), np.nan))
        return self._raw[name]

    def column(self, name: str) -> Array:
        """Return the column of a per-bar name.

        Parameters
        ----------
        name
            A documented name, a member of a family, or ``prev_`` before one.

        Returns
        -------
        Array
            Shape (n_bars,), float64, C-contiguous, read-only. NaN or infinite where it is
            missing; a bool name has 1.0 and 0.0, a text the number that `declared` gives it.

        Raises
        ------
        UsageError
            If the name has no column: it is unknown, or describes the position.
        """
        found = self._columns.get(name)
        if found is not None:
            return found
        depth, base, definition = self._resolve(name)
        if self._seen is not None:
            values = _after(self.begin, self._seen.column(name), np.nan)
        elif depth:
            values = _shift(self.column(base), depth, np.nan)
        else:
            # Only prev_ names and names of the position come without a computation.
            compute = cast("Callable[[FeatureSet], Array]", definition.compute)
            values = compute(self)
        self._columns[name] = _read_only(values)
        return self._columns[name]

    def is_truth_value(self, name: str) -> bool:
        """Return whether a name's values are truth values."""
        kind = self.declared.kinds.get(split_previous(name)[1])
        return is_truth_value(name) if kind is None else kind == "bool"

    def is_text(self, name: str) -> bool:
        """Return whether a name's values are texts, which only those of declared columns are."""
        return self.declared.kinds.get(split_previous(name)[1]) == "text"

    def keep(self, name: str, values: Array) -> None:
        """Keep other memory with the same numbers as a column, and let its own go.

        Parameters
        ----------
        name
            A name whose column has been asked for.
        values
            Equal to it; made read-only.
        """
        self._columns[name] = _read_only(values)

    def forget(self) -> bool:
        """Let go of what was computed over a long run; asked for again, it is computed again.

        Returns
        -------
        bool
            Whether the run is long.
        """
        long = len(self) >= LONG
        if long:
            self._columns.clear()
            self._shared.clear()
            if self._seen is not None:
                self._seen.forget()
        return long

    def fallback(self, name: str) -> Mask | None:
        """Return the bars whose value rests on a documented fallback.

        Parameters
        ----------
        name
            A per-bar name.

        Returns
        -------
        Mask or None
            Shape (n_bars,), read-only; None for a name that cannot fall back. A name that is
            computed from another inherits its fallbacks.

        Raises
        ------
        UsageError
            If the name has no column.
        """
        if name not in self._fallbacks:
            self._fallbacks[name] = self._inherited(name, "fallback")
        return self._fallbacks[name]

    def unknown(self, name: str) -> Mask | None:
        """Return the bars on which an event column lies outside its known years.

        Parameters
        ----------
        name
            A per-bar name.

        Returns
        -------
        Mask or None
            Shape (n_bars,), read-only; None for a name whose years do not end.

        Raises
        ------
        UsageError
            If the name has no column.
        """
        if name not in self._unknowns:
            self._unknowns[name] = self._inherited(name, "unknown")
        return self._unknowns[name]

    def _inherited(self, name: str, kind: str) -> Mask | None:
        depth, base, definition = self._resolve(name)
        if self._seen is not None:
            seen = getattr(self._seen, kind)(name)
            return None if seen is None else _read_only(_after(self.begin, seen, False))
        masks: list[Mask] = []
        if depth:
            below = getattr(self, kind)(base)
            if below is not None:
                masks.append(_shift(below, depth, False))
        else:
            own = getattr(definition, kind)
            if own is not None:
                masks.append(own(self))
            needed = (getattr(self, kind)(need) for need in definition.indicator.needs)
            masks.extend(mask for mask in needed if mask is not None)
        return _read_only(np.logical_or.reduce(masks)) if masks else None

    def _resolve(self, name: str) -> tuple[int, str, Definition]:
        depth, base = split_previous(name)
        declared = self.declared.kinds.get(base)
        definition = define(base) if declared is None else define_declared(base)
        wanted = None if definition is not None else split_event_name(base)
        if wanted is not None and wanted.event in self.events:
            definition = define_event(wanted)
        if definition is not None and definition.compute is not None:
            return depth, base, definition
        indicator = lookup(name)
        if indicator is not None:
            raise UsageError(
                f"{name!r} describes the position and has no column.",
                hint="Use it in a condition; the simulation fills it in.",
                details={"name": name},
            )
        raise UsageError(
            f"There is no indicator {name!r}.",
            hint=name_hint(name),
            details={"name": name, "closest": closest_names(name)},
        )


def _bar_columns(bars: pd.DataFrame) -> dict[str, Array]:
    # TA-Lib turns a NaN into a plausible number, so none may come in.
    missing = [name for name in REQUIRED if name not in bars.columns]
    if missing:
        raise UsageError(
            f"The bars have no column {missing[0]!r}.",
            hint=f"Bars need the columns {', '.join(REQUIRED)}.",
            details={"missing": missing},
        )
    columns = {name: _floats(bars[name]) for name in (*REQUIRED, *OPTIONAL) if name in bars.columns}
    for name in REQUIRED:
        values = columns[name]
        good = np.isfinite(values) & ((values >= 0.0) if name == "volume" else (values > 0.0))
        if not good.all():
            dates = [str(when) for when in bars.index[~good][:20]]
            raise DataError(
                f"The bars have a missing or impossible {name} on {len(good) - good.sum()} bars, "
                f"first on {dates[0]}.",
                hint="Repair or drop those bars.",
                details={"column": name, "dates": dates},
            )
    return columns


def _floats(column: pd.Series[float]) -> Array:
    # With a value for what is missing, pandas copies even where nothing can be.
    if column.dtype == np.float64:
        return np.asarray(column, dtype=np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _shift(values: npt.NDArray[S], bars: int, fill: float) -> npt.NDArray[S]:
    moved = np.full_like(values, fill)
    moved[bars:] = values[:-bars]
    return moved


def _after(bars: int, values: npt.NDArray[S], fill: float) -> npt.NDArray[S]:
    return np.concatenate([np.full(bars, fill, values.dtype), values])


def _read_only(values: npt.NDArray[S]) -> npt.NDArray[S]:
    frozen = np.ascontiguousarray(values).view()
    frozen.flags.writeable = False
    return frozen
