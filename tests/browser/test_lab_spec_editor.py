"""The spec editor as its user meets it: a real JupyterLab, a mouse and a keyboard."""

import re
import shutil

import pytest
from support.lab import ROOT

import btkit as bt
from btkit.render import text
from btkit.settings import Settings

NAME = "01_edit_a_spec.ipynb"
FIGURE = "document.querySelector('.bt-edit .js-plotly-plot')"
START, END = "1999-01-04", "2018-12-31"


class Editor:
    """What a hand can do with the editor, and what the eye sees."""

    def __init__(self, notebook):
        self.notebook, self.tab = notebook, notebook.tab

    def condition(self, title, place):
        return self.tab.get_by_label(f"{title}, condition {place}", exact=True)

    def conditions(self, title):
        found = self.tab.get_by_label(re.compile(f"^{title}, condition"))
        return [found.nth(place).input_value() for place in range(found.count())]

    def number(self, name):
        row = self.tab.locator(".bt-field").filter(has=self.tab.get_by_text(name, exact=True))
        return row.locator(".bt-number input")

    def press(self, name):
        self.tab.locator(".bt-edit").get_by_role("button", name=re.compile(rf"^\W*{name}$")).click()

    def show(self, name):
        self.tab.locator(".bt-edit").get_by_role("tab", name=name).click()

    def tile(self, name):
        tile = self.tab.locator(".bt-edit .bt-tile").filter(has_text=name)
        return tile.locator(".bt-tile-value").inner_text()

    def last(self):
        return self.tab.evaluate(f"{FIGURE}.data[1].y.at(-1)")

    def says(self, words):
        self.tab.locator(".bt-edit-left .bt-edit-note", has_text=words).first.wait_for()

    def wait_for(self, result):
        """Wait until picture and tiles show a result, and nothing else."""
        money = float(result.equity.iloc[-1])
        self.tab.wait_for_function(
            f"Math.abs({FIGURE}.data[1].y.at(-1) / {money!r} - 1) < 1e-6 && "
            f"!document.querySelector('.bt-edit .bt-stale')"
        )
        ended = f"became ▬ strategy {text.money(money)}"
        titles = self.tab.locator(".bt-edit .annotation-text")
        titles.filter(has_text=ended).first.wait_for()
        shown = {
            "CAGR": text.percent(result.metrics.cagr),
            "Sharpe": text.ratio(result.metrics.sharpe_ratio),
            "Trades": f"{len(result.trades):,}",
        }
        for name, value in shown.items():
            tile = self.tab.locator(".bt-edit .bt-tile").filter(has_text=name)
            tile.get_by_text(value, exact=True).first.wait_for()
        axis = self.tab.evaluate(f"{FIGURE}._fullLayout.xaxis")
        assert axis["type"] == "date"
        first, last = (int(end[:4]) for end in axis["range"])
        assert 1997 <= first <= 1999
        assert 2018 <= last <= 2020
        assert self.tab.evaluate(f"{FIGURE}.data[5].x.length") == len(result.trades)


def simulated(spec):
    bars = bt.load_bars("SPX", START, END, source="sample")
    return bt.simulate(spec, bars, capital=100_000, commission=0.65, slippage=0.005, start=START)


def golden_cross(**parameters):
    return {
        "name": "golden cross",
        "parameters": {"fast": 50, "slow": 200} | parameters,
        "entry_conditions": ["sma_{fast} > sma_{slow}", "not in_position"],
        "exit_conditions": ["sma_{fast} < sma_{slow}"],
        "stop_conditions": [],
        "position_sizing_formula": "capital / close",
        "max_holding_bars": 5000,
    }


@pytest.fixture(scope="module")
def notebook(opened, lab):
    shutil.copy(ROOT / "notebooks" / NAME, lab[1])
    notebook = opened(NAME)
    notebook.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.side_bar(shown=False)
    return notebook


