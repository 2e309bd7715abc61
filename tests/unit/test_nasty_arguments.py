"""Whatever a caller passes to a public function: it is taken, or refused with a hint of btkit's."""

import datetime as dt
import inspect
import itertools
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.bundles import ORDER, STRATEGY, foreign_bundle, layers

import btkit as bt
from btkit.data.registering import SOURCES
from btkit.errors import BtkitError
from btkit.indicators.registry import REGISTERED
from btkit.metrics import registering
from btkit.settings import Settings

SPEC = {
    "name": "crossing",
    "entry_conditions": ["close > sma_{n}"],
    "exit_conditions": ["close < sma_{n}"],
    "stop_conditions": [],
    "position_sizing_formula": "10",
    "parameters": {"n": 5},
}
MODEL = {"name": "trained", "model_path": "models/trained"}
SPREADS = {"name": "puts", "entry_conditions": ["close > sma_5"], "spread_type": "short_put_spread"}


class Broken:
    """It can be neither shown nor compared nor counted."""

    def _fail(self, *_):
        raise RuntimeError("broken on purpose")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = _fail
    __hash__ = object.__hash__


def frame(count=250):
    close = 100.0 + 5.0 * np.sin(np.arange(count) / 9.0)
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6},
        index=pd.bdate_range("2018-01-02", periods=count),
    )


NASTY = {
    "none": None,
    "true": True,
    "negative": -1,
    "zero": 0,
    "huge": 10**5000,
    "long": 2**63,
    "fraction": 1.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1j,
    "decimal": Decimal("NaN"),
    "empty": "",
    "text": "nonsense",
    "null character": "a\0b",
    "surrogate": "\ud800",
    "long text": "x" * 100_000,
    "bytes": b"SPY",
    "list": [1, "x"],
    "no list": [],
    "dict": {"a": [1]},
    "set": {1},
    "object": object(),
    "broken": Broken(),
    "list of broken": [Broken()],
    "array": np.array([1.0, 2.0]),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "numpy NaT": np.datetime64("NaT"),
    "latest": pd.Timestamp.max,
    "earliest": pd.Timestamp.min,
    "last date": dt.date.max,
    "first date": dt.date.min,
    "zoned": dt.datetime(2018, 6, 1, tzinfo=dt.UTC),
    "period": pd.Period("2018-06"),
    "function": len,
    "class": int,
    "path": Path("no/such/file.yaml"),
    "no bars": pd.DataFrame(),
    "series": pd.Series([1.0]),
}


