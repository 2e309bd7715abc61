"""A real S3 server on loopback that checks signatures (rclone), and a line to it that can break."""

from __future__ import annotations

import resource
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
from support.ports import free_port
from support.waiting import until

ACCESS_KEY, SECRET_KEY = "mds", "mds_secret"
START_S = 120
_RCLONE = Path(sys.executable).with_name("rclone")


class ObjectServer:
    """`rclone serve s3` over a folder: buckets are folders, objects are files."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None
        folder.mkdir()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def start(self, *, largest_file=None):
        def limit():
            if largest_file is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        program = str(_RCLONE) if _RCLONE.exists() else shutil.which("rclone")
        self.process = subprocess.Popen(
            [
                program, "serve", "s3", "--addr", self.endpoint, "--config", "/dev/null",
                "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", str(self.folder),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=limit,  # noqa: PLW1509 - it takes no lock: two system calls
            restore_signals=False,
        )  # fmt: skip
        deadline = time.monotonic() + START_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return self
            time.sleep(0.01)
        message = f"the object server does not start (exit status {self.process.poll()})"
        raise RuntimeError(message)

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def stall(self):
        self.process.send_signal(signal.SIGSTOP)
        stopped = psutil.Process(self.process.pid)
        until(lambda: stopped.status() == psutil.STATUS_STOPPED, what="the server to stand still")

    def objects(self):
        """Return what is in the buckets, by bucket and key."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".rclone_temp")
        }


class Line(socketserver.ThreadingTCPServer):
    """Passes bytes on to the server, counts uploads, and breaks inside one when told to."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), _Pass)
        self.target = server.port
        self.uploads = 0
        self.in_upload = None
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def break_in_upload(self, act):
        """Let the next upload come half through, then do something, and pass nothing more."""
        self.in_upload = act

    def handle_error(self, request, client_address):
        """Broken connections are what this is for."""


class _Pass(socketserver.BaseRequestHandler):
    def handle(self):
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.server.target)) as onward,
        ):
            threading.Thread(target=self._answers, args=(onward,), daemon=True).start()
            while data := self.request.recv(65536):
                if data.startswith(b"PUT ") and b".parquet" in data.split(b"\r\n", 1)[0]:
                    self.server.uploads += 1
                    if self.server.in_upload is not None:
                        act, self.server.in_upload = self.server.in_upload, None
                        onward.sendall(data[: len(data) * 2 // 3])
                        act()
                        return
                onward.sendall(data)

    def _answers(self, onward):
        with suppress(OSError):
            while data := onward.recv(65536):
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_RDWR)
