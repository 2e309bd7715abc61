"""The ways by which a notebook's shell speaks to its client: messages, streams, widgets."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from comm.base_comm import BaseComm
from ipykernel.jsonutil import json_clean
from jupyter_client.session import Session
from traitlets import Any as AnyTrait

Message = dict[str, Any]

STANDARD_STREAMS = {"stdout": 1, "stderr": 2}
"""Name and descriptor."""


class DirectSession(Session):
    """A session whose messages go to a function instead of a socket."""

    receive = AnyTrait()

    def send(  # type: ignore[override]  # the socket and what belongs to it are of no use here
        self,
        stream: object,  # noqa: ARG002 - as the base class has it
        msg_or_type: Message | str,
        content: Message | None = None,
        parent: Message | None = None,
        buffers: list[bytes] | None = None,
        metadata: Message | None = None,
        **_options: object,
    ) -> Message:
        """Hand a message over; see the base class for the parameters."""
        if isinstance(msg_or_type, str):
            message = self.msg(msg_or_type, content, parent=parent, metadata=metadata)
        else:
            message = msg_or_type
        # Over a socket a message is a copy, and tuples become lists; so they do here.
        message["content"] = self._copied(message["content"])
        message["buffers"] = [bytes(buffer) for buffer in buffers or ()]
        self.receive(message)
        return message

    def _copied(self, content: Message) -> Message:
        try:
            copied: Message = self.unpack(self.pack(content))
        except UnicodeEncodeError:
            # Half of a pair of surrogates, which no file can hold either.
            text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
            copied = json.loads(text)
        return copied


class CapturedStream(io.TextIOBase):
    """A standard stream of the notebook: what Python writes, and what programs write beneath it.

    Parameters
    ----------
    name
        ``stdout`` or ``stderr``.
    send
        Takes the text of one message.
    """

    encoding = "UTF-8"
    errors = None

    def __init__(self, name: str, send: Callable[[str], None]) -> None:
        super().__init__()
        self.name = name
        self._send = send
        self._parts: list[str] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stream
        self._read = 0

    def write(self, text: str) -> int:
        """Take text; it is sent with the next flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._collect()
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Send what has come together."""
        self._collect()
        text = "".join(self._parts)
        self._parts.clear()
        if text:
            self._send(text)

    def writable(self) -> bool:
        """Return that it takes text."""
        return True

    def isatty(self) -> bool:
        """Return that it is no terminal."""
        return False

    def fileno(self) -> int:
        """Return the descriptor that programs started by a cell write to."""
        return STANDARD_STREAMS[self.name]

    @contextmanager
    def beneath(self) -> Iterator[None]:
        """Take what is written to the process's own descriptor while the block runs."""
        descriptor = STANDARD_STREAMS[self.name]
        try:
            kept = os.dup(descriptor)
        except OSError:  # the process was started with it closed
            yield
            return
        try:
            os.dup2(self._file.fileno(), descriptor)
            yield
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
            self._collect()

    def release(self) -> None:
        """Give the file back; what a thread that lives on still writes is dropped."""
        self._file.close()

    def _collect(self) -> None:
        """Put what programs wrote since the last look before what Python writes now."""
        if self._file.closed:
            self._parts.clear()
            return
        size = os.fstat(self._file.fileno()).st_size
        if size > self._read:
            written = os.pread(self._file.fileno(), size - self._read, self._read)
            self._read = size
            self._parts.append(written.decode("utf-8", "replace"))


class DirectComm(BaseComm):
    """A widget's channel; its messages go the way of all other output."""

    publish: ClassVar[Callable[..., None]]

    def publish_msg(
        self,
        msg_type: str,
        data: Message | None = None,
        metadata: Message | None = None,
        buffers: list[bytes] | None = None,
        **keys: object,
    ) -> None:
        """Send a message of the widget."""
        content = json_clean({"data": data or {}, "comm_id": self.comm_id, **keys})
        type(self).publish(msg_type, content, metadata=json_clean(metadata or {}), buffers=buffers)
