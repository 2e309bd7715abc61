"""numba's `njit` with a disk cache that cannot go stale."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config as _config
from numba.core import event
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    _CacheLocator,
    _SourceFileBackedLocatorMixin,
)
from numba.core.cpu import CPUTargetOptions
from numba.core.options import TargetOptions
from numba.core.runtime.nrt import rtsys
from numba.extending import register_jitable

from btkit.announcing import compiling_begins

Function = TypeVar("Function", bound=Callable[..., Any])
# numba's settings are made at import, out of its type checker's sight.
settings: Any = _config
_PACKAGE = Path(__file__).resolve().parents[1]
# Folders with compiled functions, or with constants that are compiled into them.
_COMPILED_FOLDERS = (
    "conditions",
    "decisions",
    "engine",
    "metrics",
    "models/kernels",
    "pricing",
    "validation",
)
# numba can tell LLVM that arrays share no memory, but has no name for it among its options.
CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")  # type: ignore[no-untyped-call]  # numba's own


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` once, cached on disk; without a writable cache folder, warn and go on.

    Division follows IEEE rules: the callers test divisors themselves, since Python's
    ZeroDivisionError is a value here ("not met"), not an exception.
    """
    return _compile(function)


def compiled_inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled_lean` for a small function in a hot loop, where the call costs more than it."""
    return _compile(function, forceinline=True, _nrt=False)


def compiled_lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled` for a function that makes no arrays and only works on those of its caller.

    The references to its arguments are then not counted, which in a small function costs more
    than the work.
    """
    return _compile(function, _nrt=False)


def compiled_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled_lean` for a function that writes to an array that none of the others overlaps.

    Without a look whether they do at each turn of a loop, which may cost more than the turn.
    """
    return _compile(function, _nrt=False, noalias=True)


def also_compiled(function: Function) -> Function:
    """Let compiled functions call `function`, too; for Python it stays as it is."""
    called: Function = register_jitable(function)
    return called


def _compile(function: Callable[..., Any], **further: bool) -> Callable[..., Any]:
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, **further}
    dispatcher = numba.njit(**options)(function)
    if cache_folder() is not None:
        dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001 - what numba's `cache=True` sets
    return _as_function(dispatcher)


def _as_function(dispatcher: Any) -> Callable[..., Any]:  # noqa: ANN401 - numba's own type
    result: Callable[..., Any] = dispatcher
    return result


class _Locator(_SourceFileBackedLocatorMixin, _CacheLocator):
    """Where a function is kept: by the name of its module, not the path of its file.

    numba's own go by the path, so that each clone and each environment would compile the same code
    anew.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file, self._lineno = file, function.__code__.co_firstlineno
        place = Path(file).resolve()
        if place.is_relative_to(_PACKAGE):
            self._module = place.relative_to(_PACKAGE).parent.as_posix()
        else:
            self._module = self.get_suitable_cache_subpath(file)  # type: ignore[no-untyped-call]  # numba's own

    def get_cache_path(self) -> str:
        """Return the function's folder."""
        return os.path.join(cache_folder() or "", self._module)  # noqa: PTH118 - numba wants text


class _Code(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012 - as numba declares it


class _Cache(FunctionCache):
    """numba's own cache, which readies numba for running a function from it, not for compiling.

    Readying the compiler imports all that numba can compile, SciPy's linear algebra included. It
    takes longer than a run of many years. Compiling does it itself.
    """

    _impl_class = _Code

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401 - numba's own types
        """Return what was compiled for a signature, None if nothing was."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]  # numba's own


class _Listener(event.Listener):
    """Hears of each function that numba did not find on disk, before it is compiled."""

    def on_start(self, event: Any) -> None:  # noqa: ANN401 - numba's own type
        if event.data["dispatcher"].py_func.__module__.startswith("btkit."):
            compiling_begins(kept=cache_folder() is not None)

    def on_end(self, event: Any) -> None:  # noqa: ANN401 - as above
        """Do nothing: what takes long is over."""


event.register("numba:compile", _Listener())  # type: ignore[no-untyped-call]  # numba's own


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """Return a writable folder for compiled code, None (after a warning) if there is none.

    Its name is numba's version and a hash of every source file that is compiled. numba itself
    notices a change in a cached function's own file, but not in what that function calls: without
    this, an upgrade could run yesterday's arithmetic. It is the user's own, so that what is
    compiled once serves all environments with the same code; the package's where that cannot be.
    """
    name = f"numba-{numba.__version__}-{sources_hash()}"
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path's raises without a home
    chosen = settings.CACHE_DIR
    folders = [Path(chosen)] if chosen else [Path(user) / "btkit", _PACKAGE / "__pycache__"]
    for folder in folders:
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder / name):
                return folder / name
        except OSError:
            continue
    warnings.warn(
        f"compiled code cannot be cached: no folder of {', '.join(map(str, folders))} is writable. "
        "Each start compiles it anew, which takes some seconds. "
        "Set NUMBA_CACHE_DIR to a writable folder.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def sources_hash(*further: str) -> str:
    """Return a hash of every source file that is compiled, or holds constants that are.

    Parameters
    ----------
    *further
        Folders of the package whose files count, too.
    """
    digest = hashlib.sha256()
    for folder in (*_COMPILED_FOLDERS, *further):
        for source in sorted((_PACKAGE / folder).rglob("*.py")):
            name = source.relative_to(_PACKAGE).as_posix()
            digest.update(name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]
