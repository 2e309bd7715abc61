"""What exchange_calendars' own date offsets lack under pandas 3.1.

pandas 3.1 calls an offset's `_add_datetime` where earlier versions called `_apply`, and asks for a
mask of many days at once. The offsets of exchange_calendars (up to 4.13) know neither: calendars
with an Orthodox Easter cannot be built at all, Tel Aviv has Easter for each of its holidays, and
those whose week has changed over the years (Seoul, Moscow, Mumbai) have today's week throughout.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from exchange_calendars import tase_holidays
from exchange_calendars.pandas_extensions import offsets

Offset: TypeAlias = Any  # exchange_calendars is untyped
ONE_DAY = dt.timedelta(days=1)


@lru_cache(maxsize=1)
def mend_offsets() -> None:
    """Give the offsets what pandas calls; nothing where it still calls the old method."""
    if hasattr(pd.offsets.BusinessDay, "_apply"):
        return
    for module in (offsets, tase_holidays):
        kinds: list[Any] = [kind for kind in vars(module).values() if isinstance(kind, type)]
        for kind in kinds:
            if "_apply" in vars(kind):
                kind._add_datetime = kind._apply  # noqa: SLF001 - only its name has changed
                kind._add_datetime_ndarray = _one_by_one  # noqa: SLF001 - not the base class's
    composite = offsets.CompositeCustomBusinessDay
    composite._add_datetime = _next_open_day  # noqa: SLF001 - its own calls what pandas lacks
    composite._get_daily_offset_mask = _open_days  # noqa: SLF001 - likewise


def _one_by_one(offset: Offset, times: npt.NDArray[np.datetime64]) -> NoReturn:
    # pandas then adds the offset to each time.
    raise NotImplementedError


def _next_open_day(offset: Offset, when: dt.datetime) -> dt.datetime:
    step = ONE_DAY if offset.n >= 0 else -ONE_DAY
    left = abs(offset.n)
    while left:
        when += step
        left -= offset.is_on_offset(when)
    return when


def _open_days(offset: Offset, times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
    days = times.astype("datetime64[D]")
    usual = offset._as_custom_business_day()  # noqa: SLF001 - what is open outside of the spans
    found = np.is_busday(days, busdaycal=usual.calendar)
    for first, last, week in offset.business_days:
        inside = np.ones(len(days), dtype=np.bool_)
        if first is not None:
            inside &= days >= np.datetime64(first, "D")
        if last is not None:
            inside &= days <= np.datetime64(last, "D")
        found[inside] = np.is_busday(days[inside], busdaycal=week.calendar)
    return found
