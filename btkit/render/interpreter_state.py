"""What a notebook may change of Python itself, noted before and put back after."""

from __future__ import annotations

import builtins
import gc
import getpass
import linecache
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from btkit.render.library_state import MATPLOTLIB_BACKEND

_ABSENT = object()

# What Python itself starts with; a host may have turned warnings into errors for its own code.
_WARNING_FILTERS: tuple[tuple[Any, type[Warning], str], ...] = (
    ("default", DeprecationWarning, "__main__"),
    ("ignore", DeprecationWarning, ""),
    ("ignore", PendingDeprecationWarning, ""),
    ("ignore", ImportWarning, ""),
    ("ignore", ResourceWarning, ""),
)
_FILE_LOADERS = {"SourceFileLoader", "SourcelessFileLoader", "NamespaceLoader"}
_SYS_NAMES = (
    "stdin",
    "stdout",
    "stderr",
    "displayhook",
    "excepthook",
    "unraisablehook",
    "breakpointhook",
    "ps1",
    "ps2",
    "ps3",
    "last_type",
    "last_value",
    "last_traceback",
    "last_exc",
    "dont_write_bytecode",
)
_SYS_LISTS = ("path", "argv", "meta_path", "path_hooks")


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
    os.environ.setdefault("MPLBACKEND", MATPLOTLIB_BACKEND)
    try:
        yield
    finally:
        zone = os.environ.get("TZ")
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)
        if zone != before.get("TZ") and hasattr(time, "tzset"):
            time.tzset()


@contextmanager
def _interpreter() -> Iterator[None]:
    before = {name: getattr(sys, name, _ABSENT) for name in _SYS_NAMES}
    lists = {name: list(getattr(sys, name)) for name in _SYS_LISTS}
    depth, trace, profile = sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()
    thread_hook, collects = threading.excepthook, gc.isenabled()
    del sys.argv[1:]
    # Nobody can sit at a debugger here; as in a kernel without one, `breakpoint()` goes on.
    sys.breakpointhook = _no_debugger
    try:
        yield
    finally:
        for name, items in lists.items():
            getattr(sys, name)[:] = items
        for name, value in before.items():
            _put_back(sys.__dict__, name, value)
        threading.excepthook = thread_hook
        (gc.enable if collects else gc.disable)()
        if sys.getrecursionlimit() != depth:
            sys.setrecursionlimit(depth)
        if sys.gettrace() is not trace:
            sys.settrace(trace)
        if sys.getprofile() is not profile:
            sys.setprofile(profile)


def _no_debugger(*_arguments: object, **_options: object) -> None:
    return


@contextmanager
def _main_module() -> Iterator[None]:
    before = sys.modules.get("__main__", _ABSENT)
    try:
        yield
    finally:
        _put_back(sys.modules, "__main__", before)


@contextmanager
def _modules() -> Iterator[None]:
    """Forget modules that came from folders of the notebook's own.

    Two notebooks may each have a `helper.py` beside them; the second must not get the first one's.
    """
    before = set(sys.modules)
    shared = {str(Path(entry)) for entry in sys.path if entry and Path(entry).is_absolute()}
    try:
        yield
    finally:
        new = {name for name in sys.modules if name not in before}
        own = {name for name in new if "." not in name and not _comes_from(name, shared)}
        for name in new:
            if name.partition(".")[0] in own:
                sys.modules.pop(name, None)


def _comes_from(name: str, folders: set[str]) -> bool:
    specification = getattr(sys.modules[name], "__spec__", None)
    loader = type(getattr(specification, "loader", None)).__name__
    if specification is None or loader not in _FILE_LOADERS:
        return True  # built in, compiled, made by a program or by an import hook
    places = list(specification.submodule_search_locations or [specification.origin])
    location = Path(places[0]).parent
    return str(location) in folders


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
def _loggers() -> Iterator[None]:
    """Keep every logger's level and handlers: a notebook's handler would write to its streams.

    The host's handlers of the root logger do not hear the notebook, nor would they in a kernel.
    """
    manager = logging.root.manager
    disabled = manager.disable
    before = {
        logger: (logger.level, list(logger.handlers), logger.propagate, logger.disabled)
        for logger in _all_loggers()
    }
    logging.root.handlers[:] = []
    logging.root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        for logger in _all_loggers():
            if logger in before:
                level, handlers, logger.propagate, logger.disabled = before[logger]
                if logger.level != level:
                    logger.setLevel(level)
            else:
                handlers = [h for h in logger.handlers if isinstance(h, logging.NullHandler)]
            for handler in logger.handlers:
                if handler not in handlers:
                    handler.close()
            logger.handlers[:] = handlers


def _all_loggers() -> list[logging.Logger]:
    named = logging.root.manager.loggerDict.values()
    return [logging.root, *(item for item in named if isinstance(item, logging.Logger))]


@contextmanager
def _signals() -> Iterator[None]:
    """Keep signal handlers and the alarm clock: an alarm nobody waits for would end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can change them
        return
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    clock = signal.getitimer(signal.ITIMER_REAL)[0] if hasattr(signal, "getitimer") else 0.0
    try:
        yield
    finally:
        if hasattr(signal, "setitimer") and not clock:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            # None: not set from Python, and so not to be set from Python.
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextmanager
def _habits() -> Iterator[None]:
    """Keep the random numbers, the locale, the mask of new files, and how long sockets wait."""
    numbers, language = random.getstate(), locale.setlocale(locale.LC_ALL)
    patience = socket.getdefaulttimeout()
    mask = os.umask(0o077)
    os.umask(mask)
    try:
        yield
    finally:
        random.setstate(numbers)
        os.umask(mask)
        if locale.setlocale(locale.LC_ALL) != language:
            locale.setlocale(locale.LC_ALL, language)
        socket.setdefaulttimeout(patience)


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


_PARTS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    _folder,
    _environment,
    _interpreter,
    _main_module,
    _modules,
    _builtins,
    _warnings,
    _loggers,
    _signals,
    _habits,
    _sources,
)


@contextmanager
def interpreter_state_kept() -> Iterator[None]:
    """Put back what the ``with`` block changes of Python's own state."""
    with ExitStack() as stack:
        for part in _PARTS:
            stack.enter_context(part())
        yield