@pytest.fixture
def editor(notebook):
    """The editor as the notebook makes it, whatever a test before did with the one before."""
    notebook.tab.set_viewport_size({"width": 1440, "height": 900})
    notebook.run_all()
    made = Editor(notebook)
    made.tab.locator(".bt-edit .main-svg").first.wait_for()
    made.tab.evaluate("document.querySelector('.bt-edit').scrollIntoView()")
    return made


def test_a_wrong_name_is_marked_and_the_picture_dimmed_until_it_is_mended(editor, keep):
    before = editor.last()
    field = editor.condition("Enter when", 1)
    field.press("Home")
    for _ in "sma":
        field.press("ArrowRight")
    field.press("a")
    assert field.input_value() == "smaa_{fast} > sma_{slow}"
    said = editor.tab.locator(".bt-expression .bt-problem")
    said.filter(has_text="unknown name 'smaa_50'").wait_for()
    assert said.locator("mark").inner_text() == "smaa_{fast}"
    assert "did you mean 'sma_50'?" in said.inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    reason = editor.tab.locator(".bt-edit-reason")
    reason.get_by_text("Enter when, condition 1: unknown name 'smaa_50'.").wait_for()
    dimmed = editor.tab.locator(".bt-stale")
    # The picture fades; it does not jump.
    faded = "() => getComputedStyle(document.querySelector('.bt-stale')).opacity < 0.5"
    editor.tab.wait_for_function(faded)
    assert dimmed.locator(".js-plotly-plot").is_visible()
    assert reason.bounding_box()["y"] < dimmed.bounding_box()["y"]
    assert editor.last() == before
    keep(editor.tab, "lab-editor-wrong-name")
    field.press("Backspace")
    dimmed.wait_for(state="detached")
    said.first.wait_for(state="detached")
    assert editor.conditions("Enter when") == golden_cross()["entry_conditions"]
    editor.wait_for(simulated(golden_cross()))


def test_names_are_completed_as_one_types(editor, keep):
    field = editor.condition("Exit when", 1)
    field.fill("")
    field.press_sequentially("close < ema_2")
    names = editor.tab.locator(".bt-names:popover-open")
    shown = names.get_by_role("option")
    # Those that begin with what was typed, before those that hold it.
    assert [name.split()[0] for name in shown.locator("code").all_inner_texts()] == [
        "ema_20",
        "ema_200",
        "ema_21",
        "dema_20",
        "dema_200",
        "tema_20",
        "tema_200",
    ]
    assert "Exponential moving average" in shown.first.inner_text()
    keep(editor.tab, "lab-editor-names")
    field.press("ArrowDown")
    field.press("ArrowDown")
    field.press("Enter")
    assert field.input_value() == "close < ema_200"
    assert names.count() == 0
    # In the middle of a text as well, and parameters of the spec, too.
    field.fill("ro > 0")
    field.press("Home")
    field.press("ArrowRight")
    field.press("ArrowRight")
    field.press_sequentially("c")
    field.press("Tab")
    assert field.input_value() == "roc_10 > 0"
    field.fill("close < sma_{s")
    field.press_sequentially("l")
    field.press("Tab")
    assert field.input_value() == "close < sma_{slow}"
    field.press("Escape")
    editor.notebook.wait_for("editor.spec.exit_conditions", ["close < sma_{slow}"])


def test_dragging_a_slider_moves_metrics_and_curve_and_the_last_value_wins(editor):
    before, money = editor.tile("CAGR"), editor.last()
    handle = editor.tab.locator(".bt-parameter .noUi-handle").first
    handle.hover()  # not before it has its place
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    editor.tab.mouse.down()
    for step in range(1, 31):
        editor.tab.mouse.move(x - 2 * step, y)
    editor.tab.mouse.up()
    fast = int(float(handle.get_attribute("aria-valuenow")))
    assert 2 <= fast < 50
    editor.wait_for(simulated(golden_cross(fast=fast)))
    assert editor.number("fast").input_value() == str(fast)
    assert (editor.tile("CAGR"), editor.last()) != (before, money)
    field = editor.number("fast")
    while (value := field.input_value()) != "50":  # on a slow machine, several steps
        editor.press("Undo")
        changed = "([field, value]) => field.value !== value"
        editor.tab.wait_for_function(changed, arg=[field.element_handle(), value])
    editor.wait_for(simulated(golden_cross()))


