"""The arithmetic of networks, compiled: many rows at once, each in one fixed order."""

from btkit.models.kernels.functions import ACTIVATIONS
from btkit.models.kernels.lanes import LANES
from btkit.models.kernels.layers import run_layers
from btkit.models.kernels.recurrent import GRU_GATES, LSTM_GATES, run_windows

__all__ = ["ACTIVATIONS", "GRU_GATES", "LANES", "LSTM_GATES", "run_layers", "run_windows"]
