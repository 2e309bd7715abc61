"""Object storage: whatever speaks S3, through the `minio` client."""

from __future__ import annotations

import http.client
import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, unquote, urlsplit

from btkit.errors import StoreError, UsageError
from btkit.settings import Settings

if TYPE_CHECKING:
    from minio import Minio

REACHABLE_WITHIN_S = 0.3
"""An endpoint that takes longer to answer a connection counts as unreachable, in seconds."""

_HERE = {"localhost", "127.0.0.1", "::1"}
# Characters of an endpoint that has nothing in it but an address.
_ADDRESS = re.compile(r"[\w.:/\[\]-]*")
_LONGEST_REASON = 200
_ABSENT = {"NoSuchKey", "NoSuchObject", "NoSuchBucket", "ResourceNotFound"}
_OWNED = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_CODE = re.compile(r"<Code>(\w+)</Code>")


class ObjectStore:
    """A bucket.

    Nothing is connected, and the client not even imported, before it is needed.

    Parameters
    ----------
    endpoint
        ``host:port``, also with ``http://`` or ``https://`` before it.
    access_key, secret_key
        Credentials.
    bucket
        Made when the first object is stored only where it has the default name, on this machine:
        elsewhere a mistyped name would get its own bucket, and what was delivered be lost there.
    secure
        Whether to speak HTTPS, where the endpoint does not say.
    is_chosen
        Whether somebody asked for this endpoint; else it is used only where it is reachable.
    timeout_s
        How long one request may take to connect and be sent, and as long again to be answered.

    Raises
    ------
    UsageError
        If the endpoint is none.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        access_key: str,
        secret_key: str,
        bucket: str,
        secure: bool = False,
        is_chosen: bool = True,
        timeout_s: float = 10.0,
    ) -> None:
        self.bucket = bucket
        self.is_chosen = is_chosen
        self._keys = access_key, secret_key
        self._timeout_s = timeout_s
        self._host, self._port, self._secure = _parse_endpoint(endpoint, secure=secure)
        self.endpoint = f"{self._host}:{self._port}"
        self._client: Minio | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore | None:
        """Return the bucket that the BT_MINIO_* variables name; None without an endpoint."""
        if settings.minio_endpoint is None:
            return None
        return cls(
            settings.minio_endpoint,
            access_key=settings.minio_access_key,
            secret_key=settings.minio_secret_key.get_secret_value(),
            bucket=settings.minio_bucket,
            secure=settings.minio_secure,
            is_chosen="minio_endpoint" in settings.model_fields_set,
            timeout_s=settings.minio_timeout_s,
        )

    def is_on(self) -> bool:
        """Tell whether files are to go there: it was chosen, or something there speaks S3."""
        return self.is_chosen or self._speaks_s3()

    def is_reachable(self) -> bool:
        """Tell whether the endpoint takes a connection within `REACHABLE_WITHIN_S`."""
        return _within(REACHABLE_WITHIN_S, self._connects)

    def url_of(self, key: str, *, bucket: str | None = None) -> str:
        """Return an object's URL, ``s3://bucket/key``."""
        return f"s3://{bucket or self.bucket}/{quote(key)}"

    def put(self, key: str, path: Path) -> None:
        """Store a file, unless exactly this file is there already, and read it back.

        Parameters
        ----------
        key
            The object's name.
        path
            The file.

        Raises
        ------
        StoreError
            If it could not be stored, or what is there now is not what was sent.
        FileNotFoundError
            If there is no such file.
        """
        content = path.read_bytes()
        with self._explained(f"{path.name} could not be delivered"):
            if self._holds(key, content):
                return
            self._put(key, content)
            # What says yes to everything, such as a proxy's page, has stored nothing; and only
            # what was read back may be the last copy.
            if not self._holds(key, content):
                message = "the server took it, but does not have it"
                raise OSError(message)

    def make_bucket(self) -> None:
        """Make the bucket, if it is not there.

        Raises
        ------
        StoreError
            If it cannot be made.
        """
        # There already, or another process was faster.
        with self._explained("The bucket could not be made"), _Passing(_OWNED):
            self._connected().make_bucket(self.bucket)

    def get(self, url: str) -> bytes:
        """Return an object's content.

        Parameters
        ----------
        url
            As `url_of` gives it.

        Raises
        ------
        StoreError
            If it cannot be had.
        """
        with self._explained(f"{url} could not be fetched"):
            return self._fetch(url)

    def find(self, url: str) -> bytes | None:
        """Return an object's content; None where there is no such object.

        Parameters
        ----------
        url
            As `url_of` gives it.

        Raises
        ------
        StoreError
            If the server does not say.
        """
        with self._explained(f"{url} could not be fetched"), _Passing(_ABSENT):
            return self._fetch(url)
        return None

    def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        key = unquote(parts.path.removeprefix("/"))
        response = self._connected().get_object(parts.netloc, key)
        try:
            content: bytes = response.read()
        finally:
            response.close()
            response.release_conn()
        return content

    def remove(self, key: str, *, bucket: str) -> None:
        """Remove an object, if there is one.

        Parameters
        ----------
        key, bucket
            Where it is.

        Raises
        ------
        StoreError
            If it could not be removed.
        """
        with self._explained(f"s3://{bucket}/{key} could not be removed"), _Passing(_ABSENT):
            self._connected().remove_object(bucket, key)

    def _holds(self, key: str, content: bytes) -> bool:
        with _Passing(_ABSENT):
            known = self._connected().stat_object(self.bucket, key)
            return known.size == len(content) and self._fetch(self.url_of(key)) == content
        return False

    def _put(self, key: str, content: bytes) -> None:
        if self._is_taken(key, content):
            return
        if not self._may_make_bucket():
            message = (
                f"there is no bucket {self.bucket} there; if its name is right, "
                "`backtest sync --create-bucket` makes it"
            )
            raise OSError(message)
        self.make_bucket()
        if not self._is_taken(key, content):
            message = f"there is no bucket {self.bucket} there, though it was made"
            raise OSError(message)

    def _is_taken(self, key: str, content: bytes) -> bool:
        with _Passing({"NoSuchBucket"}):
            self._connected().put_object(self.bucket, key, io.BytesIO(content), len(content))
            return True
        return False

    def _may_make_bucket(self) -> bool:
        default = Settings.model_fields["minio_bucket"].default
        return self._host in _HERE and self.bucket == default

    def _connected(self) -> Minio:
        if self._client is None:
            # Slow to import, and most runs stay on this machine.
            from minio import Minio  # noqa: PLC0415

            from btkit.storage.transport import BoundedPool  # noqa: PLC0415

            access_key, secret_key = self._keys
            self._client = Minio(
                f"{_bracketed(self._host)}:{self._port}",
                access_key=access_key,
                secret_key=secret_key,
                secure=self._secure,
                http_client=BoundedPool(timeout_s=self._timeout_s),
            )
        return self._client

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        from minio.error import MinioException  # noqa: PLC0415 - as above
        from urllib3.exceptions import MaxRetryError  # noqa: PLC0415 - as above

        if not self.is_reachable():
            self._refuse(what, "it does not answer within 0.3 s", None)
        try:
            yield
        except FileNotFoundError:
            raise
        except MinioException as error:
            self._refuse(what, _code(error) or _described(error), error)
        except MaxRetryError as error:
            self._refuse(what, _described(error.reason or error), error)
        # The client trips in ways of its own over answers that are none.
        except Exception as error:  # noqa: BLE001 - whatever it is, the file stays and is queued
            self._refuse(what, _described(error), error)

    def _refuse(self, what: str, reason: str, cause: Exception | None) -> NoReturn:
        raise StoreError(
            f"{what} (object storage at {self.endpoint}, bucket {self.bucket}): {reason}.",
            hint="Check the BT_MINIO_* variables and the server; `backtest sync` tries again.",
            details={"endpoint": self.endpoint, "bucket": self.bucket, "reason": reason},
        ) from cause

    def _connects(self) -> bool:
        address = (self._host, self._port)
        with socket.create_connection(address, timeout=REACHABLE_WITHIN_S):
            return True

    def _speaks_s3(self) -> bool:
        return self.is_reachable() and _within(REACHABLE_WITHIN_S, self._answers_as_s3)

    def _answers_as_s3(self) -> bool:
        # Nobody asked for this endpoint, so whatever has its port gets no credentials before it
        # has shown what it is.
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=REACHABLE_WITHIN_S)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            known = answer.getheader("x-amz-request-id") is not None
            return known or _CODE.search(answer.read(10_000).decode("latin-1")) is not None
        finally:
            connection.close()


