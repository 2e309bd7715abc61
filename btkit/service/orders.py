"""What a worker is told: all that travels with a piece of work, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from btkit.errors import UsageError
from btkit.jobs.pieces import FINISH, WHOLE, Piece
from btkit.service.blobs import SHA256
from btkit.settings import Settings

Sha256 = Annotated[str, Field(pattern=f"^{SHA256}$")]

_STRICT = ConfigDict(frozen=True, extra="forbid")


class OrderSettings(BaseModel):
    """The server's settings that a worker goes by, so that its own decide no number.

    Parameters
    ----------
    **fields
        As those of `Settings`.
    """

    model_config = _STRICT

    initial_capital: float
    default_commission: float
    default_slippage: float
    min_trades_required: int
    max_holding_bars: int | None
    checkpoint_bars: int | None
    checkpoint_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of a server.

        Parameters
        ----------
        settings
            The server's.
        """
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})


class WorkOrder(BaseModel):
    """One piece of work for one worker, under one lease.

    Parameters
    ----------
    server
        Where the worker fetches its inputs and hands in what it has: the URL of the REST service.
    token
        Of the lease. It is the right to all that belongs to this piece, and to nothing else.
    operation_id
        For the log.
    piece
        Which part of the job; see `btkit.jobs.pieces`.
    job
        The prepared job, as `BaseJob.to_json` gives it.
    bars
        SHA-256 of the packed bars; None for what needs none.
    no_bars
        The error of the server that could not load them: a worker has no others.
    resumes
        Whether the server has a parcel of what an earlier worker had done.
    contents
        Of the finishing piece: how many contents there are to put together.
    bundles
        SHA-256 of each trained model that the job reads, by its path: the worker's have to be the
        same.
    settings
        The server's.
    """

    model_config = _STRICT

    server: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2_000)]
    token: Annotated[str, Field(min_length=32, max_length=200, repr=False)]
    operation_id: str
    piece: Piece
    job: dict[str, Any]
    bars: Sha256 | None = None
    no_bars: dict[str, Any] | None = None
    resumes: bool = False
    contents: Annotated[int, Field(ge=0)] = 0
    bundles: dict[str, Sha256] = Field(default_factory=dict)
    settings: OrderSettings

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.resumes and self.piece != WHOLE:
            message = "only a whole job goes on with what was done of it"
            raise ValueError(message)
        if self.contents and self.piece != FINISH:
            message = "only the finishing piece has contents"
            raise ValueError(message)
        return self


def read_order(text: str) -> WorkOrder:
    """Return an order that came as JSON.

    Parameters
    ----------
    text
        As ``WorkOrder.model_dump_json`` wrote it.

    Raises
    ------
    UsageError
        If it is none, such as one of another version.
    """
    try:
        return WorkOrder.model_validate_json(text)
    except ValidationError as error:
        # Its text has the token in it, and an error is logged.
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise UsageError(
            f"The order cannot be read: {place}: {first['msg']}.",
            hint="Server and workers need the same btkit.",
            details={"place": place},
        ) from None
