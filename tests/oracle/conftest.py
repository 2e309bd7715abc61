"""How many cases the agreement test draws; `make agreement` is for a long night."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Registered, not loaded: other tests keep their own settings.
_UNHURRIED = [HealthCheck.too_slow]
settings.register_profile(
    "ci", max_examples=100, derandomize=True, deadline=None, suppress_health_check=_UNHURRIED
)
# Other examples each time: the same ones would find nothing new the next night.
settings.register_profile(
    "deep",
    max_examples=20_000,
    derandomize=False,
    database=None,
    deadline=None,
    suppress_health_check=_UNHURRIED,
)
