"""The engine in this process against papermill's own: cell by cell the same."""

import asyncio
import gc

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from support.engines import assert_same, execute, notebook, states

from btkit.errors import UsageError
from btkit.render.engine import InProcessEngine

pytestmark = pytest.mark.integration

CELLS = [
    "a = 1",
    "print('out'); import sys; print('err', file=sys.stderr); a + 1",
    "%%bash\necho from bash; echo problem >&2",
    "!echo from the shell",
    "from IPython.display import *\nhandle = display(HTML('<b>x</b>'), display_id='one')",
    "handle.update(HTML('<i>y</i>'))",
    "print(1); clear_output(wait=True); print(2)",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "type(asyncio.get_running_loop()).__name__ != ''",
    "import warnings; warnings.warn('careful')",
    "import numpy as np; np.seterr(divide='raise')['divide']",
    "np.geterr()['divide']",
    "__name__, len(In), Out[3]",
    "class Thing:\n    pass\nimport pickle; type(pickle.loads(pickle.dumps(Thing()))).__name__",
    "quiet = 5;",
    "import pandas as pd; pd.DataFrame({'a': [1, 2]})",
    "import plotly.graph_objects as go; go.Figure(data=[{'y': [1, 2]}])",
    "go.Figure(data=[{'y': [1, 2]}]).show()",
    "import ipywidgets as w; slider = w.IntSlider(3); slider",
    "slider.value = 4",
    "area = w.Output()\nwith area:\n    print('inside')\narea",
    "get_ipython().__class__",
    "try:\n    input('?')\nexcept Exception as error:\n    print(type(error).__name__, error)",
    "help(len)",
    "   ",
]
ENDINGS = {
    "error": "def f(x):\n    return 1 / x\nf(0)",
    "syntax": "1 +",
    "magic": "%load_ext no_such_extension_anywhere",
    "unknown magic": "%no_such_magic",
    "cell magic": "%%bash\nexit 3",
    "exit status": "import sys; sys.exit(3)",
    "quit": "import sys; sys.exit(0)",
}


# What is written beneath Python is read by a thread of the kernel, whenever that has its turn.
TAKEN = """
import sys, threading
def taken(act):
    stream, arrived = sys.stdout, threading.Event()
    if not hasattr(stream, "_watch_pipe_fd"):
        return act()
    write = stream.write
    stream.write = lambda text: (write(text), arrived.set())[0]
    try:
        done = act()
        assert arrived.wait(120)
        return done
    finally:
        del stream.write
"""
# Each may fail; the next cell runs all the same.
NASTY = [
    TAKEN,
    "print('a' * 300_000)\nfor i in range(5_000):\n    print(i)",
    "import os; taken(lambda: os.write(1, b'\\xff\\xfe bytes\\n'))",
    "%%bash\nprintf '\\xff\\xfe\\n'; printf 'caf\\xc3\\xa9\\n'",
    "import subprocess; taken(lambda: subprocess.run(['printf', '\\\\303']))",
    "print('x\\x00y\\x1b[31mred\\x1b[0m')",
    "from IPython.display import *\nImage(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png')",
    "display(JSON({'a': [1, (2, 3)]}), Markdown('*x*'), Latex('$x$'), SVG('<svg></svg>'))",
    "display({'text/plain': 'raw', 'image/png': 'iVBORw0='}, raw=True, metadata={'k': 1})",
    "display('two', display_id='two'); display('two again', display_id='two')",
    "update_display(HTML('<b>z</b>'), display_id='two'); update_display('x', display_id='absent')",
    "print('x'); clear_output(); print('y'); display(1); clear_output(wait=True)",
    "print('late')\nclear_output(wait=True)\nprint('last')",
    "class R:\n    def _repr_png_(self): return b'\\x89PNG'\n    def __repr__(self): 1 / 0\nR()",
    "class Q:\n    def _repr_html_(self): raise ValueError('broken')\nprint(1); Q();",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]); print('before')",
    "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show(); 3",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('x') from error",
    "raise ExceptionGroup('g', [ValueError(1), TypeError('t')])",
    "class F(Exception):\n    def _render_traceback_(self): return ['own', 'lines']\nraise F('x')",
    "import asyncio\nraise asyncio.CancelledError()",
    "await asyncio.sleep(0)\nraise GeneratorExit('x')",
    "async def numbers():\n    for i in range(3): yield i\nasync for x in numbers(): print(x)",
    "task = asyncio.create_task(asyncio.sleep(0.001, 'slept'))",
    "await asyncio.sleep(0.05); task.done(), task.result()",
    "import sys; sys.exit('words')",
    "breakpoint(); 'went on'",
    "import getpass\ntry:\n    getpass.getpass()\nexcept Exception as error:\n    print(error)",
    "sys.stdin.read()",
    "%%capture caught\nprint('hidden')",
    "caught.stdout, caught.show()",
    "%%html\n<b>x</b>",
    "%cd /",
    "%pwd",
    "found = !ls /nowhere\nfound",
    "%run -i nowhere.py",
    "%precision 3",
    "3.14159",
    "%xmode Plain",
    "1 / 0",
    "import warnings\ndef f(): warnings.warn('from f', stacklevel=2)\nf(); f()",
    "import logging; logging.warning('heard'); logging.info('not heard')",
    "import threading\nt = threading.Thread(target=print, args=('there',)); t.start(); t.join()",
    "len?",
    "sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.errors, sys.stdout.writable()",
    "sys.stdout.writelines(['a', 'b'])",
    "sys.displayhook = lambda value: print('hook', value)\n3",
    "4",
    "get_ipython().ast_node_interactivity = 'all'",
    "1\n2",
]


