"""Say what to install where a command needs packages that not everybody has."""

from __future__ import annotations

from importlib.util import find_spec

from btkit.errors import UsageError


def check_installed(*packages: str, extra: str, wanted_by: str) -> None:
    """Refuse a command whose packages are not installed.

    Parameters
    ----------
    *packages
        Names of top-level modules.
    extra
        The extra of btkit that brings them.
    wanted_by
        What needs them, such as ``backtest worker``.

    Raises
    ------
    UsageError
        If one of them is missing.

    Examples
    --------
    >>> check_installed("json", extra="service", wanted_by="this example")
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        needed = f"the package{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        raise UsageError(
            f"{wanted_by} needs {needed}, which {'are' if len(missing) > 1 else 'is'} not "
            "installed.",
            hint=f"Install what it needs with: pip install 'btkit[{extra}]'",
            details={"missing": missing, "extra": extra},
        )
