"""What users add to btkit's own lists, by hand or by an installed package's entry points."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from threading import RLock
from types import CodeType, FunctionType, ModuleType
from typing import Any, Generic, TypeVar

import numpy as np

from btkit.errors import BtkitError, PluginError, UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """Where something that a user registered comes from.

    Parameters
    ----------
    kind
        Such as ``indicator``.
    name
        What it was registered as.
    code_hash
        SHA-256 over the source of the function, of the functions of its own package that it
        calls, and the plain values that they read; see `hash_code`.
    distribution, version
        The installed package whose entry point registered it; None for what was registered by
        hand.
    """

    kind: str
    name: str
    code_hash: str
    distribution: str | None = None
    version: str | None = None

    @property
    def origin(self) -> str:
        """Who to turn to, in words, such as ``my-package 1.0``."""
        return (
            "this process" if self.distribution is None else f"{self.distribution} {self.version}"
        )

    def to_document(self) -> dict[str, str | None]:
        """Return it as plain JSON values."""
        return asdict(self)


_LOADING: ContextVar[metadata.Distribution | None] = ContextVar("_LOADING", default=None)


class Registry(Generic[T]):
    """One list that users may add to.

    Installed packages are asked when a name is wanted that is not there yet, or when the whole
    list is; until then nothing is read from disk. An entry point is a function without arguments,
    which registers what its package has::

        [project.entry-points."btkit.indicators"]
        my_package = "my_package.for_btkit:register"

    Parameters
    ----------
    kind
        What the list is of, such as ``indicator``. The group of its entry points is ``btkit.``
        and the plural.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.group = f"btkit.{kind}s"
        self._entries: dict[str, tuple[T, Plugin]] = {}
        self._asked = False
        self._lock = RLock()

    def add(self, name: str, value: T, *, code: object, replace: bool = False) -> None:
        """Add one entry. The same name with the same code once more changes nothing.

        Parameters
        ----------
        name
            Its name, which is not one of btkit's own: the caller has seen to that.
        value
            What stands under it.
        code
            The user's function or class, for the hash.
        replace
            Whether it may take the place of another with this name.

        Raises
        ------
        UsageError
            If another is registered under the name.
        """
        package = _LOADING.get()
        plugin = Plugin(
            self.kind,
            name,
            hash_code(code),
            None if package is None else package.metadata["Name"],
            None if package is None else package.version,
        )
        if package is None:
            self._ask_packages()  # who registers by hand learns here that a package has the name
        with self._lock:
            known = self._entries.get(name)
            if known is not None and known[1].code_hash != plugin.code_hash and not replace:
                raise UsageError(
                    f"another {self.kind} is registered as {name!r}, by {known[1].origin}.",
                    hint="Choose another name, or register it with replace=True.",
                    details={"name": name, "registered_by": known[1].origin},
                )
            self._entries[name] = (value, plugin)

    def get(self, name: str) -> T | None:
        """Return an entry; None if nobody registered it.

        Parameters
        ----------
        name
            As it was registered.

        Raises
        ------
        PluginError
            If an installed package fails while it registers.
        """
        if name not in self._entries:
            self._ask_packages()
        found = self._entries.get(name)
        return None if found is None else found[0]

    def entries(self) -> dict[str, T]:
        """Return all entries by name, in the order in which they were registered.

        Raises
        ------
        PluginError
            If an installed package fails while it registers.
        """
        self._ask_packages()
        return {name: value for name, (value, _) in self._entries.items()}

    def like(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the names that match, of what is registered by now.

        Parameters
        ----------
        pattern
            Of a whole name.
        """
        return [name for name in self._entries if pattern.fullmatch(name)]

    def plugin(self, name: str) -> Plugin | None:
        """Return where an entry comes from; None if nobody registered it.

        Parameters
        ----------
        name
            As it was registered.
        """
        found = self._entries.get(name)
        return None if found is None else found[1]

    def _ask_packages(self) -> None:
        with self._lock:
            if self._asked:
                return
            self._asked = True  # what registers looks names up, too
            before = dict(self._entries)
            try:
                for point in sorted(metadata.entry_points(group=self.group), key=_order):
                    _register(point)
            except BaseException:
                self._entries, self._asked = before, False
                raise


def _order(point: metadata.EntryPoint) -> tuple[str, str]:
    return (point.dist.metadata["Name"] if point.dist else "", point.name)


def _register(point: metadata.EntryPoint) -> None:
    who = f"{point.dist.metadata['Name']} {point.dist.version}" if point.dist else point.value
    with _speaking_for(point.dist):
        try:
            point.load()()
        except Exception as error:
            reason = error.message if isinstance(error, BtkitError) else f"{error}"
            raise PluginError(
                f"the installed package {who} could not register what it has for btkit "
                f"({point.group}: {point.value}): {type(error).__name__}: {reason}",
                hint="Mend or uninstall that package; its entry point has to be a function "
                "without arguments.",
                details={"package": who, "group": point.group, "entry_point": point.value},
            ) from error


@contextmanager
def _speaking_for(package: metadata.Distribution | None) -> Iterator[None]:
    token = _LOADING.set(package)
    try:
        yield
    finally:
        _LOADING.reset(token)


def hash_code(code: object) -> str:
    """Return a fingerprint of what a function does, as far as its own package decides it.

    Parameters
    ----------
    code
        A function, class or other callable.

    Returns
    -------
    str
        SHA-256 in hexadecimal: the source (bytecode where there is none) of the function and of
        what it uses of its own package, with the plain values that it reads: defaults, closures,
        constants of the module. What it uses of other packages counts by name and version.
    """
    digest = hashlib.sha256()
    for part in _parts(code, set(), _home(code)):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _home(value: object) -> str:
    module: object = getattr(value, "__module__", None) or type(value).__module__
    return str(module).partition(".")[0]


def _parts(value: object, seen: set[int], home: str) -> Iterator[str]:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value)
    elif id(value) in seen:
        return
    elif isinstance(value, ModuleType):
        yield f"{value.__name__} {getattr(value, '__version__', '')}"
    elif isinstance(value, tuple | list | set | frozenset | dict):
        seen.add(id(value))
        members = [*value.items()] if isinstance(value, dict) else [*value]
        if isinstance(value, set | frozenset):
            members.sort(key=repr)
        for member in members:
            yield from _parts(member, seen, home)
    elif isinstance(value, np.ndarray | np.generic):
        yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    elif isinstance(value, partial):
        yield from _parts((value.func, value.args, value.keywords), seen, home)
    else:
        seen.add(id(value))
        yield from _code_parts(value, seen, home)


def _code_parts(value: object, seen: set[int], home: str) -> Iterator[str]:
    function = inspect.unwrap(value) if callable(value) else value
    function = getattr(function, "py_func", function)  # numba's, whose Python code it holds
    function = getattr(function, "__func__", function)
    if _home(function) != home:
        package = _home(function)
        yield f"{package} {_version(package)} {getattr(function, '__qualname__', type(function))}"
    elif isinstance(function, FunctionType):
        yield _source(function) or _bytecode(function.__code__)
        known = inspect.getclosurevars(function)
        for name, read in sorted({**known.nonlocals, **known.globals}.items()):
            yield name
            yield from _parts(read, seen, home)
        yield from _parts((function.__defaults__, function.__kwdefaults__), seen, home)
    elif isinstance(function, type):
        yield _source(function) or function.__qualname__
        for name, member in sorted(vars(function).items()):
            if callable(member):
                yield name
                yield from _parts(member, seen, home)
    else:  # an object with a state of its own: its class, and what it holds
        yield from _parts(type(function), seen, home)
        yield from _parts(getattr(function, "__dict__", {}), seen, home)


def _source(function: Callable[..., Any] | type) -> str | None:
    try:
        return inspect.cleandoc(inspect.getsource(function))
    except (OSError, TypeError):  # typed into a prompt, or made by exec
        return None


def _bytecode(code: CodeType) -> str:
    inner = [_bytecode(part) for part in code.co_consts if isinstance(part, CodeType)]
    plain = [part for part in code.co_consts if not isinstance(part, CodeType)]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {plain} {inner}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
