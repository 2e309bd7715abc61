"""Running a command that answers with one JSON document."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, Any, Final, NoReturn

from btkit.errors import SourceError, SourceUnavailableError

TAIL_CHARACTERS: Final = 2_000
HEAD_CHARACTERS: Final = 200


def split_command(command: str) -> list[str]:
    """Split BT_MARKET_DATA_CMD into program and arguments, as a shell would."""
    try:
        parts = shlex.split(command)
    except ValueError as error:
        raise SourceError(
            f"BT_MARKET_DATA_CMD {command!r} cannot be read: {error}",
            hint="close the quotes",
        ) from error
    if not parts:
        raise SourceError(
            "BT_MARKET_DATA_CMD is empty", hint="set it to the market-data command or unset it"
        )
    return parts


def run_json(command: list[str], *, title: str, timeout_s: float) -> dict[str, Any]:
    """Run a command without a shell and return the JSON object it wrote to stdout.

    Its output goes to temporary files, so no amount of it can block the command; its whole
    process group is killed when time runs out or the caller is interrupted. Messages call it by
    its `title`, such as ``market-data get SPY``.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        call = _Call(title, command, err)
        code = _run(call, out, timeout_s=timeout_s)
        if code != 0:
            _refuse(call, f"failed with {_cause(code)}{_last_words(call.err)}", exit_code=code)
        out.seek(0)
        return _parse(call, out.read())


@dataclass(frozen=True)
class _Call:
    title: str
    command: list[str]
    err: IO[bytes]


def _run(call: _Call, out: IO[bytes], *, timeout_s: float) -> int:
    command = call.command
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=call.err,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SourceError(
            f"the market-data command {command[0]!r} was not found",
            hint="put it on the PATH, set BT_MARKET_DATA_CMD, or choose another source "
            "with --source files, yahoo or sample",
            details={"command": command},
        ) from error
    except (OSError, ValueError) as error:
        raise SourceError(
            f"the market-data command {command[0]!r} cannot be run: {error}",
            hint="check BT_MARKET_DATA_CMD and the file's permissions",
            details={"command": command},
        ) from error
    try:
        return process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        _refuse(
            call,
            f"did not answer within {timeout_s:g} s{_last_words(call.err)}",
            hint="raise BT_MARKET_DATA_TIMEOUT_S, or ask for a shorter range",
            kind=SourceUnavailableError,
            timeout_s=timeout_s,
        )
    except BaseException:
        _kill_group(process)
        raise


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # It may have ended in the meantime, and its children with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"


def _parse(call: _Call, output: bytes) -> dict[str, Any]:
    if not output.strip():
        _refuse(call, "wrote nothing to stdout")
    try:
        document = json.loads(output.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _refuse(call, f"wrote something that is not UTF-8 text: {error.reason}")
    except (ValueError, RecursionError) as error:
        head = output[:HEAD_CHARACTERS].decode("utf-8", errors="replace")
        _refuse(
            call,
            f"did not write plain JSON to stdout: {error}",
            hint="stdout must hold one JSON document and nothing else; "
            "send logging to stderr, and write unknown numbers as null",
            stdout_head=head,
        )
    if not isinstance(document, dict):
        _refuse(call, f"wrote a JSON {type(document).__name__}, not an object")
    return document


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _last_words(err: IO[bytes]) -> str:
    lines = _tail(err).strip().splitlines()
    return f": {lines[-1].strip()[:HEAD_CHARACTERS]}" if lines else ""


def _tail(err: IO[bytes]) -> str:
    size = err.seek(0, os.SEEK_END)
    err.seek(max(0, size - TAIL_CHARACTERS))
    return err.read().decode("utf-8", errors="replace")


def _refuse(
    call: _Call,
    what: str,
    *,
    hint: str = "run the command by hand to see what it says",
    kind: type[SourceError] = SourceError,
    **details: float | str,
) -> NoReturn:
    raise kind(
        f"{call.title} {what}",
        hint=hint,
        details={"command": call.command, "stderr": _tail(call.err), **details},
    )
