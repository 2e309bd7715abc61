"""The header that says what content must hash to (RFC 9530)."""

from __future__ import annotations

import base64
import binascii
import re

_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")
_BYTES = 32


def content_digest(sha256: bytes) -> str:
    """Return the value of ``Content-Digest``.

    Parameters
    ----------
    sha256
        The 32 bytes of the digest.

    Examples
    --------
    >>> content_digest(bytes(32))
    'sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:'
    """
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def read_digest(value: str) -> bytes | None:
    """Return the SHA-256 that a ``Content-Digest`` states; None where it states none.

    Parameters
    ----------
    value
        Of the header; other algorithms may stand beside it.

    Examples
    --------
    >>> read_digest(content_digest(bytes(32))) == bytes(32)
    True
    """
    found = _SHA256.search(value)
    if found is None:
        return None
    try:
        digest = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
    return digest if len(digest) == _BYTES else None
