"""Our templates run in this process; whatever else papermill is given goes to a kernel."""

import asyncio
import gc
import json
import os
import sys
import threading

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError
from papermill.engines import NBClientEngine, papermill_engines
from support.engines import assert_same, execute, notebook

from btkit.render import engine
from btkit.render.engine import InProcessEngine
from btkit.shipped import shipped

pytestmark = pytest.mark.integration

SHOW = (
    "from btkit.render.pieces import Html, ReportSection\n"
    "ReportSection([Html('<b>x</b>'), Html('y')])"
)


@pytest.fixture
def template(tmp_path, monkeypatch):
    """Make a notebook of these cells one that ships with btkit."""
    folder = tmp_path / "templates"
    folder.mkdir()
    monkeypatch.setattr(engine, "shipped", lambda _: folder)

    def made(*sources):
        source = notebook(*sources)
        nbformat.write(source, folder / f"t{len(list(folder.iterdir()))}.ipynb")
        return source

    return made


def shown(executed, cell=0):
    return executed.cells[cell].outputs[-1].data["text/plain"]


def test_the_entry_point_leads_to_the_engine():
    papermill_engines.register_entry_points()
    assert papermill_engines.get_engine("btkit") is InProcessEngine


def test_a_template_is_as_a_kernel_leaves_it(template, tmp_path):
    cells = ["print('out'); print('more', end='')",
        "import sys; print('err', file=sys.stderr)",
             "a = z['n'] + 1", SHOW, "print(a, __name__, len(In))", "quiet = a"]  # fmt: skip
    template(*cells)
    ours, raised = assert_same(lambda: notebook(*cells), tmp_path, parameters={"z": {"n": 1}})
    assert raised is None
    assert [out.output_type for out in ours.cells[4].outputs] == ["display_data"] * 2


def test_a_failing_cell_ends_the_template_and_is_kept_in_it(template, tmp_path):
    ours, raised = execute(
        "btkit", template("print('before')\ndef f(x):\n    return 1 / x\nf(0)", "'never'"), tmp_path
    )
    failed, never = ours.cells[-2:]
    assert (raised.ename, raised.evalue) == ("ZeroDivisionError", "division by zero")
    assert "An Exception was encountered" in ours.cells[0].source
    stream, error = failed.outputs
    assert stream.text == "before\n"
    lines = [line.strip() for line in error.traceback if set(line) - set(" ~^")]
    assert lines == [
        "Traceback (most recent call last):",
        'File "<cell 1>", line 4, in <module>',
        "f(0)",
        'File "<cell 1>", line 3, in f',
        "return 1 / x",
        "ZeroDivisionError: division by zero",
    ]
    assert (never.outputs, never.execution_count) == ([], None)


def test_half_a_surrogate_pair_is_replaced(template, tmp_path):
    # A kernel loses the whole output to it.
    ours, raised = execute(
        "btkit", template("print('a\\ud800b')", "1 / len('\\ud800'[1:])"), tmp_path
    )
    assert ours.cells[1].outputs[0].text == "a?b\n"
    assert raised.ename == "ZeroDivisionError"


def test_a_template_that_shows_anything_else_is_told_what_it_needs(template, tmp_path):
    _, raised = execute("btkit", template("1 + 1"), tmp_path)
    assert (raised.ename, "of type int" in raised.evalue) == ("TypeError", True)
    assert "--engine nbclient" in raised.evalue


def test_an_interrupt_ends_the_run_and_shows_in_the_notebook(template, tmp_path):
    streams = sys.stdout, sys.stderr
    with pytest.raises(KeyboardInterrupt):
        execute("btkit", template("print(1)", "raise KeyboardInterrupt", "print(2)"), tmp_path)
    assert (sys.stdout, sys.stderr) == streams
    kept = nbformat.read(tmp_path / "btkit.ipynb", as_version=4)
    assert kept.cells[1].outputs[0].ename == "KeyboardInterrupt"
    assert kept.cells[2].outputs == []


NESTED = """
import papermill
done = papermill.execute_notebook({path!r}, None, engine_name="btkit", kernel_name="python3",
    progress_bar=False, parameters={{"x": 1}})
print(done.cells[-1].outputs[0].text, end="")
"""


def test_it_runs_where_an_event_loop_runs_already_and_inside_itself(template, tmp_path):
    template("print(6 * 7)")
    inner = str(tmp_path / "templates" / "t0.ipynb")
    outer = template("x = 2", NESTED.format(path=inner), "print(x)")

    async def inside():
        return execute("btkit", outer, tmp_path)

    ours, raised = asyncio.run(inside())
    assert raised is None
    assert [cell.outputs[-1].text for cell in ours.cells[1:]] == ["42\n", "2\n"]


