"""A worker's own store: empty before each piece, and gone after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from btkit.service.orders import OrderSettings
from btkit.settings import Settings
from btkit.writing import folder_aside, sweep, sweep_once

_NAME = "btkit-worker"


@contextmanager
def scratch(settings: Settings, stated: OrderSettings) -> Iterator[Settings]:
    """Yield settings whose store, curves and reports are in a folder of their own.

    Nobody else may enter the folder, and when the block ends it is removed. Settings that decide
    numbers are the server's; object storage there is none, since it is the server that delivers.

    Parameters
    ----------
    settings
        The worker's.
    stated
        The server's, as an order has them.

    Yields
    ------
    Settings
        Of the worker's store.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    with own_folder() as folder:
        # A job has the events that it reads; a file of this machine is not asked.
        yield store_in(folder, settings).model_copy(update={**stated.model_dump(), "events": None})


@contextmanager
def own_folder() -> Iterator[Path]:
    """Yield a new folder that only this user enters, and that is removed when the block ends.

    Yields
    ------
    Path
        Of nothing else. What workers left that were killed is removed first.
    """
    above = Path(tempfile.gettempdir())
    sweep_once(above)
    with folder_aside(above / _NAME) as folder:
        yield folder


def clear_scratch() -> None:
    """Remove what workers of this machine left that were killed."""
    sweep(Path(tempfile.gettempdir()), f"{_NAME}.*")


def store_in(folder: Path, settings: Settings) -> Settings:
    """Return settings whose store, curves and reports are in a folder that only this user enters.

    Parameters
    ----------
    folder
        Of nothing else.
    settings
        All others.
    """
    return settings.model_copy(
        update={
            "db_path": folder / "results.db",
            "curve_dir": folder / "curves",
            "report_dir": folder / "reports",
            "minio_endpoint": None,
            "private": False,
        }
    )
