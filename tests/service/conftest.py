"""Whole processes, which are killed: what they leave lies in a folder of the tests."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _left_behind(tmp_path_factory):
    """Give every process that is started a temporary folder that goes with those of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TMPDIR", str(tmp_path_factory.mktemp("left")))
        yield
