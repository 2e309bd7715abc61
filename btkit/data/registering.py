"""Sources of bars that users add."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from btkit.arguments import check_choice, check_flag, refusal
from btkit.data.built_in import BUILT_IN
from btkit.data.describe import HANDED_OVER
from btkit.data.quality import REQUIRED_COLUMNS
from btkit.data.source import Answer, Observations, Request, Source
from btkit.errors import BtkitError, PluginError, UsageError
from btkit.markets import Interval
from btkit.plugins import Plugin, Registry

SOURCES: Registry[Callable[[], Source]] = Registry("source")
"""What users add, by name."""

AUTO: Final = "auto"
"""The name that chooses among btkit's own sources."""

T = TypeVar("T")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}", re.ASCII)
_PARTS: Final = ("bars", "vix", "implied_volatility")


def register_source(name: str, factory: Callable[[], Source], *, replace: bool = False) -> None:
    """Add a source of bars, for ``source="..."``, ``--source`` and BT_DATA_SOURCE.

    It is known in this process. A batch, a kernel and another notebook have processes of their
    own: for them, register it in a function that a package names as an entry point of the group
    ``btkit.sources``.

    Parameters
    ----------
    name
        What it is called, and what reports say: lower-case letters, digits, ``-`` and ``_``, a
        letter first.
    factory
        A function or class without arguments, called whenever the source is opened. What it
        returns has the members of `btkit.data.Source`; subclass that, and ``vix`` and
        ``implied_volatility`` say that there are none.
    replace
        Whether it may take the place of another that was registered under the name.

    Raises
    ------
    UsageError
        If the name cannot be had, or `factory` cannot be called.

    Examples
    --------
    >>> from btkit.data import Answer, Source
    >>> class Flat(Source):
    ...     def bars(self, request):
    ...         days = pd.bdate_range(request.first, request.last)
    ...         columns = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    ...         return Answer(pd.DataFrame(columns, days), "Bars that never move")
    >>> register_source("flat", Flat)
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refusal(
            name,
            "name",
            rule="lower-case letters, digits, - and _, a letter first, at most 60 of them",
            hint="Such as my-vendor.",
        )
    if name in {AUTO, *BUILT_IN, HANDED_OVER}:
        raise UsageError(
            f"a source cannot be called {name!r}: that is btkit's own.",
            hint="Choose another name.",
            details={"argument": "name", "received": name},
        )
    if not callable(factory):
        raise refusal(
            factory,
            "factory",
            rule="a function or class that makes the source",
            hint="Give the class itself, or lambda: source.",
        )
    SOURCES.add(name, factory, code=factory, replace=check_flag(replace, "replace"))


def check_source_name(name: object) -> str:
    """Return the name of a source that exists, btkit's own or a registered one.

    Parameters
    ----------
    name
        Such as ``sample``.

    Raises
    ------
    UsageError
        If there is none of this name.
    PluginError
        If the name is not btkit's own, and an installed package fails while it registers its.
    """
    if isinstance(name, str) and (name in {AUTO, *BUILT_IN} or SOURCES.get(name) is not None):
        return name
    return check_choice(name, source_names(), name="source", noun="source")


def source_names() -> list[str]:
    """Return the names of all sources, registered ones last."""
    return [AUTO, *BUILT_IN, *SOURCES.entries()]


def plugins_of_source(name: str) -> list[Plugin]:
    """Return where a registered source comes from; nothing for btkit's own.

    Parameters
    ----------
    name
        As reports have it.
    """
    found = SOURCES.plugin(name)
    return [] if found is None else [found]


def open_registered(name: str) -> Source:
    """Return a registered source, whose errors and answers are checked."""
    factory = SOURCES.get(name)
    assert factory is not None
    opened = _asked(name, factory, "could not be opened")
    for part in _PARTS:
        if not callable(getattr(opened, part, None)):
            raise PluginError(
                f"the source {name!r} has no method {part}.",
                hint="Let its class derive from btkit.data.Source.",
                details={"source": name},
            )
    return _Checked(name, opened)


@dataclass(frozen=True)
class _Checked:
    name: str
    own: Source

    def bars(self, request: Request) -> Answer:
        answer = _asked(self.name, lambda: self.own.bars(request), "failed on bars")
        problem = _problem(answer, request)
        if problem is not None:
            raise PluginError(
                f"the source {self.name!r} answered with {problem}.",
                hint="bars returns btkit.data.Answer(frame, description): float columns open, "
                "high, low, close and volume; naive dates as the index, of intraday bars their "
                "opening times in UTC.",
                details={"source": self.name, "symbol": request.symbol},
            )
        return answer

    def vix(self, request: Request) -> Observations:
        return self._observed(lambda: self.own.vix(request), "vix", ("vix",))

    def implied_volatility(self, request: Request) -> Observations:
        names = ("iv_rank", "iv_percentile", "current_iv")
        return self._observed(
            lambda: self.own.implied_volatility(request), "implied_volatility", names
        )

    def _observed(
        self, ask: Callable[[], Observations], part: str, names: tuple[str, ...]
    ) -> Observations:
        found = _asked(self.name, ask, f"failed on {part}")
        frame = found.frame if isinstance(found, Observations) else None
        if frame is None or not _has_dates(frame, None) or not _are_numbers(frame, frame.columns):
            raise PluginError(
                f"the source {self.name!r} answered to {part} with what are no observations.",
                hint="It returns btkit.data.Observations(frame): float columns "
                f"{', '.join(names)} on naive dates.",
                details={"source": self.name},
            )
        return found


def _asked(name: str, ask: Callable[[], T], what: str) -> T:
    try:
        return ask()
    except BtkitError:
        raise
    except Exception as error:
        raise PluginError(
            f"the source {name!r} {what}: {type(error).__name__}: {error}",
            hint="It is a registered one: mend it where it is defined, or raise "
            "btkit.errors.SourceError there with what to do.",
            details={"source": name},
        ) from error


def _problem(answer: object, request: Request) -> str | None:
    if not isinstance(answer, Answer):
        return f"a value of type {type(answer).__name__}"
    frame = answer.frame
    if frame.empty:
        return None
    lacking = [name for name in REQUIRED_COLUMNS if name not in frame]
    if lacking:
        return f"bars that lack {', '.join(lacking)}"
    if not _are_numbers(frame, REQUIRED_COLUMNS):
        return "columns that are no numbers"
    zone = "UTC" if Interval.parse(request.interval).is_intraday else None
    if not _has_dates(frame, zone):
        return f"an index of {frame.index.dtype}"
    return None


def _are_numbers(frame: pd.DataFrame, names: Iterable[str]) -> bool:
    kinds = frame.dtypes[list(names)]
    return all(isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in kinds)


def _has_dates(frame: pd.DataFrame, zone: str | None) -> bool:
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.hasnans:
        return False
    return (None if index.tz is None else str(index.tz)) == zone
