"""What the last bit of a number depends on: a worker that differs from its server gets no work."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from btkit.errors import WorkerRefusedError

# Beside those of `gather_versions`. Dask speaks to its own release alone.
_PACKAGES = ("llvmlite", "scipy", "pyarrow", "arch", "onnxruntime", "optuna", "distributed")
# NumPy and the C library have other code for exp, log, sin and sums where a processor has these.
_CPU_FEATURES = ("AVX2", "FMA3", "AVX512F", "AVX512_SKX", "ASIMD", "SVE", "VSX", "VX")
_NOTHING = "nothing"
_SHOWN_CHARACTERS = 12


@lru_cache(maxsize=1)
def fingerprint() -> dict[str, str]:
    """Return what this process's numbers depend on, as it was when this was first called.

    Returns
    -------
    dict
        Versions by name, and ``code`` (a hash of every source file of btkit), ``TA-Lib C`` (the C
        library under the wrapper), ``libc``, ``cpu`` (which wide instructions NumPy and the C
        library's mathematics choose by: with others, exp and log may differ in their last bit)
        and ``plugins`` (a hash of what installed packages register: indicators and metrics).

    Raises
    ------
    PluginError
        If such a package fails.
    """
    # These bring numba, TA-Lib and pandas.
    import talib  # noqa: PLC0415 - slow to import

    from btkit.conditions.compiled import sources_hash  # noqa: PLC0415 - as above
    from btkit.documents.provenance import gather_versions  # noqa: PLC0415 - as above

    libc = " ".join(platform.libc_ver())
    return {
        **gather_versions(),
        **{package: _version(package) for package in _PACKAGES},
        "TA-Lib C": talib.__ta_version__.decode("ascii", "replace"),  # type: ignore[attr-defined]  # it has no list of names
        "libc": libc or platform.system(),
        "cpu": _cpu(),
        "code": sources_hash(""),
        "plugins": _plugins(),
    }


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return where two fingerprints differ.

    Parameters
    ----------
    ours, theirs
        The server's and a worker's.

    Returns
    -------
    dict
        By name, ``server`` and ``worker``; empty where the worker's numbers are the server's.

    Examples
    --------
    >>> differences({"numpy": "2.4.6"}, {"numpy": "2.4.5"})
    {'numpy': {'server': '2.4.6', 'worker': '2.4.5'}}
    """
    names = sorted({*ours, *theirs}, key=str.lower)
    return {
        name: {"server": ours.get(name, _NOTHING), "worker": theirs.get(name, _NOTHING)}
        for name in names
        if ours.get(name) != theirs.get(name)
    }


def refusal(worker: str, differing: Mapping[str, Mapping[str, str]]) -> WorkerRefusedError:
    """Return the error that says why a worker may not work.

    Parameters
    ----------
    worker
        Its name.
    differing
        As `differences` returns them; at least one.
    """
    told = ", ".join(
        f"{name} ({_short(values['worker'])}, the server has {_short(values['server'])})"
        for name, values in differing.items()
    )
    return WorkerRefusedError(
        f"The worker {worker} is not as its server, and its results could differ in the last "
        f"bit: {told}.",
        hint="Install on the worker what the server has, at best from one image or lock file; "
        "`backtest worker --check` says whether results differ.",
        details={"worker": worker, "differences": {key: dict(v) for key, v in differing.items()}},
    )


def _short(value: str) -> str:
    is_hash = len(value) > _SHOWN_CHARACTERS and all(c in "0123456789abcdef" for c in value)
    return value[:_SHOWN_CHARACTERS] if is_hash else value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    # NumPy has a public function that prints them, and none that returns them.
    features = import_module("numpy._core._multiarray_umath").__cpu_features__
    return " ".join(name for name in _CPU_FEATURES if features.get(name)) or "baseline"


def _plugins() -> str:
    # They bring pandas.
    from btkit.indicators import registry  # noqa: PLC0415 - slow to import
    from btkit.metrics import registering  # noqa: PLC0415 - as above

    digest, count = hashlib.sha256(), 0
    for known in (registry.REGISTERED, registering.REGISTERED):
        for name in sorted(known.entries()):
            plugin = known.plugin(name)
            if plugin is not None and plugin.distribution is not None:
                count += 1
                digest.update(f"{plugin.kind} {name} {plugin.code_hash}\0".encode())
    return digest.hexdigest() if count else "none"
