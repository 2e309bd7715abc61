"""A command whose packages are missing says what to install."""

from __future__ import annotations

import pytest

from btkit.errors import UsageError
from btkit.service.extra import check_installed


def test_what_is_there_is_not_mentioned():
    check_installed("json", "pathlib", extra="service", wanted_by="a test")


def test_each_missing_package_is_named():
    with pytest.raises(UsageError, match="packages no_such_a, no_such_b, which are") as caught:
        check_installed("no_such_a", "json", "no_such_b", extra="service", wanted_by="a test")
    assert caught.value.hint.endswith("pip install 'btkit[service]'")
    with pytest.raises(UsageError, match="the package no_such_a, which is not"):
        check_installed("no_such_a", extra="service", wanted_by="a test")
