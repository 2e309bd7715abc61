"""Btkit's own sources of bars, by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from btkit.data.files import Files
from btkit.data.formats import BarFormat
from btkit.data.market_data_cli import MarketData
from btkit.data.sample import Sample
from btkit.data.source import Source
from btkit.data.yahoo import Yahoo
from btkit.errors import SourceError
from btkit.settings import Settings


@dataclass(frozen=True)
class Opening:
    """What a source may read when it is opened.

    Parameters
    ----------
    settings
        Where the command and the files are.
    now
        The present time, with its zone.
    bar_format
        How files are written, where somebody says.
    """

    settings: Settings
    now: dt.datetime
    bar_format: BarFormat | None = None


def _market_data(opening: Opening) -> Source:
    settings = opening.settings
    return MarketData(settings.market_data_cmd, settings.market_data_timeout_s, opening.now)


def _files(opening: Opening) -> Source:
    if opening.settings.data_dir is None:
        raise SourceError(
            "the source files needs a folder, and BT_DATA_DIR is not set",
            hint="set BT_DATA_DIR to a folder of CSV or Parquet files",
        )
    return Files(opening.settings.data_dir, opening.bar_format)


BUILT_IN: dict[str, Callable[[Opening], Source]] = {
    "market-data": _market_data,
    "files": _files,
    "yahoo": lambda opening: Yahoo(opening.now),
    "sample": lambda _: Sample(),
}
"""What opens each."""
