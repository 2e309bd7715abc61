"""An IPython shell inside this process that speaks as a kernel does, without sockets."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextvars
import getpass
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import Any, ClassVar

import comm
from comm.base_comm import BaseComm, CommManager
from ipykernel.compiler import XCachingCompiler
from ipykernel.jsonutil import json_clean
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from jupyter_client.session import Session
from traitlets import Any as AnyTrait
from traitlets.config import Config

from btkit.render.process_state import own_event_loop, process_state_kept

Message = dict[str, Any]
Receive = Callable[[Message], None]

# History would open a database and start a thread, for cells that nobody will recall.
_CONFIG = Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}})
_STANDARD_STREAMS = {"stdout": 1, "stderr": 2}


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
        message["content"] = self.unpack(self.pack(message["content"]))
        message["buffers"] = [bytes(buffer) for buffer in buffers or ()]
        self.receive(message)
        return message


class CapturedStream(io.TextIOBase):
    """A standard stream of the notebook: what Python writes, and what programs write beneath it.

    Parameters
    ----------
    name
        ``stdout`` or ``stderr``.
    send
        Takes the text of one message.
    """

    encoding = "utf-8"
    errors = "replace"

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
        return _STANDARD_STREAMS[self.name]

    @contextmanager
    def beneath(self) -> Iterator[None]:
        """Take what is written to the process's own descriptor while the block runs."""
        descriptor = _STANDARD_STREAMS[self.name]
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