def test_each_thread_has_its_own_outputs(template, tmp_path):
    printing = "import time\nfor _ in range(20):\n    print({0})\n    time.sleep(0.002)"
    sources = [template(printing.format(number)) for number in range(3)]
    found = {}

    def run(number):
        (tmp_path / str(number)).mkdir()
        executed, _ = execute("btkit", sources[number], tmp_path / str(number))
        found[number] = executed.cells[0].outputs[0].text

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" * 20 for number in range(3)}


held = []
# A module that was there before a notebook is the same one in it.
KEPT = """
import sys, threading, weakref
big = threading.Event()
def names_of_the_cell():
    return big
sys.modules[{name!r}].held.append(weakref.ref(big))
"""


def test_nothing_is_left_of_what_cells_made(template, tmp_path):
    held.clear()
    for ending in ("big.set()", "big / 0"):
        execute("btkit", template(KEPT.format(name=__name__), ending), tmp_path)
    gc.collect()
    assert [thing() for thing in held] == [None, None]


def test_a_notebook_of_ones_own_runs_in_a_kernel(tmp_path):
    cells = [
        "%pwd",
        "import os, sys\nos.getpid(), sys.executable",
        "await __import__('asyncio').sleep(0)",
    ]
    ours, raised = execute("btkit", notebook(*cells), tmp_path)
    assert raised is None
    process, interpreter = shown(ours, 1).strip("()").split(", ")
    assert int(process) != os.getpid()
    assert interpreter == repr(sys.executable)


def test_a_time_limit_is_kept_by_a_kernel(template, tmp_path):
    sleeping = template("import time; time.sleep(60)", "'never'")
    with pytest.raises(CellTimeoutError, match="after 1 seconds"):
        execute("btkit", sleeping, tmp_path, execution_timeout=1)


@pytest.fixture
def by_kernel(monkeypatch):
    """Note what goes to a kernel, and run it in none."""
    seen = []

    def noted(_nb_man, _kernel_name, **options):
        seen.append(options)

    monkeypatch.setattr(NBClientEngine, "execute_managed_notebook", noted)
    return seen


def changed(change):
    source = nbformat.read(shipped("templates") / "run.ipynb", as_version=4)
    change(source.cells)
    return source


CHANGES = {
    "an added cell": lambda cells: cells.append(nbformat.v4.new_code_cell("%pwd")),
    "a cell less": lambda cells: cells.pop(),
    "another line": lambda cells: cells[2].update(source="from btkit import render"),
    "a tag": lambda cells: cells[-1].metadata.update(tags=["raises-exception"]),
    "code as a parameter": lambda cells: cells.insert(
        1,
        nbformat.v4.new_code_cell("x = exit()", metadata={"tags": ["injected-parameters"]}),
    ),
    "a parameter that is no name": lambda cells: cells.insert(
        1,
        nbformat.v4.new_code_cell("In[0] = 1", metadata={"tags": ["injected-parameters"]}),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_copy_goes_to_a_kernel(change, by_kernel, tmp_path):
    execute("btkit", changed(change), tmp_path)
    assert len(by_kernel) == 1


@pytest.mark.parametrize(
    "option", [{"allow_errors": True}, {"stdout_file": sys.stdout}, {"log_output": True}], ids=str
)
def test_what_only_a_kernel_can_do_is_done_by_one(option, by_kernel, template, tmp_path):
    execute("btkit", template("pass"), tmp_path, **option)
    assert by_kernel[0].items() >= option.items()
    assert "kernel_manager_class" in by_kernel[0]


def test_a_copy_of_a_template_is_one_wherever_it_lies_and_whatever_it_is_told(by_kernel, tmp_path):
    copy = tmp_path / "mine.ipynb"
    source = json.loads((shipped("templates") / "compare.ipynb").read_text())
    source["cells"].insert(
        0, {"cell_type": "markdown", "metadata": {}, "source": "# Mine", "id": "m"}
    )
    copy.write_text(json.dumps(source))
    with pytest.raises(papermill.PapermillExecutionError, match="it has no parameter runs"):
        papermill.execute_notebook(
            copy, None, engine_name="btkit", parameters={"runs": [None, -1.5, {"a": True}]},
            progress_bar=False,
        )  # fmt: skip
    assert by_kernel == []
