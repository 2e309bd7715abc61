"""An operation of a server, seen from afar: how it stands, what it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from btkit.errors import BtkitError, InterruptedRunError, ServerError, read_error
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.jobs.watching import count
from btkit.service.lease_client import persist
from btkit.service.requesting import no_answer
from btkit.storage import JobKind

if TYPE_CHECKING:
    from btkit.service.client import Client

PATIENCE_S: Final = 60.0
"""How long a server that does not answer is asked again, in seconds."""

_WAITS = "waits for workers: none is there. `backtest worker` starts one."


class Remote:
    """An operation of a server.

    Parameters
    ----------
    client
        Asks the server.
    document
        Of the operation, as the server has just given it.

    Attributes
    ----------
    operation_id
        Its id.
    """

    def __init__(self, client: Client, document: dict[str, Any]) -> None:
        self._client = client
        try:
            self.operation_id = str(document["operation_id"])
            self.kind: JobKind = document["kind"]
        except KeyError as error:
            raise no_answer("it is of no operation") from error
        self._place = f"/operations/{self.operation_id}"
        self._document = document

    def __repr__(self) -> str:
        return f"<operation {self.operation_id}: {self.kind}, {self._document['status']}>"

    @property
    def document(self) -> dict[str, Any]:
        """What the server said of it last."""
        return self._document

    def look(self) -> dict[str, Any]:
        """Ask how it stands: ``GET /operations/{id}``."""
        self._document = self._client.ask("GET", self._place)
        return self._document

    def cancel(self) -> dict[str, Any]:
        """Ask for it to stop; `resume` goes on with it."""
        self._document = self._client.ask("POST", f"{self._place}/cancel")
        return self._document

    def resume(self) -> dict[str, Any]:
        """Go on with it where it was cancelled, or failed."""
        asked = {"operation_id": self.operation_id}
        self._document = self._client.ask("POST", "/backtests/resume", json=asked)
        return self._document

    def follow(
        self,
        progress: ProgressListener | None = None,
        *,
        say: Callable[[str], object] = lambda _: None,
    ) -> dict[str, Any]:
        """Wait for its end, and return its document then.

        Parameters
        ----------
        progress
            Notified how far it is. What stops it, such as Cancel or Ctrl-C, cancels the operation,
            and its error has a note that says so.
        say
            Takes a sentence for people whenever it waits because no worker is there.

        Raises
        ------
        ServerError
            If the server does not answer for a minute. The operation goes on without this.
        """
        watched = check_progress(progress)
        waiting = partial(say, f"Operation {self.operation_id} {_WAITS}")
        if self._document.get("workers") == 0 and not self._document.get("done"):
            waiting()
        with watched.stage(self.kind) as note:
            try:
                self._document = self._last_event(watched, waiting)
            except (InterruptedRunError, KeyboardInterrupt) as stop:
                self._cancel_for(stop)
                raise
            note(self._document["status"])
        return self._document

    def result(self, progress: ProgressListener | None = None) -> Any:  # noqa: ANN401 - by its kind
        """Wait for its end, and return what it came to.

        Parameters
        ----------
        progress
            As for `follow`.

        Returns
        -------
        RunDocument or RemoteResult
            By its kind.

        Raises
        ------
        InterruptedRunError
            If it was cancelled.
        BtkitError
            What it failed of.
        """
        ended = self.follow(progress)
        self.check_ended(ended)
        return self._client.fetch(ended["run_id"], self.kind)

    def check_ended(self, document: dict[str, Any]) -> None:
        """Raise what an operation ended with, where that is no outcome.

        Parameters
        ----------
        document
            As `follow` returns it.

        Raises
        ------
        InterruptedRunError
            If it was cancelled.
        BtkitError
            What it failed of.
        """
        known = {"operation_id": self.operation_id}
        if document["status"] == "cancelled":
            raise InterruptedRunError(
                f"The operation {self.operation_id} was cancelled.",
                hint=f"{self._resumed_by} goes on with it.",
                details={**known, "status": "cancelled"},
            )
        error = document["error"]
        if error is not None:
            raise read_error(
                error["type"],
                error["message"],
                hint=error["hint"],
                details={**error["details"], **known},
            )

    @property
    def _resumed_by(self) -> str:
        known = self.operation_id
        return f"`backtest resume --operation-id {known}`, or client.operation({known!r}).resume(),"

    def _cancel_for(self, stop: BaseException) -> None:
        """Cancel it, and say so of what stopped whoever waits for it."""
        known = {"operation_id": self.operation_id}
        try:
            self.cancel()
        except BtkitError as error:
            raise ServerError(
                f"The operation {self.operation_id} goes on: it could not be asked to stop. "
                f"{error.message}",
                hint=f"`backtest cancel --operation-id {self.operation_id}` asks it once more.",
                details=known,
            ) from error
        details = stop.details if isinstance(stop, BtkitError) else vars(stop)
        details.update(known, status=self._document["status"])
        stop.add_note(
            f"The operation {self.operation_id} was asked to stop, too; {self._resumed_by} goes on "
            "with it."
        )

    def _last_event(
        self, watched: ProgressListener, waiting: Callable[[], object]
    ) -> dict[str, Any]:
        seen = ""

        def listen() -> dict[str, Any]:
            nonlocal seen
            with closing(self._events(seen)) as events:
                for number, kind, data in events:
                    seen = number or seen
                    if kind == "done":
                        return data
                    if kind == "waiting":
                        waiting()
                    _show(watched, data)
            # The server is going down; another may take its place.
            raise no_answer("the events end before the operation does")

        return persist(listen, seconds=PATIENCE_S)

    def _events(self, seen: str) -> Generator[tuple[str, str, dict[str, Any]]]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": seen} if seen else {})}
        with self._client.request("GET", f"{self._place}/events", headers=headers) as answer:
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield fields.get("id", ""), fields.get("event", ""), _object(fields["data"])
                    fields = {}


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise no_answer("an event is no JSON") from error
    if not isinstance(data, dict):
        raise no_answer("an event is no JSON object")
    return data


def _show(watched: ProgressListener, data: dict[str, Any]) -> None:
    done, total, unit = data.get("done"), data.get("total"), data.get("unit")
    if isinstance(done, int) and isinstance(total, int) and isinstance(unit, str):
        count(watched, done, total, unit)