class _Passing:
    """Passes over what the server refuses for one of some reasons."""

    def __init__(self, codes: set[str]) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        from minio.error import MinioException  # noqa: PLC0415 - slow to import

        return isinstance(error, MinioException) and _code(error) in self._codes


def _described(error: BaseException) -> str:
    # Some quote all that the server sent.
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _code(error: Exception) -> str | None:
    # The client reads an error's XML only where the server labels it as MinIO does.
    known = getattr(error, "code", None)
    found = _CODE.search(str(error))
    return known or (found.group(1) if found else None)


def _parse_endpoint(endpoint: str, *, secure: bool) -> tuple[str, int, bool]:
    text = endpoint.strip()
    if "@" in text:
        # Not a word of what was received: it would stand in documents and logs from now on.
        raise UsageError(
            "BT_MINIO_ENDPOINT holds credentials.",
            hint="Write it as host:port, such as localhost:9000; the credentials go into "
            "BT_MINIO_ACCESS_KEY and BT_MINIO_SECRET_KEY.",
            details={"variable": "BT_MINIO_ENDPOINT"},
        )
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    known = {"": secure, "http": False, "https": True}.get(parts.scheme)
    if not parts.hostname or known is None or parts.path not in ("", "/") or parts.query:
        # What follows a ? may be a signature.
        shown = endpoint if _ADDRESS.fullmatch(endpoint) else "something else"
        raise UsageError(
            f"BT_MINIO_ENDPOINT is {shown!r}, which is no endpoint.",
            hint="Write it as host:port, such as localhost:9000.",
            details={"variable": "BT_MINIO_ENDPOINT", "received": shown},
        )
    return parts.hostname, port or (443 if known else 80), known


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _within(seconds: float, question: Callable[[], bool]) -> bool:
    """Answer a question, or no where that takes too long or fails; a name server may hang."""
    answers: list[bool] = []

    def ask() -> None:
        try:
            answers.append(question())
        except (OSError, http.client.HTTPException):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers and answers[0])
