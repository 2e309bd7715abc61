"""What a notebook does to the process is gone when it has ended."""

import gc
import locale
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.io as pio
import pytest
from support.engines import execute, notebook

MISCHIEF = """
import builtins, decimal, gc, getpass, logging, os, random, signal, socket, sys, threading, time
import locale, warnings
import matplotlib.pyplot as plt, numpy as np, pandas as pd, plotly.io as pio
leak = 1
os.environ["LEAK"] = "1"
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
os.chdir("/")
os.umask(0o777)
sys.path.insert(0, "/leak")
sys.argv.append("leak")
sys.meta_path.reverse()
builtins.leak = 1
warnings.simplefilter("ignore")
pd.set_option("display.max_rows", 3)
np.set_printoptions(precision=1)
pio.templates.default = "seaborn"
pio.renderers.default = "json"
plt.rcParams["lines.linewidth"] = 9
plt.ion()
random.seed(1); np.random.seed(1)
decimal.getcontext().prec = 3
gc.disable()
sys.setrecursionlimit(700)
sys.unraisablehook = threading.excepthook = sys.displayhook = sys.excepthook = print
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: None)
signal.alarm(3600)
socket.setdefaulttimeout(3)
locale.setlocale(locale.LC_ALL, "C")
logging.basicConfig(level="DEBUG", force=True)
logging.getLogger("older").addHandler(logging.StreamHandler())
logging.getLogger("newer").addHandler(logging.StreamHandler())
logging.disable(logging.CRITICAL)
sys.stdout.write("x")
"""


def state():
    mask = os.umask(0o022)
    os.umask(mask)
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "zone": time.tzname,
        "mask": mask,
        "path": list(sys.path),
        "arguments": list(sys.argv),
        "importers": list(sys.meta_path),
        "streams": (sys.stdout, sys.stderr),
        "main": sys.modules["__main__"],
        "hooks": (sys.displayhook, sys.excepthook, sys.unraisablehook, threading.excepthook),
        "depth": sys.getrecursionlimit(),
        "collects": gc.isenabled(),
        "builtin": hasattr(__builtins__, "leak"),
        "pandas": pd.get_option("display.max_rows"),
        "numpy": np.get_printoptions()["precision"],
        "plotly": (pio.templates.default, pio.renderers.default),
        "matplotlib": {name: value for name, value in mpl.rcParams.items() if name != "backend"},
        "figures": plt.get_fignums(),
        "random": (random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002 - it is kept
        "signals": (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)),
        "alarm": signal.getitimer(signal.ITIMER_REAL)[0],
        "patience": socket.getdefaulttimeout(),
        "locale": locale.setlocale(locale.LC_ALL),
        "loggers": (
            list(logging.root.handlers),
            logging.root.level,
            logging.root.manager.disable,
            logging.getLogger("older").handlers,
        ),
    }


def shown(ours, cell=0):
    return ours.cells[cell].outputs[-1].data["text/plain"]


def test_nothing_leaks_from_a_notebook_into_the_process_or_the_next(tmp_path):
    logging.getLogger("older")
    before = state()
    execute("btkit", notebook(MISCHIEF), tmp_path)
    assert state() == before
    assert logging.getLogger("newer").handlers == []
    look = (
        "import decimal, os, sys\n'leak' in globals(), 'LEAK' in os.environ, sys.argv[1:], "
        "decimal.getcontext().prec"
    )
    ours, _ = execute("btkit", notebook(look), tmp_path)
    assert shown(ours) == "(False, False, [], 28)"


def test_each_notebook_imports_its_own_module_of_a_name(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bt_helper.py").write_text(f"WHERE = {name!r}\n")
        look = f"import sys; sys.path.insert(0, {str(tmp_path / name)!r})\n"
        look += "import bt_helper; bt_helper.WHERE"
        ours, _ = execute("btkit", notebook(look), tmp_path)
        assert shown(ours) == repr(name)
    assert "bt_helper" not in sys.modules


def test_every_notebook_shows_its_figures(tmp_path):
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2]); print('drawn')"
    for _ in range(2):
        ours, _ = execute("btkit", notebook(plot, "%config InlineBackend.figure_formats"), tmp_path)
        assert "image/png" in ours.cells[0].outputs[-1].data
    assert plt.get_fignums() == []


def test_a_figure_of_the_host_stays_open(tmp_path):
    before = mpl.get_backend()
    number = plt.figure().number
    execute("btkit", notebook("import matplotlib.pyplot as plt\nplt.figure(); 1"), tmp_path)
    assert plt.get_fignums() == [number]
    assert mpl.get_backend() == before
    plt.close(number)


DEFAULTS = """
import sys, warnings
sys.path.insert(0, {tests!r})
from pathlib import Path
from support.engines import execute, notebook
assert not {{"pandas", "plotly", "matplotlib"}} & set(sys.modules), "loaded by the engine"
folder = Path({folder!r})
execute("btkit", notebook({mischief!r}), folder)
look = '''import pandas as pd, plotly.io as pio, numpy as np, matplotlib as mpl
(pd.get_option("display.max_rows"), pio.templates.default, pio.renderers.default,
mpl.rcParams["lines.linewidth"], np.random.rand())'''
ours, raised = execute("btkit", notebook(look), folder)
print(ours.cells[0].outputs[-1].data["text/plain"])
"""


def test_libraries_that_a_notebook_loads_first_get_their_defaults_back(tmp_path):
    tests = str(Path(__file__).resolve().parents[2])
    script = DEFAULTS.format(tests=tests, folder=str(tmp_path), mischief=MISCHIEF)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values = done.stdout.strip().strip("()").split(", ")
    assert values[:4] == ["60", "'plotly'", "'plotly_mimetype'", "1.5"]
    assert float(values[4]) != pytest.approx(0.417022004702574)  # what seed 1 gives first


WITHOUT_MATPLOTLIB = """
import sys
sys.path.insert(0, {tests!r})
sys.modules["matplotlib"] = None
from pathlib import Path
from support.engines import execute, notebook
change = "import pandas as pd; pd.set_option('display.max_rows', 3)"
for cell in (change, "import pandas as pd; pd.get_option('display.max_rows')"):
    ours, raised = execute("btkit", notebook(cell), Path({folder!r}))
    assert raised is None, raised
print(ours.cells[0].outputs[-1].data["text/plain"], "matplotlib.units" in sys.modules)
"""


def test_the_options_of_pandas_are_put_back_where_there_is_no_matplotlib(tmp_path):
    tests = str(Path(__file__).resolve().parents[2])
    script = WITHOUT_MATPLOTLIB.format(tests=tests, folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "60 False\n"
