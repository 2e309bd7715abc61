"""Which bars a model was trained on, whatever they are keyed by."""

from __future__ import annotations

import pandas as pd
import pytest
from support.random_bars import make_bars

from btkit.markets import Interval
from btkit.models.asked_bars import AskedBars
from btkit.models.timeline import known_end


@pytest.mark.parametrize("keyed_by", ["W-MON", "W-FRI", "W-SUN"])
@pytest.mark.parametrize("horizon", [0, 3])
def test_a_week_that_is_named_by_its_key_or_its_last_session_was_learnt_from(keyed_by, horizon):
    weeks = pd.date_range("2014-01-06", periods=60, freq=keyed_by)
    asked = AskedBars(make_bars(60, 1, index=weeks), None, Interval.parse("1w"), "XNYS")
    for until in (weeks[30], pd.Timestamp(asked.dates[30])):
        assert known_end([until], horizon, asked) == 31 + horizon
