"""What may be the symbol of an instrument: one rule for every way in."""

from __future__ import annotations

import re
from typing import Final

from btkit.arguments import refusal, shown
from btkit.errors import UsageError

# Never a leading "-": a symbol is handed to other programs as an argument. Never "..": files
# are named after symbols.
SYMBOL: Final = re.compile(r"(?!.*\.\.)(?=.*[A-Za-z0-9])[A-Za-z0-9^.$_][A-Za-z0-9^.$_=:/&+-]{0,39}")


def check_symbol(symbol: object) -> str:
    """Return a symbol without blanks around it.

    Parameters
    ----------
    symbol
        The instrument's name at the source, such as ``SPY``, ``BRK.B``, ``^VIX`` or ``$SPX``.

    Returns
    -------
    str
        Safe as an argument of another program and, slashes and colons aside, in a file's name.

    Raises
    ------
    UsageError
        If it cannot be a symbol.
    """
    if not isinstance(symbol, str):
        raise refusal(
            symbol,
            "symbol",
            rule="a text, or the bars as a pandas DataFrame",
            hint="Write for example SPY; of a dict or list of bars make pd.DataFrame(...), of a "
            "polars or Arrow table .to_pandas().",
        )
    known = symbol.strip()
    if not SYMBOL.fullmatch(known):
        raise UsageError(
            f"{shown(symbol)} cannot be a symbol.",
            hint="Symbols are letters, digits and ^ . $ _ = : / & + -, at most 40, without a "
            "leading = : / & + - and without two dots in a row; such as SPY, BRK.B or ^VIX.",
            details={"argument": "symbol", "received": shown(symbol)},
        )
    return known
