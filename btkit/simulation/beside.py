"""Bars that stand beside those of a run: a benchmark's, and other instruments' (SEMANTICS 2.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from btkit.arguments import is_text, kind_of_value, shown
from btkit.data import (
    DataInfo,
    Finding,
    GivenBars,
    adjust_prices,
    describe_bars,
    judge_splits_again,
    take_bars,
)
from btkit.errors import DataError, NoDataError, UsageError
from btkit.indicators import OtherBars
from btkit.markets import Annualisation, Interval, infer_interval
from btkit.spec import BaseSpec
from btkit.spelling import listed


@dataclass(frozen=True, eq=False)
class OtherInstrument(OtherBars):
    """Another instrument whose bars conditions read.

    Parameters
    ----------
    symbol
        Its own.
    interval
        Of its bars.
    places
        Where the spec reads it.
    is_assumed
        Whether nobody said its calendar, so that it is the spec's.
    quality, stated
        What was found in its bars, and what a loader said of them.
    """

    symbol: str = ""
    interval: Interval = Interval.DAY
    places: tuple[str, ...] = ()
    is_assumed: bool = False
    quality: list[Finding] = field(default_factory=list)
    stated: DataInfo | None = None

    def described(self, seen: pd.DatetimeIndex, begins: pd.Timestamp) -> DataInfo:
        """Return where its bars come from, and what was found in them.

        Parameters
        ----------
        seen
            The times of those that a run saw; of none all are described.
        begins
            The first bar of the run.
        """
        times = seen if len(seen) else pd.DatetimeIndex(self.bars.index)
        described = describe_bars(
            times,
            start=min(int(times.searchsorted(begins)), len(times) - 1),
            interval=self.interval,
            calendar=self.calendar,
            findings=self.quality,
            stated=self.stated,
        )
        return described.model_copy(update={"symbol": self.symbol})


def take_others(
    given: Mapping[str, pd.DataFrame],
    spec: BaseSpec,
    index: pd.DatetimeIndex,
    *,
    measured: Annualisation,
) -> dict[str, OtherInstrument]:
    """Check the bars of the other instruments that a spec reads, and adjust them as the run's are.

    Parameters
    ----------
    given
        By symbol; what the spec does not read is left out.
    spec
        Names them, their calendars, and the price adjustment.
    index
        Of the run's bars.
    measured
        Their interval.

    Raises
    ------
    UsageError
        If bars are missing, or of another interval.
    DataError
        If they are broken, or cannot be adjusted; of no bars `NoDataError`.
    """
    found = {}
    missing = [symbol for symbol in spec.others_read if symbol not in given]
    if missing:
        raise _not_handed_over(spec, missing)
    for symbol in spec.others_read:
        places = tuple(spec.places_of(symbol))
        whose = f"the bars of {symbol}, which {listed(places)} {_read(places)},"
        columns = spec.columns_read_of(symbol)
        stated_calendar = spec.calendars.get(symbol)
        taken = take_beside(given[symbol], spec, whose, calendar=stated_calendar, columns=columns)
        own = pd.DatetimeIndex(taken.bars.index)
        if own.empty:
            raise NoDataError(
                f"{whose} are none", hint="hand over some, or leave what reads them out"
            )
        known = stated_calendar or (None if taken.stated is None else taken.stated.calendar)
        check_same_interval(taken, index, measured, whose, argument="bars")
        found[symbol] = OtherInstrument(
            taken.bars,
            known or spec.calendar,
            spec.events.of(symbol),
            columns,
            symbol=symbol,
            interval=measured.interval,
            places=places,
            is_assumed=known is None,
            quality=taken.findings,
            stated=taken.stated,
        )
    return found


def take_beside(
    given: object,
    spec: BaseSpec,
    whose: str,
    *,
    calendar: str | None = None,
    columns: Sequence[str] = (),
) -> GivenBars:
    """Check bars that stand beside a run's, and adjust their prices as the spec says for these.

    Parameters
    ----------
    given
        Bars, as `simulate` takes them.
    spec
        Calendar and price adjustment.
    whose
        What they are called at the beginning of a sentence.
    calendar
        Their own; None takes the spec's.
    columns
        Further ones that are wanted.

    Raises
    ------
    DataError
        If they are broken, or cannot be adjusted.
    """
    try:
        taken = take_bars(given, calendar=calendar or spec.calendar, columns=columns)
        bars, findings = taken.bars, taken.findings
        if spec.price_adjustment != "none" and len(bars):
            bars = adjust_prices(bars, spec.price_adjustment)
            findings = judge_splits_again(findings, bars)
    except DataError as error:
        raise DataError(
            f"{whose} cannot be used: {error.message}",
            hint=error.hint,
            details=error.details,
        ) from error
    bars = bars.copy()
    if taken.stated is not None:
        bars.attrs["btkit"] = taken.stated.model_dump()
    return GivenBars(bars, findings, taken.stated, taken.interval)


def check_same_interval(
    taken: GivenBars, index: pd.DatetimeIndex, measured: Annualisation, whose: str, *, argument: str
) -> None:
    """Refuse bars that are of another interval than a run's.

    Parameters
    ----------
    taken
        The bars beside them.
    index, measured
        The times of the run's bars, and their interval.
    whose
        What the others are called.
    argument
        Which argument they came by.

    Raises
    ------
    UsageError
        If they are.
    """
    own = pd.DatetimeIndex(taken.bars.index)
    interval = infer_interval(own, stated=taken.interval) if len(own) else measured.interval
    if interval == measured.interval and (own.tz is None) == (index.tz is None):
        return
    raise UsageError(
        f"{whose} are of {interval}, those of the run of {measured.interval}",
        hint="give bars of the same interval",
        details={"argument": argument, "interval": str(interval)},
    )


def choose_traded(
    bars: object, symbol: str | None
) -> tuple[object, Mapping[str, pd.DataFrame], str | None]:
    """Return the bars that are traded, all frames by symbol, and the symbol of the traded ones.

    Parameters
    ----------
    bars
        A frame, or frames by symbol.
    symbol
        Which of several is traded.

    Raises
    ------
    UsageError
        If nobody says it, or what is said is none of them.
    """
    if not isinstance(bars, Mapping):
        if symbol is None:
            return bars, {}, None
        raise UsageError(
            f"symbol says which of several frames is traded, and the bars are "
            f"{kind_of_value(bars)}",
            hint='leave symbol out, or hand over frames by symbol: {"SPX": bars, "SPY": other}',
            details={"argument": "symbol"},
        )
    if symbol is None and len(bars) == 1:
        symbol = next(iter(bars))
    if not is_text(symbol) or symbol not in bars:
        said = (
            "nothing says which of them is traded" if symbol is None else f"none is {shown(symbol)}"
        )
        raise UsageError(
            f"there are bars of {listed(list(map(str, bars))) or 'nothing'}, and {said}",
            hint=f'write for example symbol="{next(iter(bars), "SPX")}"',
            details={"argument": "symbol"},
        )
    return bars[symbol], bars, symbol


def _not_handed_over(spec: BaseSpec, missing: Sequence[str]) -> UsageError:
    [first, *_] = missing
    places = spec.places_of(first)
    others = ", ".join(f'"{symbol}": bt.load_bars("{symbol}", start, end)' for symbol in missing)
    return UsageError(
        f"{listed(places)} {_read(places)} {first}, and its bars were not handed over",
        hint=f'hand frames over by symbol: {{"SPX": bars, {others}}}, with the symbol that is '
        "traded",
        details={"argument": "bars", "missing": list(missing), "places": places},
    )


def _read(places: Sequence[str]) -> str:
    return "reads" if len(places) == 1 else "read"
