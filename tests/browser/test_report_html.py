"""The report in a real browser: offline, every chart drawn, the table alive, light and dark."""

import csv
import time

import pytest
from support.documents import RUNS, idle_run, long_run, short_run, warned_run
from support.lab import TIMEOUT_MS
from support.looks import PageTroubles, assert_whole
from support.pages import page

from btkit.documents import RunDocument
from btkit.jobs.spreadsheet import harmless


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    written = {}

    def path(name):
        if name not in written:
            written[name] = folder / f"{name}.html"
            written[name].write_text(page(RUNS[name]()), encoding="utf-8")
        return written[name]

    return path


@pytest.fixture
def visit(visit, pages):
    def opened(name, **options):
        return visit(pages(name) if name in RUNS else name, **options)

    return opened


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *((name, width, "light") for name in RUNS for width in (1440, 390)),
        ("long", 1440, "dark"),
        ("long", 390, "dark"),
    ],
)
def test_every_chart_is_drawn_and_nothing_is_wider_than_the_page(visit, keep, name, width, scheme):
    tab = visit(name, width=width, scheme=scheme)
    assert_whole(tab, width=width, charts=4 if name == "idle" else 7)
    # Only the list of all trades is scrolled sideways.
    cut = """boxes => boxes.filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.innerText.slice(0, 200))"""
    assert not tab.locator(".bt-scroll:not([tabindex])").evaluate_all(cut)
    keep(tab, f"report-{name}-{width}-{scheme}", full_page=True)


def test_the_table_sorts_filters_and_pages(visit):
    tab = visit("long")
    trades = long_run().trades
    rows = tab.locator(".bt-trades-table tbody tr")
    assert rows.count() == 25
    tab.get_by_role("button", name="Show all").click()
    assert rows.count() == len(trades)

    head = tab.locator(".bt-trades-table thead th")
    tab.locator(".bt-trades-table").get_by_role("button", name="P&L, $").click()
    assert head.nth(5).get_attribute("aria-sort") == "descending"
    best = trades.loc[trades["pnl"].idxmax(), "entry_date"]
    assert rows.first.locator("td").first.inner_text() == f"{best:%Y-%m-%d}"
    tab.locator(".bt-trades-table").get_by_role("button", name="P&L, $").click()
    worst = trades.loc[trades["pnl"].idxmin(), "entry_date"]
    assert rows.first.locator("td").first.inner_text() == f"{worst:%Y-%m-%d}"

    tab.get_by_label("Reason").select_option("stop")
    assert rows.count() == (trades["exit_reason"] == "stop").sum()
    tab.get_by_label("Result").select_option("won")
    assert rows.count() == ((trades["exit_reason"] == "stop") & (trades["pnl"] > 0)).sum()
    tab.get_by_label("Reason").select_option("")
    tab.get_by_label("Result").select_option("")
    tab.get_by_label("Date holds").fill("2008-")
    years = trades["entry_date"].dt.year.eq(2008) | trades["exit_date"].dt.year.eq(2008)
    assert rows.count() == years.sum()
    assert tab.locator("[data-count]").inner_text().startswith(f"{years.sum()} of {len(trades)}")


def test_the_csv_holds_every_trade(visit, tmp_path):
    tab = visit("long")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "trades.csv")
    assert waiting.value.suggested_filename == "momentum-SPX-trades.csv"
    rows = list(csv.DictReader((tmp_path / "trades.csv").read_text().splitlines()))
    trades = long_run().trades
    # Every column, in the order in which the page shows them; without orders inside the bar
    # each lot leaves at an open or at the end, and nothing is uncertain.
    assert sorted(rows[0]) == sorted(set(trades.columns) - {"fill_kind", "certain"})
    assert [float(row["pnl"]) for row in rows] == pytest.approx(trades["pnl"].tolist(), rel=1e-11)
    assert rows[0]["exit_reason"] == trades["exit_reason"].iloc[0]


def test_the_csv_marks_what_a_spreadsheet_would_run(visit, tmp_path):
    document = short_run()
    hostile = ['=HYPERLINK("http://x","y")', "+1+1", "-0.5", "@SUM(A1)", "\t=1", "a, b"]
    trades = document.trades.head(len(hostile)).assign(exit_reason=hostile[: len(document.trades)])
    changed = RunDocument(report=document.report, trades=trades, curve=document.curve)
    (tmp_path / "hostile.html").write_text(page(changed), encoding="utf-8")
    tab = visit(tmp_path / "hostile.html")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "trades.csv")
    with (tmp_path / "trades.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 3
    assert [row["exit_reason"] for row in rows] == [harmless(cell) for cell in hostile[: len(rows)]]
    assert [float(row["pnl"]) for row in rows] == pytest.approx(trades["pnl"].tolist(), rel=1e-11)


def test_range_buttons_move_the_price(visit):
    tab = visit("long")
    span = (
        "(() => { const [a, b] = document.querySelector('[data-name=price] .bt-plot')"
        ".layout.xaxis.range; return (new Date(b) - new Date(a)) / 864e5 / 365.25; })()"
    )
    assert 2 <= tab.evaluate(span) < 2.2
    tab.get_by_role("button", name="All", exact=True).click()
    tab.wait_for_function(f"{span} > 19")
    assert tab.locator(".bt-buttons [aria-pressed=true]").inner_text() == "All"


def test_colours_follow_the_reader_and_paper_is_light(visit, keep):
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('.bt-plot').layout.font.color"
    tab = visit("warned", scheme="dark")
    assert tab.evaluate(ground) == "rgb(18, 22, 28)"
    dark = tab.evaluate(ink)
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function(f"{ink} !== '{dark}'")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    light = tab.evaluate(ink)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"{ink} === '{dark}'")
    tab.emulate_media(media="print", color_scheme="dark")
    tab.wait_for_function(f"{ink} === '{light}'")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    keep(tab, "report-warned-print", full_page=True)


def test_code_shows_on_demand(visit):
    tab = visit("idle")
    code = tab.locator(".bt-code").first
    assert not code.is_visible()
    tab.get_by_role("button", name="Show code").click()
    assert code.is_visible()


def test_warnings_and_reasons_are_visible_without_scrolling(visit):
    for name, document in (("warned", warned_run()), ("idle", idle_run())):
        tab = visit(name)
        box = tab.locator(".bt-attention").bounding_box()
        assert box["y"] + box["height"] < 900
        assert tab.locator(".bt-attention li").count() == len(document.report.warnings)


PROBES = {
    "picture": "<img src='https://example.com/picture.png'>",
    "script": "<script src='https://example.com/script.js'></script>",
    "style": "<style>@import 'https://example.com/style.css';</style>",
    "fetch": "<script>fetch('https://example.com/data').catch(() => {})</script>",
    "socket": "<script>new WebSocket('wss://example.com/socket')</script>",
    "console": "<script>console.error('example.com')</script>",
    "exception": "<script>throw new Error('example.com')</script>",
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=list(PROBES))
def test_a_page_that_asks_for_something_would_be_noticed(browser, tmp_path, probe):
    (tmp_path / "probe.html").write_text(f"<!doctype html><title>probe</title>{probe}")
    troubles = PageTroubles(allowed=("file:",))
    context = browser.new_context(offline=True)
    tab = context.new_page()
    troubles.watch(tab)
    tab.goto((tmp_path / "probe.html").as_uri())
    # What a page asks for is told a while later.
    end = time.monotonic() + TIMEOUT_MS / 1000
    while not troubles.found and time.monotonic() < end:
        tab.wait_for_timeout(20)
    context.close()
    assert any("example.com" in said for said in troubles.found)
