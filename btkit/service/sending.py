"""Files as answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from btkit.service.digests import content_digest

_CHUNK = 1_000_000


def sent_file(path: Path, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """Return a file as an answer. It may be removed then: it is open.

    Parameters
    ----------
    path
        The file.
    media_type, headers
        Of the answer, which says the SHA-256 in Content-Digest.
    """
    file = path.open("rb")
    digest = content_digest(hashlib.file_digest(file, "sha256").digest())
    size = file.tell()
    file.seek(0)

    def parts() -> Iterator[bytes]:
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk

    stated = {"Content-Length": str(size), "Content-Digest": digest, **(headers or {})}
    return StreamingResponse(parts(), media_type=media_type, headers=stated)


def file_answer(media_type: str) -> dict[str, Any]:
    """Return what OpenAPI says of such an answer.

    Parameters
    ----------
    media_type
        Of the file.
    """
    schema = {"type": "string", "format": "binary"}
    return {
        "description": "The content; Content-Digest has its SHA-256",
        "content": {media_type: {"schema": schema}},
    }
