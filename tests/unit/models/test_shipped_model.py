"""The model that comes with btkit: what it is, and that it trades without PyTorch."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

import btkit as bt
from btkit.models import load_bundle, plan_inputs, read_strategy_v3

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "spx_mlp"
RUN = """
import sys
import btkit as bt
bars = bt.load_bars("SPX", "2005-01-03", "2018-12-31", source="sample")
result = bt.simulate(bt.load_spec("strategies/spx_mlp.yaml"), bars)
print(len(result.trades), result.equity.index[0].date(), result.in_sample.equity.index[-1].date())
print({"torch", "sklearn", "onnxruntime"} & set(sys.modules))
"""


def test_it_is_what_its_strategy_says_and_saw_nothing_of_2010():
    strategy = read_strategy_v3((MODEL / "strategy.yaml").read_text(encoding="utf-8"))
    bundle = load_bundle(MODEL / "SPX_1d")
    plan = plan_inputs(strategy.inputs, timeframes=strategy.timeframes)
    assert (bundle.name, bundle.symbols, bundle.warnings) == ("spx_mlp", ("SPX",), ())
    assert (bundle.features.names, bundle.features.formulas) == (plan.names, plan.formulas)
    bars = bt.load_bars("SPX", "1999-01-04", "2010-12-31", source="sample")
    label = bt.labels.read_label(bundle.label)
    # The label of its last row was known on the last day of 2009.
    seen = bars.index.get_loc(bundle.trained_until) + label.horizon
    assert bars.index[seen + 1] == pd.Timestamp("2010-01-04")
    spec = yaml.safe_load((ROOT / "strategies" / "spx_mlp.yaml").read_text(encoding="utf-8"))
    assert spec["confidence_threshold"] == strategy.decisions.confidence_threshold


def test_it_trades_from_a_clone_without_what_trained_it():
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == "61 2010-01-04 2009-12-31"
    assert second == "set()"
