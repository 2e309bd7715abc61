"""Which bars a model was trained on, whatever they are keyed by."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from support.random_bars import make_bars
from support.small_models import write_bundle

from btkit.errors import BundleError
from btkit.markets import Interval
from btkit.models.asked_bars import AskedBars
from btkit.models.learnt import check_possible, known_end
from btkit.models.loading import load_bundle
from btkit.models.timeline import KnownBundle


@pytest.mark.parametrize("keyed_by", ["W-MON", "W-FRI", "W-SUN"])
@pytest.mark.parametrize("horizon", [0, 3])
def test_a_week_that_is_named_by_its_key_or_its_last_session_was_learnt_from(keyed_by, horizon):
    weeks = pd.date_range("2014-01-06", periods=60, freq=keyed_by)
    asked = AskedBars(make_bars(60, 1, index=weeks), None, Interval.parse("1w"), "XNYS")
    for until in (weeks[30], pd.Timestamp(asked.dates[30])):
        assert known_end([until], horizon, asked) == 31 + horizon


KNOWN = {
    "an hour": ("1h", "2014-12-31 20:00+00:00", 24, "2014-12-31", "2014-12-30"),
    "a day": ("1d", "2014-12-31", 5, "2015-01-05", "2015-01-04"),
    "a week": ("1w", "2014-12-26", 2, "2015-01-06", "2015-01-05"),
    "a month": ("1mo", "2014-11-28", 1, "2014-12-23", "2014-12-22"),
}


@pytest.mark.parametrize("case", KNOWN)
def test_before_it_can_have_learnt_no_bundle_is_known(tmp_path, case):
    interval, until, horizon, possible, too_early = KNOWN[case]
    trained = load_bundle(write_bundle(tmp_path / "x"))
    bundle = replace(trained, trained_until=pd.Timestamp(until))
    length = Interval.parse(interval)
    check_possible(KnownBundle(bundle, "x", possible), horizon=horizon, interval=length)
    with pytest.raises(BundleError, match=f"stands at {too_early}, .* {horizon} bars? ahead"):
        check_possible(KnownBundle(bundle, "x", too_early), horizon=horizon, interval=length)
