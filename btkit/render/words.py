"""Sentences and labels made from a run: what a trader would say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from btkit.metrics import THRESHOLDS, Failure, Threshold
from btkit.render import text
from btkit.render.view import RunView

SHORT_RUN_DAYS = 365
LIMITS = {"max_drawdown_pct": "limit", "consecutive_losses_max": "at most"}


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


LABELS: dict[str, Label] = {
    "cagr": Label(
        "Return a year",
        text.percent,
        "Compound annual growth rate (CAGR): the steady yearly return that ends at the same value",
    ),
    "total_return_pct": Label("Total return", text.percent, "Last equity over initial capital, −1"),
    "total_return": Label("Net profit", text.money, "Last equity less initial capital"),
    "volatility": Label(
        "Volatility a year",
        text.percent,
        "Standard deviation of returns, annualised; of intraday bars a return spans a session",
    ),
    "sharpe_ratio": Label(
        "Sharpe ratio",
        text.ratio,
        "Mean return over its standard deviation, annualised; risk-free rate 0; of intraday bars a "
        "return spans a session",
    ),
    "sortino_ratio": Label(
        "Sortino ratio", text.ratio, "Like the Sharpe ratio, with only the losses as risk"
    ),
    "max_drawdown_pct": Label(
        "Maximum drawdown", text.percent, "Deepest fall of the account from a previous high"
    ),
    "max_drawdown": Label(
        "Maximum drawdown in $", text.money, "Deepest fall in dollars from a previous high"
    ),
    "max_drawdown_duration_days": Label(
        "Longest time below a high",
        lambda days: text.DASH if days is None else text.span(days),
        "Calendar time from a high of the account until it was reached again",
    ),
    "calmar_ratio": Label("Calmar ratio", text.ratio, "Return a year over maximum drawdown"),
    "recovery_factor": Label(
        "Recovery factor", text.ratio, "Net profit over the largest drawdown in dollars"
    ),
    "total_trades": Label("Trades", text.count, "Completed round trips"),
    "win_rate": Label("Win rate", text.percent, "Trades with a profit over all trades"),
    "profit_factor": Label(
        "Profit factor", text.ratio, "Dollars won over dollars lost, costs included"
    ),
    "expectancy_per_trade": Label(
        "Expectancy a trade", text.money, "Mean profit or loss of a trade, costs included"
    ),
    "avg_win": Label("Mean win", text.money, "Mean profit of the winning trades"),
    "avg_loss": Label("Mean loss", text.money, "Mean loss of the losing trades"),
    "avg_win_pct": Label("Mean win in %", text.percent, "Mean return of the winning trades"),
    "avg_loss_pct": Label("Mean loss in %", text.percent, "Mean return of the losing trades"),
    "largest_win": Label("Largest win", text.money, "Best single trade"),
    "largest_loss": Label("Largest loss", text.money, "Worst single trade"),
    "consecutive_losses_max": Label(
        "Losses in a row", text.count, "Longest streak of losing trades"
    ),
    "avg_holding_period": Label(
        "Mean holding time",
        lambda hours: text.DASH if hours is None else text.holding(hours),
        "Calendar time from entry to exit",
    ),
}

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
    held = view.benchmark("cagr").number
    if view.ruined:
        lost = np.flatnonzero(np.asarray(view.equity) <= 0)
        when = text.day(view.times[int(lost[0]) if lost.size else -1])
        return f"lost the whole account by {when}, buy-and-hold {_yearly(held)}"
    if not len(view.trades):
        return f"made no trade in {years}, buy-and-hold {_yearly(held)}"
    total = view.metric("total_return_pct").number or 0.0
    if view.days < SHORT_RUN_DAYS:
        other = view.benchmark("total_return_pct").number
        return f"{_made(total)} in {years}, buy-and-hold {text.percent(other)}"
    yearly = view.metric("cagr").number
    return (
        f"{_made(yearly if yearly is not None else total)} a year over {years}, "
        f"buy-and-hold {text.percent(held)}"
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
        return f"never fell below a high, buy-and-hold fell {text.percent(held)}"
    return f"worst fall {text.percent(own)} against {text.percent(held)}"


def _verdict(view: RunView) -> str:
    failures = view.report.failures
    if not failures:
        if view.report.verdict == "too_few_trades":
            return f"keeps all {len(BOUNDS)} thresholds, which so few trades do not prove"
        return f"passes all {len(BOUNDS)} thresholds"
    if not len(view.trades):
        return "fails, since nothing can be judged"
    return "fails on " + text.listed([_failure(view, failure) for failure in failures])


def _failure(view: RunView, failure: Failure) -> str:
    name = failure.metric
    label = LABELS[name]
    value = view.metric(name)
    word = label.name if name == "sharpe_ratio" else label.name.lower()
    reached = "undefined" if value.number is None else label.show(value.number)
    bound = label.show(failure.threshold)
    return f"{word} ({reached}, {LIMITS.get(name, 'needs')} {bound})"


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
        f"Starts with {text.money(view.initial)}.",
    ]
    if len(view.trades):
        paid, slipped = view.trades["commission"].sum(), view.trades["slippage_cost"].sum()
        sentences.append(
            f"All trades together paid {text.money(float(paid))} in commission and "
            f"{text.money(float(slipped))} in slippage."
        )
    return sentences
