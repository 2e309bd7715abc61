"""A page of very many trades shows the latest and largest, says so, and leads to all of them."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from support.documents import RUN_ID, long_run, short_run
from support.pages import page

from btkit.documents import RunDocument
from btkit.render.options.book import SpreadBook
from btkit.render.view import LARGEST, LATEST, RunView, is_cut

MANY = 100_000
MOST_BYTES = 10_000_000


def with_trades(document, count):
    """Give the document of a run whose trades are those of another, over and over."""
    random = np.random.default_rng(30)
    pick = np.sort(random.integers(0, len(document.trades), count))
    trades = document.trades.iloc[pick].reset_index(drop=True)
    # Prices and gains as unlike as real ones, so that nothing is written but once.
    for name in ("entry_price", "exit_price", "shares", "pnl", "return_pct"):
        trades[name] *= random.uniform(0.9, 1.1, count)
    run = document.report.run.model_copy(update={"run_id": RUN_ID})
    return RunDocument(
        report=document.report.model_copy(update={"run": run}), trades=trades, curve=document.curve
    )


@pytest.fixture(scope="module")
def many():
    return with_trades(long_run(), MANY)


def listed(html):
    return json.loads(re.search(r'data-trades="">(.*?)</script>', html, re.DOTALL)[1])


def test_those_that_are_shown_are_the_latest_and_the_largest(many):
    view = RunView.of(many)
    places = view.shown_places.tolist()
    assert places == sorted(set(places))
    assert set(range(MANY - LATEST, MANY)) <= set(places)
    largest = many.trades["pnl"].abs().nlargest(LARGEST).index
    assert set(places) == set(range(MANY - LATEST, MANY)) | set(largest)


def test_a_page_of_many_trades_is_no_larger_than_it_must_be(many):
    html = page(many)
    assert len(html.encode()) < MOST_BYTES
    shown = len(RunView.of(many).shown)
    assert shown <= LATEST + LARGEST
    assert f"{shown:,} of 100,000 trades, in order of exit" in html
    assert html.count(f"Drawn with {shown:,} of 100,000 trades") == 2
    assert f'<a href="{RUN_ID}.trades.csv">' in html
    table = listed(html)
    assert (len(table["rows"]), table["cut"]) == (shown, True)


def test_numbers_still_rest_on_every_trade(many):
    html = page(many)
    assert "with its 100,000 trades" in html or "of 100,000 trades fall into" in html
    assert "Best 5 of 100,000 trades" in html
    median = float(np.median(many.trades["pnl"]))
    assert f"Median trade {'+' if median > 0 else chr(0x2212)}" in html


@pytest.mark.parametrize("count", [LATEST + LARGEST, LATEST + LARGEST + 1])
def test_what_a_page_can_hold_it_shows_whole(count):
    document = with_trades(short_run(), count)
    view = RunView.of(document)
    assert is_cut(count) == (count > LATEST + LARGEST)
    assert (view.shown_note == "") == (not is_cut(count))
    if not is_cut(count):
        pd.testing.assert_frame_equal(view.shown, document.trades)
        assert "trades.csv" not in page(document).replace("-trades.csv", "")


def test_spreads_are_drawn_as_few(many):
    book = SpreadBook(RunView.of(many))
    book.__dict__["lifetimes"] = list(range(MANY))
    assert book.shown == RunView.of(many).shown_places.tolist()
