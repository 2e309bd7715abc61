"""The header that says what content must hash to."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btkit.service.digests import content_digest, read_digest


@given(st.binary())
def test_a_digest_comes_back_as_it_was_written(content):
    digest = hashlib.sha256(content).digest()
    assert read_digest(content_digest(digest)) == digest
    assert read_digest(f"sha-512=:AAAA:, {content_digest(digest)}") == digest


@pytest.mark.parametrize(
    "value", ["", "sha-256=abc", "sha-256=:abc:", "sha-256=:AAAA:", "md5=:AA==:"]
)
def test_what_states_no_digest_is_none(value):
    assert read_digest(value) is None
