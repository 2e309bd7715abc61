"""Sentences and labels made from a run: what a trader would say about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from btkit.metrics import SHORT_RANGE_DAYS, THRESHOLDS, Threshold, metric_of
from btkit.metrics.entry import Format
from btkit.render import text
from btkit.render.order_words import order_sentences
from btkit.render.view import RunView
from btkit.spec.carry import filled_rate
from btkit.spelling import listed

_SHORT_RUN_DAYS = 365
_TILES = ("sharpe_ratio", "max_drawdown_pct", "win_rate", "profit_factor", "total_trades")
_NEEDS = {
    "max_drawdown_pct": "limit",
    "consecutive_losses_max": "at most",
    "probability_of_overfitting": "at most",
}

_SHOWN: dict[Format, Callable[[float | None], str]] = {
    "percent": text.percent,
    "ratio": text.ratio,
    "count": text.count,
    "money": text.money,
    "days": lambda days: text.DASH if days is None else text.span(days),
    "hours": lambda hours: text.DASH if hours is None else text.holding(hours),
}


@dataclass(frozen=True)
class Label:
    """How a metric is written and what it means.

    Parameters
    ----------
    name
        Its name for a person.
    show
        Turns its value into text.
    meaning
        One sentence for the hover.
    """

    name: str
    show: Callable[[float | None], str]
    meaning: str


def tile_metrics(days: int) -> tuple[str, ...]:
    """Return the six metrics that stand above a run.

    Parameters
    ----------
    days
        Calendar days of the run; of a short one the return a year says nothing.

    Examples
    --------
    >>> tile_metrics(60)[0], tile_metrics(600)[0]
    ('total_return_pct', 'cagr')
    """
    return ("total_return_pct" if days < SHORT_RANGE_DAYS else "cagr", *_TILES)


# What a sweep is judged by beyond its metrics.
_OF_SWEEPS = {
    "deflated_sharpe_ratio": Label(
        "Deflated Sharpe ratio",
        text.ratio,
        "Probability that the true Sharpe ratio is above 0, all trials counted.",
    ),
    "probability_of_overfitting": Label(
        "Probability of overfitting", text.percent, "By CSCV (Bailey et al. 2015)."
    ),
}


class _Labels(dict[str, Label]):
    def __missing__(self, name: str) -> Label:
        if name in _OF_SWEEPS:
            return _OF_SWEEPS[name]
        entry = metric_of(name)
        if entry is None:  # of a stored report, by a package that is not installed here
            return Label(name.replace("_", " ").capitalize(), text.ratio, "Not registered here")
        return Label(entry.label, _SHOWN[entry.format], entry.meaning)


LABELS: Mapping[str, Label] = _Labels()
"""The words of every metric, from its entry."""

BOUNDS: dict[str, Threshold] = {bound.metric: bound for bound in THRESHOLDS}


def needs(bound: Threshold) -> str:
    """Return what a threshold asks for, such as ``needs ≥ 1.00``."""
    shown = LABELS[bound.metric].show(bound.bound)
    if bound.metric == "max_drawdown_pct":
        return f"limit {shown}"
    return f"needs {'≥' if bound.sense == 'at_least' else '≤'} {shown}"


def headline(view: RunView) -> str:
    """Return the sentence that tells the run in plain words."""
    parts = [_few(view), _result(view), _worst(view), _verdict(view)]
    sentence = "; ".join(part for part in parts if part)
    return sentence[0].upper() + sentence[1:] + "."


def _few(view: RunView) -> str:
    if view.report.verdict != "too_few_trades":
        return ""
    made, least = view.report.trade_count, view.report.min_trades_required
    return f"too few trades for a verdict ({text.count(made)}, needs {text.count(least)})"


def _result(view: RunView) -> str:
    years = text.span(view.days)
    other, held = view.report.benchmark.words, view.benchmark("cagr").number
    if view.ruined:
        lost = np.flatnonzero(np.asarray(view.equity) <= 0)
        when = text.day(view.times[int(lost[0]) if lost.size else -1])
        return f"lost the whole account by {when}, {other} {_yearly(held)}"
    if not len(view.trades):
        return f"made no trade in {years}, {other} {_yearly(held)}"
    total = view.metric("total_return_pct").number or 0.0
    if view.days < _SHORT_RUN_DAYS:
        held = view.benchmark("total_return_pct").number
        return f"{_made(total)} in {years}, {other} {text.percent(held)}"
    yearly = view.metric("cagr").number
    return (
        f"{_made(yearly if yearly is not None else total)} a year over {years}, "
        f"{other} {text.percent(held)}"
    )


def _made(fraction: float) -> str:
    return f"{'lost' if fraction < 0 else 'made'} {text.percent(abs(fraction))}"


def _yearly(fraction: float | None) -> str:
    return text.DASH if fraction is None else f"{_made(fraction)} a year"


def _worst(view: RunView) -> str:
    if not len(view.trades) or view.ruined:
        return ""
    own = view.metric("max_drawdown_pct").number
    held = view.benchmark("max_drawdown_pct").number
    if not own:
        other = view.report.benchmark.words
        return f"never fell below a high, {other} fell {text.percent(held)}"
    return f"maximum drawdown {text.percent(own)} against {text.percent(held)}"


def _verdict(view: RunView) -> str:
    failures = view.report.failures
    if not failures:
        if view.report.verdict == "too_few_trades":
            return f"keeps all {len(BOUNDS)} thresholds, which so few trades do not prove"
        return f"passes all {len(BOUNDS)} thresholds"
    if not len(view.trades):
        return "fails, since nothing can be judged"
    missed = [failed(one.metric, view.metric(one.metric).number, one.threshold) for one in failures]
    return f"fails on {listed(missed)}"


def in_sentence(metric: str) -> str:
    """Return a metric's name as it stands within a sentence."""
    name = LABELS[metric].name
    return name if name.startswith("Sharpe") else name[0].lower() + name[1:]  # a person's name


