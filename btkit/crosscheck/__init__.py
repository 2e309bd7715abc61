"""A second, plain simulator, slow and independent, and what a result says otherwise than it.

It is written from the text of SEMANTICS, rule by rule and in its order, with its own evaluation
of conditions, its own fills, option prices and measures, for both books: lots of shares and
spreads of options.

>>> from btkit.crosscheck import differences
>>> differences(result)  # doctest: +SKIP
[]
"""

from btkit.crosscheck.check import Difference, crosscheck, differences
from btkit.crosscheck.records import PlainLeg, PlainRun, PlainTrade

__all__ = [
    "Difference",
    "PlainLeg",
    "PlainRun",
    "PlainTrade",
    "crosscheck",
    "differences",
]
