"""Ports for servers that are told which one to take."""

from __future__ import annotations

import random
import socket

# Above the ports of known services, and below those that any system gives to clients: a port from
# among these could become a client's own between the choice and the server's start, and a client
# that tries it meanwhile could even be connected to itself.
FIRST, LAST = 15_000, 32_000


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    # Not the generator that tests seed: two runs at once would choose the same ports.
    luck = random.SystemRandom()
    while True:
        port = luck.randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
