"""btkit: backtests for the notebook, the batch run and the command line, from one engine.

>>> import btkit as bt
>>> spec = bt.load_spec("strategies/spy_momentum_v1.json")  # doctest: +SKIP
>>> bars = bt.load_bars("SPX", "2005-01-01", "2018-12-31", source="sample")  # doctest: +SKIP
>>> bt.simulate(spec, bars)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btkit.data import load_bars, register_source
    from btkit.data.indicator_table import compute_indicators
    from btkit.indicators import register_indicator
    from btkit.jobs import list_runs, load_run, report
    from btkit.jobs.verbs import options_sim, run, sweep, walk_forward
    from btkit.metrics import register_metric
    from btkit.models import inspect_bundle, labels, load_bundle, save_bundle
    from btkit.render import plot, show
    from btkit.service.client import Client
    from btkit.simulation import simulate
    from btkit.spec import load_spec

__version__ = "0.1.0"
__all__ = [
    "Client",
    "compute_indicators",
    "inspect_bundle",
    "labels",
    "list_runs",
    "load_bars",
    "load_bundle",
    "load_run",
    "load_spec",
    "options_sim",
    "plot",
    "register_indicator",
    "register_metric",
    "register_source",
    "report",
    "run",
    "save_bundle",
    "show",
    "simulate",
    "sweep",
    "walk_forward",
]

# Importing btkit must not cost what plotly, numba or papermill cost: each name is fetched from
# its home when it is first used (PEP 562).
_HOMES = {
    "Client": "btkit.service.client",
    "compute_indicators": "btkit.data.indicator_table",
    "inspect_bundle": "btkit.models",
    "labels": "btkit.models.labels",
    "list_runs": "btkit.jobs",
    "load_bars": "btkit.data",
    "load_bundle": "btkit.models",
    "load_run": "btkit.jobs",
    "load_spec": "btkit.spec",
    "options_sim": "btkit.jobs.verbs",
    "plot": "btkit.render.inline",
    "register_indicator": "btkit.indicators",
    "register_metric": "btkit.metrics",
    "register_source": "btkit.data",
    "report": "btkit.jobs",
    "run": "btkit.jobs.verbs",
    "save_bundle": "btkit.models",
    "show": "btkit.render.inline",
    "simulate": "btkit.simulation",
    "sweep": "btkit.jobs.verbs",
    "walk_forward": "btkit.jobs.verbs",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'btkit' has no attribute {name!r}")
    module = import_module(home)
    # A name may be that of a module.
    value = module if home.endswith(f".{name}") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
