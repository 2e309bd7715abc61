"""The page of the service: one signs in, sees what is under way, stops it, and opens a report."""

import re
import threading

import pytest
import uvicorn
from support.lab import TIMEOUT_MS
from support.looks import PageTroubles, assert_whole
from support.ports import free_port
from support.service import BACKTEST, TOKEN, Idle, settings_in, work_off
from support.waiting import until

from btkit.service.app import make_app
from btkit.storage import Store

# What the browser itself says of the page that asks for the token.
UNASKED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Give the address of a service, and its settings."""
    settings = settings_in(tmp_path_factory.mktemp("page"), api_token=TOKEN)
    app = make_app(Store.from_settings(settings), Idle(), settings)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_config=None, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, what="the service")
    yield f"http://127.0.0.1:{port}", settings
    app.state.service.stopping.set()
    app.state.service.pages.close()
    server.should_exit = True
    thread.join()


@pytest.fixture
def visit(browser, service):
    """Open the service as somebody who has signed in, and fail if a page complains."""
    address, _ = service
    contexts, troubles = [], PageTroubles(allowed=(address, "data:", "blob:"))

    def opened(*, width=1440, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        tab = context.new_page()
        troubles.watch(tab)
        tab.goto(address)
        tab.get_by_label("Token").fill("another")
        tab.get_by_role("button", name="Sign in").click()
        tab.get_by_role("alert").filter(has_text="The token is not the server's.").wait_for()
        tab.get_by_label("Token").fill(TOKEN)
        tab.get_by_role("button", name="Sign in").click()
        tab.get_by_text("What was asked for?").wait_for()
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert set(troubles.found) <= {UNASKED}


def test_from_the_token_to_the_report(visit, service, keep):
    _, settings = service
    tab = visit()
    tab.get_by_text("Nothing was asked for yet.").wait_for()
    headers = {"Content-Type": "application/json", "Origin": service[0]}
    asked = [
        tab.request.post(f"{service[0]}/backtests/start", data=BACKTEST, headers=headers).json()
        for _ in range(3)
    ]
    work_off(settings, asked[0]["operation_id"])
    table = Store.from_settings(settings).operations
    at_work = asked[1]["operation_id"]
    table.divide(at_work, {}, unit="bars")
    piece = table.next_piece(at_work, size=1)
    lease = table.lease(at_work, piece, worker="w1", seconds=600)
    tab.get_by_text("1 worker at hand, 1 running, 1 queued, 1 complete.").wait_for()
    # As it goes, without a look of the page itself in between.
    table.beat(lease.token, done=300, total=400, unit="bars", seconds=600)
    table.note_progress(at_work, rate=100.0)
    tab.get_by_text("300 of 400 bars · 100 a second · 1.0 s left").wait_for()
    keep(tab, "service")
    tab.get_by_role("button", name=f"Cancel {asked[2]['operation_id']}").click()
    tab.get_by_text("cancelled").wait_for()
    tab.get_by_role("button", name=f"Resume {asked[2]['operation_id']}").click()
    tab.get_by_text("1 worker at hand, 1 running, 1 queued, 1 complete.").wait_for()
    tab.get_by_role("link", name="crossing on SPX").click()
    # Nothing is evaluated in a report, which its policy forbids.
    tab.locator("html[data-drawn]").wait_for(state="attached")
    assert tab.locator(".js-plotly-plot .main-svg:first-child").count() > 3


def test_ranges_stay_on_a_line_and_moments_are_told(visit):
    tab = visit()
    tab.locator("#operations tbody tr").first.wait_for()
    heads = tab.locator("#operations th").all_inner_texts()
    assert heads[1:4] == ["Asked for", "How it stands", "Progress, then result"]
    lines = "texts => texts.map(text => text.getBoundingClientRect().height < 30)"
    for part in ("td.bt-name .bt-one-line", "td.bt-asked .bt-one-line"):
        assert set(tab.locator(f"#operations {part}").evaluate_all(lines)) == {True}
    (started,) = (
        tab.locator(".bt-asked .bt-under")
        .filter(has_text="started")
        .filter(has_not_text="not")
        .all_inner_texts()
    )
    assert re.fullmatch(r"started \d\d:\d\d:\d\d", started)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", tab.locator(".bt-asked").first.inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone(visit, keep, scheme):
    tab = visit(width=390, scheme=scheme)
    tab.locator("#operations tbody tr").first.wait_for()
    assert_whole(tab, width=390, charts=0)
    cut = "rows => rows.some(row => row.scrollWidth > row.clientWidth + 1)"
    assert tab.locator("#operations tr").evaluate_all(cut) is False
    keep(tab, f"service-390-{scheme}", full_page=True)
