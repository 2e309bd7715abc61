"""How an editor lays out the fields of each kind of spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.spec import CONDITION_LISTS, BaseSpec, ModelSpec
from btkit.widgets.market import MarketRequest

if TYPE_CHECKING:
    from btkit.simulation import Result

_RULES = ("parameters", *CONDITION_LISTS)
_TRADING = (
    "position_sizing_formula",
    "per_trade_risk_pct",
    "max_holding_bars",
    "max_concurrent_positions",
    "scale_out",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "entry_order",
    "intrabar",
    "limit_touch",
    "detail",
    "direction",
    "short",
    "fill",
    "filter_scope",
    "allow_fractional",
    "commission_model",
    "multiplier",
    "initial_margin",
    "cash_rate",
    "borrow_rate",
    "dividends",
    "price_adjustment",
)
_ABOUT = "About"


@dataclass(frozen=True)
class EditorKind:
    """What an editor shows of one kind of spec.

    Parameters
    ----------
    tabs
        Fields by the title of the tab that they stand on, those that are edited most first. One
        more has the rest.
    left_out
        Fields that may have one value only.
    settled
        Return of a result what held where the spec says nothing, by field.
    model
        Return the field by which a spec names its bundle.
    """

    tabs: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...] = ()
    settled: Callable[[Result], Mapping[str, Any]] = lambda _: {}
    model: Callable[[BaseSpec], str] = lambda _: "classifiers"

    def names(self, known: Mapping[str, object]) -> dict[str, list[str]]:
        """Return the fields of each tab that are known, every one of them on some tab.

        Parameters
        ----------
        known
            The fields, by name.
        """
        placed = {name for names in self.tabs.values() for name in names}
        found = {
            title: [name for name in names if name in known] for title, names in self.tabs.items()
        }
        found[_ABOUT] = [name for name in known if name not in placed]
        return found


def _as_trained(result: Result) -> dict[str, Any]:
    from btkit.simulation.trained import ModelResult  # noqa: PLC0415 - rules need none of it

    assert isinstance(result, ModelResult)
    newest = result.bundles[-1]
    until = newest.bundle.trained_until
    found = {
        **asdict(result.answers.run_rules),
        "output_classes": newest.bundle.classes,
        "output_activation": newest.bundle.activation,
        "trained_until": None if until is None else str(until.date()),
        "label_horizon": newest.bundle.label_horizon,
    }
    return {name: value for name, value in found.items() if value is not None}


EDITORS: dict[str, EditorKind] = {
    "rules": EditorKind({"Rules": _RULES, "Trading": _TRADING}),
    "model": EditorKind(
        {
            "Signals": (
                "confidence_threshold",
                "min_signal_separation",
                "position_awareness",
                "allow_short_from_flat",
                "position_sizing_formula",
                "stop_conditions",
                "stop_loss",
                "take_profit",
                "trailing_stop",
                "intrabar",
                "limit_touch",
                "detail",
                "filter_conditions",
            ),
            "Trading": (
                "max_holding_bars",
                "per_trade_risk_pct",
                "fill",
                "filter_scope",
                "allow_fractional",
                "commission_model",
                "multiplier",
                "initial_margin",
                "cash_rate",
                "borrow_rate",
                "dividends",
                "price_adjustment",
                "round_trip_cost",
                "min_edge_multiplier",
                "parameters",
            ),
            "Model": (
                "model_path",
                "models",
                "trained_until",
                "label_horizon",
                "output_classes",
                "output_activation",
                "symbol",
                "interval",
                "allow_other",
                "features",
            ),
        },
        left_out=("entry_conditions", "max_concurrent_positions"),
        settled=_as_trained,
        model=lambda spec: "models" if getattr(spec, "models", None) else "model_path",
    ),
}
"""By kind of spec."""
ANY = EditorKind({"Rules": _RULES, "Trading": _TRADING})
"""Of a kind that is not among them."""


def _after_training(spec: BaseSpec, request: MarketRequest) -> MarketRequest:
    from btkit.models.timeline import bundles_of  # noqa: PLC0415 - rules need none of it

    assert isinstance(spec, ModelSpec)
    if spec.models is not None:
        return request
    [known] = bundles_of(spec, symbol=request.symbol, interval=request.interval)
    stated = [spec.trained_until, known.bundle.trained_until]
    days = [pd.Timestamp(moment).date() for moment in stated if moment is not None]
    after = (max(days) + timedelta(days=1)).isoformat() if days else request.start
    # Beyond the end there is nothing to show: the run says why.
    return request.changed(start=after) if request.start < after < request.end else request


_WINDOWS: dict[str, Callable[[BaseSpec, MarketRequest], MarketRequest]] = {"model": _after_training}


def windows_request(spec: BaseSpec, request: MarketRequest) -> MarketRequest:
    """Return the bars that windows are cut from where nobody says when they begin.

    Parameters
    ----------
    spec
        A model is scored on bars that it was not trained on.
    request
        Those of any spec.

    Raises
    ------
    BundleError
        If a bundle is refused.
    """
    chosen = _WINDOWS.get(spec.kind)
    return request if chosen is None else chosen(spec, request)
