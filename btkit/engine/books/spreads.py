"""Option spreads: sold, valued, judged and closed inside the loop (SEMANTICS 4).

Where the rules leave a choice, this is what is done:

- An expiry of ``weekly`` or ``monthly`` is the Friday, or third Friday, nearest to the day
  ``target_dte`` ahead, the earlier of two equally near, and always after the fill; where that
  Friday is no session, the spread expires at the session before.
- Without a bar on the day of expiry a spread is settled at the close of the next bar. Weekly bars
  are refused: a spread would expire inside one.
- An entry needs a volatility, ``iv_atm`` or by ``iv_source`` the VIX, at the bar that prices it. A
  spread that is held keeps the last one known where a bar has none.
- What the model says beyond the worth a spread can have at expiry, between nothing and the widest
  wing, is taken off the cost to close as it is off the mark. It happens under a negative rate or a
  skew only; the exits of the legs then add up to more, or less, than the spread's close value.
- A credit that reaches the widest wing is no trade, nor are a condor's short strikes that cross or
  strikes that fall together on the strike step; each is counted with its reason.
- A reserve larger than the free cash cuts the number of contracts down to what fits.
- A spread's own stop conditions come before its own exit conditions.
- Greeks of a position are those of the seller: theta above 0, vega below. The delta of a leg is
  that of the option itself, below 0 for a put.
"""

from __future__ import annotations

import math

import numpy as np

from btkit.conditions.compiled import compiled, compiled_inline, compiled_lean
from btkit.engine.books.book import Book
from btkit.engine.books.quotes import (
    cost_to_close,
    leg_sums,
    leg_volatility,
    short_leg_delta,
    strike_at,
    within,
)
from btkit.engine.books.spread_records import (
    CALL_LONG,
    CALL_SHORT,
    CLOSE_VALUE,
    CONTRACTS,
    CREDIT,
    DELTA,
    EXPIRY,
    LEG_COLUMNS,
    MAX_LOSS,
    MID,
    PUT_LONG,
    PUT_SHORT,
    SHARES_PER_CONTRACT,
    SPREAD_COLUMNS,
    SPREAD_MARK_COLUMNS,
    TO_CLOSE,
    WING,
)
from btkit.engine.fills import fill_price, offered
from btkit.engine.inputs import BARS_HELD, CAPITAL, CREDIT_KEPT, IN_POSITION, PNL, SHORT_DELTA
from btkit.engine.orders import INSTRUMENT, Kind, Reason, Side, Skip
from btkit.engine.paying import interest_on
from btkit.engine.quiet import mark_until_open
from btkit.engine.state import (
    CASH,
    INTEREST,
    LOT_BAR,
    LOT_COMMISSION,
    LOT_EXIT_COMMISSION,
    LOT_INSTRUMENT,
    LOT_REASON,
    LOTS,
)
from btkit.pricing.scalar import years_left

_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_ON_OPEN = int(Kind.MARKET_ON_OPEN)
_EXPIRATION, _STOP = int(Reason.EXPIRATION), int(Reason.STOP)
_PROFIT_TARGET = int(Reason.PROFIT_TARGET)
_NO_VOLATILITY, _NO_TIME = int(Skip.NO_VOLATILITY), int(Skip.NO_TIME_TO_EXPIRY)
_NO_STRIKE, _COINCIDE = int(Skip.NO_STRIKE), int(Skip.STRIKES_COINCIDE)
_CROSS, _NO_CREDIT = int(Skip.STRIKES_CROSS), int(Skip.NO_CREDIT)
_ABOVE_WIDTH = int(Skip.CREDIT_ABOVE_WIDTH)
_BELOW_ONE = int(Skip.SIZE_BELOW_ONE_CONTRACT)


@compiled_inline
def _legs_of(rules):
    return 2.0 * (rules.puts + rules.calls)


@compiled_inline
def _priced_at(bar, kind):
    # An open has the volatility of the close before (4.1).
    return bar - 1 if kind == _ON_OPEN else bar


@compiled_inline
def side_of(rules):
    """Spreads are sold, for a credit."""
    return _SELL


@compiled_inline
def size(rules, counts, wanted, tag):
    """One spread: how many contracts follows from its max loss, at the fill (4.4)."""
    return 1.0