def calls(settings, tmp_path):
    """Return each public function with arguments that it takes."""
    bars = frame()
    stored = {"settings": settings, "progress": None, "format": None, "benchmark": None}
    sample = ("SPX", "2018-01-02", "2018-03-01")
    costs = {"capital": 1e5, "commission": 0.65, "slippage": 0.005}
    result = bt.simulate(SPEC, bars)
    return {
        "load_spec": (
            bt.load_spec,
            {"source": SPEC, "settings": settings, "kind": "rules", "events": None},
        ),
        "load_bars": (
            bt.load_bars,
            dict(zip(("symbol", "start", "end"), sample, strict=True))
            | {"interval": "1d", "source": "sample", "warmup": 0, "needs_iv": False}
            | {"calendar": "XNYS", "columns": (), "format": None, "settings": settings},
        ),
        "simulate": (
            bt.simulate,
            {"spec": SPEC, "bars": bars, "symbol": None, "start": None, "benchmark": None}
            | {"models": None, "detail": None, **costs},
        ),
        "run": (
            bt.run,
            {"spec": SPEC, "symbol": bars, "start": None, "end": None, "interval": "1d"}
            | {"source": None, "model_path": None, "detail": None, **costs, **stored},
        ),
        "options_sim": (
            bt.options_sim,
            {"spec": SPREADS, "symbol": bars, "start": None, "end": None, "interval": "1d"}
            | {"source": None, **costs, **stored},
        ),
        "sweep": (
            bt.sweep,
            {"spec": SPEC, "symbol": bars, "start": None, "end": None, "interval": "1d"}
            | {"parameters": {"n": [3, 5]}, "constraint": None, "method": "grid", "samples": 2}
            | {"objective": "sharpe_ratio", "seed": 0, "max_sets": 10, "threads": 1}
            | {"overfitting_sample": None, "detail": None}
            | {"source": None, **costs, **stored},
        ),
        "walk_forward": (
            bt.walk_forward,
            {"spec": SPEC, "symbol": bars, "start": None, "end": None, "interval": "1d"}
            | {"windows": 2, "is_ratio": 0.5, "scheme": "disjoint", "optimize": None}
            | {"constraint": None, "objective": "sharpe_ratio", "max_sets": 10, "source": None}
            | {"model_path": None, "detail": None, **costs, **stored},
        ),
        "compute_indicators": (
            bt.compute_indicators,
            {"bars": bars.iloc[:30], "calendar": "XNYS", "bars_per_year": 252.0},
        ),
        "labels.forward_return": (bt.labels.forward_return, {"bars": bars, "horizon": 3}),
        "labels.forward_class": (
            bt.labels.forward_class,
            {"bars": bars, "horizon": 3, "buy_above": 0.01, "sell_below": -0.01},
        ),
        "labels.triple_barrier": (
            bt.labels.triple_barrier,
            {"bars": bars, "take_profit": 0.1, "stop_loss": 0.1, "horizon": 3, "both": "hold"}
            | {"unit": "fraction", "volatility_bars": 20, "prices": "close", "expired": "sign"},
        ),
        "labels.read_label": (
            bt.labels.read_label,
            {"description": {"kind": "forward_return", "horizon": 3}},
        ),
        "labels.uniqueness": (
            bt.labels.uniqueness,
            {"ends": bt.labels.forward_return(bars, 3)["end"], "bars": bars},
        ),
        "load_bundle": (
            bt.load_bundle,
            {"path": foreign_bundle(tmp_path.with_name(f"{tmp_path.name}-dip"))}
            | {"output_classes": None, "output_activation": None},
        ),
        "inspect_bundle": (
            bt.inspect_bundle,
            {"path": foreign_bundle(tmp_path.with_name(f"{tmp_path.name}-seen"))}
            | {"output_classes": None, "output_activation": None},
        ),
        "Client": (
            bt.Client,
            {"url": "http://127.0.0.1:9", "token": None, "settings": settings, "transport": None},
        ),
        "save_bundle": (
            bt.save_bundle,
            {"path": tmp_path / "saved", "model": layers(2, 4, 3), "strategy": STRATEGY}
            | {"rows": np.full((20, 2), 0.5), "name": "dip", "symbols": "SPX", "timeframes": "1d"}
            | {"normalization_params": None, "output_type": "classification"}
            | {"output_classes": ORDER, "activation": "relu", "sequence_length": None}
            | {"decisions": None, "trained_from": None, "trained_until": None, "label": None}
            | {"label_horizon": 5, "calibration": None, "seed": 1, "metrics": None}
            | {"created_at": None, "overwrite": True},
        ),
        "list_runs": (
            bt.list_runs,
            {"symbol": None, "limit": 5, "status": None, "kind": None, "parent": None}
            | {"everything": False, "after": None, "settings": settings},
        ),
        "load_run": (bt.load_run, {"run_id": "0" * 32, "settings": settings}),
        "report": (bt.report, {"result": result, "settings": settings}),
        "plot": (bt.plot, {"run": result}),
        "show": (bt.show, {"run": result}),
        "register_indicator": (
            bt.register_indicator,
            {"name": "my_own", "function": _doubled, "lookback": 0, "meaning": "Twice the close."}
            | {"group": "user", "kind": "float", "decay": None, "formula": "2 * close"}
            | {"source": "a test", "replace": True},
        ),
        "register_source": (
            bt.register_source,
            {"name": "my-own", "factory": dict, "replace": True},
        ),
        "register_metric": (
            bt.register_metric,
            {"name": "my_own", "function": _largest, "meaning": "The largest gain of a bar."}
            | {"label": "Largest gain", "format": "percent", "formula": "max(returns)"}
            | {"direction": "higher", "replace": True},
        ),
    }


def _doubled(close):
    return close * 2.0


def _largest(returns):
    return returns.max()


