"""A TCP proxy that a test can slow down, cut, or make a black hole of."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_CHUNK = 65_536


class Proxy:
    """Listens on a free port of 127.0.0.1, and passes all on to another address there.

    `delay_s` is how long each chunk takes; while `swallows` is set nothing comes through and no
    connection is closed, as where a cable is pulled; `cut` closes what is open, and while
    `refuses` is set each new connection, too.
    """

    def __init__(self, target):
        self._host, self._port = target
        self.delay_s, self.swallows, self.refuses = 0.0, False, False
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", 0)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @classmethod
    def before(cls, url):
        """Return one before the address of a URL."""
        parts = urlsplit(url)
        return cls((parts.hostname, parts.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self):
        """Close all connections that are open now."""
        self._ask(self._cut())

    def _ask(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _connected(self, reader, writer):
        if self.refuses:
            writer.close()
            return
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, back}
        with suppress(asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader, writer):
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await asyncio.sleep(self.delay_s)
                while self.swallows:  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(0.05)
                writer.write(chunk)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)

    async def _cut(self):
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _end(self):
        self.swallows = False
        self._server.close()
        await self._cut()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
