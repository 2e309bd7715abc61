"""What a field of a table looks like: a date, a time of day, or neither."""

from __future__ import annotations

import re
from typing import Final

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR: Final = r"(?:1[789]|20)\d\d"
_MONTH_NAME: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE: Final = (
    rf"{_YEAR}([-/.])\d{{1,2}}\1\d{{1,2}}|{_YEAR}(?:0[1-9]|1[0-2])[0-3]\d"
    rf"|\d{{1,2}}([-/.])\d{{1,2}}\2(?:{_YEAR}|\d\d)"
    rf"|{_DAY}[- ]{_MONTH_NAME}[- ,]\s*(?:{_YEAR}|\d\d)|{_MONTH_NAME} {_DAY},? {_YEAR}"
    rf"|{_YEAR}-{_MONTH_NAME}-{_DAY}"
)
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_EPOCH: Final = r"-?\d{9,10}(?:\.\d+)?|-?\d{12,13}(?:\.0*)?|-?\d{15,16}|-?\d{18,19}"
_TIME: Final = re.compile(
    rf"{_WEEKDAY}(?:{_DATE})(?:[T ,-]+\d.*)?|(?:{_DATE})\d{{4,6}}|{_EPOCH}", re.IGNORECASE
)
_CLOCK: Final = re.compile(
    r"[0-2]?\d:\d\d(?::\d\d)?(?:[.:]\d+)?(?:\s*[AP]M)?|(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?",
    re.IGNORECASE,
)


def looks_like_time(text: str) -> bool:
    """Return whether a text looks like a date, with or without a time of day, or like an epoch."""
    return _TIME.fullmatch(text.strip()) is not None


def looks_like_clock(text: str) -> bool:
    """Return whether a text looks like a time of day: 09:30, 093000, 0930."""
    return _CLOCK.fullmatch(text.strip()) is not None
