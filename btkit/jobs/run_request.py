"""What was asked of a run, as it is worked with and as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from btkit.data import BarFormat, check_symbol, load_stated
from btkit.errors import StoreError
from btkit.indicators import UserEvents
from btkit.jobs.requests import Costs, check_interval, check_range, check_source
from btkit.settings import Settings, SourceName
from btkit.spec import KINDS, BaseSpec, RunCommand, load_spec


@dataclass(frozen=True)
class RunRequest:
    """A run that was asked for, checked, its defaults filled in.

    Parameters
    ----------
    spec
        The strategy.
    symbol, start, end, interval, source
        The bars.
    bar_format
        What was stated about the file of bars; None looks beside it.
    costs
        What the run starts with and pays.
    path
        The file that the spec was read from, None if it was no file.
    min_trades_required
        Fewer trades are worth a warning.
    """

    spec: BaseSpec
    symbol: str
    start: date
    end: date
    interval: str
    source: SourceName
    costs: Costs
    path: str | None
    min_trades_required: int
    bar_format: BarFormat | None = None

    @property
    def kind(self) -> RunCommand:
        """The command that asks for such a run."""
        return KINDS[self.spec.kind].command

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return {
            "kind": self.kind,
            "spec": self.spec.model_dump(mode="json"),
            "events": self.spec.events_read(self.symbol).to_json(),
            "symbol": self.symbol,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "interval": self.interval,
            "source": self.source,
            "capital": self.costs.capital,
            "commission": self.costs.commission,
            "slippage": self.costs.slippage,
            "path": self.path,
            "min_trades_required": self.min_trades_required,
            "format": None if self.bar_format is None else self.bar_format.stated(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RunRequest:
        """Return the request that `to_json` gave.

        Parameters
        ----------
        stored
            Plain JSON values.

        Raises
        ------
        StoreError
            If it is a request of another kind, or incomplete.
        SpecError, UsageError
            If a part of it is refused.
        """
        try:
            return cls._read(stored)
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"What was asked of the run is stored in a form that this btkit does not know "
                f"({error}).",
                hint="Resume it with the btkit that began it, or run the backtest again.",
            ) from error

    @classmethod
    def _read(cls, stored: Mapping[str, Any]) -> RunRequest:
        spec = load_spec(
            stored["spec"],
            settings=Settings.model_construct(),
            # A run of an earlier version has none.
            events=UserEvents.from_json(stored.get("events", {})),
        )
        source = check_source(stored["source"])
        if source is None:
            raise KeyError("source")
        first, last = check_range(stored["start"], stored["end"])
        request = cls(
            spec=spec,
            symbol=check_symbol(stored["symbol"]),
            start=first,
            end=last,
            interval=check_interval(stored["interval"]),
            source=source,
            costs=Costs(stored["capital"], stored["commission"], stored["slippage"]),
            path=stored["path"],
            min_trades_required=int(stored["min_trades_required"]),
            bar_format=load_stated(stored.get("format")),
        )
        if stored["kind"] != request.kind:
            raise KeyError(stored["kind"])
        return request
