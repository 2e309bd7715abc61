"""Which source a run reads from."""

from __future__ import annotations

import datetime as dt
import shutil

from btkit.data import yahoo
from btkit.data.built_in import BUILT_IN, Opening
from btkit.data.command import split_command
from btkit.data.formats import BarFormat
from btkit.data.registering import AUTO, check_source_name, open_registered
from btkit.data.source import Source
from btkit.errors import SourceError, UsageError
from btkit.settings import Settings


def open_source(
    name: str, *, settings: Settings, now: dt.datetime, bar_format: BarFormat | None = None
) -> Source:
    """Return the source of this name.

    ``auto`` is the market-data command if it is on the PATH, else files if BT_DATA_DIR is set,
    else Yahoo if yfinance is installed; never the sample.
    """
    if name == AUTO:
        name = _choose(settings)
    if bar_format is not None and name != "files":
        raise UsageError(
            f"a format is of files, and the bars come from the source {name!r}",
            hint="choose the source files, and set BT_DATA_DIR; or leave the format out",
            details={"source": name},
        )
    opener = BUILT_IN.get(name)
    if opener is None:
        return open_registered(check_source_name(name))
    return opener(Opening(settings, now, bar_format))


def _choose(settings: Settings) -> str:
    command = split_command(settings.market_data_cmd)[0]
    if shutil.which(command) is not None:
        return "market-data"
    if settings.data_dir is not None:
        return "files"
    if yahoo.is_installed():
        return "yahoo"
    raise SourceError(
        f"there is no source of bars: the command {command!r} is not on the PATH, BT_DATA_DIR is "
        "not set, and yfinance is not installed",
        hint="set BT_DATA_DIR to a folder of CSV or Parquet files, or try the bundled history "
        "with --source sample --symbol SPX",
    )