def test_every_cell_is_as_a_kernel_leaves_it(tmp_path):
    ours, raised = assert_same(lambda: notebook(*CELLS), tmp_path, parameters={"z": {"n": 1}})
    assert raised is None
    assert len(states(ours)) == 5  # slider, its layout and style; output area and its layout


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=list(ENDINGS))
def test_a_failing_cell_ends_the_notebook_and_is_kept_in_it(tmp_path, ending):
    ours, raised = assert_same(lambda: notebook("print('before')", ending, "'never'"), tmp_path)
    quits = ending.endswith("exit(0)")
    assert (raised is None) == quits
    assert ours.cells[-1].execution_count is None
    if not quits:
        assert "An Exception was encountered" in ours.cells[0].source


def test_a_nasty_notebook_is_as_a_kernel_leaves_it(tmp_path):
    def source():
        made = notebook(*NASTY)
        for cell in made.cells:
            cell.metadata.tags = ["raises-exception", "of-mine"]
            cell.metadata.collapsed = True
        made.metadata.authors = [{"name": "A. Nalyst"}]
        return made

    ours, raised = assert_same(source, tmp_path)
    assert raised.ename == "ZeroDivisionError"  # papermill reports the last, whatever is tagged
    assert ours.metadata.authors == [{"name": "A. Nalyst"}]


def test_errors_may_be_allowed(tmp_path):
    def source():
        made = notebook("1 / 0", "'after'")
        made.cells[0].metadata.tags = ["raises-exception"]
        return made

    ours, _ = assert_same(source, tmp_path)
    assert ours.cells[-1].outputs[0].data["text/plain"] == "'after'"


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    # A kernel loses the whole output to it.
    cells = notebook("print('a\\ud800b')", "raise ValueError('\\ud800')")
    ours, raised = execute("btkit", cells, tmp_path)
    assert ours.cells[1].outputs[0].text == "a?b\n"
    assert raised.evalue == "?"


SLOW = {
    "asleep": "print('x')\nimport time; time.sleep(30)",
    "busy": "print('x')\nwhile True:\n    pass",
    "waiting": "print('x')\nimport asyncio; await asyncio.sleep(30)",
    "a program": "%%bash\nsleep 30",
    "stubborn": "import time\ntry:\n    time.sleep(30)\nexcept KeyboardInterrupt:\n    pass",
}


