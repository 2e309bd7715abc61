"""How Hypothesis draws examples, in every test that does not say otherwise."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples wherever the tests run, and no limits on time: neither luck nor a busy machine
# decides whether they pass. Whoever looks for more chooses another profile on the command line.
settings.register_profile(
    "steady",
    settings.default,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")
