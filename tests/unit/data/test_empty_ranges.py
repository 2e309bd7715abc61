"""What a source has is told when a range is empty, whichever side it lies."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from btkit.data import Answer, load_from_source
from btkit.data.source import no_observations
from btkit.errors import NoDataError, SourceError
from btkit.settings import Settings

NOW = dt.datetime(2024, 6, 28, 22, 0, tzinfo=dt.UTC)
DAYS = pd.bdate_range("2015-01-05", periods=500)


class Service:
    """Answers with what lies inside the question, as services do; files answer with all."""

    name = "service"

    def __init__(self, index, refusal=None):
        close = np.linspace(100.0, 120.0, len(index))
        columns = dict.fromkeys(("open", "high", "low", "close"), close)
        self.frame = pd.DataFrame(columns, index=index).assign(volume=1.0)
        self.refusal = refusal

    def bars(self, request):
        inside = self.frame.loc[request.first : request.last]
        if inside.empty and self.refusal is not None:
            raise self.refusal
        return Answer(inside, description="A service.", live=True)

    def vix(self, request):
        del request
        return no_observations("vix")


def ask(source, start, end, **options):
    return load_from_source(
        "X", start, end, settings=Settings(_env_file=None), source=source, now=NOW, **options
    )


@pytest.mark.parametrize("warmup", [0, 2000])
@pytest.mark.parametrize(
    ("start", "end"), [("1990-01-01", "1990-12-31"), ("2020-01-01", "2020-12-31")]
)
@pytest.mark.parametrize(
    "refusal", [None, NoDataError("no prices found", hint="ask for others")], ids=["empty", "error"]
)
def test_daily_ranges_on_either_side(start, end, warmup, refusal):
    with pytest.raises(NoDataError, match=r"it has .* bars from .* to 2016-12-02") as caught:
        ask(Service(DAYS, refusal), start, end, warmup=warmup)
    assert caught.value.details["last"] == "2016-12-02"
    assert caught.value.hint == "ask for a range inside what the source has"


@pytest.mark.parametrize("start", ["2020-03-02", "2022-03-01"])
def test_intraday_ranges_on_either_side(start):
    hours = pd.date_range("2021-03-01", periods=200, freq="h", tz="UTC")
    with pytest.raises(NoDataError, match=r"200 bars from 2021-03-01T00:00:00\+00:00"):
        ask(Service(hours), start, start, interval="1h", warmup=0)


def test_a_source_that_has_nothing_says_just_that():
    with pytest.raises(NoDataError, match=r"no 1d bars of X from 1990-01-01 to 1990-12-31\n"):
        ask(Service(DAYS[:0]), "1990-01-01", "1990-12-31")
    with pytest.raises(NoDataError, match=r"^no prices found\n"):
        ask(Service(DAYS[:0], NoDataError("no prices found", hint="h")), "1990-01-01", "1990-12-31")
    with pytest.raises(SourceError, match="down"):
        ask(Service(DAYS[:0], SourceError("down", hint="wait")), "1990-01-01", "1990-12-31")
