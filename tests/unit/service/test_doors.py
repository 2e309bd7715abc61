"""Which hosts are this machine's alone, and what may be reached without certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.certificates import make_authority

from btkit.errors import UsageError
from btkit.service.doors import Door, is_loopback, outside_door
from btkit.settings import Settings


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    authority = make_authority(tmp_path_factory.mktemp("certificates"))
    cert, key = authority.sign("worker")
    return {"tls_cert": cert, "tls_key": key, "tls_ca": authority.path}


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


def test_no_scheduler_is_named():
    assert outside_door(Settings()) is None


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:1"])
def test_on_this_machine_a_scheduler_needs_no_certificate(address):
    door = outside_door(Settings(dask_scheduler=address))
    assert door == Door(address)
    assert door.security() is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8786",
        "http://127.0.0.1:8786",
        "tls://host",
        "tls://:8786",
        "tcp://host:port",
        "tls://host:8786/path",
        "tls://user@host:8786",
        "inproc://1",
        "tcp://host:99999",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="no scheduler's address") as caught:
        outside_door(Settings(dask_scheduler=address))
    assert "tls://" in caught.value.hint


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.2", "scheduler.example", "[2001:db8::1]"])
def test_beyond_this_machine_a_scheduler_needs_certificates(host, certificates):
    settings = Settings(dask_scheduler=f"tcp://{host}:8786", **certificates)
    with pytest.raises(UsageError, match="can run any code") as caught:
        outside_door(settings)
    assert "BT_TLS_CERT, BT_TLS_KEY and BT_TLS_CA" in caught.value.hint


@pytest.mark.parametrize("left_out", ["tls_cert", "tls_key", "tls_ca"])
def test_tls_needs_all_three_files(certificates, left_out):
    given = {name: path for name, path in certificates.items() if name != left_out}
    with pytest.raises(UsageError, match=f"BT_{left_out.upper()} is not set") as caught:
        outside_door(Settings(dask_scheduler="tls://scheduler.example:8786", **given))
    assert caught.value.details["missing"] == [f"BT_{left_out.upper()}"]


def test_the_certificates_open_the_door(certificates):
    settings = Settings(dask_scheduler="tls://scheduler.example:8786", **certificates)
    security = outside_door(settings).security()
    assert security.require_encryption
    for role in ("client", "worker", "scheduler"):
        config = security.get_tls_config_for_role(role)
        assert config["cert"] == str(certificates["tls_cert"])
        assert config["ca_file"] == str(certificates["tls_ca"])


@pytest.mark.parametrize("name", ["tls_cert", "tls_key", "tls_ca"])
@pytest.mark.parametrize("content", [None, b"no PEM at all"])
def test_files_that_are_none_are_refused(certificates, tmp_path, name, content):
    path = Path(tmp_path / "broken.pem")
    if content is not None:
        path.write_bytes(content)
    settings = Settings(
        dask_scheduler="tls://scheduler.example:8786", **{**certificates, name: path}
    )
    with pytest.raises(UsageError, match="cannot be used"):
        outside_door(settings)


def test_a_key_has_to_belong_to_its_certificate(certificates, tmp_path):
    _, other = make_authority(tmp_path).sign("other")
    settings = Settings(
        dask_scheduler="tls://scheduler.example:8786", **{**certificates, "tls_key": other}
    )
    with pytest.raises(UsageError, match="cannot be used"):
        outside_door(settings)
