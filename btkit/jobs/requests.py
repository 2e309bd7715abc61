"""What is asked of a run, checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from btkit.data import check_source_name
from btkit.markets import Interval
from btkit.settings import Settings, SourceName
from btkit.spec import BaseSpec, OptionsSpec, StrategySpec, load_spec

SpecSource = str | Path | Mapping[str, Any] | BaseSpec
"""What a run takes for a spec: a path, JSON or YAML text, a mapping, or a spec."""


def rule_spec(spec: SpecSource, *, settings: Settings) -> StrategySpec:
    """Return a rule spec, loaded if it is not yet.

    Raises
    ------
    SpecError
        If the spec is refused.
    SpecKindError
        If it is of another kind.
    """
    known = load_spec(spec, settings=settings, kind="rules")
    assert isinstance(known, StrategySpec)
    return known


def option_spec(spec: SpecSource, *, settings: Settings) -> OptionsSpec:
    """Return an option spec, loaded if it is not yet; see `rule_spec`."""
    known = load_spec(spec, settings=settings, kind="options")
    assert isinstance(known, OptionsSpec)
    return known


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
