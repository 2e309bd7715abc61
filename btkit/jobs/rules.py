"""`run`: a spec, loaded, simulated, reported and stored."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from btkit.data import FormatSource
from btkit.jobs.execute import run_checked
from btkit.jobs.progress import Progress
from btkit.jobs.requests import SpecSource, check_costs, strategy_path
from btkit.settings import Settings, read_settings
from btkit.spec import kinds_run_by, load_spec

if TYPE_CHECKING:
    from btkit.simulation import Result


def run(  # noqa: PLR0913 - the costs and the data, each with its default
    spec: SpecSource,
    symbol: str | pd.DataFrame,
    start: date | str | None = None,
    end: date | str | None = None,
    *,
    capital: float | None = None,
    commission: float | None = None,
    slippage: float | None = None,
    interval: str = "1d",
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Result:
    """Load bars, simulate a strategy on them, and store the outcome.

    Parameters
    ----------
    spec
        A `StrategySpec` or of another kind that trades the instrument itself, or what `load_spec`
        takes: a path, a dict, or JSON or YAML text.
    symbol
        The instrument; or a DataFrame of bars, then nothing is loaded and nothing stored.
    start, end
        The first and the last day, both included. Bars before `start` only warm indicators up.
        Both may be left out for a DataFrame.
    capital
        $ at the start; None takes BT_INITIAL_CAPITAL.
    commission
        In the unit of the spec's commission model; None takes BT_DEFAULT_COMMISSION.
    slippage
        Fraction of the price lost per fill; None takes BT_DEFAULT_SLIPPAGE.
    interval
        Of the bars to load: ``<n>m``, ``<n>h``, ``1d``, ``<n>w`` or ``<n>mo``, such as ``30m``.
    source
        Where bars come from; None takes BT_DATA_SOURCE.
    format
        How the file of bars is written, as `bt.load_bars` takes it; None looks beside it.
    settings
        None reads the BT_* environment.
    progress
        Told of each stage.

    Returns
    -------
    Result
        With the id of the stored run, or None as `run_id` for a DataFrame.

    Raises
    ------
    SpecError
        If the spec is refused.
    UsageError
        If an argument makes no sense. Nothing is stored then.
    NoDataError, DataError, SourceError, StoreError
        If bars cannot be had or the run not be stored. Its row says ``failed``, and the
        error's ``details["run_id"]`` which row that is.

    Examples
    --------
    >>> result = run("strategies/spy_momentum_v1.json", "SPX", "2005-01-01", "2018-12-31",
    ...              source="sample")  # doctest: +SKIP
    >>> result.metrics.sharpe_ratio  # doctest: +SKIP
    """
    known = read_settings(settings)
    rules = load_spec(spec, settings=known, kind=kinds_run_by("run"))
    costs = check_costs(
        rules, capital=capital, commission=commission, slippage=slippage, settings=known
    )
    return run_checked(
        rules, symbol, start, end, costs=costs, interval=interval, source=source,
        bar_format=format, path=strategy_path(spec), settings=known, progress=progress,
    )  # fmt: skip