@pytest.fixture(autouse=True)
def own_lists(monkeypatch):
    for registry in (REGISTERED, SOURCES, registering.REGISTERED):
        monkeypatch.setattr(registry, "_entries", {})


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings.model_construct(
        db_path=tmp_path / "runs.db", report_dir=tmp_path / "reports", curve_dir=tmp_path / "c"
    )


def refusal_of(function, arguments):
    try:
        function(**arguments)
    except BtkitError as error:
        return error
    return None


def named():
    """Return the names of public functions, those of public modules with theirs before them."""
    labels = [f"labels.{name}" for name in bt.labels.__all__]
    return sorted({*bt.__all__} - {"labels"}) + labels


@pytest.mark.parametrize("name", named())
def test_every_argument_is_taken_or_refused_with_a_hint(name, settings, tmp_path):
    function, arguments = calls(settings, tmp_path)[name]
    missing = set(inspect.signature(function).parameters) - set(arguments)
    assert missing == set()
    failed = []
    for argument, (kind, value) in itertools.product(arguments, NASTY.items()):
        try:
            error = refusal_of(function, {**arguments, argument: value})
        except Exception as other:  # noqa: BLE001 - what must not come
            failed.append(f"{argument}={kind}: {type(other).__name__}: {str(other)[:80]}")
            continue
        if error is not None and not (error.message and error.hint):
            failed.append(f"{argument}={kind}: no hint beside {error.message[:80]}")
    assert failed == []


@pytest.mark.parametrize("spec", [SPEC, SPREADS, MODEL], ids=["rules", "spreads", "model"])
def test_every_field_of_a_spec_is_taken_or_refused_with_a_hint(spec, settings):
    failed = []
    fields = list(type(bt.load_spec(spec, settings=settings)).model_fields)
    for field, (kind, value) in itertools.product([*fields, "unknown"], NASTY.items()):
        try:
            error = refusal_of(bt.load_spec, {"source": {**spec, field: value}})
        except Exception as other:  # noqa: BLE001 - what must not come
            failed.append(f"{field}={kind}: {type(other).__name__}: {str(other)[:80]}")
            continue
        if error is not None and not (error.message and error.hint):
            failed.append(f"{field}={kind}: no hint beside {error.message[:80]}")
    assert failed == []


@pytest.mark.parametrize("verb", ["run", "options_sim", "sweep", "walk_forward"])
def test_nothing_is_stored_after_a_refusal(verb, settings, tmp_path):
    function, arguments = calls(settings, tmp_path)[verb]
    arguments |= dict(
        zip(("symbol", "start", "end"), ("SPX", "2018-01-02", "2018-03-01"), strict=True)
    )
    arguments["source"] = "sample"
    wrong = {kind: NASTY[kind] for kind in ("huge", "complex", "object", "broken", "function")}
    for argument, (kind, value) in itertools.product(arguments, wrong.items()):
        assert refusal_of(function, {**arguments, argument: value}), f"{argument}={kind}"
    assert list(tmp_path.rglob("*")) == []


def test_values_of_parameters_are_taken_or_refused_with_a_hint(settings):
    known = {"spec": SPEC, "symbol": frame(), "settings": settings}
    for kind, value in NASTY.items():
        for values in (value, [value], {"n": value}):
            error = refusal_of(bt.sweep, {**known, "parameters": {"n": values}})
            assert error is None or error.hint, kind
    endless = refusal_of(bt.sweep, {**known, "parameters": {"n": itertools.count(2)}})
    assert "more than 1,000,000 values" in endless.message


@pytest.mark.parametrize(
    "bars", [None, {"close": [1.0]}, np.ones((3, 4))], ids=["none", "dict", "array"]
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda bars: bt.run(SPEC, bars),
        lambda bars: bt.sweep(SPEC, bars, parameters={"n": [3, 5]}),
        lambda bars: bt.walk_forward(SPEC, bars),
        lambda bars: bt.options_sim(SPREADS, bars),
    ],
    ids=["run", "sweep", "walk_forward", "options_sim"],
)
def test_what_are_no_bars_is_said_before_a_date_that_is_missing(ask, bars):
    with pytest.raises(BtkitError, match=r"symbol is .* the bars as a pandas DataFrame") as refused:
        ask(bars)
    assert "pd.DataFrame" in refused.value.hint
