"""Leave out of a command's start-up what no command uses."""

from __future__ import annotations

import sys
from types import ModuleType

# numba imports the first only to learn whether it could compile np.dot, which costs a third of a
# second, and the second only to report lines to a coverage run.
_UNUSED = ("scipy.linalg", "coverage")

_SPELLING_CHECKS = (
    "arrow",
    "isoduration",
    "jsonpointer",
    "rfc3339_validator",
    "rfc3986_validator",
    "rfc3987",
    "rfc3987_syntax",
    "uri_template",
    "webcolors",
)
_CLOUDS = ("pyarrow.fs", "boto3", "azure", "gcsfs", "github")
_UNUSED_BY_NOTEBOOKS = (*_SPELLING_CHECKS, *_CLOUDS)


def import_numba_lightly() -> None:
    """Import numba without the parts of scipy and coverage that it looks for but we do not use.

    Does nothing in a process that has any of them already: then there is nothing to save, or
    somebody else needs them.
    """
    if any(name in sys.modules for name in (*_UNUSED, "numba")):
        return
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: "absent"
    modules.update(dict.fromkeys(_UNUSED))
    try:
        import numba.np.arraymath  # noqa: F401, PLC0415 - imported for what it leaves behind
    finally:
        for name in _UNUSED:
            del modules[name]


def import_papermill_lightly() -> None:
    """Import papermill without what it needs for notebooks that are not on this disk.

    jsonschema's optional checks of how dates, addresses and colours are spelt take longer than all
    else together, one of them by building a grammar; no notebook's schema asks for them. The others
    reach storage in several clouds. Does nothing where any of it was imported before.
    """
    if any(name in sys.modules for name in ("papermill", "jsonschema", "nbformat", "requests")):
        return
    absent = [name for name in _UNUSED_BY_NOTEBOOKS if name not in sys.modules]
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: "absent"
    modules.update(dict.fromkeys(absent))
    try:
        import papermill  # noqa: F401, PLC0415 - imported for what it leaves behind
    finally:
        for name in absent:
            del modules[name]
