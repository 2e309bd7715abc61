"""Which trained model decides at which bar."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from btkit.errors import BundleError, UsageError
from btkit.models.bundle import Bundle
from btkit.models.loading import load_bundle

if TYPE_CHECKING:
    from btkit.spec import ModelSpec

MODELS_FOLDER = Path("models")
"""Where bundles are looked for that no spec names, in the working folder."""

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class KnownBundle:
    """A bundle, and since when it is there.

    Parameters
    ----------
    bundle
        The trained model.
    path
        As the spec names it.
    known_from
        The date, as YYYY-MM-DD, at whose close it decides first; None for always.
    """

    bundle: Bundle
    path: str
    known_from: str | None = None

    def first_bar(self, dates: NDArray[np.datetime64]) -> int:
        """Return the first bar at which it is known; the number of bars where it is not yet.

        Parameters
        ----------
        dates : ndarray of datetime64[D], shape (n_bars,)
            The session of each bar.
        """
        if self.known_from is None:
            return 0
        return int(dates.searchsorted(np.datetime64(self.known_from)))


def bundles_of(
    spec: ModelSpec,
    *,
    symbol: str | None,
    interval: str,
    given: Bundle | Mapping[str, Bundle] | None = None,
) -> list[KnownBundle]:
    """Return the bundles of a spec, the oldest first.

    Parameters
    ----------
    spec
        Names them: by ``model_path``, by ``models``, or by its name and what it is run on.
    symbol, interval
        What that is.
    given
        Bundles that are loaded already: one, or one for each date. None loads them from the
        working folder.

    Raises
    ------
    BundleError
        If one is refused, or there is none.
    UsageError
        If nothing says where they are.
    """
    if given is not None:
        return _given(given)
    return [
        load_known(path, spec, known_from)
        for known_from, path in bundle_paths(spec, symbol=symbol, interval=interval)
    ]


def bundle_paths(
    spec: ModelSpec, *, symbol: str | None, interval: str
) -> list[tuple[str | None, str]]:
    """Return where the bundles of a spec are, each with the date from which it was known.

    Parameters
    ----------
    spec, symbol, interval
        As for `bundles_of`.

    Returns
    -------
    list of tuple
        The date, None for always, and its path; the oldest first.

    Raises
    ------
    BundleError
        If a folder of them cannot be read, or has none in it.
    UsageError
        If nothing says where they are.
    """
    if spec.models is not None:
        return list(_dated(spec.models).items())
    return [(None, spec.model_path or _usual_path(spec, symbol, interval))]


def load_known(path: str, spec: ModelSpec, known_from: str | None = None) -> KnownBundle:
    """Return a bundle as a spec reads it.

    Parameters
    ----------
    path
        Of its folder.
    spec
        May say what its outputs are.
    known_from
        The date at whose close it decides first; None for always.

    Raises
    ------
    BundleError
        If it is refused.
    """
    bundle = load_bundle(
        path, output_classes=spec.output_classes, output_activation=spec.output_activation
    )
    return KnownBundle(bundle, path, known_from)


def _given(given: Bundle | Mapping[str, Bundle]) -> list[KnownBundle]:
    if isinstance(given, Bundle):
        return [KnownBundle(given, str(given.path))]
    if (
        not isinstance(given, Mapping)
        or not given
        or not all(isinstance(date, str) and _is_date(date) for date in given)
        or not all(isinstance(bundle, Bundle) for bundle in given.values())
    ):
        raise UsageError(
            "models are one bundle, or bundles by the date from which each was known.",
            hint='Give bt.load_bundle(path), or {"2012-01-03": bt.load_bundle(path), ...}.',
            details={"argument": "models"},
        )
    return [KnownBundle(bundle, str(bundle.path), date) for date, bundle in sorted(given.items())]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _dated(models: Mapping[str, str] | str) -> dict[str | None, str]:
    if not isinstance(models, str):
        return dict(sorted(models.items()))
    folder = Path(os.path.expanduser(models))  # noqa: PTH111 - as for a bundle's own path
    try:
        found = sorted(entry.name for entry in folder.iterdir() if _DATED.fullmatch(entry.name))
    except OSError as error:
        raise BundleError(
            f"The folder of models {models} cannot be read: {error.strerror or error}.",
            hint="Check the path; it is looked for from the working folder.",
            details={"path": models},
        ) from error
    if not found:
        raise BundleError(
            f"The folder of models {models} has no bundle in it.",
            hint="Name each bundle's folder in it by the date from which it was known, "
            "such as 2012-01-03.",
            details={"path": models},
        )
    wrong = [name for name in found if not _is_date(name)]
    if wrong:
        raise BundleError(
            f"The folder of models {models} has {wrong[0]} in it, which is no date.",
            hint="Name each bundle's folder by a date of the calendar, such as 2012-01-03.",
            details={"path": models, "names": wrong},
        )
    return {name: str(folder / name) for name in found}


def _usual_path(spec: ModelSpec, symbol: str | None, interval: str) -> str:
    known = symbol or spec.symbol
    if known is None:
        raise UsageError(
            f"The spec {spec.name!r} has no model_path, and the bars do not say their symbol.",
            hint=f"Write model_path into the spec; else the bundle is looked for in "
            f"{MODELS_FOLDER}/<name>/<SYMBOL>_<timeframe>.",
            details={"argument": "model_path"},
        )
    # A name may hold what is no name of a folder.
    name = re.sub(r"[^\w.-]+", "_", spec.name).strip(".") or "_"
    return str(MODELS_FOLDER / name / f"{known.upper()}_{interval}")
