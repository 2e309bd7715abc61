"""Expiries one day at a time are those that the engine works out for all days at once."""

from __future__ import annotations

import numpy as np
import pytest

from btkit.crosscheck.expiry import expiry_of
from btkit.markets.expiries import expiries_ahead


@pytest.mark.parametrize("calendar", ["XNYS", "XHKG", "24/7"])
@pytest.mark.parametrize("snap", [None, "weekly", "monthly"])
@pytest.mark.parametrize("target", [1, 9, 45, 200])
def test_expiries(calendar, snap, target):
    days = np.arange("2001-06-01", "2002-05-01", dtype="datetime64[D]")
    ahead = expiries_ahead(days, target_dte=target, snap=snap, calendar=calendar)
    plain = [
        expiry_of(day, target_dte=target, snap=snap, calendar=calendar)
        for day in days.astype(int).tolist()
    ]
    assert plain == ahead.astype(int).tolist()
