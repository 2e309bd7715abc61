"""Who may come in: what is on this machine alone, and what needs certificates."""

from __future__ import annotations

import ipaddress


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
