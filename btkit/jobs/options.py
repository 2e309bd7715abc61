"""`options_sim`: load, simulate spreads, report, store."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from btkit.data import FormatSource
from btkit.jobs.execute import run_checked
from btkit.jobs.progress import Progress
from btkit.jobs.requests import SpecSource, check_costs, strategy_path
from btkit.settings import Settings, read_settings
from btkit.spec import OptionsSpec, load_spec

if TYPE_CHECKING:
    from btkit.simulation import Result


def options_sim(  # noqa: PLR0913 - the costs and the data, each with its default
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
    """Load bars and implied volatility, simulate option spreads on them, store the outcome.

    Parameters
    ----------
    spec
        An `OptionsSpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML text. An
        option spec without ``spread_type`` sells put spreads.
    symbol
        The underlying; or a DataFrame of bars, then nothing is loaded and nothing stored.
    start, end
        The first and the last day, both included. Bars before `start` only warm indicators up.
        Both may be left out for a DataFrame.
    capital
        $ at the start; None takes BT_INITIAL_CAPITAL.
    commission
        $ a contract and leg; None takes BT_DEFAULT_COMMISSION.
    slippage
        Fraction of each leg's price lost per fill; None takes BT_DEFAULT_SLIPPAGE.
    interval
        Of the bars to load: ``<n>m``, ``<n>h``, ``1d``, ``<n>w`` or ``<n>mo``, such as ``30m``.
    source
        Where bars and implied volatility come from; None takes BT_DATA_SOURCE.
    format
        How the file of bars is written, as `bt.load_bars` takes it; None looks beside it.
    settings
        None reads the BT_* environment.
    progress
        Told of each stage.

    Returns
    -------
    Result
        With the id of the stored run, or None as `run_id` for a DataFrame. Without any implied
        volatility, spreads are priced with ``hv_30 * 1.20``, and `warnings` says so.

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
    >>> result = options_sim("strategies/vrp_short_put_spread.json", "SPX", "2014-01-02",
    ...                      "2018-12-31", source="sample", capital=1_000_000)  # doctest: +SKIP
    >>> result.spreads[0].credit  # doctest: +SKIP
    """
    known = read_settings(settings)
    spreads = option_spec(spec, settings=known)
    costs = check_costs(
        spreads, capital=capital, commission=commission, slippage=slippage, settings=known
    )
    return run_checked(
        spreads, symbol, start, end, costs=costs, interval=interval, source=source,
        bar_format=format, path=strategy_path(spec), settings=known, progress=progress,
    )  # fmt: skip


def option_spec(spec: SpecSource, *, settings: Settings) -> OptionsSpec:
    """Return an option spec, loaded if it is not yet.

    Parameters
    ----------
    spec
        An `OptionsSpec`, or what `load_spec` takes.
    settings
        Its `max_holding_bars` stands in where a loaded spec has none.

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
