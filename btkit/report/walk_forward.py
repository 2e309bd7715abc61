"""The JSON document of a walk-forward validation."""

from __future__ import annotations

from btkit.report.documents import Document, IsoBar, IsoDate, MetricsSection, ReportWarning, Section


class WindowSection(Section):
    """One window: its parts, the runs stored for them, and what was left out of sample.

    Parameters
    ----------
    window_index
        From 0 on.
    is_start, is_end, oos_start, oos_end
        The first and the last bar of each part.
    is_run_id, oos_run_id
        The stored runs; None for bars that were handed over.
    is_sharpe, oos_sharpe
        As the runs' documents have them: 0 where undefined.
    efficiency
        oos_sharpe / is_sharpe, from -2 to 2; None where is_sharpe is not above 0.
    is_bars, oos_bars, is_trades, oos_trades, oos_return_pct
        How much each part rests on, and what it earned.
    parameters
        The parameters that ran out of sample.
    sets_tried
        How many sets the in-sample part chose from; 0 without optimisation.
    """

    window_index: int
    is_start: IsoBar
    is_end: IsoBar
    oos_start: IsoBar
    oos_end: IsoBar
    is_run_id: str | None
    oos_run_id: str | None
    is_sharpe: float
    oos_sharpe: float
    efficiency: float | None
    is_bars: int
    oos_bars: int
    is_trades: int
    oos_trades: int
    is_return_pct: float
    oos_return_pct: float
    parameters: dict[str, int | float]
    sets_tried: int


class WalkForwardReport(Document):
    """The outcome of a walk-forward validation.

    Parameters
    ----------
    walk_forward_id
        Names the files; None where nothing was stored.
    strategy_name, strategy_version, symbol, start_date, end_date
        What was run.
    scheme, is_ratio, objective, optimized, constraint
        How.
    windows
        In order.
    avg_efficiency
        Mean over the windows, an undefined one counting as 0.
    avg_oos_sharpe, avg_is_sharpe
        Means over the windows.
    stitched_efficiency
        The stitched out-of-sample Sharpe ratio over the mean in-sample one; None where that is not
        above 0.
    stitched
        Metrics of the stitched out-of-sample curve.
    passed
        Whether avg_efficiency is at least 0.70.
    verdict
        Why, in words.
    curve_url
        Where the stitched curve is stored.
    warnings
        What a reader must know.
    """

    walk_forward_id: str | None
    strategy_name: str
    strategy_version: str
    symbol: str | None
    start_date: IsoDate
    end_date: IsoDate
    scheme: str
    is_ratio: float
    objective: str
    optimized: dict[str, list[int | float]]
    constraint: str | None
    windows: list[WindowSection]
    avg_efficiency: float
    avg_oos_sharpe: float
    avg_is_sharpe: float
    stitched_efficiency: float | None
    stitched: MetricsSection
    passed: bool
    verdict: str
    curve_url: str | None
    warnings: list[ReportWarning]
