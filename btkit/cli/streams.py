"""The three lines to the outside: stdout for one document, stderr for people, signals."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from types import FrameType, TracebackType
from typing import IO, Any, Self

_STDOUT, _STDERR = 1, 2
# Of terminals that do not say how wide they are.
_USUAL_WIDTH = 80
_INDENT = "    "
_AGAIN_S = 0.005


@contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send whatever is printed in the ``with`` block to stderr.

    Libraries print, in Python and in C, and programs that btkit starts inherit stdout; only the
    document belongs there.
    """
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, no path
        # Filled before stdout is another's: whenever an interrupt comes, it is given back.
        saved: list[int] = []
        try:
            if _owns_descriptor():
                _divert(nowhere.fileno(), saved)
            given = sys.stdout or nowhere
            _OPEN_LINES.append(lambda: _copy(saved[0]) if saved else given)
            with redirect_stdout(sys.stderr or nowhere):
                yield
        finally:
            _OPEN_LINES.clear()
            if saved:
                os.dup2(saved[0], _STDOUT)
                os.close(saved[0])


# Opens what leads to stdout while it is kept clean.
_OPEN_LINES: list[Callable[[], IO[str]]] = []


def own_stdout() -> IO[str]:
    """Return what leads to stdout while it is kept clean, for lines before the document."""
    return _OPEN_LINES[-1]()


def _copy(descriptor: int) -> IO[str]:
    return os.fdopen(os.dup(descriptor), "w", encoding="utf-8")


def _owns_descriptor() -> bool:
    # Where stdout was replaced, by a test or an embedding program, the descriptor is theirs.
    return sys.stdout is not None and sys.stdout is sys.__stdout__


def _divert(nowhere: int, saved: list[int]) -> None:
    try:
        sys.stdout.flush()
        saved.append(os.dup(_STDOUT))
    except (OSError, ValueError):  # closed before we came
        return
    try:
        os.dup2(_STDERR, _STDOUT)
    except OSError:  # stderr is closed
        os.dup2(nowhere, _STDOUT)


def write_document(text: str) -> bool:
    """Write the document to stdout.

    Parameters
    ----------
    text
        The document, without a line end.

    Returns
    -------
    bool
        False if nobody could receive it, which stderr then says.
    """
    try:
        if sys.stdout is None:
            raise BrokenPipeError("stdout is closed")
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        say(f"The document could not be written to stdout: {error}.")
        if _owns_descriptor():
            # Python flushes once more as it exits, and would complain once more.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
        return False
    return True


def say(text: str) -> None:
    """Write a line for people to stderr; a closed stderr must not fail a run.

    Parameters
    ----------
    text
        The line, without its end.
    """
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write("\n".join(_fitted(line) for line in text.split("\n")) + "\n")
            sys.stderr.flush()


def stderr_is_terminal() -> bool:
    """Tell whether a person is likely to look at stderr as it is written."""
    return sys.stderr is not None and sys.stderr.isatty()


def _width() -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_WIDTH
    return _USUAL_WIDTH


def _fitted(line: str) -> str:
    """Break a line where a terminal would break it inside a word."""
    if not stderr_is_terminal():
        return line
    width = _width()
    if len(line) <= width:
        return line
    return textwrap.fill(
        line,
        width,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


class StopSignals:
    """While active, Ctrl-C, SIGTERM and a closed terminal raise KeyboardInterrupt, once.

    What the first one sets in motion, marking the run as failed and printing the document, is
    not to be torn by a second one. One that comes before `arm` waits for it.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._is_armed = False
        self._came = False
        self._hook = sys.unraisablehook

    def __enter__(self) -> Self:
        """Take the signals over, if this is the thread that gets them."""
        sys.unraisablehook = self._lost
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                # SIGHUP is not everywhere, and nohup means that it shall be ignored.
                number = getattr(signal, name, None)
                if number is None or signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._hook

    def arm(self) -> None:
        """Let signals interrupt from now on; call it where the interrupt is caught.

        Raises
        ------
        KeyboardInterrupt
            If one has come already.
        """
        self._is_armed = True
        if self._came:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """Let nothing interrupt what comes now."""
        self._is_armed = False
        self._ignore()

    def _ignore(self) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal calls
        self._came = True
        self._ignore()
        if self._is_armed:
            raise KeyboardInterrupt

    def _lost(self, lost: sys.UnraisableHookArgs) -> None:
        """Interrupt once more where the first time was in a finalizer, out of which nothing gets.

        Importing runs some for each module.
        """
        if not (self._came and issubclass(lost.exc_type, KeyboardInterrupt)):
            self._hook(lost)
            return
        number = next(iter(self._before))
        signal.signal(number, self._stop)
        # Not from here, which is such a place itself.
        again = threading.Timer(_AGAIN_S, os.kill, [os.getpid(), number])
        again.daemon = True
        again.start()
