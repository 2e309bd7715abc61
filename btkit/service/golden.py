"""A golden run: the same work on every machine, compared with what it is known to come to.

Each part is one way to a number: the data, the indicators (TA-Lib and pandas), rules, calls over
time, spreads (the C library's exp and log), sweeps and their statistics (NumPy's random numbers),
networks. A part is recorded as a hash of all its bits, and as sums that tell a last bit from
another result.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from btkit.conditions import CALLS
from btkit.data import load_bars
from btkit.data.indicator_table import compute_indicators
from btkit.indicators.registry import REGISTERED
from btkit.jobs.verbs import sweep
from btkit.models.networks import network_of
from btkit.service.versions import differences, fingerprint
from btkit.shipped import shipped
from btkit.simulation import Result, simulate
from btkit.spec import load_spec

Arrays = Iterator[tuple[str, npt.NDArray[Any]]]
Status = Literal["equal", "last_bits", "different"]

RECORDED = Path(__file__).with_name("golden.json")
"""What the parts came to, and with which versions."""

# What another machine may differ by.
_TOLERANCE = 1e-12
_SPREADS = {
    "name": "golden",
    "spread_type": "iron_condor",
    "entry_conditions": ["not in_position", "rsi_14 > 40"],
    "per_trade_risk_pct": 0.02,
}
_CALLING = {
    "name": "golden",
    "exit_conditions": ["bars_held > 5"],
    "stop_conditions": [],
    "position_sizing_formula": "capital / close / (1 + std(change(close, 1), 9))",
}
_CELLS = {"lstm": 4, "gru": 3}
_FEATURES, _HIDDEN, _OUTPUTS, _LENGTH, _ROWS = 3, 5, 3, 4, 40


def check_golden() -> dict[str, Any]:
    """Do the golden run, and compare it with the recorded one.

    Returns
    -------
    dict
        ``passed``: whether every bit is as recorded. ``parts``: by name ``equal``, ``last_bits``
        (sums agree to 1e-12, as on another kind of processor) or ``different``. ``versions`` of
        this process, and ``differences`` from those that it was recorded with.
    """
    recorded = json.loads(RECORDED.read_bytes())
    parts = {name: _compare(part(), recorded["parts"][name]) for name, part in PARTS.items()}
    return {
        "passed": all(status == "equal" for status in parts.values()),
        "parts": parts,
        "versions": fingerprint(),
        "differences": {
            name: {"recorded": values["server"], "here": values["worker"]}
            for name, values in differences(recorded["versions"], fingerprint()).items()
            # Every change of the code changes it, and most change no number.
            if name != "code"
        },
    }


def record_golden() -> dict[str, Any]:
    """Return what `RECORDED` should hold: plain JSON values."""
    return {
        "versions": {name: value for name, value in fingerprint().items() if name != "code"},
        "parts": {name: _record(part()) for name, part in PARTS.items()},
    }


def _record(arrays: Arrays) -> dict[str, Any]:
    digest, sums = hashlib.sha256(), {}
    for name, values in arrays:
        plain = values.astype(np.float64)
        # All NaN count as one.
        plain[np.isnan(plain)] = np.nan
        digest.update(f"{name} {plain.shape}".encode())
        digest.update(plain.astype("<f8", copy=False).tobytes())
        sums[name] = math.fsum(np.abs(plain[np.isfinite(plain)]))
    return {"sha256": digest.hexdigest(), "sums": sums}


def _compare(arrays: Arrays, recorded: Mapping[str, Any]) -> Status:
    found = _record(arrays)
    if found["sha256"] == recorded["sha256"]:
        return "equal"
    sums, known = found["sums"], recorded["sums"]
    if sums.keys() == known.keys() and all(
        math.isclose(sums[name], known[name], rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        for name in known
    ):
        return "last_bits"
    return "different"


@lru_cache(maxsize=1)
def _bars() -> pd.DataFrame:
    return load_bars("SPX", "2014-02-03", "2018-12-31", source="sample")


def _data() -> Arrays:
    yield "time", pd.DatetimeIndex(_bars().index).as_unit("s").asi8
    yield from _columns(_bars())


def _indicators() -> Arrays:
    # Those that this machine's packages register are no one else's.
    registered = set(REGISTERED.entries())
    yield from _columns(compute_indicators(_bars()).drop(columns=registered, errors="ignore"))


def _rules() -> Arrays:
    for name in ("spy_momentum_v1.json", "stop_and_reverse.yaml", "scaling_pullback.yaml"):
        yield from _outcome(name, simulate(load_spec(shipped("strategies") / name), _bars()))


def _calls() -> Arrays:
    # One of each, as its documentation has it.
    examples = [call.example for call in CALLS.values()]
    spec = {**_CALLING, "entry_conditions": [f"({') or ('.join(examples)})"]}
    # The other instrument that they read has every second bar.
    result = simulate(spec, {"SPX": _bars(), "SPY": _bars().iloc[::2]}, symbol="SPX")
    yield from _columns(result.features)
    yield from _outcome("calls", result)


def _spreads() -> Arrays:
    bars = _bars().assign(current_iv=_bars()["vix"] / 100)
    yield from _outcome("spreads", simulate(_SPREADS, bars))


def _model() -> Arrays:
    spec = load_spec(shipped("strategies") / "spx_mlp.yaml")
    yield from _outcome("mlp", simulate(spec, _bars()))


def _sets() -> Arrays:
    spec = load_spec(shipped("strategies") / "golden_cross.yaml")
    swept = sweep(spec, _bars(), parameters={"fast": [10, 20, 30], "slow": [60, 90]})
    yield from _columns(swept.table)
    luck = swept.overfitting(repetitions=50)
    interval = luck.interval
    assert interval is not None
    yield "overfitting", np.array([luck.deflated, interval.low, interval.high])


def _networks() -> Arrays:
    rows = _spread(_ROWS, _FEATURES)
    for kind, gates in _CELLS.items():
        weights = {
            f"{kind}.weight_ih_l0": _spread(gates * _HIDDEN, _FEATURES),
            f"{kind}.weight_hh_l0": _spread(gates * _HIDDEN, _HIDDEN),
            f"{kind}.bias_ih_l0": _spread(gates * _HIDDEN),
            f"{kind}.bias_hh_l0": _spread(gates * _HIDDEN),
            "fc.weight": _spread(_OUTPUTS, _HIDDEN),
            "fc.bias": _spread(_OUTPUTS),
        }
        network = network_of(weights, model_type=kind, sequence_length=_LENGTH)
        yield kind, network.forward(rows)


PARTS: Mapping[str, Callable[[], Arrays]] = {
    "data": _data,
    "indicators": _indicators,
    "rules": _rules,
    "calls": _calls,
    "spreads": _spreads,
    "sweep": _sets,
    "model": _model,
    "networks": _networks,
}
"""What the golden run is made of, by name."""


def _spread(*shape: int) -> npt.NDArray[np.float64]:
    """Return numbers from -1 to 1 that every machine makes alike."""
    count = math.prod(shape)
    return ((np.arange(count) * 7919 % 2003) / 1001.0 - 1.0).reshape(shape)


def _columns(table: pd.DataFrame) -> Arrays:
    for name in table.columns:
        yield str(name), table[name].to_numpy(np.float64, na_value=np.nan)


def _outcome(name: str, result: Result) -> Arrays:
    yield f"{name} equity", result.equity.to_numpy()
    yield f"{name} trades", result.trades.select_dtypes("number").to_numpy(np.float64)
    metrics = result.metrics.model_dump()
    known = [value for value in metrics.values() if isinstance(value, int | float)]
    yield f"{name} metrics", np.array(known, np.float64)
