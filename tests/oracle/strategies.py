"""Specs and bars for the agreement test: odd ones, but such that trades happen."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from btkit import load_spec

PRICES = (
    "open",
    "high",
    "low",
    "close",
    "prev_close",
    "prev_high",
    "sma_3",
    "ema_4",
    "highest_4",
    "lowest_3",
    "prev_prev_close",
    "spy_close",
    "sma_20",
    "bb_upper",
)
OTHERS = (
    "rsi_3",
    "roc_2",
    "atr_3",
    "bb_pct",
    "hv_5",
    "dte",
    "days_to_fomc",
    "volume",
    "macd_hist",
    "adx_3",
    "obv",
    "prev_rsi_3",
    "iv_hv_ratio",
    "iv_atm",
)
MAYBE_MISSING = ("iv_rank", "iv_percentile", "current_iv", "vix", "prev_iv_rank", "sma_20")
POSITION = ("bars_held", "days_held", "position_pnl_pct", "capital", "short_leg_delta")
STATE = (
    "entry_price",
    "highest_since_entry",
    "lowest_since_entry",
    "equity",
    "open_lots",
    "bars_since_exit",
    "last_return_pct",
    "last_pnl",
    "losing_streak",
)
BOOLEANS = (
    "in_position",
    "fomc_meeting_day",
    "opex_week",
    "within_3d_of_opex",
    "cpi_release_day",
    "earnings_within_5d",
    "prev_opex_week",
    "fomc_within_3d",
)
CONSTANTS = ("0", "1", "2", "-1", "0.5", "3.0", "50", "100", "1e-3", "-0.02")
NUMBERS = PRICES + OTHERS + MAYBE_MISSING * 2 + POSITION * 3 + STATE * 2 + BOOLEANS
# What may stand inside of on(): nothing that depends on the run.
OF_BARS = PRICES + OTHERS + MAYBE_MISSING * 2 + BOOLEANS[1:]
TRADED, OTHERS_BESIDE = "OWN", ("FTSE", "BTC")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")

# X, Y: numbers (Y may be a constant); C: a condition; N: one name; D: digits; T: a constant; I: a
# slower interval; O: another instrument; L: a number of bars; the operators stand for any of their
# kind.
NUMERIC_FORMS = (
    "X + Y",
    "X + Y",
    "X + Y",
    "min( X , Y , N )",
    "max(( X , Y ))",
    "abs( X - Y )",
    "round( X , D )",
    "round( X )",
    "X if C else Y",
    "-( N )",
    "+( N )",
    "int( X )",
    "float( X ) + len(( X , Y ))",
    "X and Y",
)
NUMERIC_FORMS_ON = ("on( I , X )", "on( I , X )", "of( O , X )", "of( O , X )")
NUMERIC_FORMS_OVER = (
    "lag( X , L )",
    "change( X , L )",
    "highest( X , L )",
    "lowest( X , L )",
    "mean( X , L )",
    "std( X , L )",
    "total( X , L )",
    "percentile( X , L )",
    "count( C , L )",
    "bars_since( C )",
)
CONDITION_FORMS = (
    "X < Y",
    "X < Y",
    "X < Y < Y",
    "not C",
    "C and C",
    "C or C",
    "N is not None and N < Y",
    "N is None or C",
    "C is T",
    "C is not T",
    "N IN ( Y , X , None)",
    "X IN [ Y , 1, 2]",
    "C if C else X",
    "bool( X )",
    "('up' if C else 'down') == 'up'",
    "( X , N ) < ( Y , N )",
    "X",
)
CONDITION_FORMS_ON = (
    "on( I , C )",
    "on( I , C )",
    "on( I , X ) is None or C",
    "of( O , C )",
    "of( O , X ) is None or C",
)
CONDITION_FORMS_OVER = (
    "crossed_above( X , Y )",
    "crossed_below( X , Y )",
    "lag( C , L )",
    "count( C , L ) >= 2",
    "bars_since( C ) is None or C",
    "Y < mean( X , L )",
)
# What reads bars alone.
CALLS = re.compile(
    r"(on|of|lag|change|highest|lowest|mean|std|total|percentile|count|crossed_\w+)\(|bars_"
)

LIKELY_ENTRIES = (
    "not in_position",
    "close > 0",
    "close >= prev_close * 0.9",
    "close <= open or bars_held < 3",
    "0 < close < 1e9",
    "iv_rank is None or iv_rank >= 0",
    "position_pnl_pct > -0.5",
    "capital > 0",
    "high >= low >= 0 < volume",
    "len((open, close)) == 2",
    "in_position in (True, False)",
    "bars_held % 2 == 0",
    "not (in_position and position_pnl_pct > 0)",
    "close > prev_close if in_position else True",
    "vix < 35 if vix is not None else not in_position",
    "rsi_3 > 10",
    "bars_since_exit is None or bars_since_exit >= 1",
    "losing_streak < 2 or close > prev_close",
    "open_lots < 2",
    "last_pnl is None or last_pnl < 50",
    "entry_price is None or close >= entry_price * 0.98",
)
LIKELY_SHORTS = (
    "close < open",
    "close < prev_close",
    "position_pnl_pct < 0 or close < open",
    "in_position or close < prev_close",
    "capital > 300",
    "bars_held > 1",
    "not (close > 0 and close > prev_close)",
    *LIKELY_ENTRIES[:4],
)
LIKELY_EXITS = (
    "bars_held >= 2",
    "bars_held == 1",
    "position_pnl_pct > 0.01",
    "position_pnl_pct < -0.01",
    "abs(position_pnl_pct) >= 0.02",
    "close < prev_close",
    "close > open",
    "days_held > 2 or position_pnl_pct < 0",
    "iv_rank is not None and iv_rank > 50",
    "round(position_pnl_pct, 2) >= 0.01",
    "min(open, close) < sma_3",
    "capital < 500",
    "in_position and bars_held > 3",
    "close < highest_since_entry * 0.97",
    "close > lowest_since_entry * 1.03",
    "close < highest_since_entry - 2 * atr_3",
    "close < entry_price * 0.99 or high > entry_price * 1.04",
    "losing_streak > 1",
    "equity < 1000 or bars_since_exit == 0",
)
LIKELY_PARTS = (
    "position_pnl_pct > 0.005",
    "position_pnl_pct < -0.005",
    "bars_held >= 1",
    "bars_held == 2",
    "close > prev_close",
    "close < open",
    "iv_rank is None or iv_rank > 20",
    "in_position and capital > 0",
    "abs(position_pnl_pct) > 0.01 or bars_held > 3",
    "close < highest_since_entry * 0.99",
    "last_pnl is None or last_pnl > 0",
    "losing_streak < 2 and open_lots > 0",
    "bars_since_exit is None or bars_since_exit > 1",
)
FRACTIONS = (0.5, 0.25, 1.0, 0.1, 0.3, 0.7, 1 / 3, 0.001, 0.99)
LIKELY_INSIDE = (
    "close > 0",
    "close >= prev_close * 0.9",
    "iv_rank is None or iv_rank >= 0",
    "close < prev_close",
    "volume > 4000",
)
LIKELY_FILTERS = (
    "vix < 35",
    "vix is None or vix > 5",
    "not fomc_meeting_day",
    "not earnings_within_5d",
    "bars_held < 5",
    "position_pnl_pct > -0.1",
    "opex_week in (True, False)",
    "close > 0",
    "capital > 200 or not in_position",
    "losing_streak < 3",
    "last_return_pct is None or last_return_pct > -0.05",
    "bars_since_exit != 1",
    "equity > capital or open_lots == 0",
)
WITH_PARAMETERS = (
    ("close > sma_{fast} * 0.95", {"fast": 3}),
    ("ema_{fast} > ema_{slow} or bars_held < {slow}", {"fast": 2, "slow": 5}),
    ("position_pnl_pct < {limit}", {"limit": 0.05}),
    ("position_pnl_pct > {limit}", {"limit": -0.03}),
    ("bars_held % {step} == 0", {"step": 2}),
    ("close < highest_since_entry * {keep}", {"keep": 0.96}),
    ("losing_streak < {most}", {"most": 2}),
    ("close > on('1w', sma_{fast} * {near})", {"fast": 2, "near": 0.97}),
    ("close > mean(lag(close, {fast}), {slow}) * 0.97", {"fast": 1, "slow": 4}),
    ("not crossed_below(mean(close, {fast}), sma_{slow})", {"fast": 2, "slow": 5}),
    ("count(close > lag(close, 1), {n}) >= {k}", {"n": 6, "k": 2}),
    ("on('1w', bars_since(close < lag(close, {n})) != 0)", {"n": 1}),
    ("close > of('BTC', mean(close, {n})) * {near}", {"n": 3, "near": 0.9}),
    ("change(close / of('FTSE', ema_{n}), {n}) < 0.5", {"n": 2}),
)
# The first eight mostly lead to a trade.
SIZES = (
    "capital / close / 2",
    "capital / close",
    "max(1, capital * 0.1 / close)",
    "round(capital * 0.25 / close)",
    "capital * 2 / close + 0.5",
    "100 * (1 + position_pnl_pct)",
    "100 if not in_position else 50",
    "1",
    "7",
    "0.4",
    "2.75",
    "capital / close / 3",
    "capital",
    "risk_pct * capital / atr_3",
    "int(capital / prev_close / 2)",
    "5 + bars_held * 3",
    "iv_rank",
    "iv_rank * capital / close / 100",
    "capital / (close - open)",
    "-3 if close > open else 3",
    "equity * 0.2 / close",
    "capital / close / (1 + losing_streak)",
    "10 if last_pnl is None else 5 + last_pnl / 10",
    "0",
    "1e300 * close * 1e300",
    "in_position or 4",
)
# Seen beside a multiplier; the last takes more than one.
SIZES_OF_CONTRACTS = (
    "capital / (close * multiplier)",
    "0.3 * capital / (close * multiplier)",
    "risk_pct * capital / (atr_3 * multiplier)",
    "capital / close / 2",
    "2",
)

# How a bar may move, in percent: mostly little, often not at all, now and then by a great gap.
SMALL_MOVES = (0.0, 0.0, 0.1, -0.1, 0.7, -0.7, 1.3, -1.3, 2.9, -2.9)
MOVES = (*SMALL_MOVES * 2, 8.0, -8.0, 30.0, -30.0)
HALF_MISSING = (None, None, 5.0, 29.9, 30.0, 55.5, 80.0)


@dataclass(frozen=True)
class Case:
    """Everything that a simulation is given."""

    spec: dict[str, Any]
    bars: pd.DataFrame
    capital: float
    commission: float
    slippage: float
    start_index: int
    others: dict[str, pd.DataFrame] = field(default_factory=dict)
    detail: pd.DataFrame | None = None

    @property
    def frames(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """The bars, with those of other instruments where there are any."""
        return {TRADED: self.bars, **self.others} if self.others else self.bars

    @property
    def traded(self) -> str | None:
        """The symbol of those that are traded, where others stand beside them."""
        return TRADED if self.others else None

    def __repr__(self) -> str:
        return (
            f"Case(spec={self.spec!r}, bars={len(self.bars)}, capital={self.capital!r}, "
            f"commission={self.commission!r}, slippage={self.slippage!r}, "
            f"start_index={self.start_index})\n{self.bars.to_csv()}"
            + "".join(f"\n{symbol}\n{bars.to_csv()}" for symbol, bars in self.others.items())
            + ("" if self.detail is None else f"\ndetail\n{self.detail.to_csv()}")
        )


@st.composite
def numerics(
    draw: st.DrawFn, depth: int, *, inside: bool = False, on: bool = True, over: bool = True
) -> str:
    """Return a numeric expression that reads at least one name, so nothing folds to an error.

    Nothing `inside` of a call depends on the run; without `on` there is none of it, without `over`
    no call over time.
    """
    if depth == 0:
        return str(draw(st.sampled_from(OF_BARS if inside else NUMBERS)))
    forms = NUMERIC_FORMS + NUMERIC_FORMS_ON * on + NUMERIC_FORMS_OVER * over
    form = draw(st.sampled_from(forms))
    return f"({_filled(draw, form, depth - 1, inside=inside, on=on, over=over)})"


@st.composite
def conditions(
    draw: st.DrawFn, depth: int, *, inside: bool = False, on: bool = True, over: bool = True
) -> str:
    """Return a condition of any form that the language has."""
    if depth == 0:
        likely = BOOLEANS[1:] + LIKELY_INSIDE if inside else (
            BOOLEANS + LIKELY_ENTRIES + LIKELY_EXITS
        )  # fmt: skip
        return f"({draw(st.sampled_from(likely))})"
    forms = CONDITION_FORMS + CONDITION_FORMS_ON * on + CONDITION_FORMS_OVER * over
    form = draw(st.sampled_from(forms))
    return f"({_filled(draw, form, depth - 1, inside=inside, on=on, over=over)})"


def _filled(draw: st.DrawFn, form: str, depth: int, *, inside: bool, on: bool, over: bool) -> str:
    inside = inside or CALLS.search(form) is not None
    # Neither a slower interval nor another instrument stands inside of either.
    elsewhere = {"I", "O"} & set(form.split())
    allowed = {"inside": inside, "on": on and not elsewhere, "over": over}
    name = draw(st.sampled_from(OF_BARS if inside else NUMBERS))
    pools: dict[str, st.SearchStrategy[str]] = {
        "X": numerics(depth, **allowed),
        "Y": st.one_of(st.sampled_from(CONSTANTS), numerics(depth, **allowed)),
        "C": conditions(depth, **allowed),
        "I": st.sampled_from(("'1w'", "'1w'", "'1mo'")),
        "O": st.sampled_from(tuple(f"'{symbol}'" for symbol in OTHERS_BESIDE)),
        "L": st.sampled_from(("2", "2", "3", "5", "9")),
        "D": st.integers(-2, 4).map(str),
        "<": st.sampled_from(COMPARISONS),
        "+": st.sampled_from(ARITHMETIC),
        "T": st.sampled_from(("True", "False", "None")),
        "IN": st.sampled_from(("in", "not in")),
        "N": st.just(name),  # the same name wherever it stands in one form
    }
    return " ".join(draw(pools[token]) if token in pools else token for token in form.split())


def _condition_list(
    draw: st.DrawFn, likely: tuple[str, ...], sizes: tuple[int, ...], *, odd: int
) -> list[str]:
    """Return conditions of which `odd` in ten are of any form, the others likely to hold."""
    texts = []
    for _ in range(draw(st.sampled_from(sizes))):
        text = draw(st.sampled_from(likely))
        if draw(st.integers(0, 9)) >= 10 - odd:
            other = draw(conditions(draw(st.integers(1, 3))))
            text = draw(st.sampled_from((other, f"{other} or {text}", f"not {other}")))
        texts.append(text)
    return texts


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Return a spec as a plain dict."""
    spec: dict[str, Any] = {
        "name": "generated",
        "asset_class": draw(st.sampled_from(("equities", "futures"))),
        "entry_conditions": _condition_list(draw, LIKELY_ENTRIES, (1, 1, 1, 2, 3), odd=3),
        "exit_conditions": _condition_list(draw, LIKELY_EXITS, (0, 1, 1, 2), odd=4),
        "stop_conditions": _condition_list(draw, LIKELY_EXITS, (0, 1, 1, 2), odd=4),
        "filter_conditions": _condition_list(draw, LIKELY_FILTERS, (0, 0, 1, 1, 2), odd=2),
        "position_sizing_formula": draw(
            st.one_of(*(st.sampled_from(SIZES[:8]), st.sampled_from(SIZES)) * 4, numerics(2))
        ),
        "max_holding_bars": draw(st.integers(1, 12)),
        "max_concurrent_positions": draw(st.sampled_from((1, 1, 2, 3, 5))),
        "per_trade_risk_pct": draw(st.sampled_from((0.001, 0.01, 0.02))),
        "fill": draw(st.sampled_from(("next_open", "close"))),
        "filter_scope": draw(st.sampled_from(("entries", "all"))),
        "allow_fractional": draw(st.booleans()),
        "direction": draw(st.sampled_from(("long", "short", "both"))),
    }
    if draw(st.integers(0, 1)):
        spec["scale_out"] = _scale_out(draw)
    if spec["direction"] == "both":
        spec["short"] = _short_side(draw)
    model = draw(st.sampled_from((None, "per_order", "per_share", "rate", "per_contract")))
    if model is not None:
        spec["commission_model"] = model
    if draw(st.integers(0, 3)) == 0:
        spec["multiplier"] = draw(st.sampled_from((1.0, 50.0, 0.1, 12.5)))
        spec["position_sizing_formula"] = draw(st.sampled_from(SIZES_OF_CONTRACTS))
    if draw(st.integers(0, 4)) == 0:
        text, spec["parameters"] = draw(st.sampled_from(WITH_PARAMETERS))
        spec[draw(st.sampled_from(("entry_conditions", "exit_conditions")))].append(text)
    return spec


