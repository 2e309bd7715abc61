import re
from html.parser import HTMLParser

import nbformat
import pytest
from plotly.offline import get_plotlyjs
from support.documents import RUNS, long_run
from support.pages import page, words_of

from btkit.errors import UsageError
from btkit.render import SECTIONS, execute_template, sweep, walk_forward
from btkit.render.notebook import template_path


class Addresses(HTMLParser):
    """Collects what a browser would load, and how often each id and chart occurs."""

    def __init__(self):
        super().__init__()
        self.loaded, self.charts, self.scripts = [], 0, 0

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.charts += "bt-plot" in (values.get("class") or "").split()
        self.scripts += tag == "script"
        if tag == "link" or "srcset" in values:
            self.loaded.append(values)
        self.loaded += [
            values[name]
            for name in ("src", "href", "action", "data", "poster")
            if (values.get(name) or "").strip() and not values[name].startswith(("#", "data:"))
        ]


@pytest.mark.parametrize("name", RUNS)
def test_the_page_loads_nothing_and_holds_plotly_once(name):
    html = page(RUNS[name]())
    library = get_plotlyjs()
    assert html.count("plotly.js v") == library.count("plotly.js v")
    own = html.replace(library, "")
    assert len(own) < 1_000_000
    parser = Addresses()
    parser.feed(own)
    assert parser.loaded == []
    assert parser.charts == (4 if name == "idle" else 7)
    for foreign in (
        "mathjax",
        "require.js",
        "cdnjs",
        "cdn.",
        "http://",
        "https://",
        "@import",
        " url(",
        ":url(",
    ):
        assert foreign not in own.lower()


def test_a_long_array_stands_once_in_a_page():
    html = page(long_run()).replace(get_plotlyjs(), "")
    arrays = re.findall(r'"bdata":"([^"]{1000,})"', html)
    assert len(arrays) > 5
    assert len(arrays) == len(set(arrays))
    places = [int(place) for place in re.findall(r'"in_page":(\d+)', html)]
    assert set(places) == set(range(len(arrays)))
    assert len(places) > len(arrays)


def test_code_is_there_and_prompts_are_not():
    html = page(long_run()).replace(get_plotlyjs(), "")
    assert "render.growth(document)" in html
    assert "Show code" in html
    assert "In [" not in html
    assert "Out[" not in html


def test_the_template_asks_the_questions_of_the_report():
    notebook = nbformat.read(template_path("run"), as_version=4)
    nbformat.validate(notebook)
    words = words_of("run")
    assert list(words) == [question for question, _ in SECTIONS if question]
    # A question, and two sentences.
    assert all(re.fullmatch(r"## .+\?\n\n[^\n]+\.[^\n]+\.", text) for text in words.values())
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].metadata.tags == ["parameters"]
    assert [cell.source for cell in code][2:] == [
        f"render.{section.__name__}(document)" for _, section in SECTIONS
    ]
    # The parameters are the command's options, a line for each.
    assert all(len(cell.source.splitlines()) <= 12 for cell in code[1:])
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize(
    ("template", "sections"), [("walk_forward", walk_forward.SECTIONS), ("sweep", sweep.SECTIONS)]
)
def test_the_templates_of_searches_ask_the_questions_of_their_pages(template, sections):
    notebook = nbformat.read(template_path(template), as_version=4)
    assert list(words_of(template)) == [question for question, _ in sections if question]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[2:] == [f"page.{section.__name__}(found)" for _, section in sections]


def test_an_unknown_template_is_refused(tmp_path):
    with pytest.raises(UsageError, match=re.escape("No report template is called '../run'")):
        execute_template("../run", {}, out_dir=tmp_path, run_id="x")
