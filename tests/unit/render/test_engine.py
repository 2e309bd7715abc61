"""The engine in this process against papermill's own: cell by cell the same."""

import asyncio
import gc
import json
import os
import re
import sys
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from papermill import PapermillExecutionError

from btkit.errors import UsageError
from btkit.render.engine import InProcessEngine
from btkit.render.kernel import OwnKernelManager

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


@pytest.fixture(autouse=True)
def outside_of_pytest(monkeypatch):
    # A kernel that sees it is run by pytest captures less than it does for a user.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def execute(engine, source, folder, **options):
    path = folder / f"{engine}.ipynb"
    if engine == "nbclient":
        options["kernel_manager_class"] = OwnKernelManager
    error = None
    try:
        papermill.execute_notebook(
            source, path, engine_name=engine, kernel_name="python3", progress_bar=False, **options
        )
    except PapermillExecutionError as raised:
        error = raised
    return nbformat.read(path, as_version=4), error


def plain(cell):
    """What must be equal: all but times, ids of widgets, and the number of the process."""
    outputs = []
    for output in cell.get("outputs", ()):
        merged = outputs and outputs[-1].get("name") == output.get("name") == "stdout"
        if merged and output.output_type == "stream":
            outputs[-1]["text"] += output["text"]
        else:
            outputs.append(json.loads(json.dumps(output)))
    text = json.dumps(outputs, sort_keys=True)
    text = re.sub(r'"model_id": "[0-9a-f]{32}"', '"model_id": ""', text)
    text = re.sub(r"ipykernel_\d+", "ipykernel", text)
    about = cell.metadata.get("papermill", {})
    return {
        "source": cell.source,
        "outputs": text,
        "count": cell.get("execution_count"),
        "times": sorted(cell.metadata.get("execution", {})),
        "papermill": {key: about.get(key) for key in ("exception", "status")}
        | {"keys": sorted(about)},
        "tags": cell.metadata.get("tags"),
    }


def states(executed):
    widgets = executed.metadata.get("widgets", {})
    found = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    plain_states = []
    for state in found.values():
        text = re.sub(r"IPY_MODEL_[0-9a-f]{32}", "IPY_MODEL_", json.dumps(state, sort_keys=True))
        plain_states.append(re.sub(r'"msg_id": "[^"]*"', '"msg_id": ""', text))
    return sorted(plain_states)


def assert_same(source, folder, **options):
    ordinary, wanted = execute("nbclient", source(), folder, **options)
    ours, raised = execute("btkit", source(), folder, **options)
    assert [plain(cell) for cell in ours.cells] == [plain(cell) for cell in ordinary.cells]
    assert ours.metadata.language_info == ordinary.metadata.language_info
    assert sorted(ours.metadata.papermill) == sorted(ordinary.metadata.papermill)
    assert ours.metadata.papermill.exception == ordinary.metadata.papermill.exception
    assert states(ours) == states(ordinary)
    same = [(type(e), getattr(e, "ename", ""), getattr(e, "evalue", "")) for e in (raised, wanted)]
    assert same[0] == same[1]
    return ours, raised


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


def test_errors_may_be_allowed(tmp_path):
    def source():
        made = notebook("1 / 0", "'after'")
        made.cells[0].metadata.tags = ["raises-exception"]
        return made

    ours, _ = assert_same(source, tmp_path)
    assert ours.cells[-1].outputs[0].data["text/plain"] == "'after'"


def test_a_time_limit_is_refused_rather_than_ignored(tmp_path):
    with pytest.raises(UsageError, match="cannot stop one after a time"):
        execute("btkit", notebook("1"), tmp_path, execution_timeout=5)


def test_the_entry_point_leads_to_the_engine():
    from papermill.engines import papermill_engines  # noqa: PLC0415 - the registry as papermill has it

    papermill_engines.register_entry_points()
    assert papermill_engines.get_engine("btkit") is InProcessEngine


MISCHIEF = """
import builtins, getpass, os, random, sys, warnings
import numpy as np, pandas as pd, plotly.io as pio
leak = 1
os.environ["LEAK"] = "1"
os.chdir("/")
sys.path.insert(0, "/leak")
sys.argv.append("leak")
builtins.leak = 1
warnings.simplefilter("ignore")
pd.set_option("display.max_rows", 3)
pio.templates.default = "seaborn"
random.seed(1); np.random.seed(1)
sys.stdout.write("x")
"""


def test_nothing_leaks_from_a_notebook_into_the_process_or_the_next(tmp_path):
    import random  # noqa: PLC0415 - beside what it tells

    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    import plotly.io as pio  # noqa: PLC0415

    def state():
        return (
            Path.cwd(), dict(os.environ), list(sys.path), list(sys.argv), sys.stdout, sys.stderr,
            sys.modules["__main__"], sys.displayhook, sys.excepthook, hasattr(__builtins__, "leak"),
            pd.get_option("display.max_rows"), pio.templates.default, pio.renderers.default,
            random.getstate(), np.random.get_state()[1].tolist(),  # noqa: NPY002 - the state that is kept
        )  # fmt: skip

    before = state()
    execute("btkit", notebook(MISCHIEF), tmp_path)
    assert state() == before
    look = "'leak' in globals(), 'LEAK' in __import__('os').environ, __import__('sys').argv[1:]"
    ours, _ = execute("btkit", notebook(look), tmp_path)
    assert ours.cells[0].outputs[0].data["text/plain"] == "(False, False, [])"


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


def test_memory_is_flat_over_two_hundred_notebooks(tmp_path):
    sources = (
        "import numpy as np, ipywidgets as w\nbig = np.ones(500_000)",
        "slider = w.IntSlider(3)\nslider",
        "big",
        "def f():\n    return big\nf().sum()",
    )
    process = psutil.Process()

    def run(times):
        for _ in range(times):
            execute("btkit", notebook(*sources), tmp_path)
        gc.collect()
        return process.memory_info().rss

    first = run(40)
    # 160 notebooks that each left their 4 MB behind would leave 640 MB.
    assert run(160) - first < 30e6
