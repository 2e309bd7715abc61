"""What a v3 strategy is trained on, and what it learns to foresee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from btkit.arguments import quoted
from btkit.errors import UsageError
from btkit.models.problems import Findings, Labels, Place, StrategyPart
from btkit.models.timeframes import fastest, timeframe_interval


class SymbolSection(StrategyPart):
    """Which instruments it is trained on."""

    mode: str = Field(default="single", description="single or multi_symbol")
    symbol: str | None = Field(default=None, min_length=1, description="a ticker such as EURUSD")
    listed: Labels | None = Field(default=None, alias="list", description="a list of tickers")
    symbols: Labels | None = Field(default=None, description="a list of tickers")


class TimeframeSection(StrategyPart):
    """Which bars it is trained on."""

    mode: str = Field(default="single", description="single or multi_timeframe")
    timeframe: str | None = Field(default=None, min_length=1, description='a text such as "1h"')
    listed: Labels | None = Field(
        default=None, alias="list", description='a list such as ["1h", "1d"]'
    )
    timeframes: Labels | None = Field(default=None, description='a list such as ["1h", "1d"]')
    base_timeframe: str | None = Field(
        default=None, min_length=1, description='a text such as "1h"'
    )


class TrainingDataSection(StrategyPart):
    """``training_data``: which bars, and of what."""

    symbols: dict[str, Any] = Field(description="a mapping such as {mode: single, symbol: EURUSD}")
    timeframes: dict[str, Any] = Field(
        description='a mapping such as {mode: single, timeframe: "1h"}'
    )
    history_required: int = Field(default=200, ge=0, le=10**9, description="a whole number of bars")


class LabelSection(StrategyPart):
    """``training.labels``: what the network learns to foresee."""

    source: str | None = Field(default=None, description="the name of a way to label bars")
    horizon: int | None = Field(default=None, ge=1, le=10**6, description="a whole number of bars")


@dataclass(frozen=True)
class TrainingData:
    """Symbols and timeframes as they are written, and the timeframe of the bars that decide."""

    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    base: str


def training_data_of(value: object, findings: Findings) -> TrainingData | None:
    """Read ``training_data``; None where it is refused."""
    place: Place = ("training_data",)
    if value is None:
        findings.refuse(place, "this field is missing", "write its symbols and timeframes")
        return None
    found = findings.section(value, TrainingDataSection, place)
    if found is None:
        return None
    symbols = findings.section(found.symbols, SymbolSection, (*place, "symbols"))
    frames = findings.section(found.timeframes, TimeframeSection, (*place, "timeframes"))
    if symbols is None or frames is None:
        return None
    of_symbols = _one_or_several(symbols.symbol, symbols.symbols or symbols.listed)
    of_frames = _one_or_several(frames.timeframe, frames.timeframes or frames.listed)
    if not of_symbols:
        findings.refuse((*place, "symbols"), "names no symbol", "write such as {symbol: EURUSD}")
    base = _base(of_frames, frames.base_timeframe, (*place, "timeframes"), findings)
    return TrainingData(of_symbols, of_frames, base) if of_symbols and base else None


def _one_or_several(one: str | None, several: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(several) if several else () if one is None else (one,)


def _base(
    timeframes: tuple[str, ...], stated: str | None, place: Place, findings: Findings
) -> str | None:
    if not timeframes:
        findings.refuse(place, "names no timeframe", 'write such as {timeframe: "1h"}')
        return None
    known = True
    for text in timeframes:
        try:
            timeframe_interval(text)
        except UsageError as error:
            findings.refuse(place, error.message.rstrip("."), error.hint)
            known = False
    if stated is not None and stated not in timeframes:
        findings.refuse((*place, "base_timeframe"), f"{quoted(stated)} is none of the timeframes",
                        f"they are {', '.join(timeframes)}")  # fmt: skip
        return None
    return (stated or fastest(timeframes)) if known else None
