"""Bars: sources that have them, checks that they pass, and the loader in front of both."""

from btkit.data.adjust import adjust_prices
from btkit.data.info import DataInfo, Finding, LoadedBars
from btkit.data.load import load_bars
from btkit.data.quality import check_bars, judge_splits_again, order_bars
from btkit.data.source import Answer, Observations, Request, Source
from btkit.data.symbols import check_symbol

__all__ = [
    "Answer",
    "DataInfo",
    "Finding",
    "LoadedBars",
    "Observations",
    "Request",
    "Source",
    "adjust_prices",
    "check_bars",
    "check_symbol",
    "judge_splits_again",
    "load_bars",
    "order_bars",
]
