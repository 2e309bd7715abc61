"""The line above the picture: which bars, and what trading costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

import ipywidgets as ipw
from numpy import format_float_positional

from btkit.data import source_names
from btkit.jobs import read_settings
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.widgets.market import MarketRequest
from btkit.widgets.parts import styled
from btkit.widgets.sharing import layout, make_widget

Changed = Callable[[Mapping[str, Any]], None]

_NAMES = ("Symbol", "Source", "From", "To", "Capital, $", "Commission", "Slippage")
_SETTINGS = {
    "capital": "initial_capital",
    "commission": "default_commission",
    "slippage": "default_slippage",
}
_MEANINGS = {
    "capital": "Account at the start, in $; empty takes BT_INITIAL_CAPITAL",
    "commission": "In $, or a fraction where the model is rate; empty takes what stands there",
    "slippage": "Of the price, a fraction: 0.005 is 0.5 %; empty takes what stands there",
}


class RequestBar:
    """Symbol, source, range and costs.

    Parameters
    ----------
    request
        What is shown first.
    changed
        Called with what was changed, by the request's names.
    settings
        What costs are where none are given; None reads the BT_* environment.
    usual
        Commission and slippage that hold instead where none are given.
    """

    def __init__(
        self,
        request: MarketRequest,
        changed: Changed,
        *,
        settings: Settings | None = None,
        usual: tuple[float, float] | None = None,
    ) -> None:
        known = read_settings(settings)
        if usual is not None:
            costs = dict(zip(("default_commission", "default_slippage"), usual, strict=True))
            known = known.model_copy(update=costs)
        self._changed = changed
        self.symbol = make_widget(
            ipw.Text, value=request.symbol, continuous_update=False, tooltip="Symbol at the source"
        )
        sources = [("as set", None), *((name, name) for name in source_names())]
        self.source = make_widget(
            ipw.Dropdown,
            options=sources,
            value=request.source,
            tooltip="Source; as set: BT_DATA_SOURCE",
        )
        self.start = make_widget(
            ipw.DatePicker, value=date.fromisoformat(request.start), tooltip="First day"
        )
        self.end = make_widget(
            ipw.DatePicker, value=date.fromisoformat(request.end), tooltip="Last day, included"
        )
        # Bars that were handed over come from nowhere else.
        self.symbol.disabled = self.source.disabled = request.bars is not None
        for name in ("symbol", "source", "start", "end"):
            getattr(self, name).observe(
                lambda change, name=name: self._on_value(name, change["new"]), "value"
            )
        self.costs = [self._cost(name, request, known) for name in _SETTINGS]
        own = {name: getattr(self, name) for name in ("symbol", "source", "start", "end")}
        self._controls = own | dict(zip(_SETTINGS, self.costs, strict=True))
        shown = zip(_NAMES, self._controls.values(), strict=True)
        self.box = styled(
            make_widget(ipw.HBox, [_named(name, part) for name, part in shown]), "bt-request"
        )

    def mark(self, names: Collection[str]) -> bool:
        """Mark the controls of these names, and tell whether there are any."""
        for name, control in self._controls.items():
            (control.add_class if name in names else control.remove_class)("bt-edit-wrong")
        return not self._controls.keys().isdisjoint(names)

    def _cost(self, name: str, request: MarketRequest, settings: Settings) -> ipw.Text:
        value = getattr(request, name)
        control = make_widget(
            ipw.Text,
            value="" if value is None else format_float_positional(value, trim="-"),
            placeholder=f"{getattr(settings, _SETTINGS[name]):g}",
            tooltip=_MEANINGS[name],
            continuous_update=False,
        )
        control.observe(lambda change: self._on_cost(name, change["new"]), "value")
        return control

    def _on_value(self, name: str, value: Any) -> None:  # noqa: ANN401 - text or date
        if value is not None or name == "source":
            self._changed({name: value.isoformat() if isinstance(value, date) else value})

    def _on_cost(self, name: str, text: str) -> None:
        try:
            value = float(text) if text.strip() else None
        except ValueError:
            value = float("nan")  # refused by the run's own check, which says why
        self._changed({name: value})


def _named(name: str, control: ipw.Widget) -> ipw.VBox:
    control.layout = layout(width="100%")
    caption = make_widget(ipw.HTML, markup("widgets.label", name, "bt-request-name"))
    part = name.split(",", maxsplit=1)[0].lower()
    return styled(make_widget(ipw.VBox, [caption, control]), f"bt-request-{part}")
