"""A kernel manager that starts this very Python, whatever kernels are registered."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import DEVNULL

import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class OwnKernelSpecManager(KernelSpecManager):
    """Knows one kernel: the interpreter that is running, able to import this same btkit.

    A kernel registered as ``python3`` may belong to another environment, or there may be none.
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return that kernel, whatever `kernel_name` is asked for."""
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


class OwnKernelManager(AsyncKernelManager):
    """Starts the interpreter that is running, and keeps its hands off our stdout.

    stdout belongs to the JSON document; what cells print is in the notebook all the same.
    """

    @default("kernel_spec_manager")
    def _own_specs(self) -> KernelSpecManager:
        return OwnKernelSpecManager(parent=self)

    @default("transport_encryption")
    def _encrypt_if_possible(self) -> str:
        return "auto" if zmq.has("curve") else "disabled"

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: object) -> None:
        await super()._async_launch_kernel(kernel_cmd, **{**kw, "stdout": DEVNULL})

    _launch_kernel = _async_launch_kernel
