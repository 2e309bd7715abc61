"""Content by its SHA-256: bars lie there once, however many pieces of work need them."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Final

from btkit.errors import StoreError
from btkit.settings import Settings
from btkit.storage import ObjectStore
from btkit.writing import digest_of, make_folder, write_whole

SHA256: Final = r"[0-9a-f]{64}"
"""What a digest looks like, as a pattern."""

_DIGEST = re.compile(SHA256)
_LOG = logging.getLogger("btkit.service")


class Blobs:
    """Files in a folder, each named by the SHA-256 of its content.

    Server and workers may share the folder, or a bucket; whoever reads checks what is read.

    Parameters
    ----------
    folder
        Made when the first one is kept.
    private
        Whether only its owner may read them.
    objects
        A bucket that has them, too; None for none.
    """

    def __init__(
        self, folder: Path, *, private: bool = False, objects: ObjectStore | None = None
    ) -> None:
        self.folder = folder.expanduser().absolute()
        self._private = private
        self._objects = objects

    @classmethod
    def from_settings(cls, settings: Settings) -> Blobs:
        """Return those of BT_SERVICE_DIR, and of the bucket where BT_MINIO_ENDPOINT is set."""
        objects = ObjectStore.from_settings(settings)
        chosen = objects if objects is not None and objects.is_chosen else None
        return cls(settings.service_dir / "blobs", private=settings.private, objects=chosen)

    def keep(self, content: bytes) -> str:
        """Write content, unless it is there already, and return its digest.

        Parameters
        ----------
        content
            Such as packed bars.

        Raises
        ------
        StoreError
            If it cannot be written.

        Examples
        --------
        >>> sha256 = Blobs.from_settings(settings).keep(pack_bars(loaded))  # doctest: +SKIP
        """
        sha256 = digest_of(content)
        path = self.path_of(sha256)
        try:
            if path.is_file() and digest_of(path.read_bytes()) == sha256:
                # It is wanted again, whoever tidies up by age.
                os.utime(path)
                return sha256
            make_folder(self.folder, private=self._private)
            write_whole(path, content, private=self._private)
            self._deliver(sha256, path)
        except OSError as error:
            raise StoreError(
                f"Bars for workers cannot be written to {self.folder}: {error.strerror or error}.",
                hint="Set BT_SERVICE_DIR to a folder that you may write to and that has space "
                "left.",
                details={"folder": str(self.folder)},
            ) from error
        return sha256

    def find(self, sha256: str) -> bytes | None:
        """Return content by its digest; None where it is not there, or is not what it should be.

        Parameters
        ----------
        sha256
            64 lower-case hexadecimal digits.
        """
        content: bytes | None
        try:
            content = self.path_of(sha256).read_bytes()
        except OSError:
            # Most workers share no folder with the server.
            content = None
        if content is None or digest_of(content) != sha256:
            content = self._fetch(sha256)
        return content if content is not None and digest_of(content) == sha256 else None

    def has(self, sha256: str) -> bool:
        """Tell whether content is still kept, and its file is what it was."""
        content = self.find(sha256)
        if content is None:
            return False
        # The bucket's may be whole where the file is not.
        self.keep(content)
        return True

    def path_of(self, sha256: str) -> Path:
        """Return where a blob lies, whether or not it is there.

        Parameters
        ----------
        sha256
            64 lower-case hexadecimal digits.

        Raises
        ------
        StoreError
            If it is no digest: it names a file.
        """
        if _DIGEST.fullmatch(sha256) is None:
            raise StoreError(
                f"{sha256[:80]!r} is no SHA-256.",
                hint="It has 64 digits: 0 to 9 and a to f.",
                details={"sha256": sha256[:80]},
            )
        return self.folder / sha256

    def remove(self, sha256: str) -> None:
        """Remove a blob, if it is there.

        Parameters
        ----------
        sha256
            Its digest.
        """
        self.path_of(sha256).unlink(missing_ok=True)
        if self._objects is None:
            return
        try:
            self._objects.remove(_key(sha256), bucket=self._objects.bucket)
        except StoreError as error:
            _LOG.warning("%s", error.message)

    def _deliver(self, sha256: str, path: Path) -> None:
        if self._objects is None:
            return
        try:
            self._objects.put(_key(sha256), path)
        except StoreError as error:
            # Workers ask the server for what is not there.
            _LOG.warning("%s", error.message)

    def _fetch(self, sha256: str) -> bytes | None:
        if self._objects is None:
            return None
        try:
            return self._objects.find(self._objects.url_of(_key(sha256)))
        except StoreError as error:
            _LOG.warning("%s", error.message)
            return None


def _key(sha256: str) -> str:
    return f"service/blobs/{sha256}"
