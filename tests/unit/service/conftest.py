"""The service as an application, with a dispatcher that gives nothing out."""

import pytest
from fastapi.testclient import TestClient
from support.service import Idle, settings_in

from btkit.service.app import make_app
from btkit.storage import Store


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


@pytest.fixture
def dispatcher():
    return Idle()


@pytest.fixture
def served(dispatcher):
    """Give what makes a client of a service with some settings."""

    def client(settings, **more):
        app = make_app(Store.from_settings(settings), dispatcher, settings, **more)
        return TestClient(app, base_url="http://127.0.0.1:8432")

    return client


@pytest.fixture
def client(served, settings):
    return served(settings)
