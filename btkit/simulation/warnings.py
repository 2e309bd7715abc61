"""What a reader must know before trusting a result (SEMANTICS 1.5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.conditions import columns_of
from btkit.conditions.nodes import Compare, Const, Position
from btkit.data import COVERAGE_CODES, SPLIT_CODE, DataInfo, Finding
from btkit.data.info import format_times
from btkit.data.splits import split_ratios
from btkit.decisions import Clause
from btkit.engine.orders import Reason
from btkit.indicators import FeatureSet, event_of, features_as_of, is_implied_volatility, lookup
from btkit.metrics import SHORT_RANGE_DAYS, spanned_days
from btkit.simulation.simulated import Simulated, reader_of
from btkit.spelling import count_of, listed, some_of

# Above this share of bars a condition's fallback goes into the headline.
TELLING_SHARE = 0.05
# Fractions, and what a condition can sensibly ask of one: whoever writes more means percent.
_FRACTIONS = {
    "position_pnl_pct": (-1.0, 1.0),
    "last_return_pct": (-1.0, 1.0),
    "pnl_pct_of_max_credit": (-10.0, 1.0),
    "premium_collected_pct": (-10.0, 1.0),
}
# What changes results, where other findings only concern how the data was tidied.
_SERIOUS = frozenset(
    {
        SPLIT_CODE, *COVERAGE_CODES, "local_times", "other_symbol", "dates_as_written",
        "no_heading", "may_be_closes",
    }
)  # fmt: skip
# Days before the end of a calendar from which on a run is warned.
_NEAR_ITS_END = 90
_IV_COLUMNS = ("iv_rank", "iv_percentile", "current_iv")


def find_warnings(run: Simulated, data: DataInfo) -> list[dict[str, str]]:
    """Return the warnings of a run of any kind, as ``{code, message}``.

    Parameters
    ----------
    run
        What was simulated.
    data
        What was found in its bars.
    """
    found = _looks_ahead(run)
    for clause in run.clauses.expressions():
        found += _of_clause(clause, run.feature_set, run.outcome.start)
        found += _meant_in_percent(clause)
    found += _calendars_that_end(run)
    found += _implied_volatility(run)
    found += _other_bars_than_meant(run)
    found += _outside_of_sessions(run)
    found += _of_classifiers(run)
    found += _contracts(run)
    found += _margin_calls(run)
    found += _short_range(run)
    if run.ambiguity is not None:
        found += run.ambiguity.warnings(verdict_differs=run.ambiguity.verdict_differs)
    found += _of_benchmark(run)
    found += _of_others(run)
    found += _of_detail(run)
    if run.ruined:
        found.append(
            {
                "code": "ruined",
                "message": "The account was lost: equity fell to zero or below, all lots were "
                "closed and nothing was traded after that.",
            }
        )
    return found + _of_data(data) + _unused_columns(run, data)


def _looks_ahead(run: Simulated) -> list[dict[str, str]]:
    leaks = () if run.lookahead is None else run.lookahead.leaks
    if not leaks:
        return []
    named = some_of([leak.name for leak in leaks])
    return [
        {
            "code": "looks_ahead",
            "message": f"The run looks ahead, so nobody could have traded it: {named} "
            f"depend{'s' if len(leaks) == 1 else ''} on later bars. {leaks[0].sentence} "
            "`backtest check-lookahead` looks closer.",
        }
    ]


def _of_classifiers(run: Simulated) -> list[dict[str, str]]:
    start, bars = run.outcome.start, len(run.bars)
    found = []
    for classifier in run.classified:
        name, end = classifier.name, classifier.in_sample
        learnt = bars if end is None else min(end - start, bars)
        if end is None:
            message = (
                f"Nobody says until when the classifier {name} was trained: it may have learnt "
                f"from any of the run's {bars:,} bars, and what its answers earned there would be "
                "no proof."
            )
            found.append({"code": "classifier_dates_unknown", "message": message})
        elif learnt > 0:
            last = run.all_bars.index[end - 1].date()
            message = (
                f"The classifier {name} learnt from bars up to {last}: {learnt:,} of the run's "
                f"{bars:,} bars, and what its answers earned there is no proof."
            )
            found.append({"code": "classifier_in_sample", "message": message})
        unanswered = classifier.unanswered(start)
        reasons = [f"{why} ({count:,})" for why, count in unanswered.items()]
        if reasons:
            message = (
                f"Of the run's {bars:,} bars the classifier {name} says nothing where "
                f"{' and '.join(reasons)}."
            )
            found.append({"code": "classifier_unanswered", "message": message})
        found += classifier.warnings
    return found


def _short_range(run: Simulated) -> list[dict[str, str]]:
    days = spanned_days(pd.DatetimeIndex(run.bars.index))
    if days >= SHORT_RANGE_DAYS:
        return []
    return [
        {
            "code": "short_range",
            "message": f"The run spans {count_of(days, 'calendar day')}, fewer than "
            f"{SHORT_RANGE_DAYS}: what it made says little of a year, so its total return is "
            "shown in place of a return a year.",
        }
    ]


def _margin_calls(run: Simulated) -> list[dict[str, str]]:
    trades = run.outcome.trades
    called = trades.exit_bar[trades.reason == Reason.MARGIN_CALL]
    if not called.size:
        return []
    bars = np.unique(called)
    dates = some_of(format_times(pd.DatetimeIndex(run.all_bars.index[bars])), count=len(bars))
    return [
        {
            "code": "margin_call",
            "message": "The account fell below the margins of its open lots: "
            f"{called.size:,} of {len(trades.reason):,} trades left for that ({dates}).",
        }
    ]


def _contracts(run: Simulated) -> list[dict[str, str]]:
    """Warn where what a contract gains per point was not said, or not thought of."""
    spec, stated = run.spec, getattr(run.spec, "multiplier", None)
    if getattr(spec, "asset_class", "") == "futures" and stated is None:
        return [
            {
                "code": "no_multiplier",
                "message": "The spec's asset_class is futures, and it has no multiplier: one "
                "contract gained $1 a point. An E-mini S&P 500 contract gains $50: multiplier: 50.",
            }
        ]
    about = type(spec).model_fields.get("position_sizing_formula")
    if stated in {None, 1.0} or about is None or run.clauses.sizing.text != about.default:
        return []
    return [
        {
            "code": "size_without_multiplier",
            "message": f"The size is the usual one, {about.default}, which takes no account of the "
            f"multiplier: a contract gains {stated:g} times what a share does. Divide by "
            "multiplier, which position_sizing_formula knows.",
        }
    ]


def _of_benchmark(run: Simulated) -> list[dict[str, str]]:
    known, found = run.benchmark, []
    ends = run.annualisation.period_ends(pd.DatetimeIndex(run.bars.index))
    returns = len(run.bars) if ends is None else len(ends)
    if known.carried > TELLING_SHARE * returns:
        found.append(
            {
                "code": "benchmark_carried",
                "message": f"At the end of {known.carried:,} of {returns:,} returns {known.name} "
                "had no bar, and its last close stood in: beta, correlation and tracking error "
                "say less there.",
            }
        )
    return found + _serious(known.quality, f"{known.name}: ")


def _of_others(run: Simulated) -> list[dict[str, str]]:
    """Warn of what is not known of the other instruments that conditions read."""
    found = []
    for symbol, other in run.others.items():
        if other.is_assumed:
            found.append(
                {
                    "code": "other_calendar_assumed",
                    "message": f"Nobody says when the bars of {symbol} close, which "
                    f"{listed(other.places)} read{'s' if len(other.places) == 1 else ''}: by the "
                    f"spec's calendar, {run.spec.calendar}. If it is another exchange's, name it: "
                    f"calendars: {{{symbol}: ...}}.",
                }
            )
        known = features_as_of(run.feature_set, symbol).last_closed[run.outcome.start :]
        unknown = int((known < 0).sum())
        if unknown > TELLING_SHARE * len(known):
            found.append(
                {
                    "code": "other_bars_missing",
                    "message": f"On {unknown:,} of {len(known):,} bars no bar of {symbol} is known "
                    "that is at most 5 sessions old: what reads it is missing there.",
                }
            )
        found += _serious(other.quality, f"{symbol}: ")
    return found


def _of_detail(run: Simulated) -> list[dict[str, str]]:
    """Warn where finer bars say little of what came first inside a bar."""
    if run.detail is None:
        return []
    bars, alone = len(run.bars), run.detail_mismatch
    found = _serious(run.detail.quality, f"bars of {run.detail.interval}: ")
    if alone > TELLING_SHARE * bars:
        found.append(
            {
                "code": "detail_mismatch",
                "message": f"{alone:,} of {bars:,} bars ({alone / bars:.0%}) are not made up by "
                f"bars of {run.detail.interval}, which are missing there or have other prices: "
                "what came first inside them is not known from these.",
            }
        )
    return found


def _of_data(info: DataInfo) -> list[dict[str, str]]:
    """Warn of what may make the numbers wrong, not only less exact."""
    found = []
    if info.gaps:
        ranges = some_of([f"{gap['start']} to {gap['end']}" for gap in info.gaps])
        message = f"The bars have gaps: {ranges}. Nothing was traded or marked there."
        found.append({"code": "partial_coverage", "message": message})
    return found + _serious(info.quality)


def _unused_columns(run: Simulated, data: DataInfo) -> list[dict[str, str]]:
    """Warn of dividends and splits that the bars tell and nothing uses (SEMANTICS 3.14)."""
    bars, spec, found = run.bars, run.spec, []
    if spec.pays_dividends:
        return []
    in_prices = spec.price_adjustment == "splits_dividends"
    if "dividends" in bars and not in_prices and "dividends" not in spec.own_columns:
        paid = int((bars["dividends"] > 0.0).sum())
        if paid:
            found.append(
                {
                    "code": "unused_dividends",
                    "message": f"The bars have a column dividends with {count_of(paid, 'dividend')}"
                    " in the run, and nothing uses it: dividends: cash in the spec pays them.",
                }
            )
    # Prices that jump by them are warned of already, with what adjusts them.
    told = any(finding.code == SPLIT_CODE for finding in data.quality)
    adjusted = spec.price_adjustment != "none"
    if "splits" in bars and not (told or adjusted or "splits" in spec.own_columns):
        split = int(np.count_nonzero(split_ratios(bars) != 1.0))
        if split:
            found.append(
                {
                    "code": "unused_splits",
                    "message": f"The bars have a column splits with {count_of(split, 'split')} in "
                    "the run, and nothing uses it: the prices do not jump there, so they seem to "
                    "be adjusted already. If they are not, price_adjustment: splits in the spec "
                    "adjusts them.",
                }
            )
    return found


def _serious(findings: Sequence[Finding], whose: str = "") -> list[dict[str, str]]:
    found = []
    for finding in findings:
        if finding.code in _SERIOUS:
            dates = some_of(finding.dates, count=finding.count)
            message = whose + finding.message.rstrip(".") + (f" ({dates})." if dates else ".")
            found.append({"code": finding.code, "message": message})
    return found


def _other_bars_than_meant(run: Simulated) -> list[dict[str, str]]:
    """Warn where the labels of a spec, which decide nothing, do not fit the bars."""
    found = []
    spec = run.spec
    # Only moments within a session need a zone.
    is_intraday = pd.DatetimeIndex(run.bars.index).tz is not None
    if spec.timeframe == ("daily" if is_intraday else "intraday"):
        found.append(
            {
                "code": "other_timeframe",
                "message": f"The spec's timeframe is {spec.timeframe}, and these are "
                f"{run.interval} bars: timeframe is a label, and --interval chooses the bars.",
            }
        )
    meant = {name.upper() for name in spec.instruments}
    if meant and run.symbol and run.symbol.upper() not in meant:
        found.append(
            {
                "code": "other_instrument",
                "message": f"The spec's instruments are {', '.join(spec.instruments)}, and this "
                f"run is on {run.symbol}: instruments is a label, and the symbol that is asked "
                "for is run.",
            }
        )
    return found


def _outside_of_sessions(run: Simulated) -> list[dict[str, str]]:
    """Warn of names of the time within a session that have no value on any bar."""
    start, found = run.outcome.start, []
    for label, reader, name in run.columns():
        entry = lookup(name)
        if entry is None or not entry.intraday or np.isfinite(reader.column(name)[start:]).any():
            continue
        calendar = run.feature_set.calendar
        why = f"none of them lies in a session of the calendar {calendar} that it is known of"
        if not run.feature_set.interval.is_intraday:
            why = f"it is of the time within a session, and these are {run.interval} bars"
        elif "opening_range" in name:
            why = (
                f"its minutes are not over at the close of a {run.interval} bar in any session of "
                f"the calendar {calendar}"
            )
        message = f"{label} is None on every bar of the run: {why}."
        found.append({"code": "no_value", "message": message})
    return found


def _of_clause(clause: Clause, features: FeatureSet, start: int) -> list[dict[str, str]]:
    found = []
    for code, kind, meaning in (
        ("fallback", "fallback", "a fallback value instead of data"),
        ("unknown_events", "unknown", "event dates outside the years that are known"),
    ):
        hit: NDArray[np.bool_] | None = None
        names = []
        for column in sorted(set(columns_of(clause.tree)), key=lambda column: column.label):
            reader, name = reader_of(features, column)
            mask: NDArray[np.bool_] | None = getattr(reader, kind)(name)
            if mask is not None and mask[start:].any():
                hit = mask[start:] if hit is None else hit | mask[start:]
                names.append(column.label)
        if hit is None or hit.mean() <= TELLING_SHARE:
            continue
        found.append(
            {
                "code": code,
                "message": f"{_place(clause)} '{clause.text}' read {meaning} on "
                f"{int(hit.sum()):,} of {hit.size:,} bars ({hit.mean():.0%}): {', '.join(names)}.",
            }
        )
    return found


def _place(clause: Clause) -> str:
    return clause.path if clause.index >= 0 else clause.list_name


def _meant_in_percent(clause: Clause) -> list[dict[str, str]]:
    return [
        {
            "code": "fraction_not_percent",
            "message": f"{_place(clause)} '{clause.text}' asks for {name} of {asked:g}, which is a "
            f"fraction: {asked:,.0%}. If {asked:g} % is meant, write {asked / 100:g}.",
        }
        for node in clause.tree.walk()
        if isinstance(node, Compare)
        for side, other in ((node.left, node.right), (node.right, node.left))
        if isinstance(side, Position) and isinstance(other, Const) and side.name in _FRACTIONS
        for name, asked in [(side.name, other.number)]
        if asked <= _FRACTIONS[name][0] or asked > _FRACTIONS[name][1]
    ]


def _calendars_that_end(run: Simulated) -> list[dict[str, str]]:
    features = run.feature_set
    last = features.dates[-1]
    readers: dict[str, list[str]] = {}
    for name in sorted(run.clauses.names()):
        event = event_of(name)
        if event is not None:
            readers.setdefault(event, []).append(name)
    return [
        {
            "code": "calendar_ends",
            "message": f"The dates of {event} are known up to {features.event(event).last}, and "
            f"the last bar, of {last}, "
            + (
                "lies beyond that."
                if last > features.event(event).last
                else f"comes within {_NEAR_ITS_END} days of that."
            )
            + f" What reads them ({', '.join(names)}) is missing after it, and `not` of a missing "
            "value holds.",
        }
        for event, names in readers.items()
        if features.event(event).days.size
        and last >= features.event(event).last - np.timedelta64(_NEAR_ITS_END, "D")
    ]


def _implied_volatility(run: Simulated) -> list[dict[str, str]]:
    asked = any(is_implied_volatility(name) for name in run.names)
    if not asked and not run.spec.rests_on_iv:
        return []
    start = run.outcome.start
    columns = [run.feature_set.column(name)[start:] for name in _IV_COLUMNS]
    if any(np.isfinite(column).any() for column in columns):
        return []
    symbol = run.symbol or "SYMBOL"
    since = run.bars.index[0].date().isoformat()
    return [
        {
            "code": "no_implied_volatility",
            "message": "There is no implied volatility history for these bars: iv_rank, "
            "iv_percentile and current_iv are None, and iv_atm is hv_30 * 1.20. To fill it, run "
            f"`market-data iv-rank-backfill --symbol {symbol} --start {since} --yes`.",
        }
    ]
