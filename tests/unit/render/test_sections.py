import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from jinja2 import UndefinedError
from support.documents import (
    MOMENTUM,
    RUNS,
    document,
    idle_run,
    long_run,
    ruined_run,
    short_run,
    warned_run,
)

import btkit as bt
from btkit.cli.summary import summary_rows
from btkit.metrics import VERDICT_WORDS
from btkit.render import SECTIONS, growth, headline, plot, rests_on, show, trades, words
from btkit.render.pages import markup as filled
from btkit.render.pieces import Chart, Html, script_json
from btkit.render.tiles import Shown, Tile, tiles
from btkit.render.verdict import interval
from btkit.render.view import RunView


def markup(section):
    return "".join(piece.markup for piece in section if isinstance(piece, Html))


@pytest.mark.parametrize("name", RUNS)
def test_every_section_can_be_drawn_for_every_kind_of_run(name):
    document = RUNS[name]()
    names = []
    for _, section in SECTIONS:
        for piece in section(document):
            data, metadata = piece.bundle()
            json.dumps([data, metadata], allow_nan=False)
            if isinstance(piece, Chart):
                names.append(piece.name)
                assert piece.figure.layout.title.text
    assert len(names) == len(set(names)) == (4 if name == "idle" else 7)


def test_the_deepest_falls_are_a_table():
    stored = long_run()
    page = markup(growth(stored))
    table = page[page.index("Deepest drawdowns") :]
    # A row of headings, and the account fell four times.
    assert table.count("<tr>") == 1 + len(stored.report.drawdowns) == 1 + 4
    places = [table.index(f"<td>{fall.trough}</td>") for fall in stored.report.drawdowns]
    assert places == sorted(places)
    assert f"{-100 * stored.report.metrics.max_drawdown_pct:.1f}" in table
    assert "Deepest drawdowns" not in markup(growth(idle_run()))


def test_a_run_of_both_sides_says_the_side_of_each_trade():
    short = {"entry_conditions": ["close < sma_50"], "stop_conditions": [], "exit_conditions": []}
    turning = document(
        start="2015-01-02",
        end="2018-12-31",
        direction="both",
        exit_conditions=["close < sma_50"],
        entry_conditions=["close > sma_50"],
        short=short | {"exit_conditions": ["close > sma_50"], "position_sizing_formula": "7"},
    )
    sides = turning.trades["direction"].tolist()
    data = json.loads(re.search(r"data-trades[^>]*>(.*?)</script>", markup(trades(turning)))[1])
    place = [column["key"] for column in data["columns"]].index("direction")
    assert data["columns"][place]["name"] == "Side"
    assert [row[place] for row in data["rows"]] == sides
    ranked = turning.trades.sort_values("pnl", ascending=False, kind="stable")["direction"].tolist()
    best_and_worst = re.findall(r"<tr><td>(long|short)</td><td>\d{4}", markup(trades(turning)))
    assert best_and_worst == [*ranked[:5], *ranked[-1:-6:-1]]
    assert ">Side</th>" in markup(trades(turning))
    assert ">Side</th>" not in markup(trades(long_run()))
    pieces = [piece for _, section in SECTIONS for piece in section(turning)]
    (chart,) = (piece for piece in pieces if isinstance(piece, Chart) and piece.name == "price")
    entries = {trace.name: trace for trace in chart.figure.data if "entry" in str(trace.name)}
    assert {name: len(trace.x) for name, trace in entries.items()} == {
        "Long entry": sides.count("long"),
        "Short entry": sides.count("short"),
    }
    assert entries["Long entry"].marker.symbol == "triangle-up"
    assert entries["Short entry"].marker.symbol == "triangle-down"
    assert all("7 shares short" in words for words in entries["Short entry"].text)
    basis = markup(rests_on(turning))
    assert "Short entry" in basis
    assert "Short position size" in basis
    assert "long and short" in markup(headline(turning))


