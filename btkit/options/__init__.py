"""Option spreads: strikes by delta, priced by Black-Scholes, on a loop of their own.

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

from btkit.options.documents import Greeks, Leg, Life, Spread

# The loop is not handed on here: it brings numba, which reading a report does not need.
__all__ = ["Greeks", "Leg", "Life", "Spread"]
