"""The papermill engine ``btkit``: a notebook runs inside this process, with no kernel to start.

papermill and nbclient do everything but the running itself: parameters, outputs, errors, metadata
are made by their code from the messages that a kernel would have sent.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbclient.exceptions import (
    CellExecutionComplete,
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.log import logger

from btkit.errors import UsageError
from btkit.render.time_limit import call_within, can_be_stopped

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from btkit.render.shell import InProcessShell

Message = dict[str, Any]

# Streams, folder and shell belong to the whole process, so only one notebook runs at a time.
_TURN = threading.Lock()
_has_turn: contextvars.ContextVar[bool] = contextvars.ContextVar("has_turn", default=False)


class InProcessEngine(Engine):  # type: ignore[misc]  # papermill has no types
    """papermill's engine ``btkit``, known to it by the entry point ``papermill.engine``."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,  # noqa: ANN401 - papermill has no types
        kernel_name: str,
        log_output: bool = False,  # noqa: FBT001, FBT002 - papermill's signature
        stdout_file: Any = None,  # noqa: ANN401 - as above
        stderr_file: Any = None,  # noqa: ANN401 - as above
        start_timeout: float = 60,  # noqa: ARG003 - nothing has to start
        execution_timeout: int | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> NotebookNode:
        """Execute the notebook of `nb_man`; see papermill for the parameters.

        Raises
        ------
        UsageError
            If a time limit is asked for where none can be kept.
        CellTimeoutError
            If a cell takes longer than it may; it is interrupted.
        """
        timeout = options.pop("timeout", None)
        limit = execution_timeout or timeout
        _check_limit(limit, options)
        # What concerns the start of a kernel.
        for name in ("input_path", "startup_timeout", "kernel_manager_class"):
            options.pop(name, None)
        client = InProcessClient(
            nb_man,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            timeout=limit,
            **options,
        )
        executed: NotebookNode = client.execute()
        return executed


class InProcessClient(PapermillNotebookClient):  # type: ignore[misc]  # papermill has no types
    """papermill's client on a shell of this process instead of a kernel."""

    nb: NotebookNode

    def execute(self, **_options: object) -> NotebookNode:
        """Execute every cell; the notebook is changed in place and returned."""
        from btkit.render.shell import runs_in_a_loop  # noqa: PLC0415 - loads ipykernel

        if not runs_in_a_loop():
            return self._execute()
        # In Jupyter the thread that calls already runs a loop, and cells need one of their own.
        with ThreadPoolExecutor(1, thread_name_prefix="btkit-notebook") as pool:
            return pool.submit(contextvars.copy_context().run, self._execute).result()

    def _execute(self) -> NotebookNode:
        from btkit.render.shell import InProcessShell  # noqa: PLC0415 - loads ipykernel

        with _turn():
            # Made here, it takes over that this notebook has its turn.
            return self._execute_in(InProcessShell(self._receive))

    def _execute_in(self, shell: InProcessShell) -> NotebookNode:
        self.reset_execution_trackers()
        self._shell = shell
        self._inbox: list[Message] = []
        # What an output widget uses of a kernel's client.
        self.kc = SimpleNamespace(
            session=shell.session, shell_channel=SimpleNamespace(send=self._inbox.append)
        )
        with shell.started():
            self.papermill_execute_cells()
            self.nb.metadata["language_info"] = language_info()
            self.set_widgets_metadata()
        return self.nb

    def execute_cell(self, cell: NotebookNode, cell_index: int, **_options: object) -> NotebookNode:
        """Execute one cell.

        Parameters
        ----------
        cell
            Changed in place.
        cell_index
            Its position in the notebook.

        Raises
        ------
        CellExecutionError
            If the cell fails and may not.
        CellTimeoutError
            If it takes longer than it may.
        DeadKernelError
            If a cell before ended the session.
        """
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        if self._shell.exited:
            raise DeadKernelError("Kernel died")
        cell.metadata["execution"] = {}
        cell.outputs = []
        self.code_cells_executed += 1
        self.clear_before_next_output = False
        self._place = (cell, cell_index)
        reply = self._run(cell)
        for message in self._inbox:
            self._shell.deliver(message)
        self._inbox.clear()
        cell.metadata["execution"]["shell.execute_reply"] = self._time(reply)
        content = reply["content"]
        allowed = not self.force_raise_errors and (
            self.allow_errors
            or content.get("ename") in self.allow_error_names
            or "raises-exception" in tags
        )
        if content["status"] == "error" and not allowed:
            raise CellExecutionError.from_cell_and_msg(cell, content)
        return cell

    def _run(self, cell: NotebookNode) -> Message:
        limit = self._get_timeout(cell)
        work = partial(self._shell.run, cell.source, cell_id=cell.get("id"))
        if limit is None:
            return work()
        try:
            return call_within(limit, work)
        except TimeoutError as error:
            # What was on its way when the cell was interrupted, the interrupt itself included.
            cell.outputs = [out for out in cell.outputs if out.get("ename") != "KeyboardInterrupt"]
            raise CellTimeoutError.error_from_timeout_and_cell(
                "Cell execution timed out", limit, cell
            ) from error

    def _receive(self, message: Message) -> None:
        if hasattr(self, "_place"):
            # nbclient signals the end of a cell in this way; here `run` returns.
            with suppress(CellExecutionComplete):
                self.process_message(message, *self._place)

    @staticmethod
    def _time(message: Message) -> str:
        return str(message["header"]["date"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _check_limit(limit: float | None, options: dict[str, Any]) -> None:
    from btkit.render.shell import runs_in_a_loop  # noqa: PLC0415 - loads ipykernel

    named = [name for name in ("interrupt_on_timeout", "error_on_timeout") if options.get(name)]
    if named:
        raise UsageError(
            f"The engine 'btkit' has no {named[0]}: a cell that takes too long ends the notebook.",
            hint="Leave it out, or use the engine 'nbclient'.",
            details={"argument": named[0]},
        )
    if limit and (runs_in_a_loop() or not can_be_stopped()):
        raise UsageError(
            "The engine 'btkit' can stop a cell after a time only in the main thread of a process, "
            "and outside of an event loop.",
            hint="Leave the time limit out, or use the engine 'nbclient'.",
            details={"argument": "execution_timeout"},
        )


def language_info() -> Message:
    """Return what a kernel says of its language when it is asked."""
    return {
        "name": "python",
        "version": sys.version.split()[0],
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        "pygments_lexer": f"ipython{sys.version_info[0]}",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for other threads' notebooks; a notebook run by a cell has the turn already."""
    if _has_turn.get():
        yield
        return
    with _TURN:
        token = _has_turn.set(True)
        try:
            yield
        finally:
            _has_turn.reset(token)
