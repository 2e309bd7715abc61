"""A notebook by the engine in this process and by papermill's own, made comparable."""

from __future__ import annotations

import builtins
import gc
import json
import locale
import logging
import os
import random
import re
import signal
import sys
import threading
import warnings
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pandas as pd
import papermill
import plotly.io as pio
from IPython.core.interactiveshell import InteractiveShell
from papermill import PapermillExecutionError

from btkit.render.kernel import kernel_options


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def execute(engine, source, folder, **options):
    path = folder / f"{engine}.ipynb"
    if engine == "nbclient":
        options |= kernel_options()
    error = None
    # A kernel that sees it is run by pytest captures less than it does for a user.
    test = os.environ.pop("PYTEST_CURRENT_TEST", None)
    try:
        papermill.execute_notebook(
            source, path, engine_name=engine, kernel_name="python3", progress_bar=False, **options
        )
    except PapermillExecutionError as raised:
        error = raised
    finally:
        if test is not None:
            os.environ["PYTEST_CURRENT_TEST"] = test
    return nbformat.read(path, as_version=4), error


def plain(cell):
    """What must be equal: all but times and addresses.

    Nor do the pieces count in which a kernel sends a stream: that is a matter of its clock.
    """
    outputs = []
    for output in cell.get("outputs", ()):
        is_stream = output.output_type == "stream"
        if is_stream and outputs and outputs[-1].get("name") == output.name:
            outputs[-1]["text"] += output["text"]
        else:
            outputs.append(json.loads(json.dumps(output)))
    text = re.sub(r"0x[0-9a-f]+", "0x", json.dumps(outputs, sort_keys=True))
    about = cell.metadata.get("papermill", {})
    return {
        "source": cell.source,
        "outputs": text,
        "count": cell.get("execution_count"),
        "papermill": {key: about.get(key) for key in ("exception", "status")}
        | {"keys": sorted(about)},
        "tags": cell.metadata.get("tags"),
    }


def assert_same(source, folder, **options):
    ordinary, wanted = execute("nbclient", source(), folder, **options)
    ours, raised = execute("btkit", source(), folder, **options)
    assert_same_cells(ours, ordinary)
    assert ours.metadata.language_info == ordinary.metadata.language_info
    assert sorted(ours.metadata.papermill) == sorted(ordinary.metadata.papermill)
    assert ours.metadata.papermill.exception == ordinary.metadata.papermill.exception
    same = [(type(e), getattr(e, "ename", ""), getattr(e, "evalue", "")) for e in (raised, wanted)]
    assert same[0] == same[1]
    return ours, raised


def assert_same_cells(ours, ordinary):
    cells = zip(ours.cells, ordinary.cells, strict=True)
    pairs = [(plain(own), plain(other)) for own, other in cells]
    different = [pair for pair in pairs if pair[0] != pair[1]]
    assert not different, "\n".join(f"{own}\n{other}" for own, other in different)


def process_state():
    """What a template could change of the process that it runs in."""
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "interpreter": [
            list(sys.path),
            list(sys.argv),
            list(sys.meta_path),
            sys.modules["__main__"],
        ],
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.displayhook, sys.excepthook, sys.unraisablehook, threading.excepthook),
        "builtins": sorted(vars(builtins)),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "loggers": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "locale": locale.setlocale(locale.LC_ALL),
        "random": (random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002 - it is kept
        "numpy": (np.get_printoptions(), np.geterr()),
        "pandas": [pd.get_option(f"display.{name}") for name in ("max_rows", "precision", "width")],
        "plotly": (pio.templates.default, pio.renderers.default),
        "collects": (gc.isenabled(), gc.get_threshold()),
        "shell": InteractiveShell.initialized(),
        "widgets": len(ipywidgets.widgets.widget._instances),
    }
