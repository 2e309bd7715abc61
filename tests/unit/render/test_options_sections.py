from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support.options import PUTS, RUNS
from support.options import document as document_of
from support.pages import words_of

from btkit.render import execute_template, options
from btkit.render.notebook import template_path
from btkit.render.options.book import SpreadBook
from btkit.render.options.payoff import payoff_chart
from btkit.render.view import RunView


@pytest.mark.parametrize("name", RUNS)
def test_every_section_shows_itself(name):
    document = RUNS[name]()
    for _, section in options.SECTIONS:
        pieces = list(section(document))
        assert pieces
        for piece in pieces:
            data, metadata = piece.bundle()
            assert data
            assert metadata


def figure(section, name):
    (found,) = [piece for piece in section if getattr(piece, "name", "") == name]
    return found.figure


def test_lifetimes_show_strikes_values_and_days():
    document = RUNS["condor"]()
    chart = figure(options.lifetimes(document), "spreads")
    names = [trace.name for trace in chart.data]
    assert names[:3] == ["Close", "Strike bought", "Strike sold"]
    spreads = document.report.spreads
    sold = np.asarray(chart.data[2].y, dtype=float)
    strikes = {leg.strike for spread in spreads for leg in spread.legs if leg.side == "short"}
    assert set(sold[np.isfinite(sold)]) == strikes


def test_buttons_show_a_single_spread():
    document = RUNS["condor"]()
    chart = figure(options.lifetimes(document), "spreads")
    ranges = {button.label: button.args[0] for button in chart.layout.updatemenus[0].buttons}
    worst = min(document.report.spreads, key=lambda spread: spread.pnl)
    first, last = ranges["Worst"]["xaxis.range"]
    assert first < worst.entry_date <= worst.exit_date < last
    low, high = ranges["Worst"]["yaxis.range"]
    strikes = [leg.strike for leg in worst.legs]
    assert low < min(strikes) <= max(strikes) < high
    assert "Last" in ranges


def listed(document):
    markup = "".join(piece.markup for piece in options.trades(document) if hasattr(piece, "markup"))
    (found,) = re.findall(r"<script[^>]*data-trades[^>]*>(.*?)</script>", markup, flags=re.DOTALL)
    return json.loads(found)


def test_the_list_says_strikes_lots_and_iv():
    document = RUNS["condor"]()
    table = listed(document)
    keys = [column["key"] for column in table["columns"]]
    for row, spread in zip(table["rows"], document.report.spreads, strict=True):
        cells = dict(zip(keys, row, strict=True))
        near_put, far_put, near_call, far_call = (f"{leg.strike:.0f}" for leg in spread.legs)
        assert cells["strikes"] == f"P {near_put}/{far_put} C {near_call}/{far_call}"
        assert (cells["expiry"], cells["contracts"]) == (spread.expiry, spread.contracts)
        assert cells["iv_rank_entry"] == pytest.approx(spread.iv_rank_entry, rel=1e-11)
        assert cells["pnl"] == pytest.approx(spread.pnl, rel=1e-11)
        assert cells["costs"] > 0


def test_what_is_not_known_is_null_in_the_list():
    table = listed(RUNS["estimated"]())
    place = [column["key"] for column in table["columns"]].index("iv_rank_entry")
    assert {row[place] for row in table["rows"]} == {None}


def test_no_bin_of_the_credit_kept_reaches_beyond_all_of_it():
    for name in ("puts", "condor"):
        chart = figure(options.outcomes(RUNS[name]()), "credit-kept")
        bars = chart.data[0]
        assert sum(bars.y) == len(RUNS[name]().report.spreads)
        assert all(int(words.split(" to ")[1].split()[0]) <= 100 for words in bars.text)


def test_the_text_beside_a_short_bar_has_room():
    chart = figure(options.outcomes(RUNS["puts"]()), "pnl-by-reason")
    bars, (low, high) = chart.data[0], chart.layout.xaxis.range
    sums = list(bars.x)
    assert low < min(sums) <= max(sums) < high
    for total, place in zip(sums, bars.textposition, strict=True):
        if place == "outside":
            room = high - total if total >= 0 else total - low
            assert room > 0.2 * (high - low)


def test_a_payoff_has_the_credit_at_the_top_and_the_max_loss_at_the_bottom():
    document = RUNS["puts"]()
    view = RunView.of(document)
    book = SpreadBook(view)
    for number, lifetime in enumerate(book.lifetimes[:5]):
        at_expiry = np.asarray(
            payoff_chart(view, book, spread=number).figure.data[1].y, dtype=np.float64
        )
        sold = lifetime.spread
        fee = 2 * 0.65 * sold.contracts
        credit = sold.credit * 100 * sold.contracts
        assert at_expiry.max() == pytest.approx(credit - fee, rel=1e-5)
        # The second commission of the max loss is not due at expiration.
        assert at_expiry.min() == pytest.approx(fee - sold.max_loss, rel=1e-5)


def test_the_book_has_no_greeks_when_nothing_is_open():
    document = RUNS["puts"]()
    view = RunView.of(document)
    greeks = SpreadBook(view).greeks()
    flat = np.asarray(view.invested) == 0.0
    assert flat.any()
    for values in greeks.values():
        assert (values[flat] == 0.0).all()
    assert greeks["delta"][~flat].min() > 0.0
    assert greeks["vega"][~flat].max() < 300.0


def caveats(document):
    return "".join(piece.markup for piece in options.rests_on(document) if hasattr(piece, "markup"))


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({"iv_source": "vix"}, ["Every volatility is the VIX at the last close"]),
        (
            {"iv_source": "vix", "iv_scale": 0.85, "start": "2009-01-02", "end": "2010-12-31"},
            ["Every volatility is 0.85 times the VIX at the last close (iv_scale)",
             "no VIX was known, and 20 stood in"],
        ),
        ({"iv_scale": 0.9}, ["Every volatility is 0.9 times the implied volatility (iv_atm)"]),
    ],
)  # fmt: skip
def test_a_page_says_where_the_volatility_comes_from(changes, sentences):
    said = caveats(document_of(**changes))
    for sentence in sentences:
        assert sentence in said
    assert "Every volatility" not in caveats(RUNS["puts"]())


def test_the_caveats_speak_of_what_was_assumed():
    def words(name):
        return caveats(RUNS[name]())

    assert "All strikes share one volatility" in words("puts")
    assert "25-delta leg" in words("condor")
    assert "no implied volatility was known" in words("estimated")
    assert "It errs in favour of whoever sells" in words("estimated")
    assert "position_sizing_formula" not in words("puts").split("The spec as it ran")[0]


def test_the_template_shows_the_sections_in_their_order():
    cells = json.loads(template_path("options_sim").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert "parameters" in cells[0]["metadata"]["tags"]
    expected = []
    words = words_of("options_sim")
    for question, section in options.SECTIONS:
        expected += [words[question]] if question else []
        expected.append(f"render.{section.__name__}(document)")
    assert sources[2:] == expected


def test_the_notebook_makes_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BT_DB_PATH", str(tmp_path / "results.db"))
    monkeypatch.setenv("BT_CURVE_DIR", str(tmp_path / "curves"))
    request = {
        "spec": PUTS,
        "symbol": "SPX",
        "start": "2017-01-03",
        "end": "2017-12-29",
        "source": "sample",
        "capital": 1_000_000,
    }
    files = execute_template(
        "options_sim", {"request": request}, out_dir=tmp_path / "out", run_id="own"
    )
    html = files.html.read_text(encoding="utf-8")
    assert "<title>puts, SPX: backtest report</title>" in html
    assert html.count('class="bt-plot"') == 9
