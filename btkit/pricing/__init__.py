"""Prices and greeks of European options, over whole arrays."""

from btkit.pricing.black_scholes import (
    Right,
    delta,
    gamma,
    price,
    rho,
    strike_from_delta,
    theta,
    vega,
)

__all__ = ["Right", "delta", "gamma", "price", "rho", "strike_from_delta", "theta", "vega"]
