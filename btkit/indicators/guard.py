"""What a user's function of columns may do and return."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import numpy as np
import pandas as pd

from btkit.errors import BtkitError, PluginError
from btkit.indicators.arrays import Array
from btkit.indicators.base import Kind


def guarded(
    name: str, function: Callable[..., Any], *, lookback: Callable[[int], int], kind: Kind
) -> Callable[..., Array]:
    """Return a user's function with errors that name it, and one float64 value a bar.

    Parameters
    ----------
    name
        Of the indicator, with ``<n>`` for a family.
    function
        Takes columns; see `register_indicator`.
    lookback
        Of a number of bars; with no more bars than that, the function is not called.
    kind
        What its values have to be.
    """
    signature = inspect.signature(function)

    @wraps(function)  # its parameters say which columns it reads
    def computed(*columns: Array | float, **more: Array | float) -> Array:
        given = signature.bind(*columns, **more).arguments
        n = int(given.get("n", 0))
        called = name.replace("<n>", str(n))
        bars = next(len(value) for value in given.values() if isinstance(value, np.ndarray))
        if bars <= lookback(n):
            return np.full(bars, np.nan)
        try:
            values = function(*columns, **more)
        except PluginError:
            raise
        except Exception as error:
            why = error.message if isinstance(error, BtkitError) else str(error)
            raise PluginError(
                f"the indicator {called!r} failed on {bars:,} bars: {type(error).__name__}: {why}",
                hint="It is a registered function: mend it where it is defined, and register it "
                "again. Its columns may not be written to, and hold NaN where a value is missing.",
                details={"name": called, "bars": bars},
            ) from error
        return _column(values, bars, called, kind)

    return cast("Callable[..., Array]", computed)


def _column(values: object, bars: int, name: str, kind: Kind) -> Array:
    if isinstance(values, pd.Series) and pd.api.types.is_extension_array_dtype(values.dtype):
        values = values.to_numpy(np.float64, na_value=np.nan)
    found = np.asarray(values)
    wrong = None
    if found.shape != (bars,):
        wrong = f"returned {_shown(values, found)} for {bars:,} bars"
        hint = "Return one value a bar, NaN where there is none."
    elif found.dtype.kind not in "biuf":
        wrong = f"returned values of type {found.dtype}"
        hint = "Return numbers or bools, NaN where there is none."
    elif kind == "float" and found.dtype.kind == "b":
        wrong = "returned bools"
        hint = 'Register it with kind="bool".'
    elif kind == "bool" and not np.isin(found[~np.isnan(found)], (0, 1)).all():
        wrong = "is of kind bool, and returned other numbers than 0 and 1"
        hint = 'Register it with kind="float", or return bools.'
    if wrong is not None:
        raise PluginError(
            f"the indicator {name!r} {wrong}.", hint=hint, details={"name": name, "bars": bars}
        )
    return np.array(found, np.float64)


def _shown(values: object, found: np.ndarray[Any, Any]) -> str:
    if found.ndim == 0:
        return f"a value of type {type(values).__name__}"
    return f"values of shape {found.shape}"
