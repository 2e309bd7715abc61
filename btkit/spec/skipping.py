"""Why an entry that was decided was not made: a sentence for each reason, wherever it is shown."""

from __future__ import annotations

SKIPPED: dict[str, str] = {
    "size_missing": "the sizing formula gave no number there",
    "size_not_positive": "the sizing formula gave zero or less",
    "size_below_one_share": "the sizing formula gave less than one share; a larger capital or "
    "per_trade_risk_pct, or allow_fractional, would let them through",
    "insufficient_cash": "the cash did not pay for one share or contract",
    "both_sides": "the long side and the short side would both have entered, so neither did",
    "price_missing": "an entry, a stop or a target was to be at a price that was not there, or the "
    "trailing stop at a distance in an atr_14 that was not",
    "price_not_positive": "an entry, a stop or a target was to be at a price of zero or less",
    "order_expired": "the price did not reach the entry's within the bars for which it rested",
    "no_volatility": "iv_atm was missing, or not above zero with the skew added, when the "
    "order filled",
    "no_time_to_expiry": "the last session before the day that target_dte leads to was the day of "
    "the fill itself",
    "no_strike": "no strike has the delta asked for, or strike_step rounded it to zero",
    "strikes_coincide": "the two strikes of a side fell together after rounding to strike_step",
    "strikes_cross": "the put that was to be sold lay above the call that was to be sold",
    "no_credit": "the spread would have brought no credit after slippage",
    "credit_above_width": "the credit reached the width of the spread, which no market pays",
    "size_below_one_contract": "the max loss of one contract was more than the risk allowed; a "
    "larger capital or per_trade_risk_pct, or a narrower spread, would let them through",
}
"""Words by reason, as results and documents name it."""
