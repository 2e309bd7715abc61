"""What an option run rests on: the model in plain words, its costs, and what was not sold."""

from __future__ import annotations

from btkit.documents import DataSection
from btkit.render import text
from btkit.render.basis import Facts, conditions, costs, data, orders, provenance
from btkit.render.options.book import SpreadBook, SpreadFacts
from btkit.render.pages import markup
from btkit.render.pieces import Html
from btkit.render.view import RunView
from btkit.simulation.options import ESTIMATES

MODEL = (
    "No option was ever quoted here. Every price is Black-Scholes, from the underlying and one "
    "implied volatility; a real market's prices differ, most of all when it matters."
)
TERM = (
    "The volatility is a 30-day figure (such as VIX/100) whatever the days to expiry. Near expiry "
    "and in a panic the two can be far apart."
)
GAPS = (
    "Stops and targets look at closes and fill at the next open. A gap runs past them, up to the "
    "max loss; inside a bar nothing is seen."
)
QUOTES = (
    "Slippage is a fixed share of each leg's price. Real spreads between bid and ask widen when "
    "volatility jumps, which is when stops fire."
)
EXERCISE = (
    "Options are European: no early exercise, no assignment before a dividend, settlement in cash "
    "at the close of the expiry session."
)
_LAGS = (
    "1.2 times the realised volatility of 30 days stood in. It lags: it is low before a fall, and "
    "high after it."
)
_STOOD_IN = {"iv_atm": ("implied volatility", _LAGS), "vix": ("VIX", "20 stood in.")}
RESERVE = "The widest wing is kept in reserve until a spread closes; risk is counted on the rest."


def basis(view: RunView, book: SpreadBook) -> list[Html]:
    """Return the caveats, then data, costs and sizes, conditions, and the reproduction."""
    return [
        _caveats(view, book.rule),
        data(view),
        costs(_costs(view, book.rule)),
        *conditions(view),
        provenance(view),
    ]


def _caveats(view: RunView, rule: SpreadFacts) -> Html:
    lines = [
        MODEL,
        _skew_line(rule.skew),
        TERM,
        _source_line(rule),
        _estimate_line(view.report.data, rule),
        GAPS,
        QUOTES,
        EXERCISE,
        _grid_line(rule),
    ]
    return Html(markup("options.caveats", [sentence for sentence in lines if sentence]))


def _skew_line(skew: float) -> str:
    if skew == 0.0:
        return (
            "All strikes share one volatility. Real puts far below the market cost more than "
            "that, so the protection bought here is too cheap, and put spreads and condors look "
            "better than they were. Set skew to see how much it matters."
        )
    wing = text.percent(skew * 0.25, sign=True)
    return (
        f"The skew is a straight line, the same at all times: a 25-delta leg has {wing} of "
        "volatility added, kept from its entry to its exit. Real skew steepens as markets fall."
    )


def _source_line(rule: SpreadFacts) -> str:
    source = "the VIX" if rule.iv_source == "vix" else "the implied volatility (iv_atm)"
    if rule.iv_scale == 1.0:
        return "Every volatility is the VIX at the last close." if rule.iv_source == "vix" else ""
    return f"Every volatility is {rule.iv_scale:g} times {source} at the last close (iv_scale)."


def _estimate_line(data: DataSection, rule: SpreadFacts) -> str:
    bars = data.fallbacks.get(rule.iv_source, 0)
    if not bars:
        return ""
    share = text.percent(bars / max(1, data.rows))
    known, stood_in = _STOOD_IN[rule.iv_source]
    return (
        f"On {text.plural(bars, 'bar')} ({share}) no {known} was known, and {stood_in} "
        f"{ESTIMATES[rule.iv_source][1]}"
    )


def _grid_line(rule: SpreadFacts) -> str:
    free = []
    if not rule.strike_step:
        free.append("any strike can be had, to the cent (strike_step puts them on a grid)")
    if not rule.expiry:
        free.append("any session can be an expiry (expiry: weekly or monthly takes listed ones)")
    if not rule.dividend_yield:
        free.append("the underlying pays no dividends (dividend_yield)")
    return f"Assumed: {'; '.join(free)}." if free else ""


def _costs(view: RunView, rule: SpreadFacts) -> Facts:
    kind = rule.spread_type.replace("_", " ")
    near, far = round(rule.short_delta * 100), round(rule.long_delta * 100)
    leaves = (
        f"at {text.percent(rule.profit_target_pct, digits=0)} of the credit kept, at "
        f"{rule.stop_loss_pct:g} times the credit, or after "
        f"{text.plural(rule.max_holding_bars, 'bar')}"
    )
    return [
        ("In words", _words(view)),
        ("Spread", f"{kind}, {rule.target_dte} days, {near} over {far} delta"),
        ("Risk a spread", text.percent(rule.per_trade_risk_pct, digits=2)),
        ("Leaves", leaves),
        *orders(view),
    ]


def _words(view: RunView) -> list[str]:
    terms, trades = view.terms, view.trades
    when = "at that same close" if terms.fill == "close" else "at the next open"
    both = "at entry and at exit; none at expiration"
    words = [
        f"Commission: ${terms.commission:,.4g} a contract and leg, {both}.",
        f"Slippage: {text.percent(terms.slippage, digits=2)} of each leg's price, {both}.",
        f"An order decided at a close fills {when}, with the volatility of the last closed bar.",
        RESERVE,
    ]
    if len(trades):
        paid, slipped = float(trades["commission"].sum()), float(trades["slippage_cost"].sum())
        words.append(
            f"All spreads together paid {text.money(paid)} in commission and "
            f"{text.money(slipped)} in slippage."
        )
    return words