@compiled_inline
def _choose_strikes(rules, lots, lot, near, far, spot, years, volatility):
    # Why there are none, or -1.
    short_iv = leg_volatility(volatility, rules.short_premium)
    long_iv = leg_volatility(volatility, rules.long_premium)
    if short_iv <= 0.0 or long_iv <= 0.0:
        return _NO_VOLATILITY
    if not (math.isfinite(near) and math.isfinite(far)):
        return _NO_STRIKE
    wing = 0.0
    for leg in LEG_COLUMNS:
        lots[lot, leg] = 0.0
    if rules.puts:
        short = strike_at(near, False, spot, years, short_iv, rules)
        long = strike_at(far, False, spot, years, long_iv, rules)
        if not (long > 0.0 and math.isfinite(short)):
            return _NO_STRIKE
        if short <= long:
            return _COINCIDE
        lots[lot, PUT_SHORT], lots[lot, PUT_LONG] = short, long
        wing = short - long
    if rules.calls:
        short = strike_at(near, True, spot, years, short_iv, rules)
        long = strike_at(far, True, spot, years, long_iv, rules)
        if not (short > 0.0 and math.isfinite(long)):
            return _NO_STRIKE
        if long <= short:
            return _COINCIDE
        lots[lot, CALL_SHORT], lots[lot, CALL_LONG] = short, long
        wing = max(wing, long - short)
    if rules.puts and rules.calls and lots[lot, PUT_SHORT] > lots[lot, CALL_SHORT]:
        # Both sides could be in the money at once, and the wing would not bound the loss.
        return _CROSS
    lots[lot, WING] = wing
    return -1


@compiled
def enter(rules, market, money, counts, lots, marks, orders, order, lot, bar, kind):
    """Sell a spread (4.2 to 4.4); return why not, or -1."""
    at = _priced_at(bar, kind)
    if not market.known[at]:
        return _NO_VOLATILITY
    day, expiry, volatility = market.day[bar], market.expiry[bar], market.volatility[at]
    if expiry <= day:
        return _NO_TIME
    years = years_left(expiry, day)
    spot = offered(market, int(orders[order, INSTRUMENT]), bar, kind)
    near, far = market.short_quantile[bar], market.long_quantile[bar]
    refused = _choose_strikes(rules, lots, lot, near, far, spot, years, volatility)
    if refused >= 0:
        return refused
    short, long = leg_sums(lots, lot, spot, years, volatility, rules)
    credit = fill_price(_SELL, short, rules.slippage) - fill_price(_BUY, long, rules.slippage)
    wing = lots[lot, WING]
    if not credit > 0.0:
        return _NO_CREDIT
    if credit >= wing:
        return _ABOVE_WIDTH
    fee = rules.commission * _legs_of(rules)
    max_loss = (wing - credit) * SHARES_PER_CONTRACT + fee * 2.0
    spendable = free(rules, market.close, money, counts, lots, marks, bar)
    contracts = np.floor(rules.risk * spendable / max_loss)
    if contracts * (wing * SHARES_PER_CONTRACT) > spendable:
        contracts = np.floor(spendable / (wing * SHARES_PER_CONTRACT))
    if not contracts >= 1.0:
        return _BELOW_ONE
    lots[lot, CREDIT] = credit
    lots[lot, CONTRACTS] = contracts
    lots[lot, MAX_LOSS] = max_loss
    lots[lot, LOT_COMMISSION] = fee * contracts
    marks[lot, EXPIRY] = expiry
    money[CASH] += credit * SHARES_PER_CONTRACT * contracts - fee * contracts
    return -1


@compiled_inline
def leave(rules, market, lots, marks, lot, bar, kind):
    """Buy a spread back, or settle an expired one; return its cost, commission, cash's gain."""
    settled = marks[lot, LOT_REASON] == _EXPIRATION
    years = 0.0 if settled else years_left(marks[lot, EXPIRY], market.day[bar])
    spot = offered(market, marks[lot, LOT_INSTRUMENT], bar, kind)
    volatility = market.volatility[_priced_at(bar, kind)]
    short, long = leg_sums(lots, lot, spot, years, volatility, rules)
    slippage = 0.0 if settled else rules.slippage
    value = cost_to_close(short, long, lots[lot, WING], slippage)
    contracts = lots[lot, CONTRACTS]
    commission = 0.0 if settled else rules.commission * _legs_of(rules) * contracts
    return value, commission, -(value * SHARES_PER_CONTRACT * contracts + commission)


@compiled_inline
def expire(market, counts, marks, bar):
    """Give every spread whose expiry session ends at this close its reason."""
    day, found = market.day[bar], False
    for lot in range(counts[LOTS]):
        expiry = marks[lot, EXPIRY]
        if day > expiry or (day == expiry and market.ends_session[bar]):
            marks[lot, LOT_REASON] = _EXPIRATION
            found = True
    return found


