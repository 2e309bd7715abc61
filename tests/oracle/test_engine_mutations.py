"""The engine's loop, broken on purpose: the plain simulation must report every break.

`test_rules.py` breaks every rule of the plain simulation; here are those of the engine, with what
is its own, such as the bars that it passes over. A break is an expression or a statement, and what
stands there instead; and in which function, where it is written in two. It is found in the syntax
tree, exactly once, so that neither formatting nor moving a function from one module to another
breaks a test. Python runs the broken loop, where numba would compile it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from oracle.battery import order_cases, share_cases, side_cases, spread_cases
from oracle.carry_cases import carry_cases
from oracle.detail_cases import detail_cases
from oracle.harness import is_noticed, mixed

from btkit.crosscheck.check import compare
from btkit.engine import loop, reading

CASES = {
    "shares": share_cases,
    "carry": carry_cases,
    "orders": order_cases,
    "detail": detail_cases,
    "both sides": side_cases,
    "spreads": spread_cases,
}

_SKIPS = (
    "until = book.skip_quiet(entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, "
    "marks, equity, bar, {})"
)
SHARE_BREAKS = {
    "max_holding one bar late": (
        "bar - marks[lot, LOT_BAR] >= rules.max_holding",
        "bar - marks[lot, LOT_BAR] > rules.max_holding",
    ),
    "room for one lot too many": (
        "counts[LOTS] + counts[ORDERS] < rules.max_positions",
        "counts[LOTS] + counts[ORDERS] <= rules.max_positions",
    ),
    "filters gate every exit": ("filtered or not rules.filter_all", "filtered"),
    "filters gate no exit": ("filtered or not rules.filter_all", "True"),
    "a failed condition holds": (
        "tag == _FAILED or not is_true(value, tag)",
        "tag != _FAILED and not is_true(value, tag)",
    ),
    "the share of cash is forgotten": ("share * free", "free"),
    "the cut ignores the order's fee": ("cash - rules.per_order", "cash"),
    "the cut ignores the rate": ("1.0 + rules.rate", "1.0"),
    "the cut ignores the share's fee": (
        "unit + rules.per_share",
        "unit",
    ),
    "the last entry fills": ("bar < final", "True"),
    "the curve is not flat after ruin": ("equity[bar:]", "equity[bar : bar + 1]"),
    "quiet bars hide the last": (
        _SKIPS.format("min(last, final, next_due)"),
        _SKIPS.format("min(last, next_due)"),
    ),
    "quiet bars hide max_holding": (
        "marks[0, LOT_BAR] + rules.max_holding",
        "marks[0, LOT_BAR] + rules.max_holding + 1",
        "skip_quiet",
    ),
    "quiet bars hide room for another lot": ("counts[LOTS] >= fullest", "counts[LOTS] >= 1"),
    "quiet bars hide stops": (
        "closed_run(one, other, bar)",
        "closed_run(one, one, bar)",
        "mark_until_open",
    ),
    "quiet bars hide ruin": ("equity_now <= 0.0", "False"),
    "quiet bars hide highs and lows": (
        "note_extremes(market.high, market.low, counts, lots, marks, bar, until)",
        "0",
    ),
    "highs and lows of the bar before": (
        "note_extremes(market.high, market.low, counts, lots, marks, bar, bar + 1)",
        "note_extremes(market.high, market.low, counts, lots, marks, bar - 1, bar)",
    ),
    "a bar entered at its close counts whole": (
        "max(price, close) if late else -np.inf",
        "close * 1.1 if late else -np.inf",
    ),
    "nobody looks whether highs are read": (
        "_any_reads(decisions, HIGHEST, EQUITY)",
        "False",
    ),
    "nobody looks whether trades are read": (
        "_any_reads(decisions, EQUITY, POSITION_SLOTS)",
        "False",
    ),
    "a streak of one": ("streak + 1 if pnl < 0.0 else 0", "1 if pnl < 0.0 else 0"),
    "a streak that a gain does not end": (
        "streak + 1 if pnl < 0.0 else 0",
        "streak + 1 if pnl < 0.0 else streak",
    ),
    "something was made before any trade": (
        "money[TRADE_PNL] if closed else math.nan",
        "money[TRADE_PNL]",
    ),
    "an exit before any": (
        "bar - counts[LAST_EXIT] if counts[LAST_EXIT] != NEVER else math.nan",
        "bar - counts[LAST_EXIT]",
    ),
    # SEMANTICS 3.12
    "quiet bars hide parts": ("exit_gate = parts.leave_gate", "pass"),
    "a part leaves at each bar": (
        "marks[lot, LOT_PARTS_MADE] |= marks[lot, LOT_PARTS_DUE]",
        "pass",
    ),
    "one share stays": ("wanted >= 1.0", "wanted > 1.0"),
    "parts are not floored": ("min(np.floor(wanted), left)", "min(wanted, left)"),
    "more leaves than is left": ("min(np.floor(wanted), left)", "np.floor(wanted)"),
    "parts of what is left": ("fraction * entered", "fraction * left"),
    "what rounding leaves stays": ("left - wanted <= _LEFT_OVER * entered", "left < wanted"),
    "filters gate no part": ("not in_scope", "False"),
    "parts whatever the position": ("not met_by(decisions, first, last, bar, room)", "False"),
    "the rest bears no commission": ("kept = paid - borne", "kept = 0.0"),
    "a part that stays unfilled is not counted": (
        "counts[UNFILLED] += drop_due(marks, lot)",
        "dropped = drop_due(marks, lot)",
    ),
    "a part is a trade": ("rest > 0.0", "False"),
    "what parts made is forgotten": ("lots[lot, LOT_MADE] += made", "pass"),
    # SEMANTICS 3.13
    "a rate without the multiplier": (
        "rules.rate * (shares * rules.multiplier)",
        "rules.rate * shares",
    ),
    "the cut by the margin forgets the rate": ("rules.margin + rules.rate * each", "rules.margin"),
    "entries take the price": ("shares * rules.margin", "shares * rules.multiplier * price"),
    "a short's margin moves as a long's": ("moved * marks[lot, LOT_SIDE]", "moved"),
    "gains make up for losses": (
        "min(lots[lot, LOT_QUANTITY] * rules.multiplier * gained, 0.0)",
        "lots[lot, LOT_QUANTITY] * rules.multiplier * gained",
    ),
    "entries spend open losses": ("spendable += lost", "pass"),
    "capital counts open losses": ("money[CASH] + lost", "money[CASH]"),
    "a call comes last": (
        "_MARGIN_CALL if called else book.judge(rules, lots, lot)",
        "book.judge(rules, lots, lot)",
    ),
    "quiet bars hide calls": ("rules.margin > 0.0 and counts[LOTS] > 0", "False"),
    "quiet bars mark shares": (
        "lots[0, LOT_QUANTITY] * rules.multiplier",
        "lots[0, LOT_QUANTITY]",
    ),
}

# SEMANTICS 3.11.
SIDE_BREAKS = {
    "a short lot leaves by the long lists": (
        "both.short if counts[LOTS] > 0 and marks[0, LOT_SIDE] == _SELL else both.long",
        "both.long",
    ),
    "turns before any lot leaves": ("leaving == counts[LOTS]", "True"),
    "turns when one lot leaves": ("leaving == counts[LOTS]", "leaving > 0"),
    "turns when flat only": ("leaving == counts[LOTS]", "False"),
    "leaving lots bring nothing": (
        "room.position[CAPITAL] = book.worth(rules, closes, money, counts, lots, marks, bar)",
        "pass",
    ),
    "leaving lots take a place": ("counts[LOTS] > 0 and marks[0, LOT_SIDE] != side", "False"),
    "one that enters when flat turns": ("counts[LOTS] > 0 and decisions.entry_when_flat", "False"),
    "both sides enter": ("buys and sells", "False"),
    "that both would is not counted": ("counts[SKIPPED + _BOTH_SIDES] += 1", "pass"),
    "a short entry has the long size": ("both.short if sells else both.long", "both.long"),
    "a short entry buys": ("_SELL if sells else _BUY", "_BUY"),
    "filters gate no exit of a side": (
        "_meets(own, FILTER_LIST, bar, room)",
        "True",
    ),
    "quiet bars hide short entries": (
        "entry_gate = both.entry_gate",
        "entry_gate = both.long.entry_gate",
    ),
    "quiet bars hide short exits": (
        "exit_gate, stop_gate = own.exit_gate, own.stop_gate",
        "exit_gate, stop_gate = both.long.exit_gate, both.long.stop_gate",
    ),
    "parts turn nothing": (
        "marks[lot, LOT_PARTS_DUE] != 0 and _left_of(rules, parts, lots, marks, lot) <= 0.0",
        "False",
    ),
    "any part turns": (
        "marks[lot, LOT_PARTS_DUE] != 0 and _left_of(rules, parts, lots, marks, lot) <= 0.0",
        "marks[lot, LOT_PARTS_DUE] != 0",
    ),
    "quiet bars hide parts of a side": ("exit_gate = own.parts.leave_gate", "pass"),
    "quiet bars hide room on a side": (
        "fullest = 1 if own.entry_when_flat else rules.max_positions",
        "fullest = 1",
    ),
}

# SEMANTICS 9, in its order.
INSIDE_BREAKS = {
    "a fraction of the price before slippage": (
        "marks[lot, LOT_SIDE], lots[lot, LOT_PRICE]",
        "marks[lot, LOT_SIDE], lots[lot, LOT_OFFERED]",
    ),
    "a short's stop like a long's": ("fill * (1.0 - side * own.stop)", "fill * (1.0 - own.stop)"),
    "a short's target like a long's": (
        "fill * (1.0 + side * own.target)",
        "fill * (1.0 + own.target)",
    ),
    "an infinite price is one": ("each == math.inf", "False"),
    "a price of nothing is one": ("each <= 0.0", "False"),
    "an entry without its distance": ("refused < 0 and distance == math.inf", "False"),
    "a lot is never across its levels": (
        "stop >= price or trail >= price or target <= price",
        "False",
    ),
    "a stop at the price is not across": (
        "stop >= price or trail >= price or target <= price",
        "stop > price or trail > price or target <= price",
    ),
    "a target at the price is not across": (
        "stop >= price or trail >= price or target <= price",
        "stop >= price or trail >= price or target < price",
    ),
    "a trailing stop is never across": (
        "stop >= price or trail >= price or target <= price",
        "stop >= price or target <= price",
    ),
    "what is across pays no slippage": (
        "return _CROSSED, lots[lot, LOT_OFFERED], rules.slippage, kind",
        "return _CROSSED, lots[lot, LOT_OFFERED], 0.0, kind",
    ),
    "what a close fills across its levels stays": (
        "marks[lot, LOT_BAR] == bar and marks[lot, LOT_ENTRY_KIND] == _CLOSE",
        "False",
    ),
    "a trailing stop from the fill, whatever after": ("math.isnan(own.after)", "True"),
    "a trailing stop that falls": ("level > trail or extreme >= threshold", "True"),
    "a trailing stop before its gain": (
        "extreme >= threshold",
        "threshold < math.inf",
    ),
    "a gain is reached beyond it alone": ("extreme >= threshold", "extreme > threshold"),
    "a short follows the highs": (
        "(highs, lows, market.low[instrument])",
        "(highs, lows, market.high[instrument])",
    ),
    "the bar of an entry inside counts whole": (
        "fresh and marks[lot, LOT_ENTRY_KIND] == _LEVEL",
        "False",
    ),
    "trailing stops stay where they were": (
        "lots[lot, LOT_TRAIL] = side * follow(trail, threshold, factor, away, extreme)[0]",
        "pass",
    ),
    "an open at the stop is no gap": ("opened <= stop", "opened < stop"),
    "an open beyond the target is no gap": (
        "TAKEN if is_beyond(opened, target, touch) else STAYS",
        "STAYS",
    ),
    "a gap fills at the level": ("kind, price = _GAP, raw_open", "kind, price = _GAP, side * stop"),
    "a touch is enough": ("price > level or (touch and price == level)", "price >= level"),
    "a touch is never enough": ("price > level or (touch and price == level)", "price > level"),
    "the trailing stop where it is the lower one": (
        "trail if trail > stop_loss or math.isnan(stop_loss) else stop_loss",
        "stop_loss if math.isnan(trail) or stop_loss < trail else trail",
    ),
    "on a tie the trailing stop": (
        "_STOP_LOSS if stop == stop_loss else _TRAILING_STOP",
        "_TRAILING_STOP if stop == trail else _STOP_LOSS",
    ),
    "a stop pays no slippage": (
        "return reason, price, rules.slippage, kind",
        "return reason, price, 0.0, kind",
    ),
    "a target pays slippage": (
        "return _TAKE_PROFIT, price, 0.0, kind",
        "return _TAKE_PROFIT, price, rules.slippage, kind",
    ),
    "a limit entry pays slippage": (
        "rules.slippage if orders[order, KIND] == _STOP else 0.0",
        "rules.slippage",
    ),
    "what was entered inside is judged as held": (
        "fresh and marks[lot, LOT_TOLD_BY] > 0",
        "False",
    ),
    "a market entry's bar is over": ("fresh and marks[lot, LOT_TOLD_BY] > 0", "fresh"),
    "a stop entry's target is not sure": (
        "(takes and not stops) or (stops and not takes and close <= stop)",
        "stops and not takes and close <= stop",
    ),
    "a stop entry's stop is sure": (
        "(takes and not stops) or (stops and not takes and close <= stop)",
        "takes != stops",
    ),
    "a close below the stop proves nothing": (
        "(takes and not stops) or (stops and not takes and close <= stop)",
        "takes and not stops",
    ),
    "a limit entry's target is sure": (
        "(stops and not takes) or (takes and not stops and is_beyond(close, target, touch))",
        "takes != stops",
    ),
    "a close beyond the target proves nothing": (
        "(stops and not takes) or (takes and not stops and is_beyond(close, target, touch))",
        "stops and not takes",
    ),
    "a limit entry's stop is not sure": (
        "(stops and not takes) or (takes and not stops and is_beyond(close, target, touch))",
        "takes and not stops and is_beyond(close, target, touch)",
    ),
    "doubt is forgotten": ("marks[lot, LOT_CERTAIN] = 0", "pass"),
    "an optimist stops": (
        "((TAKEN if takes else STAYS), False)",
        "((TAKEN if takes else STOPPED), False)",
    ),
    "a pessimist takes an uncertain target": (
        "STOPPED if stops else STAYS",
        "STOPPED if stops else TAKEN",
    ),
    "the path is mirrored": ("low_first if side > 0 else not low_first", "low_first"),
    "on a tie the high comes first": (
        "opened - low <= high - opened",
        "opened - low < high - opened",
    ),
    "the path of a stop entry begins in the lot": (
        "TAKEN if takes else STAYS if falls else STOPPED",
        "TAKEN if takes else STOPPED",
    ),
    "the path of a limit entry begins in the lot": (
        "STOPPED if stops else TAKEN if falls else STAYS",
        "STOPPED if stops else TAKEN",
    ),
    "a stop order needs more than its price": (
        "(high if inside else opened) >= wanted",
        "(high if inside else opened) > wanted",
    ),
    "a passed order keeps its price": (
        "orders[order, PRICE] if inside else opens[at]",
        "orders[order, PRICE]",
    ),
    "entries inside before those at the open": ("(False, True)", "(True, False)"),
    "an order rests one bar longer": (
        "_rests(orders, order) and orders[order, LAST_BAR] <= bar",
        "_rests(orders, order) and orders[order, LAST_BAR] < bar",
    ),
    "that an order expired is not counted": ("counts[SKIPPED + _EXPIRED] += 1", "pass"),
    "quiet bars hide a level": (
        "worst <= stop or worst <= trail or best >= target",
        "False",
    ),
    "quiet bars leave trailing stops behind": (
        "until, lots[0, LOT_TRAIL] = until_reached(levels, market, lots, marks, 0, bar, until)",
        "until, _ = until_reached(levels, market, lots, marks, 0, bar, until)",
    ),
    "quiet bars leave those of several lots behind": (
        "_, lots[lot, LOT_TRAIL] = until_reached(levels, market, lots, marks, lot, bar, until)",
        "pass",
    ),
    "quiet bars of lots with levels hide max_holding": (
        "min(end, marks[0, LOT_BAR] + rules.max_holding)",
        "end",
        "skip_inside",
    ),
    "quiet bars of lots with levels hide ruin": ("now <= 0.0", "False"),
    "quiet bars of lots with levels hide stops": (
        "_closed_until(exit_gate, stop_gate, bar, part)",
        "_closed_until(exit_gate, exit_gate, bar, part)",
    ),
}

# SEMANTICS 9.8
DETAIL_BREAKS = {
    "finer bars are never asked": (
        "finer.first.size and finer.first[instrument, bar] < finer.after[instrument, bar]",
        "False",
    ),
    "what came before an entry is its, too": ("abs(marks[lot, LOT_TOLD_BY]) - 1", "at"),
    "nothing gaps within a bar": ("held, within = True, False", "held, within = not fresh, False"),
    "every part is the entry's": ("held, within = True, False", "held = True"),
    "the first part alone": ("at += 1", "at = end"),
    "doubt beyond the exit": ("at < end and found == STAYS", "at < end"),
    "an open within the bar is the bar's": ("inside or step > 0", "inside"),
    "entries of the first part alone": (
        "_next_fill(market, levels, counts, orders, bar, step + 1)",
        "-1",
    ),
    "each entry in the first part": ("at = first + step", "at = first"),
    "what an open passed is judged as filled inside": (
        "at + 1 if inside else -at - 1",
        "at + 1",
    ),
    "what an open passed fills at the bar's": (
        "orders[order, PRICE] if inside else opens[at]",
        "orders[order, PRICE] if inside else market.open[0, bar]",
    ),
}

# SEMANTICS 4, in its order.
SPREAD_BREAKS = {
    "a fill at an open knows that bar's volatility": (
        "bar - 1 if kind == _ON_OPEN else bar",
        "bar",
    ),
    "a leg has no skew": ("max(volatility + premium, 0.0)", "max(volatility, 0.0)"),
    "a year of trading days": (
        "max(expiry - day, 0) / DAYS_PER_YEAR",
        "max(expiry - day, 0) / 252",
    ),
    "no rate": ("strike * math.exp(-rate * years)", "strike"),
    "no dividend yield": ("spot * math.exp(-dividend_yield * years)", "spot"),
    "entries without a known volatility": ("not market.known[at]", "False"),
    "an expiry on the day of the fill": ("expiry <= day", "expiry < day"),
    "strikes on the other side of the spot": (
        "drift - shift if call else drift + shift",
        "drift + shift if call else drift - shift",
    ),
    "strikes rounded down": ("strike / rules.strike_step + 0.5", "strike / rules.strike_step"),
    "strikes that fall together": ("short <= long", "short < long"),
    "short strikes that cross": ("lots[lot, PUT_SHORT] > lots[lot, CALL_SHORT]", "False"),
    "the wing of the calls alone": ("max(wing, long - short)", "long - short"),
    "the credit at mid": ("fill_price(_SELL, short, rules.slippage)", "short"),
    "the protection at mid": ("fill_price(_BUY, long, rules.slippage)", "long"),
    "a debit": ("not credit > 0.0", "False"),
    "a credit of more than the wing": ("credit >= wing", "False"),
    "one leg pays": ("2.0 * (rules.puts + rules.calls)", "1.0"),
    "the max loss with one commission": ("fee * 2.0", "fee"),
    "the max loss without the credit": ("(wing - credit) * SHARES_PER_CONTRACT", "wing * 100.0"),
    "all the cash at risk": ("rules.risk * spendable", "spendable"),
    "contracts in parts": (
        "np.floor(rules.risk * spendable / max_loss)",
        "spendable * 0.02 / max_loss",
    ),
    "a reserve that does not fit": (
        "contracts * (wing * SHARES_PER_CONTRACT) > spendable",
        "False",
    ),
    "no contract at all": ("not contracts >= 1.0", "False"),
    "the credit is not received": (
        "credit * SHARES_PER_CONTRACT * contracts - fee * contracts",
        "-fee * contracts",
    ),
    "the entry's commission is not paid": (
        "credit * SHARES_PER_CONTRACT * contracts - fee * contracts",
        "credit * SHARES_PER_CONTRACT * contracts",
    ),
    "the entry's commission is not noted": (
        "lots[lot, LOT_COMMISSION] = fee * contracts",
        "lots[lot, LOT_COMMISSION] = 0.0",
    ),
    "expiry a day late": (
        "day > expiry or (day == expiry and market.ends_session[bar])",
        "day > expiry",
    ),
    "expiry at the first bar of its session": (
        "day == expiry and market.ends_session[bar]",
        "day == expiry",
    ),
    "time value at expiry": (
        "0.0 if settled else years_left(marks[lot, EXPIRY], market.day[bar])",
        "1 / 365",
    ),
    "slippage at expiry": ("0.0 if settled else rules.slippage", "rules.slippage"),
    "commission at expiry": (
        "0.0 if settled else rules.commission * _legs_of(rules) * contracts",
        "rules.commission * _legs_of(rules) * contracts",
    ),
    "buying back is free": (
        "0.0 if settled else rules.commission * _legs_of(rules) * contracts",
        "0.0",
    ),
    "the exit's commission stays": (
        "-(value * SHARES_PER_CONTRACT * contracts + commission)",
        "-(value * SHARES_PER_CONTRACT * contracts)",
    ),
    "bought back at mid": ("fill_price(_BUY, short, slippage)", "short"),
    "the protection is sold at mid": ("fill_price(_SELL, long, slippage)", "long"),
    "what leaves the wing costs": ("paid + (within(value, wing) - value)", "paid"),
    "worth less than nothing": ("min(max(value, 0.0), wing)", "min(value, wing)"),
    "worth more than the wing": ("min(max(value, 0.0), wing)", "max(value, 0.0)"),
    "the stop above its price": (
        "value >= rules.stop_loss * credit",
        "value > 1.01 * rules.stop_loss * credit",
    ),
    "no stop": ("value >= rules.stop_loss * credit", "False"),
    "the target at the price itself": (
        "value <= (1.0 - rules.profit_target) * credit",
        "value < rules.profit_target * credit",
    ),
    "no target": ("value <= (1.0 - rules.profit_target) * credit", "False"),
    "the reserve is spent": ("money[CASH] - reserved", "money[CASH]"),
    "the reserve less the credit": (
        "lots[lot, WING] * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]",
        "(lots[lot, WING] - lots[lot, CREDIT]) * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]",
    ),
    "marked at what closing costs": (
        "lots[lot, MID] * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]",
        "lots[lot, TO_CLOSE] * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]",
    ),
    "the gain per credit": (
        "kept * SHARES_PER_CONTRACT / lots[lot, MAX_LOSS]",
        "kept / lots[lot, CREDIT]",
    ),
    "the credit kept per wing": ("kept / lots[lot, CREDIT]", "kept / lots[lot, WING]"),
    "a short delta when flat of none": (
        "position[SHORT_DELTA] = rules.short_delta",
        "position[SHORT_DELTA] = 0.0",
    ),
    "the delta of a condor's call": ("not rules.puts", "bool(rules.calls)"),
    "quiet bars hide an open spread": (
        "counts[LOTS] > 0 or money[CASH] <= 0.0",
        "money[CASH] <= 0.0",
    ),
}

# SEMANTICS 3.14, what is paid at a bar before its fills.
PAY_BREAKS = {
    "what is owed costs": ("cash > 0.0", "True", "interest_on"),
    "interest of a banker's year": (
        "cash * carry.cash_rate[bar] * carry.days[bar] / _YEAR",
        "cash * carry.cash_rate[bar] * carry.days[bar] / 360.0",
    ),
    "interest by the bar": (
        "cash * carry.cash_rate[bar] * carry.days[bar] / _YEAR",
        "cash * carry.cash_rate[bar] / _YEAR",
    ),
    "interest after the dividends": (
        "interest_on(carry, bar, money[CASH])",
        "interest_on(carry, bar, money[CASH] + dividends)",
    ),
    "contracts count as shares": (
        "shares = lots[lot, LOT_QUANTITY] * rules.multiplier",
        "shares = lots[lot, LOT_QUANTITY]",
        "pay_shares",
    ),
    "fees of the new close": ("bar - 1", "bar", "pay_shares"),
    "longs pay fees": (
        "marks[lot, LOT_SIDE] == _SELL",
        "marks[lot, LOT_SIDE] != _SELL",
        "pay_shares",
    ),
    "shorts keep their dividends": ("due = -due", "due = 0.0"),
    "shorts are paid": ("due = -due", "pass"),
    "the last lot is paid": ("dividends += due", "dividends = due"),
    "the last lot pays": (
        "fees += close * shares * carry.borrow_rate[bar] * carry.days[bar] / _YEAR",
        "fees = close * shares * carry.borrow_rate[bar] * carry.days[bar] / _YEAR",
    ),
    "interest is not kept": ("money[CASH] += interest", "pass", "pay_shares"),
    "fees are not paid": ("money[CASH] -= fees", "pass"),
    "dividends are not kept": ("money[CASH] += dividends", "pass"),
}
SPREAD_PAY_BREAKS = {
    "what is reserved earns": (
        "free(rules, market.close, money, counts, lots, marks, bar)",
        "money[CASH]",
        "pay",
    ),
}
BETWEEN_BREAKS = {
    "quiet bars hide what is paid": (
        _SKIPS.format("min(last, final, next_due)"),
        _SKIPS.format("min(last, final)"),
    ),
    "nothing is paid": ("book.pay(market, rules, state, bar, curve.carry)", "None"),
    "what is paid is not told": ("paid.size", "False", "pay_shares"),
}

BREAKS = [
    pytest.param(run, change, id=f"{run}-{name}")
    for run, breaks in (
        ("shares", SHARE_BREAKS),
        ("orders", INSIDE_BREAKS),
        ("detail", DETAIL_BREAKS),
        ("both sides", SIDE_BREAKS),
        ("spreads", SPREAD_BREAKS),
        ("spreads", SPREAD_PAY_BREAKS),
        ("carry", PAY_BREAKS),
        ("carry", BETWEEN_BREAKS),
    )
    for name, change in breaks.items()
]


def tree_of(name):
    return ast.parse(Path(str(importlib.util.find_spec(name).origin)).read_bytes())


def made_of(name):
    """Return the modules with compiled functions that a module is made of, itself the last."""
    tree, found = tree_of(name), []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(
            ("btkit.engine.", "btkit.pricing.")
        ):
            found += made_of(node.module)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if any(node.decorator_list for node in functions):
        found.append(name)
    return list(dict.fromkeys(found))


MODULES = made_of("btkit.engine.loop")


def parsed(text):
    (statement,) = ast.parse(text).body
    return statement.value if isinstance(statement, ast.Expr) else statement


def shape(node):
    """Return what a node says, whether it is read or written."""
    return ast.dump(node).replace("Store()", "Load()")


class Breaker(ast.NodeTransformer):
    """Takes compilers off functions, and puts one piece of code in the place of another."""

    def __init__(self, old, new, function=None):
        self.old, self.new, self.places = parsed(old), new, 0
        self.looked_for = shape(self.old)
        self.function, self.inside = function, None

    def visit_FunctionDef(self, node):
        node.decorator_list = []
        self.inside = node.name
        return self.generic_visit(node)

    def visit(self, node):
        elsewhere = self.function not in {None, self.inside}
        if elsewhere or type(node) is not type(self.old) or shape(node) != self.looked_for:
            return super().visit(node)
        self.places += 1
        new = parsed(self.new)
        if hasattr(node, "ctx") and hasattr(new, "ctx"):
            new.ctx = node.ctx
        return new


@cache
def whole(name):
    """Return a module's code without compilers, and what each node of its tree says."""
    tree = ast.fix_missing_locations(Breaker("nothing_of_this_name", "0").visit(tree_of(name)))
    return compile(tree, name, "exec"), frozenset(map(shape, ast.walk(tree)))


