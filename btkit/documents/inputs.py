"""What a report reads of a result, whatever kind of run made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import pandas as pd
from pydantic import BaseModel

from btkit.arguments import refusal
from btkit.data import DataInfo
from btkit.markets import Annualisation
from btkit.metrics import Metrics
from btkit.spec import AnySpec


@runtime_checkable
class SimulatedRun(Protocol):
    """The attributes of a result that reports are built from.

    A protocol, so that rule runs, option runs and model runs need no common ancestor.
    """

    @property
    def spec(self) -> AnySpec:
        """The spec that was simulated."""

    @property
    def symbol(self) -> str | None:
        """The instrument's name, if it has one."""

    @property
    def interval(self) -> str:
        """The bars' interval, such as ``"1d"``."""

    @property
    def annualisation(self) -> Annualisation:
        """How returns are taken and annualised."""

    @property
    def initial_capital(self) -> float:
        """In $."""

    @property
    def commission(self) -> float:
        """In the unit of the commission model."""

    @property
    def commission_model(self) -> str:
        """What a commission is charged on."""

    @property
    def slippage(self) -> float:
        """Fraction of the price lost per fill."""

    @property
    def bars(self) -> pd.DataFrame:
        """The simulated bars, warm-up not included."""

    @property
    def all_bars(self) -> pd.DataFrame:
        """The bars as they were computed with, warm-up included."""

    @property
    def trades(self) -> pd.DataFrame:
        """The closed trades."""

    @property
    def equity(self) -> pd.Series[float]:
        """Account value in $ per bar."""

    @property
    def cash(self) -> pd.Series[float]:
        """Free cash in $ per bar."""

    @property
    def invested(self) -> pd.Series[float]:
        """Value of open positions in $ per bar."""

    @property
    def metrics(self) -> Metrics:
        """The true values."""

    @property
    def ruined(self) -> bool:
        """Whether the account was lost."""

    @property
    def diagnostics(self) -> BaseModel:
        """Counts of what happened and did not."""

    @property
    def warnings(self) -> Sequence[Mapping[str, str]]:
        """Entries with a code and a message."""

    @property
    def fallbacks(self) -> Mapping[str, int]:
        """Bars per column that rest on a fallback."""

    @property
    def data(self) -> DataInfo:
        """Where the bars come from, what was found in them, which sessions they lack."""

    @property
    def warmup(self) -> Mapping[str, Any]:
        """Bars, missing_until and drift."""


def check_result(result: object) -> SimulatedRun:
    """Return what a simulation gave.

    Parameters
    ----------
    result
        A `Result` or an `OptionsResult`.

    Raises
    ------
    UsageError
        If it is something else.
    """
    if isinstance(result, SimulatedRun):
        return result
    raise refusal(
        result,
        "the run",
        rule="what run, options_sim or simulate returned",
        hint="Of a sweep take result.run(...), of a walk-forward result.out_of_sample[0]; "
        "bt.load_run(id) reads a stored run.",
    )