def test_what_is_saved_is_what_is_shown_and_undo_and_redo_walk_between(editor, lab):
    def shown():
        spec = golden_cross(
            fast=int(editor.number("fast").input_value()),
            slow=int(editor.number("slow").input_value()),
        )
        lists = {"entry": "Enter when", "exit": "Exit when", "stop": "Stop when"}
        return spec | {
            f"{name}_conditions": editor.conditions(title) for name, title in lists.items()
        }

    assert not editor.notebook.ask("editor._document.can_undo")  # drawing it changed nothing
    editor.number("fast").fill("37")
    editor.number("fast").press("Enter")
    editor.wait_for(simulated(golden_cross(fast=37)))
    for name in ("golden cross.json", "cross.yaml"):
        editor.tab.get_by_placeholder("file of the spec").fill(name)
        editor.press("Save")
        editor.says(f"Saved to {lab[1] / name}.")
        saved = bt.load_spec(lab[1] / name)
        assert saved == bt.load_spec(shown())
        assert saved.parameters == {"fast": 37, "slow": 200}
        assert editor.notebook.ask("editor.spec.model_dump(mode='json')") == saved.model_dump(
            mode="json"
        )
    editor.press("Undo")
    editor.wait_for(simulated(golden_cross()))
    assert shown() == golden_cross()
    editor.press("Redo")
    editor.wait_for(simulated(golden_cross(fast=37)))
    editor.press("Undo")
    editor.press("Load")
    editor.says("Loaded cross.yaml")
    editor.wait_for(simulated(golden_cross(fast=37)))


def test_conditions_are_added_moved_and_removed(editor):
    first, second = golden_cross()["entry_conditions"]
    editor.tab.get_by_role("button", name="Add a condition to “Enter when”").click()
    field = editor.condition("Enter when", 3)
    assert field.evaluate("(input) => input === document.activeElement")
    assert editor.tab.locator(".bt-stale").count() == 0  # an empty line is not yet a condition
    field.press_sequentially("close > sma_20")
    field.press("Escape")
    field.press("Alt+ArrowUp")
    assert editor.conditions("Enter when") == [first, "close > sma_20", second]
    editor.tab.get_by_role("button", name="Move down").first.click()
    assert editor.conditions("Enter when") == ["close > sma_20", first, second]
    editor.tab.get_by_role("button", name="Remove", exact=True).first.click()
    assert editor.conditions("Enter when") == [first, second]
    editor.wait_for(simulated(golden_cross()))
    editor.tab.get_by_role("button", name="Remove", exact=True).first.click()
    editor.tab.get_by_role("button", name="Remove", exact=True).first.click()
    editor.tab.locator(".bt-expressions .bt-problem").first.wait_for()
    editor.tab.locator(".bt-stale").wait_for()


def test_a_run_is_stored_and_its_command_copied(editor, lab):
    editor.number("slow").fill("150")
    editor.number("slow").press("Enter")
    editor.wait_for(simulated(golden_cross(slow=150)))
    editor.press("Run and store")
    editor.says("Stored as run ")
    note = editor.tab.locator(".bt-edit-left .bt-edit-note").first.inner_text()
    settings = Settings(_env_file=None, db_path=lab[1] / "results.db", curve_dir=lab[1] / "curves")
    stored = bt.load_run(re.search(r"run (\S+) in", note)[1], settings=settings)
    assert stored.report.run.strategy_name == "golden cross"
    assert f"{len(stored.trades):,}" == editor.tile("Trades")
    editor.press("Command")
    editor.tab.locator(".bt-command").get_by_role("button", name="Copy").click()
    editor.tab.locator(".bt-command").get_by_role("button", name="Copied").wait_for()
    copied = editor.tab.evaluate("navigator.clipboard.readText()")
    assert copied == editor.notebook.ask("editor.command()")
    assert copied.startswith("backtest run --strategy golden-cross.json --symbol SPX")


