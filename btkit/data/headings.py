"""What the headings of a table mean, in the spellings of the usual vendors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

TIME: Final = "time"
DATE: Final = "date"
SYMBOL: Final = "symbol"
TICKS: Final = "ticks"

# Headings stripped to lower-case letters and digits.
SPELLINGS: Final = {
    **dict.fromkeys(("o", "open", "openprice", "priceopen", "pxopen", "opnpric"), "open"),
    **dict.fromkeys(("h", "high", "highprice", "pricehigh", "pxhigh", "max", "hghpric"), "high"),
    **dict.fromkeys(("l", "low", "lowprice", "pricelow", "pxlow", "min", "lwpric"), "low"),
    **dict.fromkeys(
        ("c", "close", "closeprice", "priceclose", "closelast", "clspric",
         "closeclosepriceadjustedforsplits"),
        "close",
    ),
    **dict.fromkeys(
        ("v", "vol", "volume", "sharevolume", "totalvolume", "volumetraded", "pxvolume",
         "tottrdqty", "ttltradgvol", "totaltradedquantity", "noofshares", "numberofshares",
         "sharestraded",
         "volumefrom", "basevolume"),
        "volume",
    ),
    **dict.fromkeys(("tickvol", "tickvolume", "ticks"), TICKS),
    **dict.fromkeys(
        ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice",
         "adjcloseadjustedclosepriceadjustedforsplitsanddividendandorcapitalgaindistributions"),
        "adj_close",
    ),
    **dict.fromkeys(
        ("splits", "split", "stocksplits", "stocksplit", "splitratio", "splitcoefficient",
         "splitfactor"),
        "splits",
    ),
    **dict.fromkeys(
        ("dividends", "dividend", "dividendamount", "divcash", "cashdividend"), "dividends"
    ),
    "ivrank": "iv_rank", "ivpercentile": "iv_percentile", "currentiv": "current_iv",
    "vix": "vix", "vixclose": "vix",
    **dict.fromkeys(
        ("date", "day", "tradedate", "tradingday", "tradingdate", "session", "exchangedate",
         "traddt", "localdate", "yyyymmdd", "dtyyyymmdd"),
        DATE,
    ),
    **dict.fromkeys(
        ("datetime", "timestamp", "time", "ts", "dateandtime", "t", "dt", "gmttime", "localtime",
         "opentime", "timeopen", "windowstart", "unix", "unixtime", "unixtimestamp", "tsevent",
         "timeutc", "timegmt", "dateutc", "dategmt", "datetimeutc", "datetimegmt", "timestamputc",
         "opentimeutc", "epoch", "begin", "starttime", "timeperiodstart"),
        TIME,
    ),
    **dict.fromkeys(
        ("symbol", "ticker", "instrument", "ric", "contract", "tckrsymb", "code", "secid",
         "asset", "pair", "actsymbol", "name"),
        SYMBOL,
    ),
}  # fmt: skip
# These mean the close only where no column is called that.
CLOSE_SPELLINGS: Final = (
    "price", "last", "lastprice", "latest", "latestprice", "pxlast", "settle", "settlement",
)  # fmt: skip
# A bar's own opening, where a table also says when it was written or what it closed.
OPENING_TIMES: Final = (
    "timeperiodstart", "windowstart", "opentime", "timeopen", "begin", "starttime", "tsevent",
)  # fmt: skip
COUNTED_TIMES: Final = ("unix", "unixtime", "unixtimestamp", "epoch", "timestamp", "ts")
ASSET_VOLUME: Final = re.compile(r"volume\s+\(?([a-z0-9]{2,10})\)?", re.IGNORECASE)
SAYS_UTC: Final = re.compile(r"utc|gmt", re.IGNORECASE)
LEADING_NUMBER: Final = re.compile(r"^\s*\d+[.:]\s*")
UNNAMED: Final = re.compile(r"(unnamed\d*(level\d+)?|index|levels?0)?")
PRICES: Final = ("open", "high", "low", "close")


def plain(heading: object) -> str:
    """Return a heading as its lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", LEADING_NUMBER.sub("", str(heading)).lower())


def meaning_of(heading: object) -> str | None:
    """Return what a heading means, or None where it means nothing to btkit."""
    return SPELLINGS.get(plain(heading))


def meanings_of(headings: Sequence[object]) -> dict[str, list[int]]:
    """Return the positions of a table's headings, from 0, by what they mean."""
    found: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        meaning = meaning_of(heading)
        if meaning is not None:
            found.setdefault(meaning, []).append(position)
    if "close" not in found:
        closes = [at for at, heading in enumerate(headings) if plain(heading) in CLOSE_SPELLINGS]
        if closes:
            found["close"] = closes
    return found


def names_bars(headings: Sequence[object]) -> bool:
    """Return whether the fields of a line are the headings of bars, or of daily closes."""
    found = meanings_of(headings)
    return bool({TIME, DATE} & found.keys()) and bool({*PRICES, "vix"} & found.keys())
