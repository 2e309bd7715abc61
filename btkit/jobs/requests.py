"""What is asked of a run, checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from btkit.arguments import check_account
from btkit.data import check_source_name
from btkit.errors import UsageError
from btkit.markets import Interval
from btkit.settings import Settings, SourceName
from btkit.spec import BaseSpec, OptionsSpec, StrategySpec, load_spec

SpecSource = str | Path | Mapping[str, Any] | BaseSpec
"""What a run takes for a spec: a path, JSON or YAML text, a mapping, or a spec."""


@dataclass(frozen=True)
class Costs:
    """What a run starts with and pays.

    Parameters
    ----------
    capital
        $ at the start.
    commission
        In the unit of the spec's commission model.
    slippage
        Fraction of the price lost per fill.
    """

    capital: float
    commission: float
    slippage: float


def rule_spec(spec: SpecSource, *, settings: Settings) -> StrategySpec:
    """Return a rule spec, loaded if it is not yet.

    Parameters
    ----------
    spec
        A `StrategySpec`, or what `load_spec` takes.
    settings
        Its `max_holding_bars` stands in where a loaded spec has none.

    Returns
    -------
    StrategySpec
        Checked.

    Raises
    ------
    SpecError
        If the spec is refused.
    SpecKindError
        If it is an option spec.
    """
    known = load_spec(spec, settings=settings, kind="rules")
    assert isinstance(known, StrategySpec)
    return known


def option_spec(spec: SpecSource, *, settings: Settings) -> OptionsSpec:
    """Return an option spec, loaded if it is not yet.

    Parameters
    ----------
    spec, settings
        As for `rule_spec`.

    Raises
    ------
    SpecError
        If the spec is refused.
    SpecKindError
        If it is a rule spec.
    """
    known = load_spec(spec, settings=settings, kind="options")
    assert isinstance(known, OptionsSpec)
    return known


def check_interval(interval: Interval | str) -> str:
    """Return the label of an interval.

    Parameters
    ----------
    interval
        Any regular length of bars, such as ``"30m"`` or ``"1d"``.

    Returns
    -------
    str
        As btkit writes it: ``"1h"`` for ``"60m"``.

    Raises
    ------
    UsageError
        If there is no such interval.
    """
    return Interval.parse(interval).label


def check_source(source: str | None) -> SourceName | None:
    """Return a source that exists.

    Parameters
    ----------
    source
        Such as ``"sample"``; None leaves it to BT_DATA_SOURCE.

    Returns
    -------
    str or None
        The same.

    Raises
    ------
    UsageError
        If there is no such source.
    """
    if source is None:
        return None
    return check_source_name(source)


def check_costs(
    spec: BaseSpec,
    *,
    capital: float | None,
    commission: float | None,
    slippage: float | None,
    settings: Settings,
) -> Costs:
    """Return what a run starts with and pays, defaults filled in.

    Parameters
    ----------
    spec
        Its commission model says what the commission is a number of.
    capital, commission, slippage
        As asked for; None takes the setting.
    settings
        The defaults.

    Returns
    -------
    Costs
        Finite numbers within their bounds.

    Raises
    ------
    UsageError
        If a number is out of its bounds, or the stock commission of 0.65 would be charged as
        a rate.
    """
    account = check_account(
        capital=settings.initial_capital if capital is None else capital,
        commission=settings.default_commission if commission is None else commission,
        slippage=settings.default_slippage if slippage is None else slippage,
    )
    costs = Costs(*account)
    chosen = commission is not None or "default_commission" in settings.model_fields_set
    if spec.commission_kind == "rate" and not chosen:
        raise UsageError(
            f"commission_model 'rate' charges a fraction of each fill; the default of "
            f"{costs.commission} would be {costs.commission:.0%}.",
            hint="Give a commission, such as 0.001 for a tenth of a percent.",
            details={"argument": "commission"},
        )
    return costs