def test_the_list_has_the_worst_and_the_best_of_each_trade():
    stored = long_run()
    page = markup(trades(stored))
    data = json.loads(re.search(r"data-trades=\"\">(.*?)</script>", page, re.DOTALL)[1])
    keys = [column["key"] for column in data["columns"]]
    first = dict(zip(keys, data["rows"][0], strict=True))
    assert first["mae_pct"] == pytest.approx(stored.trades["mae_pct"].iloc[0], rel=1e-11)
    assert first["mfe_pct"] == pytest.approx(stored.trades["mfe_pct"].iloc[0], rel=1e-11)
    # Those of a run of an earlier version have none, and the page a dash.
    former = replace(stored, trades=stored.trades.assign(mae_pct=float("nan")))
    page = markup(trades(former))
    data = json.loads(re.search(r"data-trades=\"\">(.*?)</script>", page, re.DOTALL)[1])
    assert {row[keys.index("mae_pct")] for row in data["rows"]} == {None}


def test_a_run_of_some_weeks_shows_its_total_return():
    weeks = document(start="2017-03-01", end="2017-05-10")
    assert [entry.code for entry in weeks.report.warnings if entry.code == "short_range"]
    page = markup(headline(weeks))
    assert ">Total return<" in page
    assert ">CAGR<" not in page
    assert ">CAGR<" in markup(headline(short_run()))
    told = weeks.report.to_dict()
    assert summary_rows(told)[0][0] == "Total return"
    assert summary_rows(short_run().report.to_dict())[0][0] == "Return per year (CAGR)"


def test_the_headline_says_what_was_made_and_what_failed():
    sentence = words.headline(RunView.of(long_run()))
    assert re.match(r"(Made|Lost) [\d.]+\u00a0% a year over 20\.0 years, buy-and-hold", sentence)
    for failure in long_run().report.failures:
        assert words.LABELS[failure.metric].name.lower() in sentence.lower()
    assert sentence.endswith(").")


def test_a_short_run_is_not_annualised_in_the_headline():
    sentence = words.headline(RunView.of(short_run()))
    assert "a year" not in sentence
    assert "in 9 months" in sentence


def test_a_run_without_trades_says_why():
    page = markup(headline(idle_run()))
    assert "Too few trades for a verdict (0, needs 10); made no trade in 4.0 years" in page
    assert "Why nothing was traded" in page
    assert "rsi_14 &lt; 0" in page
    assert "There is no trade to show" in markup(trades(idle_run()))


def test_a_run_of_few_trades_is_said_to_be_one_before_anything_else():
    few = long_run()
    changed = {"verdict": "too_few_trades", "min_trades_required": 10_000}
    kept = few.report.model_copy(update=changed | {"passed": True, "failures": []})
    missed = few.report.model_copy(update=changed)
    for report, word in ((kept, "which so few trades do not prove"), (missed, "fails on")):
        page = markup(headline(replace(few, report=report)))
        assert "TOO FEW TRADES" in page
        assert "bt-few" in page
        sentence = words.headline(RunView.of(replace(few, report=report)))
        assert sentence.startswith(f"Too few trades for a verdict ({report.trade_count}, needs ")
        assert word in sentence
        assert "needs ≥ 10,000" in page
        assert 'aria-label="too few"' in page
    assert 'aria-label="enough"' in markup(headline(few))
    for report, word in ((few.report, "PASS" if few.report.passed else "FAIL"),):
        assert word in markup(headline(replace(few, report=report)))


def test_a_ruined_run_says_so():
    assert "ost the whole account by 2007-" in words.headline(RunView.of(ruined_run()))


@pytest.mark.parametrize("name", RUNS)
def test_outside_ipython_the_verdict_is_printed_as_text(name, capsys, monkeypatch):
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: None)
    run = RUNS[name]()
    show(run)
    first, sentence, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{VERDICT_WORDS[run.report.verdict]}  ")
    assert sentence == words.headline(RunView.of(run))
    diagnostics = run.report.diagnostics
    told = [*run.report.warnings, *diagnostics.explanation, *diagnostics.never_fired]
    assert len(others) == len(told)


