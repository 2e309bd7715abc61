"""Bars: sources that have them, checks that they pass, and the loader in front of both."""

from btkit.data.adjust import adjust_prices, adjustment_factors
from btkit.data.describe import COVERAGE_CODES, HANDED_OVER, describe_bars
from btkit.data.dividends import paid_dividends
from btkit.data.formats import BarFormat, FormatSource, load_format
from btkit.data.frames import bars_from_table
from btkit.data.given import GivenBars, take_bars
from btkit.data.history import WARMUP_BARS, History
from btkit.data.info import DataInfo, Finding, LoadedBars, format_time
from btkit.data.join import sessions_old
from btkit.data.load import load_bars, load_from_source
from btkit.data.packed import pack_bars, unpack_bars
from btkit.data.quality import check_bars, order_bars
from btkit.data.registering import (
    check_source_name,
    plugins_of_source,
    register_source,
    source_names,
)
from btkit.data.source import Answer, Observations, Request, Source
from btkit.data.splits import SPLIT_CODE, judge_splits_again, shown_splits

__all__ = [
    "COVERAGE_CODES",
    "HANDED_OVER",
    "SPLIT_CODE",
    "WARMUP_BARS",
    "Answer",
    "BarFormat",
    "DataInfo",
    "Finding",
    "FormatSource",
    "GivenBars",
    "History",
    "LoadedBars",
    "Observations",
    "Request",
    "Source",
    "adjust_prices",
    "adjustment_factors",
    "bars_from_table",
    "check_bars",
    "check_source_name",
    "describe_bars",
    "format_time",
    "judge_splits_again",
    "load_bars",
    "load_format",
    "load_from_source",
    "order_bars",
    "pack_bars",
    "paid_dividends",
    "plugins_of_source",
    "register_source",
    "sessions_old",
    "shown_splits",
    "source_names",
    "take_bars",
    "unpack_bars",
]
