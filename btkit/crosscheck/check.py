"""A spec simulated the plain way, and a result held against it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from btkit.arguments import check_account
from btkit.crosscheck import measures
from btkit.crosscheck.detail import FinerFrame
from btkit.crosscheck.inputs import BOOKS, as_instrument, book_of, sessions_around
from btkit.crosscheck.records import Instrument, PlainAccount, PlainRun, PlainTrade
from btkit.crosscheck.walk import Walk
from btkit.data import WARMUP_BARS, adjust_prices, adjustment_factors, take_bars
from btkit.data.info import seen_from
from btkit.errors import NoDataError
from btkit.indicators import OtherBars
from btkit.markets import Annualisation, as_bar_time, infer_interval, read_moment
from btkit.settings import Settings
from btkit.spec import BaseSpec, load_spec

Result: TypeAlias = Any
"""A `btkit.simulation.Result`, whose class comes with the engine and so is not imported here."""

_CLOSE = 1e-9
_ROUNDED = 1e-12
_FIELDS = (
    "entry_price",
    "exit_price",
    "shares",
    "pnl",
    "return_pct",
    "exit_reason",
    "bars_held",
    "commission",
    "slippage_cost",
)
_OF_LOTS = ("fill_kind", "certain", "mae_pct", "mfe_pct")


@dataclass(frozen=True)
class Difference:
    """One number on which a result and the plain simulation do not agree.

    Parameters
    ----------
    time
        Of the bar; None for what concerns the whole run.
    what
        Such as ``"equity"`` or ``"trade 3 exit_price"``; trades count from 0.
    ours, plain
        The result's value, and the plain simulation's; None where one of them has none.
    """

    time: pd.Timestamp | None
    what: str
    ours: object
    plain: object

    def __str__(self) -> str:
        """Return it as one line."""
        where = "" if self.time is None else f"{self.time}: "
        return f"{where}{self.what} is {self.ours!r}, the plain simulation has {self.plain!r}"


def crosscheck(
    spec: BaseSpec | Mapping[str, Any],
    bars: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    symbol: str | None = None,
    capital: float = 100_000,
    commission: float = 0.65,
    slippage: float = 0.005,
    start: str | dt.date | None = None,
    detail: pd.DataFrame | None = None,
) -> PlainRun:
    """Simulate a spec bar by bar, without anything of the engine.

    It is a second opinion: written from the text of SEMANTICS, with its own evaluation of
    conditions, its own fills, option prices and measures. Of btkit it takes the reading of bars
    and specs, the columns of indicators and the calendars. It is slow: about 10,000 bars a
    second of a simple rule, 2,000 of a spread.

    Parameters
    ----------
    spec, bars, symbol, capital, commission, slippage, start, detail
        As `btkit.simulate` takes them.

    Returns
    -------
    PlainRun
        Trades, curves, counts and metrics.

    Raises
    ------
    SpecError, DataError, NoDataError, UsageError
        As `btkit.simulate`.

    Examples
    --------
    >>> bars = pd.DataFrame(
    ...     {"open": [8.0, 16, 32], "high": 32.0, "low": 8.0, "close": [8.0, 24, 32], "volume": 9},
    ...     index=pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08"]),
    ... )
    >>> spec = {"name": "first", "entry_conditions": ["close == 8"], "exit_conditions": [],
    ...         "stop_conditions": [], "position_sizing_formula": "10"}
    >>> run = crosscheck(spec, bars, capital=1000, commission=0, slippage=0)
    >>> run.trades[0].pnl, run.equity
    (160.0, [1000.0, 1080.0, 1160.0])
    """
    strategy = load_spec(spec, settings=Settings.model_construct(), kind=tuple(BOOKS))
    capital, commission, slippage = check_account(
        capital=capital, commission=commission, slippage=slippage
    )
    traded = bars if not isinstance(bars, Mapping) else bars[symbol or next(iter(bars))]
    given = take_bars(traded, calendar=strategy.calendar, columns=strategy.own_columns)
    checked = adjust_prices(given.bars, strategy.price_adjustment)
    times = pd.DatetimeIndex(checked.index)
    first = 0
    if start is not None:
        first = int(times.searchsorted(as_bar_time(read_moment(start, name="start"), times)))
    if first == len(times):
        raise NoDataError("there is no bar at or after the start", hint="choose an earlier start")
    annualisation = Annualisation(
        infer_interval(times, stated=given.interval), strategy.calendar, strategy.bars_per_year
    )
    symbol = (None if given.stated is None else given.stated.symbol) or symbol or ""
    begin = min(first, seen_from(times, given.stated))
    checked = _classified(strategy, checked, annualisation, symbol=symbol, start=first, begin=begin)
    return simulate_plainly(
        strategy,
        as_instrument(
            strategy,
            checked,
            annualisation,
            symbol=symbol,
            start=first,
            begin=begin,
            others=others_of(strategy, bars if isinstance(bars, Mapping) else {}),
            finer=finer_of(strategy, given.bars, detail),
        ),
        PlainAccount(capital, commission, slippage, first),
        annualisation,
    )


def _classified(
    spec: BaseSpec,
    bars: pd.DataFrame,
    annualisation: Annualisation,
    *,
    symbol: str,
    start: int,
    begin: int,
) -> pd.DataFrame:
    """Return bars with the column of each classifier, which is taken as it is given."""
    if not spec.classifiers:
        return bars
    # Networks come with the engine.
    from btkit.models.asked_bars import AskedBars  # noqa: PLC0415
    from btkit.models.classifiers import classify_bars, load_classifiers  # noqa: PLC0415

    asked = AskedBars(
        bars,
        symbol=symbol or None,
        interval=annualisation.interval,
        calendar=spec.calendar,
        start=start,
        begin=max(begin, start - WARMUP_BARS),
    )
    classifiers = load_classifiers(spec.classifier_sources, {})
    return bars.assign(**{one.name: classify_bars(one, asked).texts for one in classifiers})


def others_of(spec: BaseSpec, frames: Mapping[str, pd.DataFrame]) -> dict[str, OtherBars]:
    """2.11: Return the other instruments that a spec reads, each with its own calendar.

    Parameters
    ----------
    spec
        Loaded.
    frames
        Bars by symbol, those that are traded among them or not.
    """
    found = {}
    for symbol in spec.others_read:
        columns = spec.columns_read_of(symbol)
        named = spec.calendars.get(symbol)
        given = take_bars(frames[symbol], calendar=named or spec.calendar, columns=columns)
        known = named or (given.stated and given.stated.calendar) or spec.calendar
        # 1.4: it is adjusted as the bars themselves are.
        adjusted = adjust_prices(given.bars, spec.price_adjustment)
        found[symbol] = OtherBars(adjusted, known, spec.events.of(symbol), columns)
    return found


def finer_of(spec: BaseSpec, bars: pd.DataFrame, detail: pd.DataFrame | None) -> FinerFrame | None:
    """9.8: Return the finer bars that a spec asks for, with what adjusts the run's.

    Parameters
    ----------
    spec
        Loaded.
    bars
        The run's, checked, not adjusted.
    detail
        The finer ones; None without any.
    """
    wanted = spec.detail_interval
    if wanted is None or detail is None:
        return None
    factors = adjustment_factors(bars, spec.price_adjustment)
    return FinerFrame(take_bars(detail, calendar=spec.calendar).bars, wanted, factors.tolist())


def simulate_plainly(
    spec: BaseSpec,
    instrument: Instrument,
    account: PlainAccount,
    annualisation: Annualisation,
    *,
    book: type[Walk[Any]] | None = None,
    benchmark: Sequence[float] | None = None,
) -> PlainRun:
    """Simulate and measure over an instrument that is ready.

    Parameters
    ----------
    spec
        Loaded.
    instrument
        With every column that the spec names.
    account
        What the run begins with and pays, and where it begins.
    annualisation
        Of the instrument's bars and the spec.
    book
        The rules; None takes those of the spec's kind.
    benchmark
        A close at each bar; None holds the instrument, and is paid its dividends.
    """
    walk = (book or book_of(spec))(spec, instrument, account)
    run = walk.run()
    times = run.times.tz_convert(None) if run.times.tz is not None else run.times
    closes = list(benchmark or measures.held_values(instrument, account.start))[account.start :]
    known = instrument.free_rates[account.start :]
    values, held = run.equity, closes
    if annualisation.by_session:
        sessions = sessions_around(times, spec.calendar)
        values, held = (
            measures.session_values(list(times), row, sessions) for row in (values, held)
        )
        places = measures.session_values(list(times), range(len(times)), sessions)
        known = [known[int(place)] for place in (0, *(end + 1 for end in places[:-1]))]
    returns = measures.returns_of(values, account.capital)
    run.metrics = {
        "turnover": measures.turnover(run.trades, run.equity, list(times.date)),
        **measures.measure_trades(run.trades, list(instrument.times), start=account.start),
        **measures.measure_curve(
            run.equity,
            list(times.date),
            returns,
            capital=account.capital,
            a=annualisation.periods_per_year,
            ruined=run.ruined,
            rates=known,
        ),
        **measures.measure_against(
            returns, measures.returns_of(held, closes[0]), annualisation.periods_per_year
        ),
    }
    return run


def differences(result: Result, *, most: int = 20) -> list[Difference]:
    """Hold a result against the plain simulation of its own inputs.

    Trades, curves and counts are compared to the last bit, metrics to 1e-9.

    Parameters
    ----------
    result
        Of `btkit.simulate`, `btkit.run` or `btkit.options_sim`. For a run of the store, simulate
        its spec again on its bars first.
    most
        How many differences to return at most.

    Returns
    -------
    list of Difference
        The first ones in order of time, those of the whole run last; empty where both agree.

    Examples
    --------
    >>> result = bt.run("strategies/golden_cross.yaml", "SPX", source="sample")  # doctest: +SKIP
    >>> differences(result)  # doctest: +SKIP
    []
    """
    spec, held = result.spec, result.benchmark
    # What a trained model says is taken as it is given.
    bars = result.all_bars.assign(**{found.name: found.texts for found in result.classified})
    stated = bars.attrs.get("btkit") or {}
    start, times = len(bars) - len(result.equity), pd.DatetimeIndex(bars.index)
    instrument = as_instrument(
        spec,
        bars,
        result.annualisation,
        symbol=stated.get("symbol") or "",
        start=start,
        begin=min(start, seen_from(times, result.stated)),
        others=result.others,
        finer=_finer_of(result, times),
    )
    account = PlainAccount(
        result.initial_capital,
        result.commission,
        result.slippage,
        start=start,
    )
    plain = simulate_plainly(
        spec,
        instrument,
        account,
        result.annualisation,
        benchmark=None if held.bars is None else held.closes.tolist(),
    )
    return compare(result, plain, instrument.times)[:most]


def _finer_of(result: Result, times: pd.DatetimeIndex) -> FinerFrame | None:
    given = result.detail
    if given is None:
        return None
    return FinerFrame(given.bars, given.interval, given.factors[times].tolist())


def compare(result: Result, plain: PlainRun, times: pd.DatetimeIndex) -> list[Difference]:
    """Return every difference between a result and a plain run of the same inputs.

    Parameters
    ----------
    result, plain
        The two.
    times
        Of all bars, warm-up included.
    """
    found = [
        *_of_curve("equity", result.equity, plain.equity),
        *_of_curve("cash", result.cash, plain.cash),
        *_of_curve("interest", result.interest, plain.interest),
        *_of_curve("borrow_fees", result.borrow_fees, plain.borrow_fees),
        *_of_curve("dividends", result.dividends, plain.dividends),
        *_of_trades(result, plain, times),
    ]
    found.sort(key=lambda difference: difference.time or times[-1])
    found += _of_run(result, plain)
    found += _of_metrics(result.metrics, plain.metrics, result.initial_capital)
    return found


def _of_curve(name: str, ours: pd.Series[float], plain: list[float]) -> Iterator[Difference]:
    # One is enough: from the first on, a curve that went another way stays another.
    for moment, mine, theirs in zip(ours.index, ours.tolist(), plain, strict=True):
        if mine != theirs:
            yield Difference(moment, name, mine, theirs)
            return


def _of_trades(result: Result, plain: PlainRun, times: pd.DatetimeIndex) -> Iterator[Difference]:
    rows = result.trades.to_dict("records")
    if len(rows) != len(plain.trades):
        yield Difference(None, "number of trades", len(rows), len(plain.trades))
    for place, (row, trade) in enumerate(zip(rows, plain.trades, strict=False)):
        fields = _FIELDS if trade.legs else (*_FIELDS, *_OF_LOTS)
        mine = {name: row[name] for name in ("entry_date", "exit_date", *fields)}
        theirs: dict[str, object] = {name: getattr(trade, name) for name in fields}
        theirs["entry_date"], theirs["exit_date"] = times[trade.entry_bar], times[trade.exit_bar]
        if result.spec.takes_both_sides:
            mine["direction"], theirs["direction"] = row["direction"], trade.direction
        if result.spec.leaves_in_parts:
            mine["lot"], theirs["lot"] = row["lot"], trade.lot
        if trade.legs:
            theirs["legs"] = _legs(trade)
            mine["legs"] = _legs(result.spreads[place])
        for name, value in theirs.items():
            if mine[name] != value:
                yield Difference(times[trade.exit_bar], f"trade {place} {name}", mine[name], value)


def _legs(traded: Result | PlainTrade) -> list[tuple[str, str, float]]:
    return [(leg.side, leg.right, leg.strike) for leg in traded.legs]


def _of_run(result: Result, plain: PlainRun) -> Iterator[Difference]:
    diagnostics = result.diagnostics
    skipped = {reason: count for reason, count in diagnostics.skipped_entries.items() if count}
    counted = {
        (entry.list.removesuffix("_conditions"), entry.index): (entry.held, entry.raised)
        for entry in diagnostics.conditions
    }
    pairs = {
        "detail mismatch": (diagnostics.detail_mismatch, plain.detail_mismatch),
        "ruined": (bool(result.ruined), plain.ruined),
        "skipped entries": (skipped, plain.skipped),
        "unfilled orders": (diagnostics.unfilled_orders, plain.unfilled),
        **{
            f"{name}_conditions[{index}] (held, raised)": (counted.get((name, index)), counts)
            for (name, index), counts in plain.counts.items()
        },
    }
    for what, (mine, theirs) in pairs.items():
        if mine != theirs:
            yield Difference(None, what, mine, theirs)


def _of_metrics(ours: Result, plain: dict[str, float], capital: float) -> Iterator[Difference]:
    for name, theirs in plain.items():
        mine = getattr(ours, name)
        scale = max(capital, 1.0) if name in measures.MONEY else 1.0
        both_missing = math.isnan(mine) and math.isnan(theirs)
        if not both_missing and not math.isclose(
            mine, theirs, rel_tol=_CLOSE, abs_tol=_ROUNDED * scale
        ):
            yield Difference(None, name, mine, theirs)
