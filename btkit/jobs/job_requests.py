"""What was asked of jobs that are more than one run, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from btkit.errors import StoreError
from btkit.indicators import UserEvents
from btkit.jobs.batch import Job
from btkit.settings import Settings, SourceName
from btkit.spec import StrategySpec, load_spec
from btkit.storage import NewJob, Part

Numbers = dict[str, list[int | float]]
"""The values of each parameter."""


class StoredRequest(BaseModel):
    """What was asked for, checked, its defaults filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the request that `to_json` gave.

        Parameters
        ----------
        stored
            Plain JSON values.

        Raises
        ------
        StoreError
            If it is a request of another kind, or incomplete.
        """
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            (first, *_) = error.errors()
            place = ".".join(str(part) for part in first["loc"])
            raise StoreError(
                "What was asked for is stored in a form that this btkit does not know "
                f"({place}: {first['msg']}).",
                hint="Resume it with the btkit that began it, or ask for it again.",
            ) from error


class SearchRequest(StoredRequest):
    """What sweeps and walk-forward validations have in common.

    Parameters
    ----------
    spec, events, path
        The strategy, what it reads of the user's events, and the file that it was read from.
    symbol, start, end, interval, source
        The bars.
    format
        What was stated about the file of bars; None looks beside it.
    capital, commission, slippage
        What each run starts with and pays.
    objective, constraint, max_sets
        As for `sweep`.
    min_trades_required
        Sets with fewer trades come after all others.
    """

    kind: Literal["sweep", "walk-forward"]
    spec: dict[str, JsonValue]
    events: dict[str, list[dict[str, str | None]]] = {}
    path: str | None
    symbol: str
    start: date
    end: date
    interval: str
    source: SourceName
    format: dict[str, JsonValue] | None = None
    capital: float
    commission: float
    slippage: float
    objective: str
    constraint: str | None
    max_sets: int
    min_trades_required: int

    def load_spec(self) -> StrategySpec:
        """Return the strategy."""
        spec = load_spec(
            self.spec,
            settings=Settings.model_construct(),
            events=UserEvents.from_json(self.events),
        )
        assert isinstance(spec, StrategySpec)
        return spec

    def as_job(self, job_id: str, part: Part | None) -> NewJob:
        """Return the job that is asked for.

        Parameters
        ----------
        job_id
            Its id.
        part
            Its place within another job; None where it was asked for itself.
        """
        return NewJob(
            job_id,
            self.kind,
            self.to_json(),
            part,
            strategy_name=str(self.spec["name"]),
            strategy_version=str(self.spec["version"]),
            symbol=self.symbol,
            interval=self.interval,
            start_date=self.start.isoformat(),
            end_date=self.end.isoformat(),
        )


class SweepRequest(SearchRequest):
    """A sweep that was asked for; see `sweep` for the fields."""

    kind: Literal["sweep"] = "sweep"
    parameters: Numbers
    method: str
    samples: int
    seed: int
    threads: int


class WalkForwardRequest(SearchRequest):
    """A walk-forward validation that was asked for; see `walk_forward` for the fields."""

    kind: Literal["walk-forward"] = "walk-forward"
    windows: int
    is_ratio: float
    scheme: str
    optimize: Numbers


class Rendering(StoredRequest):
    """How notebooks and pages are made, as `execute_template` takes it."""

    engine: Literal["btkit", "nbclient"]
    html_assets: Literal["inline", "shared"]


class BatchRequest(StoredRequest):
    """A batch that was asked for.

    Parameters
    ----------
    name
        Of the file that listed the jobs.
    jobs
        All of them, in the order of the file.
    workers
        How many run at a time.
    rendering
        None makes no pages.
    """

    kind: Literal["batch"] = "batch"
    name: str
    jobs: list[Job]
    workers: int
    rendering: Rendering | None
