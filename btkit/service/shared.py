"""What all paths of the service share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request

from btkit.service.access import AccessRules
from btkit.service.crew import WorkerInfo
from btkit.service.folders import AllowedFolders
from btkit.service.pages import PageMaker
from btkit.settings import Settings
from btkit.storage import Store


class Manned(Protocol):
    """What has workers."""

    def workers(self) -> list[WorkerInfo]:
        """Return who is there now."""
        ...


class Dispatching(Protocol):
    """What gives queued operations out, as the paths see it."""

    @property
    def crew(self) -> Manned:
        """The workers."""
        ...

    def is_alive(self) -> bool:
        """Return whether it is at work."""
        ...

    def wake(self) -> None:
        """Have it look at once whether there is something to do."""
        ...


@dataclass(frozen=True)
class Service:
    """What the paths share.

    Parameters
    ----------
    store
        The truth.
    dispatcher
        Gives work out.
    settings
        Of the server.
    rules
        Who gets in.
    folders
        Whose files requests may name.
    pages
        Makes reports.
    planning
        Room for what takes seconds of this process.
    stopping
        Set when the server is to end, so that streams end as well.
    """

    store: Store
    dispatcher: Dispatching
    settings: Settings
    rules: AccessRules
    folders: AllowedFolders
    pages: PageMaker
    planning: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(4))
    stopping: threading.Event = field(default_factory=threading.Event)

    def admitted(self) -> int:
        """Return how many workers may be given work now."""
        return sum(worker.admitted for worker in self.dispatcher.crew.workers())


def _service(request: Request) -> Service:
    known: Service = request.app.state.service
    return known


ServiceOf = Annotated[Service, Depends(_service)]
"""How a path is given what all share."""
