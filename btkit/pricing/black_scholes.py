"""Black-Scholes-Merton: European options on an asset with a continuous dividend yield.

The formulas are those of Merton, R. C. (1973), "Theory of rational option pricing", Bell Journal
of Economics 4(1), with N the normal distribution and phi its density:

    d1 = (ln(S/K) + (r - q + s²/2) T) / (s √T),  d2 = d1 - s √T
    call = S e^(-qT) N(d1) - K e^(-rT) N(d2)
    put  = K e^(-rT) N(-d2) - S e^(-qT) N(-d1)

At T = 0 and at s = 0 each function returns its limit: d1 is then plus or minus infinity, by the
side of the strike on which the forward lies, and 0 where it is the strike exactly. So gamma is
0 or infinite there, and nothing is NaN. A NaN that is handed in gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from btkit.errors import UsageError

Right: TypeAlias = Literal["call", "put"]
"""Which right an option gives: to buy, or to sell."""

Floats: TypeAlias = NDArray[np.float64]
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_ABOVE, _FROM, _ANY = "above 0 and finite", "0 or more and finite", "finite"
_BOUNDS = {
    "spot": _ABOVE,
    "strike": _ABOVE,
    "years": _FROM,
    "volatility": _FROM,
    "rate": _ANY,
    "dividend_yield": _ANY,
}


@dataclass(frozen=True)
class _Case:
    """The inputs as arrays of one shape, and what the formulas share."""

    sign: float
    spot: Floats
    strike: Floats
    years: Floats
    volatility: Floats
    rate: Floats
    dividend_yield: Floats

    @cached_property
    def deviation(self) -> Floats:
        return self.volatility * np.sqrt(self.years)

    @cached_property
    def dividend_discount(self) -> Floats:
        return np.exp(-self.dividend_yield * self.years)

    @cached_property
    def spot_now(self) -> Floats:
        return self.spot * self.dividend_discount

    @cached_property
    def strike_now(self) -> Floats:
        return self.strike * np.exp(-self.rate * self.years)

    @cached_property
    def d1(self) -> Floats:
        forward = np.log(self.spot / self.strike) + (self.rate - self.dividend_yield) * self.years
        with np.errstate(all="ignore"):
            usual = (forward + 0.5 * self.volatility**2 * self.years) / self.deviation
            limit = np.where(forward == 0.0, 0.0, np.copysign(np.inf, forward))
        limit = np.where(np.isnan(forward), np.nan, limit)
        return np.where(self.deviation == 0.0, limit, usual)

    @cached_property
    def d2(self) -> Floats:
        return self.d1 - self.deviation

    @cached_property
    def density(self) -> Floats:
        # Next to no volatility makes d1 so large that its square is infinite, and the density 0.
        with np.errstate(over="ignore"):
            values: Floats = _DENSITY_AT_0 * np.exp(-0.5 * self.d1**2)
        return values

    def normal(self, at: Floats) -> Floats:
        """Return N(at) for a call, N(-at) for a put: what is left of the far tail keeps it."""
        from scipy.special import ndtr  # noqa: PLC0415 - scipy is slow to import

        values: Floats = ndtr(self.sign * at)
        return values


def _case(right: str, *inputs: ArrayLike) -> _Case:
    if right not in get_args(Right):
        raise UsageError(
            f"right is {right!r}, but an option is a call or a put",
            hint='write "call" or "put"',
            details={"argument": "right", "received": str(right)},
        )
    given: list[Any] = [np.asarray(values, dtype=np.float64) for values in inputs]
    for (name, rule), values in zip(_BOUNDS.items(), given, strict=True):
        good = np.isfinite(values)
        if rule != _ANY:
            good &= values > 0.0 if rule == _ABOVE else values >= 0.0
        if not (good | np.isnan(values)).all():
            raise _refusal(name, values, rule)
    return _Case(1.0 if right == "call" else -1.0, *np.broadcast_arrays(*given))


def _refusal(name: str, values: Floats, rule: str) -> UsageError:
    shown = f"{float(values)}" if values.ndim == 0 else "not so everywhere"
    return UsageError(
        f"{name} is {shown}, but must be {rule}",
        hint="correct it, or write NaN where it is not known",
        details={"argument": name, "rule": rule},
    )


class Formula(Protocol):
    """What an option is worth, or how that changes: each of the functions below.

    Parameters
    ----------
    right
        ``"call"`` or ``"put"``.
    spot, strike
        In $, above 0; these and all that follow broadcast against each other.
    years
        To expiry, at least 0: calendar days / 365.
    volatility
        A fraction a year, at least 0.
    rate, dividend_yield
        Continuously compounded, fractions a year.

    Returns
    -------
    ndarray of float64
        In the unit that the function names.

    Raises
    ------
    UsageError
        If a number is out of its bounds.
    """

    def __call__(
        self,
        right: Right,
        spot: ArrayLike,
        strike: ArrayLike,
        years: ArrayLike,
        volatility: ArrayLike,
        *,
        rate: ArrayLike = 0.0,
        dividend_yield: ArrayLike = 0.0,
    ) -> Floats:
        """Return it for arrays of options."""


def _of_options(formula: Callable[[_Case], Floats]) -> Formula:
    def computed(
        right: Right,
        spot: ArrayLike,
        strike: ArrayLike,
        years: ArrayLike,
        volatility: ArrayLike,
        *,
        rate: ArrayLike = 0.0,
        dividend_yield: ArrayLike = 0.0,
    ) -> Floats:
        return formula(_case(right, spot, strike, years, volatility, rate, dividend_yield))

    update_wrapper(computed, formula)
    del computed.__wrapped__  # type: ignore[attr-defined]  # its own parameters are the ones to show
    return computed


@_of_options
def price(case: _Case) -> Floats:
    """Return the value, in $ a share, at least 0: see `Formula`.

    At `years` or `volatility` 0 it is the discounted intrinsic value.

    Examples
    --------
    >>> round(float(price("put", 100, 95, 0.25, 0.2, rate=0.05)), 4)
    1.5343
    """
    above = case.spot_now * case.normal(case.d1) - case.strike_now * case.normal(case.d2)
    intrinsic = case.sign * (case.spot_now - case.strike_now)
    return np.maximum(np.where(case.deviation > 0.0, case.sign * above, intrinsic), 0.0)


@_of_options
def delta(case: _Case) -> Floats:
    """Return the change of the value per $ of the underlying, ±e^(-qT) N(±d1): see `Formula`.

    0 to 1 for calls, -1 to 0 for puts; exactly half the step where the limit has one.
    """
    return case.sign * case.dividend_discount * case.normal(case.d1)


@_of_options
def gamma(case: _Case) -> Floats:
    """Return the change of delta per $ of the underlying: see `Formula`.

    e^(-qT) phi(d1) / (S s √T), the same for calls and puts; in the limit 0, and infinite at the
    strike.
    """
    limit = np.where(case.d1 == 0.0, np.inf, 0.0)
    with np.errstate(all="ignore"):
        curve = case.dividend_discount * case.density / (case.spot * case.deviation)
    return np.where(case.deviation > 0.0, curve, np.where(np.isnan(case.d1), np.nan, limit))


@_of_options
def theta(case: _Case) -> Floats:
    """Return the change of the value as time passes, in $ a year: see `Formula`.

    -S e^(-qT) phi(d1) s / (2 √T) ∓ r K e^(-rT) N(±d2) ± q S e^(-qT) N(±d1), the upper sign for
    calls. Divided by 365 it is a calendar day's; at expiry it is minus infinity at the strike.
    """
    with np.errstate(all="ignore"):
        decay = case.spot_now * case.density * case.volatility / (2.0 * np.sqrt(case.years))
    at_strike = np.where((case.d1 == 0.0) & (case.volatility > 0.0), np.inf, 0.0)
    decay = np.where(case.years > 0.0, decay, np.where(np.isnan(case.d1), np.nan, at_strike))
    carry = case.dividend_yield * case.spot_now * case.normal(case.d1)
    carry -= case.rate * case.strike_now * case.normal(case.d2)
    return -decay + case.sign * carry


@_of_options
def vega(case: _Case) -> Floats:
    """Return the change of the value per unit of volatility, S e^(-qT) phi(d1) √T: see `Formula`.

    In $ for a volatility higher by 1.0; divided by 100 for one IV point. The same for calls and
    puts.
    """
    return case.spot_now * case.density * np.sqrt(case.years)


@_of_options
def rho(case: _Case) -> Floats:
    """Return the change of the value per unit of the rate, ±K T e^(-rT) N(±d2): see `Formula`.

    In $ for a rate higher by 1.0; divided by 100 for one percentage point.
    """
    return case.sign * case.strike_now * case.years * case.normal(case.d2)


def strike_from_delta(
    right: Right,
    spot: ArrayLike,
    absolute_delta: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Floats:
    """Return the strike at which an option has a given absolute delta, in closed form.

    With z = N⁻¹(|delta| e^(qT)) it is S e^(± z s √T + (r - q + s²/2) T), plus for puts.

    Parameters
    ----------
    right, spot, years, volatility, rate, dividend_yield
        As in `Formula`.
    absolute_delta
        Above 0 and below 1, such as 0.30 for a 30-delta option.

    Returns
    -------
    ndarray of float64
        In $. NaN where the dividend yield keeps every option's delta below the one asked for.

    Raises
    ------
    UsageError
        If a number is out of its bounds.

    Examples
    --------
    >>> strike = strike_from_delta("put", 100, 0.30, 0.25, 0.2, rate=0.05)
    >>> round(float(delta("put", 100, strike, 0.25, 0.2, rate=0.05)), 12)
    -0.3
    """
    from scipy.special import ndtri  # noqa: PLC0415 - scipy is slow to import

    target = np.asarray(absolute_delta, dtype=np.float64)
    if not (np.isnan(target) | ((target > 0.0) & (target < 1.0))).all():
        raise _refusal("absolute_delta", target, "above 0 and below 1")
    # The strike is what is asked for; any will do to have the rest checked.
    case = _case(right, spot, spot, years, volatility, rate, dividend_yield)
    reached = target / case.dividend_discount
    with np.errstate(all="ignore"):
        quantile = np.where(reached < 1.0, ndtri(np.minimum(reached, 1.0)), np.nan)
    drift = (case.rate - case.dividend_yield + 0.5 * case.volatility**2) * case.years
    strike: Floats = case.spot * np.exp(drift - case.sign * quantile * case.deviation)
    return strike
