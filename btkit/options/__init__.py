"""Option spreads: strikes by delta, priced by Black-Scholes, on a loop of their own."""

from btkit.options.documents import Greeks, Leg, Life, Spread

# The loop is not handed on here: it brings numba, which reading a report does not need.
__all__ = ["Greeks", "Leg", "Life", "Spread"]
