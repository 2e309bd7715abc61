"""Train the small network that comes with btkit, models/spx_mlp/SPX_1d, as it was trained.

It learns which comes first within ten days, a rise or a fall of one and a half daily standard
deviations, from 1999 to 2009 of the sample; the years after are for backtests. Needs btkit[torch].
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch

import btkit as bt
from btkit.models import plan_inputs, read_strategy_v3, save_bundle

MODELS = Path(__file__).resolve().parents[1] / "models"
LABEL = {
    "kind": "triple_barrier", "take_profit": 1.5, "stop_loss": 1.5, "horizon": 10,
    "unit": "volatility",
}  # fmt: skip
LAST_LABEL = "2009-12-31"
SEED, HIDDEN, EPOCHS = 7, 16, 100


def fit(rows: pd.DataFrame, labels: pd.Series, weights: pd.Series, seed: int) -> torch.nn.Module:
    """Fit a network of one hidden layer; `backtest retrain` takes this function, too."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(rows.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 3)
    ).double()
    inputs, shares = torch.tensor(rows.to_numpy()), torch.tensor(weights.to_numpy())
    classes = torch.tensor(labels.cat.codes.to_numpy().astype("int64"))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.001)
    for _ in range(EPOCHS):
        optimiser.zero_grad()
        losses = torch.nn.functional.cross_entropy(network(inputs), classes, reduction="none")
        (losses * shares).mean().backward()
        optimiser.step()
    return network


def main() -> None:
    """Train it, and save it over the one that is there."""
    text = (MODELS / "spx_mlp" / "strategy.yaml").read_text(encoding="utf-8")
    strategy = read_strategy_v3(text)
    bars = bt.load_bars("SPX", "1999-01-04", LAST_LABEL, source="sample")
    plan = plan_inputs(strategy.inputs, timeframes=strategy.timeframes)
    features = pd.DataFrame(plan.matrix(bars, interval="1d"), bars.index, list(plan.names))
    labels = bt.labels.read_label(LABEL).compute(bars)
    # Of the last ten days only those have a label that met a barrier: no fair sample.
    learnt = features.notna().all(axis=1) & labels["end"].notna()
    learnt.iloc[-LABEL["horizon"] :] = False
    weights = bt.labels.uniqueness(labels["end"][learnt], bars)
    rows = features[learnt]
    network = fit(rows, labels["label"][learnt], weights / weights.mean(), SEED)
    bundle = save_bundle(
        MODELS / "spx_mlp" / "SPX_1d",
        network,
        strategy=text,
        rows=rows.to_numpy(),
        output_classes=("BUY", "SELL", "HOLD"),
        trained_from=rows.index[0],
        trained_until=rows.index[-1],
        label=LABEL,
        seed=SEED,
        # No clock: trained again on the same machine it is the same to the byte.
        created_at=datetime(2010, 1, 1, tzinfo=UTC),
        overwrite=True,
    )
    print(bundle)


if __name__ == "__main__":
    main()
