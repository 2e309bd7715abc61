"""The command, a batch, a job as JSON, Python, a widget, events: one day is said alike in all."""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
from support.specs import rules

import btkit as bt
from btkit.crosscheck import crosscheck
from btkit.data import load_bars
from btkit.errors import UsageError
from btkit.jobs.asking import make_job
from btkit.jobs.batch import read_jobs
from btkit.jobs.job import RunJob
from btkit.settings import read_settings
from btkit.spec.events import read_events
from btkit.widgets.market import MarketRequest

DAY = dt.date(2018, 12, 3)
LAST = "2018-12-31"


def by_command(day, backtest):
    code, document, _ = backtest(
        "run", "--strategy", "tiny.json", "--symbol", "SPX", "--no-report", "--start", day,
        "--end", LAST,
    )  # fmt: skip
    if code == 2:
        raise UsageError(document["error"]["message"], hint=document["error"]["hint"])
    return document["run"]["start_date"]


def by_json(day, _):
    values = {"spec": rules(), "symbol": "SPX", "start": day, "end": LAST}
    return make_job(RunJob, values, settings=read_settings(None)).start


def by_batch(day, _):
    path = Path("jobs.json")
    path.write_text(json.dumps([{"spec": "tiny.json", "symbol": "SPX", "start": day, "end": LAST}]))
    return read_jobs(path, rendering=None).jobs[0].start


def by_python(day, _):
    return bt.run(rules(), "SPX", day, LAST).run_id and bt.list_runs()[0]["start_date"]


def by_loading(day, _):
    return load_bars("SPX", day, LAST).index[0]


def by_simulating(day, _):
    return bt.simulate(rules(), bars(), start=day).bars.index[0]


def by_crosscheck(day, _):
    return len(bars()) - len(crosscheck(rules(), bars(), start=day).equity)


def by_widget(day, _):
    return MarketRequest.of("SPX", day, LAST, usual=(LAST, LAST)).start


def by_events(day, _):
    table = pd.DataFrame({"name": ["talk"], "date": [day]})
    return read_events(table).calendars["talk"][0].day


def bars():
    return load_bars("SPX", "2018-11-01", LAST)


WAYS = {
    "command": by_command, "job": by_json, "batch": by_batch, "python": by_python,
    "load_bars": by_loading, "simulate": by_simulating, "crosscheck": by_crosscheck,
    "widget": by_widget, "events": by_events,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_takes_the_same_and_refuses_it_in_the_same_words(way, backtest):
    for day in (
        "2018-12-03",
        " 2018-12-03 ",
        "20181203",
        "2018-12-03T00:00",
        "2018-12-03 00:00:00",
    ):
        found = WAYS[way](day, backtest)
        found = found if way != "crosscheck" else bars().index[found]
        assert pd.Timestamp(found).date() == DAY, day
    for day in ("03.12.2018", "12/03/2018", "2018-W49-1", "2018", "yesterday", "2018-12-32"):
        with pytest.raises(UsageError) as caught:
            WAYS[way](day, backtest)
        assert f"is '{day}', which is no date: " in caught.value.message
        reason = "day is out of range" if day[-1] == "2" and "-" in day else "not in the form"
        assert reason in caught.value.message
        assert "2018-12-31" in caught.value.hint or way == "events"
