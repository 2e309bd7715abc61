"""Compile every compiled function beforehand, so that no backtest has to wait for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from btkit.announcing import compiling_announced, functions_compiled, unheard
from btkit.errors import StoreError

_RULES = {
    "name": "warm",
    "entry_conditions": [
        "round(close, 2) // 2 > 0",
        "close ** 2 > 0",
        "int(close) >= capital % 7",
        "percentile(close, 2) > 0 or std(close, 2) > 0 or crossed_above(close, open) or close > 0",
    ],
    "exit_conditions": ["bars_held >= {wait}"],
    "stop_conditions": [],
    "position_sizing_formula": "1",
    "parameters": {"wait": 2},
}
# A comparison of whole columns takes another way through a sweep than one of the position.
_SWEPT = {**_RULES, "entry_conditions": [*_RULES["entry_conditions"], "close > sma_{wait}"]}
_PLAIN = {
    **_RULES,
    "entry_conditions": ["close > 0"],
    "exit_conditions": ["close < 0"],
    "parameters": {},
}
_SHORT = {name: _RULES[name] for name in _RULES if name.endswith("_conditions")}
_BOTH_SIDES = {**_SWEPT, "direction": "both", "short": _SHORT}
_RESTS = {"limit": "close"}
_INSIDE = {"stop_loss": 0.5, "trailing_stop": {"atr": 3}, "entry_order": _RESTS}
_INSIDE_BOTH = {
    **_BOTH_SIDES,
    **_INSIDE,
    "short": {**_SHORT, "entry_order": _RESTS},
}
_SPREADS = {
    "name": "warm",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position"],
    "per_trade_risk_pct": 0.02,
    "cash_rate": 0.01,
}
_HEAD = {"fc.weight": (1, 1), "fc.bias": (1,)}
_WEIGHTS: dict[str, dict[str, tuple[int, ...]]] = {
    "mlp": _HEAD,
    **{
        kind: {
            **_HEAD,
            **{f"{kind}.weight_{part}_l0": (gates, 1) for part in ("ih", "hh")},
            **{f"{kind}.bias_{part}_l0": (gates,) for part in ("ih", "hh")},
        }
        for kind, gates in (("lstm", 4), ("gru", 3))
    },
}


@dataclass(frozen=True)
class WarmUp:
    """What `warm_up` did.

    Parameters
    ----------
    compiled
        How many functions were compiled; 0 where all were on disk.
    seconds
        How long it took.
    cache
        The folder that has them.
    """

    compiled: int
    seconds: float
    cache: Path


def warm_up() -> WarmUp:
    """Simulate a few bars of everything that reaches a compiled function, and keep the code.

    Returns
    -------
    WarmUp
        A second call, also in another process, compiles nothing.

    Raises
    ------
    StoreError
        If there is no folder where compiled code can be kept.

    Examples
    --------
    >>> warm_up().compiled  # doctest: +SKIP
    0
    """
    began, before = time.perf_counter(), functions_compiled()
    # The import compiles nothing, but brings numba.
    from btkit.conditions.compiled import cache_folder  # noqa: PLC0415 - slow to import

    cache = cache_folder()
    if cache is None:
        raise StoreError(
            "There is no folder where compiled code can be kept.",
            hint="Set NUMBA_CACHE_DIR to a folder that you may write to.",
        )
    with compiling_announced(unheard):
        _simulate()
    return WarmUp(functions_compiled() - before, time.perf_counter() - began, cache)


def _simulate() -> None:
    # All of these bring numba.
    import numpy as np  # noqa: PLC0415 - as above
    import pandas as pd  # noqa: PLC0415 - as above

    from btkit.engine.signals import measure_signals  # noqa: PLC0415 - as above
    from btkit.jobs.verbs import sweep  # noqa: PLC0415 - as above
    from btkit.models.networks import network_of  # noqa: PLC0415 - as above
    from btkit.simulation import simulate  # noqa: PLC0415 - as above

    days = pd.bdate_range("2018-01-02", periods=3, name="date")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0), index=days)
    bars = bars.assign(volume=1000.0)
    simulate({**_RULES, "cash_rate": 0.01}, bars)
    simulate({**_PLAIN, **_INSIDE}, bars)
    for spec in (_BOTH_SIDES, _INSIDE_BOTH, {**_SWEPT, **_INSIDE}):
        sweep(spec, bars, parameters={"wait": [2]})
    options = simulate(_SPREADS, bars.assign(current_iv=0.2))
    assert options.spreads, "what prices a spread's life is reached by one that was sold"
    # The statistics of a sweep take a month, and prices that move.
    days = pd.bdate_range("2018-01-02", periods=40, name="date")
    moving = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), range(100, 140)), days)
    sweep(
        _SWEPT, moving.assign(volume=1000.0).astype(float), parameters={"wait": [2, 3]}
    ).overfitting(repetitions=2)
    for model_type in ("mlp", "lstm", "gru"):
        network_of(
            {name: np.ones(shape) for name, shape in _WEIGHTS[model_type].items()},
            model_type=model_type,
            sequence_length=1,
        ).forward(np.ones((1, 1)))
    one, never = np.ones(1), np.zeros(1, np.bool_)
    measure_signals(one, np.zeros(1, np.int64), never, never, capital=1.0, rate=0.0, annual=1.0)
