"""What a notebook may change of the process it runs in, noted before and put back after."""

from __future__ import annotations

import asyncio
import builtins
import getpass
import linecache
import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

_ABSENT = object()

# What Python itself starts with; a host may have turned warnings into errors for its own code.
_WARNING_FILTERS: tuple[tuple[Any, type[Warning], str], ...] = (
    ("default", DeprecationWarning, "__main__"),
    ("ignore", DeprecationWarning, ""),
    ("ignore", PendingDeprecationWarning, ""),
    ("ignore", ImportWarning, ""),
    ("ignore", ResourceWarning, ""),
)


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Give the ``with`` block a process as a new one would be, and put everything back after it.

    Kept are: working folder, environment, ``sys.path``, ``sys.argv``, the standard streams and
    hooks, builtins, ``__main__``, warning filters, the root logger, random numbers of Python and
    numpy, options of pandas, defaults of plotly, and the widgets that exist. Not kept is what a
    notebook changes inside other modules: a library that it patches stays patched.
    """
    with ExitStack() as stack:
        for part in (
            _folder,
            _environment,
            _interpreter,
            _main_module,
            _builtins,
            _warnings,
            _root_logger,
            _random_numbers,
            _pandas_options,
            _plotly_defaults,
            _widgets,
            _sources,
        ):
            stack.enter_context(part())
        yield


@contextmanager
def _folder() -> Iterator[None]:
    before = os.getcwd()  # noqa: PTH109 - a plain string costs nothing
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    # As a kernel sets it: figures of matplotlib appear in the notebook.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    try:
        yield
    finally:
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def _interpreter() -> Iterator[None]:
    hooks = ("stdin", "stdout", "stderr", "displayhook", "excepthook", "ps1", "ps2", "ps3")
    names = (*hooks, "last_type", "last_value", "last_traceback", "last_exc")
    before = {name: getattr(sys, name, _ABSENT) for name in names}
    path, argv = list(sys.path), list(sys.argv)
    del sys.argv[1:]
    try:
        yield
    finally:
        sys.path[:], sys.argv[:] = path, argv
        for name, value in before.items():
            _put_back(sys.__dict__, name, value)


@contextmanager
def _main_module() -> Iterator[None]:
    before = sys.modules.get("__main__", _ABSENT)
    try:
        yield
    finally:
        _put_back(sys.modules, "__main__", before)


@contextmanager
def _builtins() -> Iterator[None]:
    before, password = dict(vars(builtins)), getpass.getpass
    try:
        yield
    finally:
        getpass.getpass = password
        for name in set(vars(builtins)) - set(before):
            delattr(builtins, name)
        vars(builtins).update(before)


@contextmanager
def _warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for action, category, module in _WARNING_FILTERS:
            warnings.filterwarnings(action, category=category, module=module, append=True)
        # Whoever records the host's warnings is not to swallow the notebook's.
        warnings.showwarning = _write_warning
        yield


def _write_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)


@contextmanager
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@contextmanager
def _random_numbers() -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    plain = random.getstate()
    array = None if numpy is None else numpy.random.get_state()
    try:
        yield
    finally:
        random.setstate(plain)
        if numpy is not None:
            numpy.random.set_state(array)


@contextmanager
def _pandas_options() -> Iterator[None]:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some options are deprecated, and say so when read
        before = dict(_leaves(pandas.options))
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, value in _leaves(pandas.options):
                if name in before and before[name] is not value:
                    pandas.set_option(name, before[name])


def _leaves(options: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - pandas'
    for name in dir(options):
        value = getattr(options, name)
        if type(value) is type(options):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


@contextmanager
def _plotly_defaults() -> Iterator[None]:
    if "plotly.io._renderers" not in sys.modules:
        # Loaded by the notebook, it will see the notebook's shell and choose for itself.
        yield
        return
    import plotly.io  # noqa: PLC0415 - already loaded

    renderer, template = plotly.io.renderers.default, plotly.io.templates.default
    # What plotly chooses in a kernel; outside of one it opens a browser.
    plotly.io.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype")
    try:
        yield
    finally:
        plotly.io.renderers.default, plotly.io.templates.default = renderer, template


@contextmanager
def _widgets() -> Iterator[None]:
    """Close the widgets that a notebook opened: ipywidgets keeps every open one forever."""
    before = set(_open_widgets())
    try:
        yield
    finally:
        for name, widget in list(_open_widgets().items()):
            if name not in before:
                widget.close()


def _open_widgets() -> dict[str, Any]:
    module = sys.modules.get("ipywidgets.widgets.widget")
    return {} if module is None else module._instances  # noqa: SLF001 - the public view is deprecated


@contextmanager
def _sources() -> Iterator[None]:
    """Forget the sources of cells, which tracebacks read from linecache."""
    before = set(linecache.cache)
    try:
        yield
    finally:
        for name in set(linecache.cache) - before:
            linecache.cache.pop(name, None)


def _put_back(names: Any, name: str, value: object) -> None:  # noqa: ANN401 - any mapping
    if value is _ABSENT:
        names.pop(name, None)
    else:
        names[name] = value


@contextmanager
def own_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give the ``with`` block an event loop of its own, and end what still runs in it."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        with suppress(RuntimeError):
            loop.run_until_complete(_end_tasks())
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