class InProcessShell:
    """A notebook's shell: runs cells one by one and sends what a kernel would send.

    Parameters
    ----------
    receive
        Takes each message: status, execute_input, stream, display_data and so on.
    """

    def __init__(self, receive: Receive) -> None:
        self.session = DirectSession(receive=receive)
        self.comms = CommManager()
        self._parent: Message = {}
        self._context = contextvars.copy_context()

    @contextmanager
    def started(self) -> Iterator[None]:
        """Start the shell, and leave the process as it was when the block ends."""
        with ExitStack() as stack:
            stack.enter_context(process_state_kept())
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="btkit-"))
            stack.enter_context(_no_other_shell())
            self._loop = stack.enter_context(own_event_loop())
            self._streams = [stack.enter_context(self._stream(name)) for name in _STANDARD_STREAMS]
            stack.enter_context(self._widget_channels())
            # As a kernel replaces them where nobody can answer.
            vars(builtins)["input"] = vars(getpass)["getpass"] = _refuse_input
            self.shell = self._new_shell(folder)
            stack.callback(self._end)
            yield

    def deliver(self, message: Message) -> None:
        """Take a message from the notebook's side, such as the state of an output widget."""
        channel = self.comms.get_comm(message["content"]["comm_id"])
        if channel is not None and message["header"]["msg_type"] == "comm_msg":
            channel.handle_msg({"buffers": [], **message})

    def run(self, source: str, *, cell_id: str | None = None) -> Message:
        """Run a cell.

        Parameters
        ----------
        source
            Code of the cell, magics included.
        cell_id
            Of the cell in the notebook.

        Returns
        -------
        dict
            The message ``execute_reply``.

        Raises
        ------
        KeyboardInterrupt
            If the cell was interrupted; its traceback was sent all the same.
        """
        self._parent = self.session.msg("execute_request", {"code": source})
        self.shell.set_parent(self._parent)
        self._publish("status", {"execution_state": "busy"})
        count = self.shell.execution_count
        self._publish("execute_input", {"code": source, "execution_count": count})
        with ExitStack() as stack:
            for stream in self._streams:
                stack.enter_context(stream.beneath())
            task = self._loop.create_task(self._run(source, cell_id), context=self._context)
            result = self._loop.run_until_complete(task)
        for stream in self._streams:
            stream.flush()
        reply = self.session.msg("execute_reply", self._reply(result), parent=self._parent)
        self._publish("status", {"execution_state": "idle"})
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, KeyboardInterrupt):
            raise error
        return reply

    @property
    def exited(self) -> bool:
        """Whether a cell ended the session with ``exit``."""
        return bool(self.shell.exit_now)

    async def _run(self, source: str, cell_id: str | None) -> Any:  # noqa: ANN401 - IPython's
        shell, failure = self.shell, None
        try:
            transformed = shell.transform_cell(source)
        except Exception:  # noqa: BLE001 - whatever it is, the shell shows it as the cell's error
            transformed, failure = source, sys.exc_info()
        prepared = {"transformed_cell": transformed, "preprocessing_exc_tuple": failure}
        if not shell.should_run_async(source, **prepared):
            return shell.run_cell(source, store_history=True, cell_id=cell_id)
        result = None
        try:
            result = await shell.run_cell_async(
                source, store_history=True, cell_id=cell_id, **prepared
            )
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        return result

    def _reply(self, result: Any) -> Message:  # noqa: ANN401 - IPython's
        self.shell.payload_manager.clear_payload()
        count = self.shell.execution_count - 1
        # As a kernel reads them; before the first cell that is not awaited they do not exist.
        broken = getattr(self.shell, "_last_traceback_during_displayhook", False)
        if result.success and not broken:
            return {"status": "ok", "execution_count": count}
        error = result.error_before_exec or result.error_in_exec
        return {
            "status": "error",
            "execution_count": count,
            "ename": type(error).__name__,
            "evalue": str(error),
            "traceback": getattr(self.shell, "_last_traceback", None) or [],
        }

    def _publish(self, kind: str, content: Message, **parts: Any) -> None:  # noqa: ANN401
        self.session.send(None, kind, content, parent=self._parent, **parts)

    def _new_shell(self, folder: str) -> Any:  # noqa: ANN401 - IPython has no types
        # The class itself, not one of our own: libraries look at its name to know where they are.
        shell: Any = ZMQInteractiveShell.instance(
            config=_CONFIG,
            profile_dir=ProfileDir(location=folder),
            compiler_class=XCachingCompiler,
        )
        # As the class stands, its process would be terminated by an exit.
        shell.kernel = SimpleNamespace(
            get_parent=lambda *_: self._parent,
            session=self.session,
            comm_manager=self.comms,
            eventloop=None,
        )
        shell.displayhook.session = shell.display_pub.session = self.session
        return shell

    def _end(self) -> None:
        """Let go of everything that a cell made: the interpreter would keep it."""
        shell = self.shell
        atexit.unregister(shell.atexit_operations)
        with suppress(KeyError):
            shell.restore_sys_module_state()
        # `shell.reset` would do more, and collect garbage for a tenth of a second.
        for names in (shell.user_ns["_oh"], shell.user_module.__dict__, shell.user_ns):
            names.clear()
        shell.user_ns_hidden.clear()
        shell.history_manager.reset()
        del self.shell

    @contextmanager
    def _stream(self, name: str) -> Iterator[CapturedStream]:
        def send(text: str) -> None:
            self._publish("stream", {"name": name, "text": text})

        stream = CapturedStream(name, send)
        setattr(sys, name, stream)
        try:
            yield stream
        finally:
            stream.release()

    @contextmanager
    def _widget_channels(self) -> Iterator[None]:
        channel = type("NotebookComm", (DirectComm,), {"publish": staticmethod(self._publish)})
        before = comm.create_comm, comm.get_comm_manager
        comm.create_comm, comm.get_comm_manager = channel, lambda: self.comms
        widgets = sys.modules.get("ipywidgets")
        if widgets is not None:
            widgets.register_comm_target()
        try:
            yield
        finally:
            for opened in list(self.comms.comms.values()):
                opened.close()
            comm.create_comm, comm.get_comm_manager = before


@contextmanager
def _no_other_shell() -> Iterator[None]:
    """Hide the shell of the process, if it has one, and the notebook's from what comes after."""
    kinds = [kind for kind in ZMQInteractiveShell.mro() if issubclass(kind, InteractiveShell)]
    # traitlets offers no other way.
    current: InteractiveShell | None = vars(InteractiveShell).get("_instance")
    if current is not None:
        kinds += [kind for kind in type(current).mro() if issubclass(kind, InteractiveShell)]
    before = {kind: kind.__dict__.get("_instance") for kind in kinds}
    for kind in kinds:
        kind._instance = None  # noqa: SLF001 - as above
    try:
        yield
    finally:
        for kind, instance in before.items():
            kind._instance = instance  # noqa: SLF001 - as above


def _refuse_input(prompt: str = "", **_options: object) -> str:  # noqa: ARG001 - as input has it
    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


def runs_in_a_loop() -> bool:
    """Tell whether this thread's event loop is running, so that no other may run in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