def test_it_stands_at_one_glance_light_and_dark_wide_and_narrow(editor, keep):
    left, right = editor.tab.locator(".bt-edit-left"), editor.tab.locator(".bt-edit-right")
    for width in (1440, 900):
        editor.tab.set_viewport_size({"width": width, "height": 900 if width > 900 else 1500})
        # JupyterLab gives way first, the figure after it.
        editor.tab.wait_for_function(
            "document.querySelector('.bt-edit').getBoundingClientRect().right <= innerWidth && "
            f"Math.abs({FIGURE}._fullLayout.width - {FIGURE}.getBoundingClientRect().width) < 2"
        )
        editor.tab.evaluate("document.querySelector('.bt-edit').scrollIntoView()")
        one, other = left.bounding_box(), right.bounding_box()
        if width > 900:
            assert other["x"] > one["x"] + one["width"]
            assert abs(one["y"] - other["y"]) < 1
            assert max(box["y"] + box["height"] for box in (one, other)) < 870  # the status bar
        else:
            assert other["y"] > one["y"] + one["height"]
            assert abs(one["width"] - other["width"]) < 2
        cut = """(boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1)
          .map((box) => box.textContent)"""
        tiles = editor.tab.locator(".bt-edit .bt-tile > div")
        assert tiles.evaluate_all(cut) == []
        for theme in ("Light", "Dark"):
            editor.notebook.theme(theme)
            for tab in ("Trading", "About", "Rules") if width > 900 else ("Rules",):
                editor.show(tab)
                editor.tab.evaluate("document.querySelector('.bt-edit').scrollIntoView()")
                editor.tab.mouse.move(0, 0)
                keep(editor.tab, f"lab-editor-{width}-{theme.lower()}-{tab.lower()}")
            if width > 900 and theme == "Light":
                keep_for_readme(editor, keep)
        editor.notebook.theme("Light")


def keep_for_readme(editor, keep):
    editor.tab.evaluate("document.querySelector('.bt-edit').scrollIntoView({block: 'center'})")
    box = editor.tab.locator(".bt-edit").bounding_box()
    clip = {"x": box["x"] - 8, "y": box["y"] - 8}
    clip |= {"width": box["width"] + 16, "height": box["height"] + 16}
    keep(editor.tab, "spec-editor", clip=clip)


def test_every_field_has_its_control_and_reaches_the_spec(editor):
    editor.show("Trading")
    fields = editor.tab.locator(".bt-field")

    def field(name):
        return fields.filter(has=editor.tab.get_by_text(name, exact=True))

    chosen = field("Commission").locator("select option:checked").inner_text()
    assert chosen.split() == ["by", "asset", "class"]
    field("Direction").locator("select").select_option("short")
    field("Hold at most, bars").locator("input").fill("20")
    field("Risk a trade, %").locator(".bt-number input").fill("1.23")
    field("Size, shares").locator("input").fill("0.5 * capital / close")
    field("Fractions of a share").locator("input").check()
    editor.show("About")
    field("Name").locator("input").fill("silver cross")
    field("Name").locator("input").press("Tab")
    changed = {
        "direction": "short",
        "max_holding_bars": 20,
        "per_trade_risk_pct": 0.0123,
        "position_sizing_formula": "0.5 * capital / close",
        "allow_fractional": True,
        "name": "silver cross",
    }
    editor.wait_for(simulated(golden_cross() | changed))
    # A name changes no picture that could be waited for.
    spec = "editor.spec.model_dump(mode='json')"
    editor.notebook.wait_for(f"{{name: {spec}[name] for name in {list(changed)}}}", changed)


def test_running_the_cell_again_leaves_no_widget_of_the_one_before(editor):
    counted = "len(__import__('comm').get_comm_manager().comms)"
    before = editor.notebook.ask(counted)
    assert before > 50
    for _ in range(3):
        editor.notebook.run_all()
        # A view that is still being made while its widgets close complains; a hand is slower.
        editor.tab.locator(".bt-edit .annotation-text").first.wait_for()
    editor.notebook.wait_for(counted, before)
    assert editor.tab.locator(".bt-edit").count() == 1
