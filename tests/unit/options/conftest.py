from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def market():
    """Make daily bars from closes; opens are the closes before unless given."""

    def make(closes, *, opens=None, iv=0.2, start="2018-01-02", **columns):
        closes = np.asarray(closes, float)
        if opens is None:
            opens = np.concatenate([closes[:1], closes[:-1]])
        opens = np.asarray(opens, float)
        return pd.DataFrame(
            {
                "open": opens,
                "high": np.maximum(opens, closes),
                "low": np.minimum(opens, closes),
                "close": closes,
                "volume": 1000.0,
                "current_iv": iv,
                **columns,
            },
            index=pd.bdate_range(start, periods=len(closes), name="date"),
        )

    return make
