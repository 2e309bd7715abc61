"""What a notebook may change of the process it runs in, noted before and put back after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from btkit.render.interpreter_state import interpreter_state_kept
from btkit.render.library_state import library_state_kept


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Give the ``with`` block a process as a new one would be, and put everything back after it.

    Kept are: working folder, environment, ``sys.path`` and modules found in folders that only the
    notebook knows, ``sys.argv``, the standard streams and hooks, builtins, ``__main__``, warning
    filters, loggers, signal handlers, locale, random numbers of Python and numpy, options of
    pandas, defaults of plotly and matplotlib, and the widgets that exist. Not kept is what a
    notebook changes inside other modules: a library that it patches stays patched.
    """
    with interpreter_state_kept(), library_state_kept():
        yield


@contextmanager
def own_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give the ``with`` block an event loop of its own, and end what still runs in it."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        with suppress(RuntimeError):
            loop.run_until_complete(_end_tasks())
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
