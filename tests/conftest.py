"""For every test: whether it is an integration test, and how Hypothesis draws examples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.deep import Steps

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

TESTS = Path(__file__).parent
# Kernels, browsers, servers and killed commands; files of other folders say it themselves.
INTEGRATION = {"browser", "notebooks", "service", "storage"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in INTEGRATION:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def steps(request):
    """Give what makes a `Steps` of a number of steps and what they are."""
    return partial(Steps, request.config.pluginmanager.getplugin("terminalreporter").write_line)
