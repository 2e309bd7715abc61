"""Which hosts are this machine's alone, and what may be reached without certificates."""

from __future__ import annotations

import pytest

from btkit.service.doors import is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LocalHost", "::1", "[::1]"]
)
def test_only_this_machine_reaches_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.example.org"],  # noqa: S104 - told apart, not bound
)
def test_every_other_host_may_be_reached(host):
    assert not is_loopback(host)
