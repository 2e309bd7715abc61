"""What is asked of a run, checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.arguments import quoted
from btkit.data import check_source_name
from btkit.errors import UsageError
from btkit.markets import Interval
from btkit.settings import Settings, SourceName
from btkit.spec import KINDS, BaseSpec, ModelSpec, OptionsSpec, StrategySpec, load_spec, meant_for

SpecSource = str | Path | Mapping[str, Any] | BaseSpec
"""What a run takes for a spec: a path, JSON or YAML text, a mapping, or a spec."""

Traded = str | pd.DataFrame | Mapping[str, pd.DataFrame] | None
"""What a run takes for a symbol: one to be loaded, its bars, or frames by symbol."""


def check_detail(detail: object, bars: object) -> None:
    """Refuse finer bars that are handed over without the bars that they are of.

    Parameters
    ----------
    detail, bars
        Frames; None where they are loaded.

    Raises
    ------
    UsageError
        If the one is there and not the other.
    """
    if detail is not None and bars is None:
        raise UsageError(
            "The finer bars are a frame, and what is stored has to say where they are from.",
            hint="Leave detail out, and they are loaded, or hand over both: the bars of the run, "
            "too.",
            details={"argument": "detail"},
        )


def frames_in(symbol: object) -> pd.DataFrame | Mapping[str, pd.DataFrame] | None:
    """Return the bars that stand in place of a symbol; None for a symbol, and for anything else.

    Parameters
    ----------
    symbol
        A frame, or frames by symbol: a mapping of anything else holds no bars.
    """
    if isinstance(symbol, pd.DataFrame):
        return symbol
    if not isinstance(symbol, Mapping) or not symbol:
        return None
    return symbol if all(isinstance(frame, pd.DataFrame) for frame in symbol.values()) else None


def option_spec(spec: SpecSource, *, settings: Settings) -> OptionsSpec:
    """Return an option spec, loaded if it is not yet.

    Raises
    ------
    SpecError
        If the spec is refused.
    SpecKindError
        If it is of another kind.
    """
    known = load_spec(spec, settings=settings, kind="options")
    assert isinstance(known, OptionsSpec)
    return known


def with_model(spec: BaseSpec, path: str | None) -> BaseSpec:
    """Return a spec whose model lies elsewhere than it says.

    Parameters
    ----------
    spec
        A model spec.
    path
        The bundle's folder; None leaves the spec as it is.

    Raises
    ------
    UsageError
        If it is a spec of another kind.
    """
    if path is None:
        return spec
    if isinstance(spec, ModelSpec):
        return spec.replace(model_path=path, models=None)
    raise UsageError(
        f"The spec {quoted(spec.name)} is {KINDS[spec.kind].noun}, and has no model to be found "
        "elsewhere.",
        hint="Leave model_path out, or give a model spec.",
        details={"argument": "model_path"},
    )


def path_text(path: str | PathLike[str] | None) -> str | None:
    """Return a path as a job has it: a text, or None.

    Parameters
    ----------
    path
        What is neither stays, for the job to refuse.
    """
    return str(path) if isinstance(path, PathLike) else path


def stated_symbol(spec: object, *, reads: bool) -> str | None:
    """Return the instrument that a spec says it is run on where nobody says another.

    Parameters
    ----------
    spec
        A spec, its fields, or the path of its file.
    reads
        Whether a file may be read.

    Returns
    -------
    str or None
        None where it says none, and where it cannot be read: whoever loads it says why.
    """
    if isinstance(spec, BaseSpec):
        return spec.meant_for.get("symbol")
    if isinstance(spec, dict) or (reads and isinstance(spec, str)):
        return meant_for(spec).get("symbol")
    return None


def check_optimised(spec: BaseSpec) -> StrategySpec:
    """Return a spec whose parameters may be chosen among.

    Raises
    ------
    UsageError
        If it is of a kind whose parameters nothing varies.
    """
    if isinstance(spec, StrategySpec):
        return spec
    raise UsageError(
        f"The spec {quoted(spec.name)} is {KINDS[spec.kind].noun}, and only the parameters of "
        "rules are optimised.",
        hint="Leave optimize out: each window is then run as the spec is.",
        details={"argument": "optimize"},
    )


def check_interval(interval: Interval | str) -> str:
    """Return the label of any regular length of bars: ``"1h"`` for ``"60m"``.

    Raises
    ------
    UsageError
        If there is no such interval.
    """
    return Interval.parse(interval).label


def check_source(source: str | None) -> SourceName | None:
    """Return a source that exists; None leaves it to BT_DATA_SOURCE.

    Raises
    ------
    UsageError
        If there is no such source.
    """
    if source is None:
        return None
    return check_source_name(source)
