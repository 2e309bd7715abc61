"""An IPython shell inside this process that speaks as a kernel does, without sockets."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextvars
import decimal
import getpass
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import comm
from comm.base_comm import CommManager
from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from traitlets.config import Config

from btkit.render.channels import STANDARD_STREAMS, CapturedStream, DirectComm, DirectSession
from btkit.render.library_state import matplotlib_draws_inline
from btkit.render.process_state import own_event_loop, process_state_kept

Message = dict[str, Any]
Receive = Callable[[Message], None]

# History would open a database and start a thread, for cells that nobody will recall.
_CONFIG = Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}})


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
        # A context of decimal numbers is changed in place, and the copy would share it.
        self._context.run(decimal.setcontext, decimal.DefaultContext.copy())

    @contextmanager
    def started(self) -> Iterator[None]:
        """Start the shell, and leave the process as it was when the block ends."""
        with ExitStack() as stack:
            stack.enter_context(process_state_kept())
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="btkit-"))
            stack.enter_context(_no_other_shell())
            self._loop = stack.enter_context(own_event_loop())
            self._streams = [stack.enter_context(self._stream(name)) for name in STANDARD_STREAMS]
            stack.enter_context(self._widget_channels())
            # As a kernel replaces them where nobody can answer.
            sys.stdin = stack.enter_context(open(os.devnull, encoding="utf-8"))  # noqa: PTH123
            vars(builtins)["input"] = _refuse_input
            vars(getpass)["getpass"] = _refuse_password
            self.shell = self._new_shell(folder)
            stack.callback(self._end)
            matplotlib_draws_inline()
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
    raise _nobody_answers("raw_input")


def _refuse_password(prompt: str = "", *_options: object, **_more: object) -> str:  # noqa: ARG001
    raise _nobody_answers("getpass")


def _nobody_answers(asked: str) -> StdinNotImplementedError:
    return StdinNotImplementedError(
        f"{asked} was called, but this frontend does not support input requests."
    )


def runs_in_a_loop() -> bool:
    """Tell whether this thread's event loop is running, so that no other may run in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
