"""What is needed to get the same numbers again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.data import plugins_of_source, take_bars
from btkit.data.quality import PRICE_COLUMNS
from btkit.indicators import plain_values
from btkit.metrics import plugins_of_metrics
from btkit.spec import BaseSpec, spec_hash

if TYPE_CHECKING:
    from btkit.simulation import Result

BAR_COLUMNS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adj_close",
    "iv_rank",
    "iv_percentile",
    "current_iv",
    "vix",
)
_PACKAGES = ("btkit", "numpy", "pandas", "numba", "TA-Lib", "exchange_calendars", "pydantic")
_SPEC_SETTINGS = ("fill", "filter_scope", "direction", "price_adjustment", "calendar")


def bars_hash(bars: pd.DataFrame, *, columns: Sequence[str] = ()) -> str:
    """Return a fingerprint of bars that is the same wherever they come from.

    Parameters
    ----------
    bars : DataFrame, shape (n_bars, n_columns)
        Bars by time; columns that the engine does not read are left out.
    columns
        Those that a spec names beyond them.

    Returns
    -------
    str
        SHA-256 in hexadecimal over the bar times (int64 nanoseconds since 1970, UTC) and, for
        each known column in a fixed order, its name and its float64 values, little-endian.
        All NaN count as one, and so do 0.0 and -0.0. Of texts there are the distinct ones, and
        which of them each bar has.
    """
    index = pd.DatetimeIndex(bars.index)
    digest = hashlib.sha256(f"{len(bars)} {'naive' if index.tz is None else 'UTC'}".encode())
    digest.update(index.as_unit("ns").asi8.astype("<i8", copy=False).data)
    for name in dict.fromkeys((*BAR_COLUMNS, *columns)):
        if name in bars.columns:
            kinds, values = _told(bars[name])
            values = values + 0.0
            values[np.isnan(values)] = np.nan
            digest.update(f"{name}{kinds}".encode())
            digest.update(values.astype("<f8", copy=False).data)
    return digest.hexdigest()


def _told(column: pd.Series[float]) -> tuple[str, npt.NDArray[np.float64]]:
    """Return what a column holds beside numbers, nothing of one of numbers, and its numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        # Of a part of the bars only the texts that are in it count.
        codes, texts = pd.factorize(column, sort=True)
        return json.dumps(list(texts)), np.where(codes < 0, np.nan, codes)
    return " bool" if pd.api.types.is_bool_dtype(column.dtype) else "", plain_values(column)


def benchmark_hash(result: Result) -> str | None:
    """Return a fingerprint of the closes of another instrument that a run is measured against.

    Parameters
    ----------
    result
        The result of a simulation.

    Returns
    -------
    str or None
        As `bars_hash` of the closes that were known at each bar from the first deciding one on.
    """
    if result.benchmark.bars is None:
        return None
    closes = pd.DataFrame({"close": result.benchmark_closes}, index=result.bars.index)
    return bars_hash(closes)


def seen_others(result: Result) -> dict[str, str]:
    """Return a fingerprint of the bars of each other instrument that a run saw, by symbol.

    Parameters
    ----------
    result
        The result of a simulation.

    Returns
    -------
    dict
        As `bars_hash`: the 600 before the first deciding bar, and all up to the last that had
        closed, whatever else was loaded.
    """
    return {
        symbol: bars_hash(result.seen_of(symbol), columns=other.columns)
        for symbol, other in result.others.items()
    }


def others_hashes(frames: Mapping[str, pd.DataFrame], spec: BaseSpec) -> dict[str, str]:
    """Return a fingerprint of the bars of each other instrument that a spec reads, by symbol.

    Parameters
    ----------
    frames
        By symbol, loaded or handed over.
    spec
        Names them.
    """
    found = {}
    for symbol in spec.others_read:
        columns = spec.columns_read_of(symbol)
        taken = take_bars(frames[symbol], calendar=spec.calendar, columns=columns)
        found[symbol] = bars_hash(taken.bars, columns=columns)
    return found


def seen_detail_hash(result: Result) -> str | None:
    """Return a fingerprint of the finer bars inside of a run's; None where it goes by none.

    Parameters
    ----------
    result
        The result of a simulation.

    Returns
    -------
    str or None
        As `bars_hash` of their prices, from the first inside of a deciding bar to the last.
    """
    seen = result.seen_detail
    return None if seen is None else bars_hash(seen[list(PRICE_COLUMNS)])


def detail_hash(frame: pd.DataFrame | None, spec: BaseSpec) -> str | None:
    """Return a fingerprint of all finer bars; None without any.

    Parameters
    ----------
    frame
        Loaded or handed over.
    spec
        Goes by them.
    """
    if frame is None:
        return None
    return bars_hash(take_bars(frame, calendar=spec.calendar).bars[list(PRICE_COLUMNS)])


def gather_versions() -> dict[str, str]:
    """Return the versions that numbers depend on; reads the installation, so call it at the edge.

    Returns
    -------
    dict
        Version by package, ``python`` and ``platform`` (system and processor).
    """
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a source tree
            versions[package] = "not installed"
    versions["platform"] = f"{platform.system()} {platform.machine()}"
    return versions


def build_provenance(
    result: Result,
    *,
    versions: dict[str, str],
    command: list[str] | None = None,
) -> dict[str, Any]:
    """Describe how a result came about.

    Parameters
    ----------
    result
        The result of a simulation.
    versions
        As `gather_versions` returns them.
    command
        The arguments that reproduce the run, ``["backtest", "run", ...]``; None if none does.

    Returns
    -------
    dict
        The fields of `Provenance`, plain JSON values.
    """
    spec = result.spec.model_dump(mode="json")
    events = result.spec.events_read(result.symbol)
    return {
        "spec_hash": spec_hash(result.spec),
        # Indicators depend on the warm-up, so it counts.
        "bars_hash": bars_hash(result.all_bars, columns=result.spec.hashed_columns),
        "benchmark_hash": benchmark_hash(result),
        "others_hash": seen_others(result),
        "detail_hash": seen_detail_hash(result),
        "events_hash": events.fingerprint(),
        "events": events.to_json(),
        "source": result.data.source,
        "plugins": [
            plugin.to_document()
            for plugin in (
                *result.spec.plugins_read(),
                *plugins_of_source(result.data.source),
                *plugins_of_metrics(list(result.metrics.model_extra or {})),
            )
        ],
        "classifiers": [
            {
                "name": found.name,
                "path": known.path,
                "known_from": known.known_from,
                "hash": known.bundle.hash,
            }
            for found in result.classified
            for known in found.bundles
        ],
        "versions": {**versions, **result.runtime},
        "settings": {
            "capital": result.initial_capital,
            "commission": result.commission,
            "commission_model": result.commission_model,
            "slippage": result.slippage,
            "interval": result.interval,
            "benchmark": result.benchmark.symbol,
            "bars_per_year": result.annualisation.bars_per_year,
            "periods_per_year": result.annualisation.periods_per_year,
            **{name: spec[name] for name in _SPEC_SETTINGS if name in spec},
        },
        "spec": spec,
        "command": command,
    }
