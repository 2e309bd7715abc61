"""What keeps a server from beginning is said before anything has begun."""

import socket

import pytest
from support.service import TOKEN, settings_in

from btkit.errors import AccessError, UsageError
from btkit.service.serve import _listening, serve, with_workers


def begin(settings, host="127.0.0.1", port=0):
    serve(settings, host=host, port=port, ready=lambda about: pytest.fail(str(about)))


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken(tmp_path, taken):
    with pytest.raises(UsageError, match=f"Port {taken} of 127.0.0.1 is taken") as refused:
        begin(settings_in(tmp_path), port=taken)
    assert "--port" in refused.value.hint
    assert refused.value.details["port"] == taken


def test_a_host_that_is_none_of_this_machine(tmp_path):
    with pytest.raises(UsageError, match="no address of this machine") as refused:
        begin(settings_in(tmp_path, api_token=TOKEN), host="host.invalid")
    assert refused.value.details["argument"] == "host"


def test_others_without_a_token(tmp_path):
    with pytest.raises(AccessError, match="BT_API_TOKEN is not set"):
        begin(settings_in(tmp_path), host="0.0.0.0")  # noqa: S104 - it is refused


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UsageError, match="BT_ALLOWED_DIRS"):
        begin(settings_in(tmp_path, allowed_dirs=str(tmp_path / "none")))


def test_workers_of_two_kinds(tmp_path):
    settings = settings_in(tmp_path, dask_scheduler="tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match="--workers"):
        with_workers(settings, 1)
    assert with_workers(settings, None) is settings
    assert with_workers(settings_in(tmp_path), 0).local_workers == 0


def test_answers_do_not_wait_for_delayed_acknowledgements():
    with (
        _listening("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
