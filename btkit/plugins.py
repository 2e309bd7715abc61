"""What users add to btkit's own lists, by hand or by an installed package's entry points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from importlib import metadata
from threading import RLock
from typing import Generic, TypeVar

from btkit.code_hash import hash_code
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
        See `btkit.code_hash.hash_code`.
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


@dataclass(frozen=True)
class _Entry(Generic[T]):
    value: T
    plugin: Plugin
    code: object


def _is_again(known: _Entry[T], plugin: Plugin, code: object) -> bool:
    if known.plugin.code_hash == plugin.code_hash:
        return True
    # What has a name of its own in its module is known by it: no lambda, and nothing local.
    before, after = _place(known.code), _place(code)
    same = before == after and "<" not in after
    return same and known.plugin.distribution == plugin.distribution


def _place(code: object) -> str:
    return f"{getattr(code, '__module__', '')}.{getattr(code, '__qualname__', '<none>')}"


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
        self._entries: dict[str, _Entry[T]] = {}
        self._asked = False
        self._lock = RLock()

    def add(self, name: str, value: T, *, code: object, replace: bool = False) -> None:
        """Add one entry; what is registered once more, changed or not, takes its own place.

        A cell that runs again and a module that is reloaded define the same function anew: it is
        known by its module and name, which a lambda has not.

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
            if known is not None and not replace and not _is_again(known, plugin, code):
                raise UsageError(
                    f"another {self.kind} is registered as {name!r}, by {known.plugin.origin}.",
                    hint="Choose another name, or register it with replace=True.",
                    details={"name": name, "registered_by": known.plugin.origin},
                )
            self._entries[name] = _Entry(value, plugin, code)

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
        return None if found is None else found.value

    def entries(self) -> dict[str, T]:
        """Return all entries by name, in the order in which they were registered.

        Raises
        ------
        PluginError
            If an installed package fails while it registers.
        """
        self._ask_packages()
        return {name: entry.value for name, entry in self._entries.items()}

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
        return None if found is None else found.plugin

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
