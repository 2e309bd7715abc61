"""btkit: backtests for the notebook, the batch run and the command line, from one engine.

>>> import btkit as bt
>>> spec = bt.load_spec("strategies/spy_momentum_v1.json")  # doctest: +SKIP
>>> bars = bt.load_bars("SPX", "2005-01-01", "2018-12-31", source="sample")  # doctest: +SKIP
>>> bt.simulate(spec, bars)  # doctest: +SKIP
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btkit.data import load_bars
    from btkit.data.indicator_table import compute_indicators
    from btkit.render import plot, show
    from btkit.runs import list_runs, load_run, options_sim, report, run
    from btkit.runs.sweep import sweep
    from btkit.runs.walk_forward import walk_forward
    from btkit.simulation import simulate
    from btkit.spec import load_spec

__version__ = "0.1.0"
__all__ = [
    "compute_indicators",
    "list_runs",
    "load_bars",
    "load_run",
    "load_spec",
    "options_sim",
    "plot",
    "report",
    "run",
    "show",
    "simulate",
    "sweep",
    "walk_forward",
]

# Importing btkit must not cost what plotly, numba or papermill cost: each name is fetched from
# its home when it is first used (PEP 562).
_HOMES = {
    "compute_indicators": "btkit.data.indicator_table",
    "list_runs": "btkit.runs",
    "load_bars": "btkit.data",
    "load_run": "btkit.runs",
    "load_spec": "btkit.spec",
    "options_sim": "btkit.runs",
    "plot": "btkit.render.inline",
    "report": "btkit.runs",
    "run": "btkit.runs",
    "show": "btkit.render.inline",
    "simulate": "btkit.simulation",
    "sweep": "btkit.runs.sweep",
    "walk_forward": "btkit.runs.walk_forward",
}


class _Face(ModuleType):
    """The root package: `bt.report` is a verb, although `btkit.report` is a package, too.

    The import system puts every subpackage into the root under its name; a verb of that name
    stays what it is.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'btkit' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
