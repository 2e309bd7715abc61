"""A kernel manager that starts this very Python, whatever kernels are registered."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type, default

PACKAGE_ROOT = Path(__file__).resolve().parents[2]

_LOOKS_AGAIN = 0.1
"""Seconds until a channel looks for a message that it was not notified of."""

_LATE_OUTPUT_S = 60
"""Seconds that what a cell shows may come after the word that the cell is done."""


class _OwnKernelSpecManager(KernelSpecManager):
    # Knows one kernel: the interpreter that is running, able to import this same btkit. One that is
    # registered as ``python3`` may belong to another environment, or there may be none.

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        path = os.pathsep.join(
            part for part in (str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")) if part
        )
        return KernelSpec(
            # Frozen modules cost the debugger breakpoints; nobody debugs here, and it would warn.
            argv=[
                sys.executable,
                "-Xfrozen_modules=off",
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
            ],
            name=kernel_name,
            display_name="Python 3",
            language="python",
            # What ipykernel's own kernel.json says: without it, cells travel in plain text.
            metadata={"supported_encryption": ["curve"]},
            env={"PYTHONPATH": path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        )


class AttentiveChannel(AsyncZMQSocketChannel):
    """Finds a message even if nobody tells of its arrival.

    ZeroMQ tells once that a socket has something to read. When a message is sent on the socket at
    that moment, as nbclient does for an output widget, the sending takes the notice away, and who
    waits for the reply would wait for ever (nbclient's issue 312).
    """

    async def get_msg(  # type: ignore[override]  # as in its own base
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's signature
    ) -> dict[str, Any]:
        """Return the next message.

        Parameters
        ----------
        timeout
            Seconds to wait for it; None for any time.

        Raises
        ------
        queue.Empty
            If none came.
        """
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            left = max(0.0, end - time.monotonic())
            try:
                return await super().get_msg(min(left, _LOOKS_AGAIN))
            except Empty:
                if left <= _LOOKS_AGAIN:
                    raise


class _OwnKernelClient(AsyncKernelClient):
    # Waits for replies and outputs on channels that miss none.

    shell_channel_class = iopub_channel_class = control_channel_class = Type(AttentiveChannel)


class OwnKernelManager(AsyncKernelManager):
    """Starts the interpreter that is running, and keeps its hands off our stdout.

    stdout belongs to the JSON document; what cells print is in the notebook all the same.
    """

    client_factory = Type(_OwnKernelClient, config=True)

    @default("kernel_spec_manager")
    def _own_specs(self) -> KernelSpecManager:
        return _OwnKernelSpecManager(parent=self)

    @default("transport_encryption")
    def _encrypt_if_possible(self) -> str:
        return "auto" if zmq.has("curve") else "disabled"

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: object) -> None:
        await super()._async_launch_kernel(kernel_cmd, **{**kw, "stdout": DEVNULL})

    _launch_kernel = _async_launch_kernel


def kernel_options() -> dict[str, Any]:
    """Return what papermill's engine ``nbclient`` needs, to run a notebook here."""
    # After four seconds, which a busy machine may need, papermill would give the notebook up.
    return {"kernel_manager_class": OwnKernelManager, "iopub_timeout": _LATE_OUTPUT_S}
