"""A strategy's name may be any printable text; it stays text wherever it is shown."""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser

import pytest
from support.specs import rules

from btkit.render.index import index_page

NAME = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} ../../x =1"


class Elements(HTMLParser):
    """Collect what could come out of a name that is not escaped."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.shown = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if "onerror" in dict(attrs) or dict(attrs).get("src") == "x":
            self.found.append(tag)

    def handle_data(self, data):
        self.shown.append(data)


@pytest.fixture
def named(workplace):
    spec = rules(
        name=NAME, exit_conditions=["close < sma_50"], position_sizing_formula="10",
        description=NAME, metadata={NAME: NAME},
    )  # fmt: skip
    (workplace / "named.json").write_text(json.dumps(spec))
    return workplace / "named.json"


def test_a_report_shows_the_name_as_text(backtest, named, workplace):
    _, document, told = backtest(
        "run", "--strategy", named, "--symbol", "SPX", "--start", "2010-01-01", "--end",
        "2010-12-31",
    )  # fmt: skip
    run_id = document["run"]["run_id"]
    assert document["run"]["strategy_name"] == NAME
    assert document["provenance"]["spec"]["metadata"] == {NAME: NAME}
    assert NAME in told
    assert {path.name for path in (workplace / "reports").iterdir()} == {
        f"{run_id}.{kind}" for kind in ("ipynb", "html", "json")
    }
    page = (workplace / "reports" / f"{run_id}.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    elements = Elements(page)
    assert elements.found == []
    assert NAME in elements.shown
    notebook = json.loads((workplace / "reports" / f"{run_id}.ipynb").read_text())
    for cell in notebook["cells"]:
        assert "alert(1)" not in "".join(cell["source"])
        for output in cell.get("outputs", []):
            assert "<img src=x" not in "".join(output.get("data", {}).get("text/html", ""))


def test_the_index_shows_the_name_as_text():
    line = {
        "job": 1, "command": "run", "strategy": NAME, "symbol": "SPX", "start": "2010-01-01",
        "end": "2010-12-31", "exit_code": 2, "seconds": 1.0, "passed": False,
        "error": {"type": "UsageError", "message": NAME, "hint": NAME, "details": {}},
    }  # fmt: skip
    page = index_page([line], comparison=None)
    assert Elements(page).found == []
    assert escape(NAME, quote=False) in page or escape(NAME) in page


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "$(touch pwned)`touch pwned`;touch pwned",
        "x'); DROP TABLE backtest_runs;--",
        "\u0430\u0440\u0440\u04cf\u0435",
    ],
)
def test_a_name_is_never_run_nor_a_path(backtest, workplace, name):
    (workplace / "named.json").write_text(json.dumps(rules(name=name)))
    before = {path.name for path in workplace.iterdir()}
    _, document, _ = backtest(
        "run", "--strategy", "named.json", "--symbol", "SPX", "--start", "2010-01-01", "--end",
        "2010-12-31", "--no-report",
    )  # fmt: skip
    assert document["run"]["strategy_name"] == name
    (row,) = backtest("list")[1]["runs"]
    assert row["strategy_name"] == name
    assert {path.name for path in workplace.iterdir()} - before <= {
        "curves", "results.db", "results.db-shm", "results.db-wal",
    }  # fmt: skip