def failed(metric: str, value: float | None, threshold: float) -> str:
    """Return a metric with what it reached and what it needs, within a sentence."""
    show = LABELS[metric].show
    reached = "undefined" if value is None else show(value)
    return f"{in_sentence(metric)} ({reached}, {_NEEDS.get(metric, 'needs')} {show(threshold)})"


def _contract(view: RunView) -> list[str]:
    point, margin = view.rule.multiplier, view.rule.initial_margin
    sentences = []
    if point is not None:
        sentences.append(f"One unit gains ${point:,.6g} a point.")
    if margin is not None:
        sentences.append(
            f"An entry takes ${margin:,.6g} a unit in place of the price; what open lots have lost "
            "cannot be spent, and an account below the margins of its lots sells all of them."
        )
    return sentences


def _carry(view: RunView) -> list[str]:
    rule, sentences = view.rule, []
    cash = filled_rate(rule.cash_rate, rule.parameters)
    borrow = filled_rate(rule.borrow_rate, rule.parameters)
    if cash is not None:
        sentences.append(
            f"Cash earns {_a_year(cash)}, for the calendar days between sessions; collateral and "
            "margin earn nothing."
        )
    if borrow is not None:
        sentences.append(f"Open shorts pay {_a_year(borrow)} of their last close.")
    if rule.dividends == "cash":
        sentences.append(
            "Dividends are paid in cash on the ex-date, on what was held at the close before; "
            "shorts pay them."
        )
    return sentences


def _a_year(rate: float | str) -> str:
    if isinstance(rate, str):
        return f"what the column {rate} said a bar before, a year"
    return f"{text.percent(rate, digits=2)} a year"


def costs(view: RunView) -> list[str]:
    """Return what was paid for trading, and when orders fill, as sentences."""
    terms = view.terms
    commission, model = terms.commission, terms.commission_model
    amount = f"${commission:,.4g}"
    fee = {
        "per_order": f"{amount} for each order, at entry and at exit",
        "per_share": f"{amount} for each share, at entry and at exit",
        "per_contract": f"{amount} for each contract, at entry and at exit",
        "rate": f"{text.percent(commission, digits=3)} of the traded value, at entry and at exit",
    }.get(model, f"{amount}, at entry and at exit")
    slippage = text.percent(terms.slippage, digits=2)
    at_close = terms.fill == "close"
    fill = (
        "An order decided at a bar's close fills at that same close"
        if at_close
        else "An order decided at a bar's close fills at the next bar's open"
    )
    sentences = [
        f"Commission: {fee}.",
        f"Slippage: {slippage} of the price against the trader, on each side.",
        f"{fill}; sells go before buys, and an entry never takes cash below zero.",
        *order_sentences(view),
        *_contract(view),
        *_carry(view),
        f"Starts with {text.money(view.initial)}.",
    ]
    if len(view.trades):
        paid, slipped = view.trades["commission"].sum(), view.trades["slippage_cost"].sum()
        sentences.append(
            f"All trades together paid {text.money(float(paid))} in commission and "
            f"{text.money(float(slipped))} in slippage."
        )
    return sentences
