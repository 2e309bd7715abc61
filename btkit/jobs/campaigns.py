"""What sweeps and walk-forward validations share: bars, stored files, commands that run again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from btkit.data import (
    DataInfo,
    FormatSource,
    LoadedBars,
    check_symbol,
    load_from_source,
    load_stated,
)
from btkit.errors import StoreError, UsageError
from btkit.jobs.execute import WARMUP_BARS
from btkit.jobs.files import report_folder, write_bytes
from btkit.jobs.progress import Progress
from btkit.jobs.requests import (
    Costs,
    check_interval,
    check_range,
    check_source,
    format_flag,
)
from btkit.settings import Settings
from btkit.storage import Store

if TYPE_CHECKING:
    from btkit.spec import StrategySpec


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_range(  # noqa: PLR0913 - the question itself
    spec: StrategySpec,
    symbol: str,
    start: object,
    end: object,
    *,
    interval: str,
    source: str | None,
    bar_format: FormatSource | None,
    settings: Settings,
    progress: Progress,
) -> LoadedBars:
    """Load the bars that a run over the range would load.

    Parameters
    ----------
    spec
        Says what else its conditions read.
    symbol, start, end, interval, source, bar_format
        As asked for.
    settings
        Where bars come from.
    progress
        Told of the stage.

    Raises
    ------
    UsageError
        If an argument makes no sense; nothing is loaded then.
    NoDataError, DataError, SourceError
        If bars cannot be had.
    """
    first, last = check_range(start, end)
    known_symbol, known_interval = check_symbol(symbol), check_interval(interval)
    known_source, known_format = check_source(source), load_stated(bar_format)
    with progress.stage("load bars") as note:
        loaded = load_from_source(
            known_symbol,
            first,
            last,
            interval=known_interval,
            source=known_source,
            settings=settings,
            warmup=WARMUP_BARS,
            needs_iv=spec.needs_iv,
            needs_vix=spec.needs_vix,
            calendar=spec.calendar,
            bar_format=known_format,
        )
        note(f"{loaded.info.rows:,} bars of {loaded.info.symbol} from {loaded.info.source}")
    return loaded


def load_stored(
    kind: str, stored_id: str, settings: Settings
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the document and the table that are stored under an id.

    Parameters
    ----------
    kind
        ``"sweep"`` or ``"walk_forward"``.
    stored_id
        As in the document.
    settings
        Where the files are.

    Raises
    ------
    UsageError
        If it cannot be an id.
    StoreError
        If there is none of this kind, or it cannot be read.
    CorruptFileError
        If it is not what was written.
    """
    words = kind.replace("_", "-")
    folder = report_folder(settings)
    details = {f"{kind}_id": stored_id, "folder": str(folder)}
    hint = f"Its document, {folder}/ID.json, names it as {kind}_id."
    if not stored_id.isalnum():
        raise UsageError(f"{stored_id!r} is not the id of a {words}.", hint=hint, details=details)
    files = Store.from_settings(settings).files
    try:
        document = json.loads(files.read(stored_id, folder, f"{stored_id}.json"))
        table = pd.read_parquet(BytesIO(files.read(stored_id, folder, f"{stored_id}.parquet")))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The {words} {stored_id} cannot be read from {folder}: {error}.",
            hint=f"BT_REPORT_DIR names the folder that each {words} is stored in.",
            details=details,
        ) from error
    if not isinstance(document, dict) or document.get(f"{kind}_id") != stored_id:
        raise StoreError(f"{stored_id} is not the id of a {words}.", hint=hint, details=details)
    return document, table


def write_spec(owner_id: str, name: str, spec: StrategySpec, *, settings: Settings) -> Path:
    """Write a spec file that a run takes.

    Parameters
    ----------
    owner_id, name, settings
        As for `write_bytes`.
    spec
        With the parameters to run.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    text = json.dumps(spec.model_dump(mode="json", exclude_none=True), indent=2)
    content = text.encode() + b"\n"
    return write_bytes(owner_id, name, content, kind="spec", settings=settings)


def command_line(
    command: str,
    path: str,
    info: DataInfo,
    *,
    start: date,
    end: date,
    costs: Costs,
    more: Mapping[str, object] | None = None,
    axes: tuple[str, Mapping[str, Sequence[int | float]]] | None = None,
) -> list[str]:
    """Return the arguments of a command that gives the same numbers.

    Parameters
    ----------
    command
        Such as ``"run"``.
    path
        The spec file.
    info
        Which bars, and where from.
    start, end
        The range.
    costs
        What is started with and paid.
    more
        Further flags; those whose value is None are left out.
    axes
        The flag that takes values of parameters, and these.
    """
    from btkit.validation.grid import write_axis  # noqa: PLC0415 - brings numba

    flags: dict[str, object] = {
        "strategy": path,
        "symbol": info.symbol,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "capital": repr(costs.capital),
        "commission": repr(costs.commission),
        "slippage": repr(costs.slippage),
        "interval": info.interval,
        "source": info.source,
        **format_flag(info),
        **(more or {}),
    }
    parts = [
        part
        for name, value in flags.items()
        if value is not None
        for part in (f"--{name}", str(value))
    ]
    if axes is not None:
        flag, values = axes
        for name, axis in values.items():
            parts += [f"--{flag}", write_axis(name, axis)]
    return ["backtest", command, *parts]