def _scale_out(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return part exits: some that take all of a lot, and some of which no share comes."""
    texts = _condition_list(draw, LIKELY_PARTS, (0, 1, 1, 2, 2, 3, 5), odd=2)
    return [{"when": text, "fraction": draw(st.sampled_from(FRACTIONS))} for text in texts]


def _short_side(draw: st.DrawFn) -> dict[str, Any]:
    """Return the short side of a spec that takes both."""
    side: dict[str, Any] = {
        "entry_conditions": _condition_list(draw, LIKELY_SHORTS, (1, 1, 1, 2), odd=2),
        "exit_conditions": _condition_list(draw, LIKELY_EXITS, (0, 1, 1, 2), odd=3),
        "stop_conditions": _condition_list(draw, LIKELY_EXITS, (0, 0, 1), odd=3),
    }
    if draw(st.booleans()):
        side["position_sizing_formula"] = draw(st.sampled_from(SIZES))
    if draw(st.integers(0, 3)) == 0:
        side["scale_out"] = _scale_out(draw)
    if draw(st.booleans()):
        side["per_trade_risk_pct"] = draw(st.sampled_from((0.002, 0.015)))
    return side


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Return 1 to 80 daily bars: gaps, flat stretches, tiny and large prices, IV with holes."""
    size = draw(st.one_of(*(st.integers(20, 80),) * 2, st.integers(8, 40), st.integers(1, 7)))
    wild = draw(st.sampled_from((SMALL_MOVES, MOVES)))
    gaps, bodies = _moves(draw, wild, size), _moves(draw, wild, size)
    price = draw(st.sampled_from((0.003, 0.8, 10.0, 99.99, 2500.0, 1e6)))
    digits = draw(st.sampled_from((None, 2))) if price >= 10.0 else None
    first = draw(st.sampled_from(("1999-01-04", "2015-06-01", "2018-01-02", "2020-03-02")))
    opens, closes = [], []
    for gap, body in zip(gaps, bodies, strict=True):
        opened = max(price * (1 + gap / 100), 1e-4)
        price = max(opened * (1 + body / 100), 1e-4)
        if digits is not None:
            opened, price = max(round(opened, digits), 0.01), max(round(price, digits), 0.01)
        opens.append(opened)
        closes.append(price)
    bars = pd.DataFrame(
        {
            "open": opens,
            "high": [max(pair) * 1.01 for pair in zip(opens, closes, strict=True)],
            "low": [min(pair) * 0.99 for pair in zip(opens, closes, strict=True)],
            "close": closes,
            "volume": [1000.0 + 37 * (i % 5) for i in range(size)],
        },
        index=pd.bdate_range(first, periods=size),
    )
    for name, scale in (("iv_rank", 1.0), ("iv_percentile", 1.0), ("current_iv", 0.01)):
        if draw(st.booleans()):
            bars[name] = _holed(draw, size, scale)
    if draw(st.booleans()):
        bars["vix"] = _holed(draw, size, 0.5)
    return bars


def _moves(draw: st.DrawFn, moves: tuple[float, ...], size: int) -> list[float]:
    pattern = draw(st.lists(st.sampled_from(moves), min_size=1, max_size=17))
    return [pattern[i % len(pattern)] for i in range(size)]


def _holed(draw: st.DrawFn, size: int, scale: float) -> list[float]:
    pattern = draw(st.lists(st.sampled_from(HALF_MISSING), min_size=1, max_size=8))
    cycle = [math.nan if value is None else value * scale for value in pattern]
    return [cycle[i % len(cycle)] for i in range(size)]


@st.composite
def others_beside(draw: st.DrawFn, bars: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return other instruments' bars: earlier or later ones, some missing, some of every day."""
    found = {}
    for symbol in OTHERS_BESIDE:
        other = draw(frames())
        freq = draw(st.sampled_from(("B", "B", "D")))
        first = bars.index[0] + pd.Timedelta(days=draw(st.integers(-20, 6)))
        other = other.set_axis(pd.date_range(first, periods=len(other), freq=freq))
        gap = draw(st.integers(0, len(other))), draw(st.sampled_from((0, 1, 5, 6, 7, 12)))
        kept = pd.concat([other.iloc[: gap[0]], other.iloc[sum(gap) :]])
        found[symbol] = kept if len(kept) else other
    return found


def margin_fields(draw: st.DrawFn, spec: dict[str, Any], price: float) -> dict[str, float]:
    """Return a margin, of a fraction of what a unit's price comes to, for one spec in four."""
    if draw(st.integers(0, 3)) > 0:
        return {}
    fraction = draw(st.sampled_from((0.02, 0.07, 0.3, 1.0, 2.5)))
    return {"initial_margin": fraction * price * spec.get("multiplier", 1.0)}


def carried(draw: st.DrawFn, bars: pd.DataFrame) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return fields of carry, and the bars with what they read."""
    fields: dict[str, Any] = {
        "cash_rate": draw(st.sampled_from((None, 0.04, -0.01, "bill", "bill"))),
        "borrow_rate": draw(st.sampled_from((None, 0.03, 0.7, "bill"))),
        "dividends": draw(st.sampled_from(("none", "cash", "cash"))),
    }
    size = len(bars)
    bill = draw(st.lists(st.sampled_from((0.0, 0.02, 0.3, 0.011)), min_size=1, max_size=5))
    bars = bars.assign(bill=[bill[i % len(bill)] for i in range(size)])
    told = draw(st.sampled_from(("dividends", "adj_close")))
    if told == "dividends":
        paid = draw(st.lists(st.sampled_from((math.nan, 0.0, 0.003, 0.2)), min_size=1, max_size=7))
        return fields, bars.assign(
            dividends=[paid[i % len(paid)] for i in range(size)] * bars["close"]
        )
    step = st.sampled_from((1.0, 1.0, 1.002, 1.03, 0.98))
    steps = draw(st.lists(step, min_size=1, max_size=7))
    factors = pd.Series([steps[i % len(steps)] for i in range(size)]).cumprod().to_numpy()
    # Of a share worth less, cents would leave steps as large as those of splits.
    digits = draw(st.sampled_from((2, 4, 12))) if bars["close"].min() > 5.0 else 12
    return fields, bars.assign(adj_close=(bars["close"] * factors).round(digits))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a whole case: spec, bars, money, and where the run starts."""
    bars, spec = draw(frames()), draw(specs())
    if draw(st.integers(0, 2)) == 0:
        fields, bars = carried(draw, bars)
        spec |= fields
    opened = float(bars["open"].iloc[0])
    rate = spec.get("commission_model") == "rate"
    spec |= margin_fields(draw, spec, opened)
    start = draw(st.one_of(st.just(0), st.integers(0, len(bars) - 1)))
    beside: dict[str, pd.DataFrame] = {}
    # Not what is only counted, as by len((of('BTC', close), 2)), which nobody reads.
    read = load_spec(spec).others_read if "of(" in repr(spec) else {}
    if read:
        beside = draw(others_beside(bars))
        spec["calendar"] = draw(st.sampled_from(("XNYS", "XNYS", "XLON", "24/7")))
        known = {"FTSE": "XLON", "BTC": "24/7"}
        spec["calendars"] = {symbol: known[symbol] for symbol in read if draw(st.booleans())}
    return Case(
        spec=spec,
        bars=bars,
        capital=draw(st.sampled_from((1234.567, 40.0, 1e6, 1.5, 1e4, 99.0))) * opened,
        commission=draw(st.sampled_from((0.0, 0.0007, 0.02) if rate else (0.0, 0.01, 0.65, 9.0))),
        slippage=draw(st.sampled_from((0.0, 0.0005, 0.005, 0.1))),
        start_index=min(start, 30),
        others=beside,
    )