def broken_loop(change, monkeypatch):
    """Return modules with a change made, and at how many places it was made."""
    breaker = Breaker(*change)
    modules = {}
    for name in MODULES:
        code, shapes = whole(name)
        if breaker.looked_for in shapes:
            code = compile(ast.fix_missing_locations(breaker.visit(tree_of(name))), name, "exec")
        module = modules[name] = ModuleType(name)
        # Those that come later import from this one.
        monkeypatch.setitem(sys.modules, name, module)
        exec(code, module.__dict__)  # noqa: S102 - our own source, with one rule broken
    return modules, breaker.places


def put_in_place(whole, broken, patch):
    """Let everyone who runs a function run a broken one."""
    for module in [module for name, module in sys.modules.items() if name.startswith("btkit.")]:
        for name, value in list(vars(module).items()):
            if value is whole:
                patch.setattr(module, name, broken)


@cache
def simulated_plainly(run):
    cases = CASES[run]()
    for case in cases:
        # What is imported, or read of compiled code, when it is first needed must not find a
        # broken module.
        case.again()
    return mixed((case, case.plain()) for case in cases)


def comes_out_differently(expected):
    case, plain = expected
    try:
        return compare(case.again(), plain, case.times)
    except IndexError:
        # Python sees that there is no room, where numba would write: another case has to notice.
        return False


def noticed(run, change, monkeypatch):
    """Return at how many places something changed, and whether any case comes out differently."""
    cases = simulated_plainly(run)
    with monkeypatch.context() as patch:
        broken, places = broken_loop(change, patch)
        for whole, name in ((loop, "run_bars"), (reading, "reading_of")):
            own = broken[whole.__name__]
            put_in_place(getattr(whole, name), getattr(own, name), patch)
        with np.errstate(all="ignore"):  # plain numpy scalars warn where compiled code does not
            return places, is_noticed(cases, comes_out_differently)


@pytest.mark.parametrize("run", CASES)
def test_python_runs_the_loop_as_numba_does(run, monkeypatch):
    assert noticed(run, ("nothing_of_this_name", "0"), monkeypatch) == (0, False)


@pytest.mark.parametrize(("run", "change"), BREAKS)
def test_a_broken_engine_is_noticed(run, change, monkeypatch):
    assert noticed(run, change, monkeypatch) == (1, True)
