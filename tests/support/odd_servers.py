"""Servers that take a connection and then do anything but speak S3."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from contextlib import suppress


def slow_head(send):
    send(b"HTTP/1.1 200 OK\r\nx-a: ")
    while True:
        send(b"y")
        time.sleep(0.02)


def slow_body(send):
    send(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 999999\r\n\r\n"
    )
    while True:
        send(b"x")
        time.sleep(0.02)


def slow_body_without_length(send):
    send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        send(b"x")
        time.sleep(0.02)


def endless(send):
    send(b"HTTP/1.1 500 Oops\r\nContent-Type: application/xml\r\n\r\n")
    while True:
        send(b"x" * 100_000)


def garbage(send):
    send(b"\x00\xff" * 5_000)


def silence(_send):
    time.sleep(60)


def elsewhere(send):
    send(b"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")


def yes_to_all(send):
    """Answer every request as if all had been done, and keep nothing."""
    body = b"<LocationConstraint></LocationConstraint>"
    send(
        b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Type: application/xml\r\n'
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


class OddServer(socketserver.ThreadingTCPServer):
    """Answers each connection in one way."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Once)
        self.answer = answer
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.server_address[1]}"


class _Once(socketserver.BaseRequestHandler):
    def handle(self):
        with suppress(OSError):
            self.request.recv(65536)
            self.server.answer(self.request.sendall)
            # Closed with something unread, a connection is reset, and the answer may be lost.
            self.request.shutdown(socket.SHUT_WR)
            while self.request.recv(65536):
                pass