@pytest.mark.parametrize("cell", SLOW.values(), ids=list(SLOW))
def test_a_cell_that_takes_too_long_is_stopped(tmp_path, cell):
    with pytest.raises(CellTimeoutError, match="after 1 seconds"):
        execute("btkit", notebook(cell, "'never'"), tmp_path, execution_timeout=1)
    ours, raised = execute("btkit", notebook("'and then'"), tmp_path, execution_timeout=60)
    assert raised is None
    assert ours.cells[0].outputs[0].data["text/plain"] == "'and then'"


def test_a_time_limit_says_what_papermill_says(tmp_path):
    said = []
    for engine in ("nbclient", "btkit"):
        with pytest.raises(CellTimeoutError) as caught:
            execute(engine, notebook(SLOW["waiting"]), tmp_path, execution_timeout=1)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_time_limit_that_cannot_be_kept_is_refused_rather_than_ignored(tmp_path):
    async def inside():
        execute("btkit", notebook("1"), tmp_path, execution_timeout=5)

    with pytest.raises(UsageError, match="only in the main thread"):
        asyncio.run(inside())
    with pytest.raises(UsageError, match="no interrupt_on_timeout"):
        execute("btkit", notebook("1"), tmp_path, execution_timeout=5, interrupt_on_timeout=True)


def test_no_cell_runs_after_one_that_left(tmp_path):
    # A kernel is gone a tenth of a second after such a cell, wherever the next one is by then.
    with pytest.raises(DeadKernelError):
        execute("btkit", notebook("exit", "'never'"), tmp_path)


def test_the_entry_point_leads_to_the_engine():
    from papermill.engines import papermill_engines  # noqa: PLC0415 - the registry as papermill has it

    papermill_engines.register_entry_points()
    assert papermill_engines.get_engine("btkit") is InProcessEngine


def test_it_runs_where_an_event_loop_runs_already_and_inside_itself(tmp_path):
    async def inside():
        return execute("btkit", notebook("import asyncio\nawait asyncio.sleep(0)\n1 + 1"), tmp_path)

    ours, raised = asyncio.run(inside())
    assert raised is None
    assert ours.cells[0].outputs[0].data["text/plain"] == "2"
    nested = (
        "import nbformat, papermill\n"
        "inner = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('print(6 * 7)')])\n"
        "done = papermill.execute_notebook(inner, None, engine_name='btkit', kernel_name='python3',"
        " progress_bar=False, parameters={})\n"
        "print(done.cells[0].outputs[0].text, end='')"
    )
    ours, raised = execute("btkit", notebook("x = 1", nested, "x"), tmp_path)
    assert raised is None
    assert ours.cells[1].outputs[-1].text == "42\n"
    assert ours.cells[2].outputs[0].data["text/plain"] == "1"


def test_an_interrupt_ends_the_run_and_shows_in_the_notebook(tmp_path):
    source = notebook("raise KeyboardInterrupt", "'never'")
    with pytest.raises(KeyboardInterrupt):
        execute("btkit", source, tmp_path)
    kept = nbformat.read(tmp_path / "btkit.ipynb", as_version=4)
    assert kept.cells[0].outputs[0].ename == "KeyboardInterrupt"


held = []
# A module that was there before a notebook is the same one in it.
KEPT = """
import ipywidgets as w, numpy as np, sys, weakref
big, slider = np.ones(500_000), w.IntSlider(3)
sys.modules[{name!r}].held.extend([weakref.ref(big), weakref.ref(slider)])
"""


def test_nothing_is_left_of_fifty_notebooks(tmp_path):
    held.clear()
    sources = (KEPT.format(name=__name__), "slider", "big", "def f():\n    return big\nf().sum()")
    for _ in range(50):
        execute("btkit", notebook(*sources), tmp_path)
    gc.collect()
    assert len(held) == 100
    assert [thing() for thing in held if thing() is not None] == []
