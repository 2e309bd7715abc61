"""The line above the picture: which bars, and what trading costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, get_args

import ipywidgets as ipw

from btkit.settings import SourceName
from btkit.widgets.market import Request

Changed = Callable[[Mapping[str, Any]], None]


class RequestBar:
    """Symbol, source, range and costs.

    Parameters
    ----------
    request
        What is shown first.
    changed
        Told what was changed, by the request's names.
    """

    def __init__(self, request: Request, changed: Changed) -> None:
        self._changed = changed
        self.symbol = ipw.Text(
            value=request.symbol, continuous_update=False, tooltip="Symbol at the source"
        )
        sources = [
            ("source from BT_DATA_SOURCE", None),
            *((name, name) for name in get_args(SourceName)),
        ]
        self.source = ipw.Dropdown(options=sources, value=request.source, tooltip="Source of bars")
        self.start = ipw.DatePicker(value=date.fromisoformat(request.start), tooltip="First day")
        self.end = ipw.DatePicker(
            value=date.fromisoformat(request.end), tooltip="Last day, included"
        )
        parts = {"symbol": 70, "source": 96, "start": 126, "end": 126}
        for name, width in parts.items():
            control = getattr(self, name)
            control.layout.width = f"{width}px"
            control.observe(lambda change, name=name: self._on_value(name, change["new"]), "value")
        self.costs = [self._cost(name, request) for name in ("capital", "commission", "slippage")]
        self.box = ipw.HBox([self.symbol, self.source, self.start, self.end, *self.costs])
        self.box.add_class("bt-edit-bar")

    def _cost(self, name: str, request: Request) -> ipw.Text:
        value = getattr(request, name)
        control = ipw.Text(
            value="" if value is None else f"{value:g}",
            placeholder=name,
            tooltip=f"{name.capitalize()}; empty takes the setting",
            continuous_update=False,
        )
        control.layout.width = "84px"
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
