"""A fingerprint of what a user's function does, for provenance and for what rests on it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections import deque
from functools import cached_property, partial, singledispatch
from importlib import metadata
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np

Description: TypeAlias = tuple[str, list[object]]
"""What a value says for itself, and the values that it is made of."""

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_INSTALLED = {"site-packages", "dist-packages"}


def hash_code(code: object) -> str:
    """Return a fingerprint of what a function does, as far as the user's own code decides it.

    The user's own code is the package that the function is of, and what no package manager
    installed.

    Parameters
    ----------
    code
        A function, class or other callable.

    Returns
    -------
    str
        SHA-256 in hexadecimal: the source (bytecode of a lambda, and where there is none) of the
        function and of what it uses of the user's own code, with the values that it reads:
        defaults, closures, constants of the module, the state of an object. What it uses of
        installed packages counts by name and version.

    Examples
    --------
    >>> hash_code(lambda close: close * 2) == hash_code(lambda close: close * 3)
    False
    """
    home, digest = _package(code), hashlib.sha256()
    # With the values, so that they live, and no other value gets the id of one.
    places: dict[int, tuple[int, object]] = {}
    waiting = deque([code])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, _PLAIN):
            text = repr(value)
        elif id(value) in places:
            text = f"number {places[id(value)][0]}"
        else:
            places[id(value)] = len(places), value
            text, parts = _describe(value, home)
            waiting.extend(parts)
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _package(value: object) -> str:
    module: object = getattr(value, "__module__", None) or type(value).__module__
    if isinstance(value, ModuleType):
        module = value.__name__
    return str(module).partition(".")[0]


def _is_own(value: object, home: str) -> bool:
    package = _package(value)
    if package in {home, "__main__"}:
        return True
    if package == "btkit" or package in sys.stdlib_module_names:
        return False
    place = getattr(sys.modules.get(package), "__file__", None)
    return place is not None and _INSTALLED.isdisjoint(Path(place).parts)


def _named(value: object) -> Description:
    package = _package(value)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__name__)
    return f"{package} {_version(package)} {name}", []


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(package), "__version__", ""))


@singledispatch
def _describe(value: Any, home: str) -> Description:  # noqa: ANN401 - whatever a user registers
    # numba, functools.lru_cache and the like keep the Python function that they stand for.
    inner = getattr(value, "py_func", None) or getattr(value, "__wrapped__", None)
    if isinstance(inner, FunctionType):
        return type(value).__qualname__, [inner]
    if callable(value) and hasattr(value, "__name__"):  # compiled, and without Python code
        return _named(value)
    if not _is_own(type(value), home):
        return _named(type(value))
    return "object", [type(value), object.__getstate__(value)]


@_describe.register
def _(value: ModuleType, _home: str) -> Description:
    return f"{value.__name__} {_version(value.__name__.partition('.')[0])}", []


@_describe.register(tuple)
@_describe.register(list)
def _(value: tuple[object, ...] | list[object], _home: str) -> Description:
    return f"{type(value).__name__} {len(value)}", list(value)


@_describe.register(set)
@_describe.register(frozenset)
def _(value: set[object], _home: str) -> Description:
    members = sorted(value, key=lambda member: str(getattr(member, "__qualname__", repr(member))))
    return f"set {len(value)}", members


@_describe.register
def _(value: dict, _home: str) -> Description:  # type: ignore[type-arg]  # read at run time
    return f"dict {len(value)}", [part for item in value.items() for part in item]


@_describe.register(np.ndarray)
@_describe.register(np.generic)
def _(value: np.ndarray[Any, Any], _home: str) -> Description:
    if value.dtype.hasobject:
        return f"array {value.shape}", list(value.flat)
    return f"{value.dtype} {value.shape} {value.tobytes().hex()}", []


@_describe.register
def _(value: partial, _home: str) -> Description:  # type: ignore[type-arg]  # read at run time
    return "partial", [value.func, value.args, value.keywords]


@_describe.register
def _(value: MethodType, _home: str) -> Description:
    return "method", [value.__func__, value.__self__]


@_describe.register(staticmethod)
@_describe.register(classmethod)
def _(value: staticmethod[..., Any], _home: str) -> Description:
    return type(value).__name__, [value.__func__]


@_describe.register
def _(value: property, _home: str) -> Description:
    return "property", [value.fget, value.fset]


@_describe.register
def _(value: cached_property, _home: str) -> Description:  # type: ignore[type-arg]  # as above
    return "property", [value.func]


@_describe.register
def _(value: FunctionType, home: str) -> Description:
    if not _is_own(value, home):
        return _named(value)
    code, known = value.__code__, value.__globals__
    names = sorted(_names(code))
    parts: list[object] = [value.__defaults__, value.__kwdefaults__]
    for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
        parts += [name, *_contents(cell)]
    for name in names:
        if name in known:
            parts += [name, known[name], *_used(known[name], names, home)]
    # Of two lambdas in a line, each has the whole line for its source.
    source = None if value.__name__ == "<lambda>" else _source(code)
    return source or _bytecode(code), parts


@_describe.register
def _(value: type, home: str) -> Description:
    if not _is_own(value, home):
        return _named(value)
    parts: list[object] = [base for base in value.__bases__ if base is not object]
    for name, member in sorted(vars(value).items()):
        # A class of a protocol is given the __init__ that it inherits when it is first called.
        inherited = any(vars(base).get(name) is member for base in value.__mro__[1:])
        if not inherited and (callable(member) or not name.startswith("__")):
            parts += [name, member]
    return _source(value) or value.__qualname__, parts


def _names(code: CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return {*code.co_names}.union(*map(_names, inner))


def _contents(cell: CellType) -> list[object]:
    try:
        return [cell.cell_contents]
    except ValueError:  # the function around has not got there
        return []


def _used(value: object, names: list[str], home: str) -> list[object]:
    if not isinstance(value, ModuleType) or not _is_own(value, home):
        return []
    return [part for name in names if name in vars(value) for part in (name, vars(value)[name])]


def _source(value: CodeType | type) -> str | None:
    try:
        return inspect.cleandoc(inspect.getsource(value))
    except (OSError, TypeError):  # typed into a prompt, or made by exec
        return None


def _bytecode(code: CodeType) -> str:
    inner = [_bytecode(part) for part in code.co_consts if isinstance(part, CodeType)]
    plain = [part for part in code.co_consts if not isinstance(part, CodeType)]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {plain} {inner}"