@compiled_inline
def mark(rules, market, counts, lots, marks, bar):
    """Write what every open spread is worth at a close, and what closing it would cost."""
    day, volatility = market.day[bar], market.volatility[bar]
    for lot in range(counts[LOTS]):
        years = years_left(marks[lot, EXPIRY], day)
        spot, wing = market.close[marks[lot, LOT_INSTRUMENT], bar], lots[lot, WING]
        short, long = leg_sums(lots, lot, spot, years, volatility, rules)
        lots[lot, MID] = within(short - long, wing)
        lots[lot, TO_CLOSE] = cost_to_close(short, long, wing, rules.slippage)
        lots[lot, DELTA] = short_leg_delta(lots, lot, spot, years, volatility, rules)


@compiled_inline
def worth(rules, closes, money, counts, lots, marks, bar):
    """Return cash less what the open spreads are worth at mid, in $ (4.6)."""
    equity = money[CASH]
    for lot in range(counts[LOTS]):
        equity -= lots[lot, MID] * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]
    return equity


@compiled_inline
def free(rules, closes, money, counts, lots, marks, bar):
    """Return the cash that no open spread reserves, in $ (4.6)."""
    reserved = 0.0
    for lot in range(counts[LOTS]):
        reserved += lots[lot, WING] * SHARES_PER_CONTRACT * lots[lot, CONTRACTS]
    return money[CASH] - reserved


@compiled_inline
def called(rules, closes, money, counts, lots, marks, bar):
    """Nobody calls: a spread's reserve covers what it can lose."""
    return False


@compiled_inline
def describe(rules, closes, money, counts, lots, marks, lot, bar, position):
    """Fill in the position's names for one spread, or for none (4.7)."""
    position[CAPITAL] = free(rules, closes, money, counts, lots, marks, bar)
    if counts[LOTS] == 0:
        position[IN_POSITION] = 0.0
        position[BARS_HELD] = 0.0
        position[PNL] = 0.0
        position[CREDIT_KEPT] = 0.0
        position[SHORT_DELTA] = rules.short_delta
        return
    kept = lots[lot, CREDIT] - lots[lot, TO_CLOSE]
    position[IN_POSITION] = 1.0
    position[BARS_HELD] = bar - marks[lot, LOT_BAR]
    position[PNL] = kept * SHARES_PER_CONTRACT / lots[lot, MAX_LOSS]
    position[CREDIT_KEPT] = kept / lots[lot, CREDIT]
    position[SHORT_DELTA] = lots[lot, DELTA]


@compiled_inline
def profit(rules, lots, marks, trade):
    """Return what a closed spread made, and that over its max loss."""
    contracts = lots[trade, CONTRACTS]
    gain = lots[trade, CREDIT] - lots[trade, CLOSE_VALUE]
    commission = lots[trade, LOT_COMMISSION] + lots[trade, LOT_EXIT_COMMISSION]
    pnl = SHARES_PER_CONTRACT * contracts * gain - commission
    return pnl, pnl / (lots[trade, MAX_LOSS] * contracts)


@compiled_inline
def judge(rules, lots, lot):
    """Return whether a spread's value has reached its stop or its target (4.5)."""
    credit, value = lots[lot, CREDIT], lots[lot, TO_CLOSE]
    if value >= rules.stop_loss * credit:
        return _STOP
    if value <= (1.0 - rules.profit_target) * credit:
        return _PROFIT_TARGET
    return 0


@compiled_inline
def skip_quiet(
    entry_gate, exit_gate, stop_gate, rules, closes, money, counts, lots, marks, equity, bar, end
):
    """Mark bars without a spread at which none is sold; an open one is priced at every close."""
    if counts[LOTS] > 0 or money[CASH] <= 0.0:
        return bar
    return mark_until_open(entry_gate, entry_gate, closes[0], equity, bar, end, money[CASH], 0.0)


@compiled_lean
def pay(market, rules, state, bar, paid):
    """Pay what is due at a bar: interest on what spreads do not reserve; see `pay_shares`, too."""
    money, counts, lots, marks = state.money, state.counts, state.lots, state.marks
    interest = interest_on(
        market.carry, bar, free(rules, market.close, money, counts, lots, marks, bar)
    )
    money[CASH] += interest
    if paid.size:
        paid[bar, INTEREST] = interest


SPREADS = Book(
    columns=SPREAD_COLUMNS,
    mark_columns=SPREAD_MARK_COLUMNS,
    pay=pay,
    skip_quiet=skip_quiet,
    side_of=side_of,
    size=size,
    enter=enter,
    leave=leave,
    expire=expire,
    mark=mark,
    worth=worth,
    free=free,
    called=called,
    describe=describe,
    profit=profit,
    judge=judge,
)
