from __future__ import annotations

import pytest

from btkit.errors import UsageError
from btkit.markets import check_symbol


@pytest.mark.parametrize(
    "symbol",
    ["SPY", "BRK.B", "BRK/B", "BF-B", "^VIX", "$SPX", ".SPX", "A&B", "M&M.NS", "ES=F", "EURUSD=X",
     "BTC-USD", "NASDAQ:AAPL", "600519.SS", "ACHR+", "_TEST", "7203.T", "X" * 40],
)  # fmt: skip
def test_real_symbols_pass(symbol):
    assert check_symbol(f" {symbol} ") == symbol


@pytest.mark.parametrize(
    "symbol",
    ["", " ", "--help", "-SPY", "..", "../SPX", "a/../b", "A..B", "/etc/passwd", ".", "^", "A B",
     "SPY\0", "SPY\nQQQ", "SPY;ls", "$(ls)", "A\\B", "SPÝ", "X" * 41],
)  # fmt: skip
def test_what_is_no_symbol_is_refused(symbol):
    with pytest.raises(UsageError, match="cannot be a symbol") as caught:
        check_symbol(symbol)
    assert caught.value.details["argument"] == "symbol"
