"""Who may come in: what is on this machine alone, and what needs certificates.

A Dask scheduler runs any code that is sent to its port, so nobody may reach one who cannot prove to
be one of ours. Both ends show a certificate that the same authority signed (mutual TLS).
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from btkit.errors import UsageError
from btkit.settings import Settings

if TYPE_CHECKING:
    from distributed.security import Security

_EXAMPLE = "such as tls://scheduler.example:8786"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host by its name.

    Parameters
    ----------
    host
        A name or an address, with or without the brackets of IPv6.

    Returns
    -------
    bool
        True for ``localhost``, 127.0.0.0/8 and ::1. Other names count as reachable: what they
        stand for may change.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Door:
    """Where a scheduler is, and what opens it.

    Parameters
    ----------
    scheduler
        Its address: ``tls://host:port``, or ``tcp://127.0.0.1:port``.
    cert, key
        What this process shows, and the private key to it, as PEM files; None without TLS.
    ca
        The authority that has signed what the others show.
    """

    scheduler: str
    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    @property
    def host(self) -> str:
        """The scheduler's host."""
        return urlsplit(self.scheduler).hostname or ""

    def security(self) -> Security | None:
        """Return what Dask takes of it, in any role; None without TLS."""
        from distributed.security import Security  # noqa: PLC0415 - an extra

        if self.cert is None:
            return None
        shown = {
            f"tls_{role}_{part}": str(path)
            for role in ("client", "worker", "scheduler")
            for part, path in (("cert", self.cert), ("key", self.key))
        }
        return Security(require_encryption=True, tls_ca_file=str(self.ca), **shown)


def outside_door(settings: Settings) -> Door | None:
    """Return the door to the scheduler that ``BT_DASK_SCHEDULER`` names; None if it names none.

    Parameters
    ----------
    settings
        With the certificates.

    Raises
    ------
    UsageError
        If it is no such address, or would let anybody in, or the certificates cannot be used.
    """
    address = settings.dask_scheduler
    if address is None:
        return None
    if not _is_address(address):
        raise UsageError(
            f"BT_DASK_SCHEDULER is {address!r}, which is no scheduler's address.",
            hint=f"Write tls://host:port, {_EXAMPLE}; or tcp:// for one on 127.0.0.1.",
            details={"received": address},
        )
    if address.startswith("tls://"):
        return Door(address, *_certificates(settings))
    if not is_loopback(urlsplit(address).hostname or ""):
        raise UsageError(
            f"BT_DASK_SCHEDULER is {address}, and whoever reaches that port can run any code on "
            "the scheduler and its workers.",
            hint="Start the scheduler with TLS certificates, name it as tls://, and set "
            "BT_TLS_CERT, BT_TLS_KEY and BT_TLS_CA.",
            details={"received": address},
        )
    return Door(address)


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return (
            parts.scheme in {"tcp", "tls"}
            and bool(parts.hostname)
            and bool(parts.port)
            and "@" not in parts.netloc
            and not (parts.path or parts.query or parts.fragment)
        )
    except ValueError:  # a port that is no number
        return False


def _certificates(settings: Settings) -> tuple[Path, Path, Path]:
    cert, key, authority = settings.tls_cert, settings.tls_key, settings.tls_ca
    if cert is None or key is None or authority is None:
        given = {"BT_TLS_CERT": cert, "BT_TLS_KEY": key, "BT_TLS_CA": authority}
        missing = [name for name, path in given.items() if path is None]
        raise UsageError(
            f"BT_DASK_SCHEDULER is {settings.dask_scheduler}, and {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set.",
            hint="Set BT_TLS_CERT and BT_TLS_KEY to this machine's certificate and private key, "
            "BT_TLS_CA to the authority's certificate, all as PEM files.",
            details={"missing": missing},
        )
    try:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The certificates of BT_TLS_CERT, BT_TLS_KEY and BT_TLS_CA cannot be used: "
            f"{error.strerror or error}.",
            hint="Name three PEM files that this process may read, and a key that belongs to the "
            "certificate.",
            details={"cert": str(cert), "key": str(key), "ca": str(authority)},
        ) from error
    return cert.absolute(), key.absolute(), authority.absolute()
