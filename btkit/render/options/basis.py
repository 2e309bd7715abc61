"""What an option run rests on: the model in plain words, its costs, and what was not sold."""

from __future__ import annotations

from html import escape

from btkit.render import text
from btkit.render.basis import basis as run_basis
from btkit.render.pieces import Html, tag
from btkit.render.view import View
from btkit.simulation.options import ESTIMATES

SKIPPED = {
    "no_volatility": "no volatility was known when the order filled",
    "no_time_to_expiry": "the last session before the target was the day of the fill itself",
    "no_strike": "no strike has the delta asked for",
    "strikes_coincide": "both strikes of a side fell on the same multiple of strike_step",
    "strikes_cross": "the put to sell lay above the call to sell",
    "no_credit": "nothing would have been left of the credit after slippage",
    "credit_above_width": "the credit reached the width of the spread",
    "size_below_one_contract": "one contract risked more than per_trade_risk_pct allows",
}

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


def basis(view: View) -> list[Html]:
    """Return the caveats, then data, costs and sizes, conditions, and the reproduction."""
    data, _, *rest = run_basis(view)
    return [_caveats(view), data, _costs(view), *rest]


def _caveats(view: View) -> Html:
    spec = view.spec
    lines = [
        MODEL,
        _skew_line(float(spec["skew"])),
        TERM,
        _source_line(view),
        _estimate_line(view),
        GAPS,
        QUOTES,
        EXERCISE,
        _grid_line(view),
    ]
    items = "".join(tag("li", escape(sentence)) for sentence in lines if sentence)
    return Html(
        tag("h3", "What a flat-volatility model leaves out")
        + tag("div", tag("ul", items), class_="bt-callout bt-attention", role="note")
    )


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


def _source(view: View) -> str:
    # Specs of an earlier version have neither field.
    return str(view.spec.get("iv_source", "iv_atm"))


def _source_line(view: View) -> str:
    scale = float(view.spec.get("iv_scale", 1.0))
    source = "the VIX" if _source(view) == "vix" else "the implied volatility (iv_atm)"
    if scale == 1.0:
        return "Every volatility is the VIX at the last close." if _source(view) == "vix" else ""
    return f"Every volatility is {scale:g} times {source} at the last close (iv_scale)."


def _estimate_line(view: View) -> str:
    bars = int(view.report["data"]["fallbacks"].get(_source(view), 0))
    if not bars:
        return ""
    share = text.percent(bars / max(1, int(view.report["data"]["rows"])))
    known, stood_in = _STOOD_IN[_source(view)]
    return (
        f"On {text.plural(bars, 'bar')} ({share}) no {known} was known, and {stood_in} "
        f"{ESTIMATES[_source(view)][1]}"
    )


def _grid_line(view: View) -> str:
    spec = view.spec
    free = []
    if not spec["strike_step"]:
        free.append("any strike can be had, to the cent (strike_step puts them on a grid)")
    if not spec["expiry"]:
        free.append("any session can be an expiry (expiry: weekly or monthly takes listed ones)")
    if not float(spec["dividend_yield"]):
        free.append("the underlying pays no dividends (dividend_yield)")
    return f"Assumed: {'; '.join(free)}." if free else ""


def _costs(view: View) -> Html:
    spec, settings, trades = view.spec, view.settings, view.trades
    diagnostics = view.report["diagnostics"]
    when = "at that same close" if settings.get("fill") == "close" else "at the next open"
    fee = f"${float(settings['commission']):,.4g}"
    share = text.percent(float(settings["slippage"]), digits=2)
    both = "at entry and at exit; none at expiration"
    words = [
        f"Commission: {fee} a contract and leg, {both}.",
        f"Slippage: {share} of each leg's price, {both}.",
        f"An order decided at a close fills {when}, with the volatility of the last closed bar.",
        RESERVE,
    ]
    if len(trades):
        paid, slipped = float(trades["commission"].sum()), float(trades["slippage_cost"].sum())
        words.append(
            f"All spreads together paid {text.money(paid)} in commission and "
            f"{text.money(slipped)} in slippage."
        )
    skipped = [
        f"{text.count(number)}: {SKIPPED.get(reason, reason.replace('_', ' '))}"
        for reason, number in sorted(
            diagnostics["skipped_entries"].items(), key=lambda entry: -entry[1]
        )
    ]
    unfilled = int(diagnostics["unfilled_orders"])
    near, far = (round(float(spec[name]) * 100) for name in ("short_delta", "long_delta"))
    facts = [
        ("In words", _items(words)),
        ("Spread", escape(f"{_kind(view)}, {spec['target_dte']} days, {near} over {far} delta")),
        ("Risk a spread", text.percent(spec["per_trade_risk_pct"], digits=2)),
        (
            "Leaves",
            escape(
                f"at {text.percent(spec['profit_target_pct'], digits=0)} of the credit kept, at "
                f"{float(spec['stop_loss_pct']):g} times the credit, or after "
                f"{text.plural(int(spec['max_holding_bars']), 'bar')}"
            ),
        ),
        ("Positions", f"at most {text.count(spec['max_concurrent_positions'])} at once"),
        ("Entries skipped", _items(skipped) or "none"),
        (
            "Unfilled",
            f"{text.plural(unfilled, 'order')} left by the end of data" if unfilled else "none",
        ),
        ("Buy-and-hold", escape(view.report["benchmark"]["definition"])),
    ]
    listed = "".join(tag("dt", escape(name)) + tag("dd", value) for name, value in facts)
    return Html(
        tag("h3", "Costs, fills and size") + tag("dl", listed, class_="bt-facts-list"),
        width="half",
    )


def _kind(view: View) -> str:
    return str(view.spec["spread_type"]).replace("_", " ")


def _items(lines: list[str]) -> str:
    return tag("ul", "".join(tag("li", escape(line)) for line in lines)) if lines else ""
