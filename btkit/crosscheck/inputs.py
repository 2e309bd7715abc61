"""What the plain simulation takes from the rest of btkit: columns, sessions, and a year.

Nothing else of btkit is imported here, above all nothing that decides, fills, prices or measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from btkit.crosscheck.beside import Beside, column_beside
from btkit.crosscheck.detail import FinerFrame, Matching, finer_bars
from btkit.crosscheck.dividends import Dividends, PaidColumns
from btkit.crosscheck.evaluation import (
    calls_as_of,
    declared_column,
    filled_in,
    names_in,
    plain_column,
)
from btkit.crosscheck.orders_inside import OrdersInside
from btkit.crosscheck.over_time import OverTime
from btkit.crosscheck.records import Cell, Instrument
from btkit.crosscheck.sides import EitherSide
from btkit.crosscheck.slower import Resampling, slower_column
from btkit.crosscheck.spreads import Spreads
from btkit.crosscheck.walk import Walk
from btkit.indicators import NO_OTHERS, POSITION_NAMES, FeatureSet, OtherBars, is_truth_value
from btkit.markets import Annualisation, schedule
from btkit.spec import BaseSpec

BOOKS: Mapping[str, type[Walk[Any]]] = {"rules": OrdersInside, "options": Spreads}
"""For each kind of spec, what its lots are."""


def book_of(spec: BaseSpec) -> type[Walk[Any]]:
    """Return the rules of a spec: by its kind, and by how many sides it takes."""
    book = BOOKS[spec.kind]
    return EitherSide if book is OrdersInside and spec.takes_both_sides else book


# Longer than any closure of an exchange.
_MARGIN = pd.Timedelta(days=14)


def as_instrument(  # noqa: PLR0913 - bars, what is beside them, and each kind of rules
    spec: BaseSpec,
    bars: pd.DataFrame,
    annualisation: Annualisation,
    *,
    symbol: str,
    start: int = 0,
    begin: int = 0,
    resampling: type[Resampling] = Resampling,
    over_time: type[OverTime] = OverTime,
    others: Mapping[str, OtherBars] = NO_OTHERS,
    knowing: type[Beside] = Beside,
    paying: type[Dividends] = Dividends,
    finer: FinerFrame | None = None,
    detailing: type[Matching] = Matching,
) -> Instrument:
    """Return bars and their columns as plain lists.

    Parameters
    ----------
    spec
        Names the columns.
    bars
        Checked and adjusted, with the column of each classifier.
    annualisation
        Of these bars and this spec.
    symbol
        Whose bars they are; empty where it is not known.
    start, begin
        The first deciding bar, and the first one that names outside of `on` see (1.3).
    resampling, over_time, knowing, paying, detailing
        The rules by which `on` makes slower bars, those of calls over time, those by which `of`
        knows the bars of another instrument, those by which bars tell dividends, and those by
        which finer bars are inside of a bar.
    finer
        Bars of a finer interval; None without any.
    others
        The other instruments, by symbol.
    """
    expressions = book_of(spec).expressions(spec)
    names = set().union(*map(names_in, expressions)) - POSITION_NAMES - {"risk_pct", "multiplier"}
    events = spec.events.of(symbol or None)
    features = FeatureSet(
        bars.iloc[begin:],
        bars_per_year=annualisation.bars_per_year,
        calendar=spec.calendar,
        interval=annualisation.interval,
        events=events,
    )
    own = {name: bars[name].tolist()[begin:] for name in spec.declared}
    columns = {
        name: declared_column(own, name)
        or plain_column(features.column(name).tolist(), boolean=is_truth_value(name))
        for name in sorted(names)
    }
    asked = set().union(*map(calls_as_of, expressions))
    calls = {
        call.key: slower_column(
            call,
            bars,
            annualisation.interval,
            calendar=spec.calendar,
            start=start,
            events=events,
            declared=spec.declared,
            kind=resampling,
            over_time=over_time,
        )
        if call.name == "on"
        else column_beside(
            call,
            bars,
            annualisation.interval,
            calendar=spec.calendar,
            start=start,
            other=others[call.where],
            kind=knowing,
            over_time=over_time,
        )
        for call in asked
        # What is only counted, as by len((of("SPY", close), 2)), nobody reads, and nothing loads.
        if call.name == "on" or call.where in spec.others_read
    }
    for call in asked:
        calls.setdefault(call.key, [None] * len(bars))
    seen = {key: values[begin:] for key, values in calls.items()}
    looking_back = over_time({**columns, **seen}, len(bars) - begin)
    missing: list[Cell] = [None] * begin
    calls |= {key: [*missing, *values] for key, values in looking_back.values(expressions).items()}
    return Instrument(
        symbol=symbol,
        times=pd.DatetimeIndex(bars.index),
        **{
            name: bars[name].astype("float64").tolist() for name in ("open", "high", "low", "close")
        },
        columns={name: missing + column for name, column in columns.items()},
        calls=calls,
        days=[0] * begin + features.dates.astype("int64").tolist(),
        dividends=dividends_paid(spec, bars, paying),
        cash_rates=known_rates(spec, spec.cash_rate, bars),
        borrow_rates=known_rates(spec, getattr(spec, "borrow_rate", None), bars),
        free_rates=known_rates(spec, free_rate(spec), bars),
        finer=()
        if finer is None
        else finer_bars(
            bars, annualisation.interval, finer, calendar=spec.calendar, kind=detailing
        ),
    )


def known_rates(spec: BaseSpec, stated: float | str | None, bars: pd.DataFrame) -> Sequence[float]:
    """3.14, 5: A rate a year at each bar, that of a column read the bar before.

    Parameters
    ----------
    spec
        Loaded.
    stated
        A number, a parameter or the name of a column; None is 0.
    bars
        With that column.
    """
    text = filled_in(str(stated or 0.0), spec.parameters)
    if text not in bars:
        return [float(text)] * len(bars)
    column = bars[text].tolist()
    return [column[max(bar - 1, 0)] for bar in range(len(bars))]


def free_rate(spec: BaseSpec) -> float | str | None:
    """5: `sharpe_risk_free`, by default what cash earns."""
    return spec.cash_rate if spec.sharpe_risk_free is None else spec.sharpe_risk_free


def dividends_paid(spec: BaseSpec, bars: pd.DataFrame, kind: type[Dividends]) -> Sequence[float]:
    """3.14: What each bar pays a share, if the spec takes it in cash."""
    if getattr(spec, "dividends", "none") != "cash":
        return [0.0] * len(bars)
    told = {
        field: bars[name].tolist() if name in bars else None
        for field, name in (
            ("adjusted", "adj_close"), ("stated", "dividends"), ("splits", "splits")
        )
    }  # fmt: skip
    return kind(PaidColumns(bars["close"].tolist(), **told)).paid()


def sessions_around(
    times: pd.DatetimeIndex, calendar: str
) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return opening and closing moments of a calendar's sessions about some bars, without zone.

    Parameters
    ----------
    times
        Of bars, UTC without a zone, at least one.
    calendar
        A name of `exchange_calendars`.
    """
    listed = schedule(calendar, times[0].normalize() - _MARGIN, times[-1].normalize() + _MARGIN)
    opens, closes = (pd.DatetimeIndex(listed[name]).tz_convert(None) for name in ("open", "close"))
    return list(zip(opens, closes, strict=True))
