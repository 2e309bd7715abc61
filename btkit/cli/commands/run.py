"""`backtest run`."""

from __future__ import annotations

from btkit.cli.asked import Fields, SpecFlags, spec_command
from btkit.cli.options import ModelPath

NAME = "run"
HELP = """
Run a strategy on stored history, and report on it.

--strategy is a spec, or a model strategy of grammar v3, which says its symbol and timeframe itself.
The bars before --start only warm the indicators up. The run is stored in BT_DB_PATH; a notebook,
its HTML and its JSON are left in BT_REPORT_DIR, each named by the run's id.
Exit codes: 0 passed, 1 missed a threshold or had no data, 2 error.

\b
Example:
  backtest run --strategy strategies/spy_momentum_v1.json --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
  backtest run --strategy strategies/spx_mlp.yaml --model-path models/spx_mlp/SPX_1d
      --start 2005-01-01 --end 2018-12-31 --source sample
"""


def _fields(*, model_path: ModelPath = None) -> Fields:
    return {"model_path": model_path}


ASKED = SpecFlags(NAME, _fields)
command = spec_command(ASKED, follows=True)