def test_an_exit_that_never_came_into_play_stands_below_the_conditions():
    page = markup(rests_on(long_run()))
    assert page.count("What never ended a trade") == 1
    assert "rsi_14 &gt; 70" in page.split("What never ended a trade")[1]
    assert "never held on the same bar while a position was open." in page
    assert "What never ended a trade" not in markup(rests_on(idle_run()))


def test_a_time_limit_longer_than_the_run_is_none():
    assert "<dt>Time limit</dt><dd>20 bars</dd>" in markup(rests_on(long_run()))
    endless = document(start="2017-03-01", end="2017-11-30", max_holding_bars=5_000)
    assert "<dt>Time limit</dt><dd>none in this run</dd>" in markup(rests_on(endless))


def test_undefined_is_a_dash_that_says_why():
    page = markup(headline(idle_run())).split("</style>")[1]
    assert 'title="no trade was made"' in page
    assert "999" not in page
    assert "nan" not in page.lower()


def test_warnings_stand_in_the_headline():
    page = markup(headline(warned_run()))
    assert "2 warnings" in page
    assert "vix" in page


def test_names_are_escaped():
    page = markup(headline(warned_run()))
    assert "calm &amp; steady" in page
    assert "calm & steady" not in page


def test_events_that_were_read_are_named():
    spec = bt.load_spec(
        MOMENTUM | {"filter_conditions": ["not talk_day or days_to_fork > 0"]},
        events=pd.DataFrame({"name": ["talk", "talk", "fork"], "date": ["2017-05-02"] * 3}),
    )
    page = markup(rests_on(document(start="2017-03-01", end="2017-11-30", spec=spec)))
    assert "<dt>Events</dt><dd>fork (1 date) and talk (1 date) <code" in page
    assert "<dt>Events</dt>" not in markup(rests_on(idle_run()))


def test_what_it_rests_on_is_complete():
    page = re.sub(r"</?span>", "", markup(rests_on(warned_run())))
    report = warned_run().report
    for wanted in (
        report.provenance.spec_hash,
        report.provenance.bars_hash,
        "backtest run --strategy strategies/momentum.json",
        "fills at the next bar&#39;s open",
        "$0.65 for each order",
        "0.05\u00a0%",
        "vix: assumed on",
        "vix &lt; 25",
    ):
        assert wanted in page


def test_intervals_follow_their_formulas():
    view = RunView.of(long_run())
    low, high = interval(view, "win_rate")
    rate, n, z = view.metric("win_rate").number, len(view.trades), 1.959964
    for bound in (low, high):  # Wilson's bounds solve |p - rate| = z sqrt(p (1 - p) / n)
        assert abs(bound - rate) == pytest.approx(z * (bound * (1 - bound) / n) ** 0.5)
    low, high = interval(view, "sharpe_ratio")
    sharpe, years = view.metric("sharpe_ratio").number, len(view.equity) / 252
    assert high - low == pytest.approx(2 * z / years**0.5, rel=1e-3)
    assert low < sharpe < high
    assert interval(view, "cagr") is None


def test_plot_returns_the_deciding_figure():
    figure = plot(long_run())
    assert len(figure.data) == 4
    assert figure.layout.yaxis.type in {None, "log"}
    assert "$100,000" in figure.layout.title.text


def test_script_json_cannot_end_its_script():
    text = script_json({"a": "</script><!--"})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><!--"}


def test_what_a_macro_is_given_is_escaped_also_in_attributes():
    tile = Tile("<b>", Shown("–", '"why"'), ["a & b"], meaning='">')
    page = markup([tiles([tile])])
    assert '<div class="bt-tile-name" title="&#34;&gt;">&lt;b&gt;</div>' in page
    assert '<span title="&#34;why&#34;" class="bt-undefined">' in page
    assert "a &amp; b" in page


def test_a_macro_that_reads_what_is_not_there_is_refused():
    with pytest.raises(UndefinedError, match="meaning"):
        filled("pieces.tile", Shown("1"))
