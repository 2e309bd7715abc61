"""What the plain simulation takes from the rest of btkit: columns, sessions, and a year.

Nothing else of btkit is imported here, above all nothing that decides, fills, prices or measures.
"""

from __future__ import annotations

import pandas as pd

from btkit.crosscheck.evaluation import filled_in, names_in, plain_column
from btkit.crosscheck.records import Instrument
from btkit.crosscheck.walk import filled_texts
from btkit.indicators import POSITION_NAMES, FeatureSet, is_truth_value
from btkit.markets import Annualisation, schedule
from btkit.spec import OptionsSpec, StrategySpec

# Longer than any closure of an exchange.
_MARGIN = pd.Timedelta(days=14)


def names_read(spec: StrategySpec | OptionsSpec) -> list[str]:
    """Return every name that a spec's simulation reads at a bar, those of the position aside."""
    texts = [text for listed in filled_texts(spec).values() for text in listed]
    names = {"iv_atm", "vix"}
    if isinstance(spec, StrategySpec):
        texts.append(filled_in(spec.position_sizing_formula, spec.parameters))
        names = set()
    for text in texts:
        names |= names_in(text)
    return sorted(names - POSITION_NAMES - {"risk_pct"})


def as_instrument(
    spec: StrategySpec | OptionsSpec,
    bars: pd.DataFrame,
    annualisation: Annualisation,
    *,
    symbol: str,
) -> Instrument:
    """Return bars and their columns as plain lists.

    Parameters
    ----------
    spec
        Names the columns.
    bars
        Checked and adjusted.
    annualisation
        Of these bars and this spec.
    symbol
        Whose bars they are; empty where nobody told it.
    """
    features = FeatureSet(
        bars,
        bars_per_year=annualisation.bars_per_year,
        calendar=spec.calendar,
        interval=annualisation.interval,
        events=spec.events.of(symbol or None),
    )
    return Instrument(
        symbol=symbol,
        times=pd.DatetimeIndex(bars.index),
        **{
            name: bars[name].astype("float64").tolist() for name in ("open", "high", "low", "close")
        },
        columns={
            name: plain_column(features.column(name).tolist(), boolean=is_truth_value(name))
            for name in names_read(spec)
        },
        days=features.dates.astype("int64").tolist(),
    )


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
