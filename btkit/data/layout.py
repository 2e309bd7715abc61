"""The layout of a text file: delimiter, heading, and lines that are no bars."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from btkit.data.formats import BarFormat
from btkit.data.headings import DATE, PRICES, TIME, meaning_of, names_bars
from btkit.data.info import Remark
from btkit.data.looks import looks_like_time
from btkit.errors import DataError

# Of two that split the lines alike, the one that no number contains.
DELIMITERS: Final = ("\t", ";", "|", ",")
BLANKS: Final = " "
LONGEST_LINE: Final = 20_000
MOST_HEAD_LINES: Final = 200
MOST_FOOTERS: Final = 20
FEWEST_WORDS: Final = 3
NUMBER: Final = re.compile(r"[-+$€£]?[\d.,' ]*\d[\d.,']*\s*[%KMB]?", re.IGNORECASE)
EXCEL_HINT: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)

Fields = list[str]


@dataclass(frozen=True)
class _Line:
    start: int
    text: str


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    # None where the file has no heading.
    heading: list[Fields] | None
    first: int
    last: int
    width: int
    remarks: list[Remark] = field(default_factory=list)


def lay_out(text: str, *, origin: str, bar_format: BarFormat) -> tuple[pd.DataFrame, list[Remark]]:
    """Turn the text of a file into a table of texts.

    Columns are by heading, of two levels where there are two headings, or numbered from 1 where
    there is none; what was left out or inferred is reported.
    """
    layout = _find_layout(text, origin, bar_format)
    body = text[layout.first : layout.last]
    table = pd.read_csv(
        # All as text: dates such as 20240131 and marks for missing values are told apart later.
        io.StringIO(body), header=None, names=list(range(1, layout.width + 2)), dtype=str,
        sep=r"\s+" if layout.delimiter == BLANKS else layout.delimiter, skipinitialspace=True,
        keep_default_na=False, na_values=[""], skip_blank_lines=True,
    )  # fmt: skip
    if table[layout.width + 1].notna().any():
        raise DataError(
            f"{origin} has rows with more fields than its heading",
            hint="name every column, or remove the surplus delimiters",
            details={"file": origin},
        )
    table = table.drop(columns=layout.width + 1).dropna(how="all").reset_index(drop=True)
    if table.empty:
        raise DataError(f"{origin} has no rows", hint="fetch or export it again")
    if layout.heading is None:
        return table, layout.remarks
    return _with_headings(table, layout.heading), layout.remarks


def _with_headings(table: pd.DataFrame, heading: list[Fields]) -> pd.DataFrame:
    if len(heading) == 1:
        return table.set_axis(heading[0], axis="columns")
    named = next(
        (line[0] for line in reversed(heading) if meaning_of(line[0]) in {TIME, DATE}), "Date"
    )
    levels = [line[1:] for line in heading[:2]]
    index = pd.Index(table.iloc[:, 0], name=named)
    columns = pd.MultiIndex.from_arrays(levels)
    return table.iloc[:, 1:].set_axis(columns, axis="columns").set_axis(index, axis="index")


def _find_layout(text: str, origin: str, bar_format: BarFormat) -> _Layout:
    lines = _head_lines(text, bar_format.skip_lines)
    delimiter = bar_format.delimiter
    if lines and (match := EXCEL_HINT.fullmatch(lines[0].text.strip())):
        delimiter, lines = delimiter or match.group(1), lines[1:]
    if not lines:
        raise DataError(f"{origin} is empty", hint="fetch or export it again")
    if delimiter is None:
        delimiter = _infer_delimiter(lines)
    split = _splitter(delimiter)
    fields = [split(line.text) for line in lines]
    width = _width(fields)
    first = _first_data(fields, width, bar_format)
    named = _heading(fields[:first], width, bar_format)
    remarks = []
    left_out = [lines[at].text.strip() for at in range(first) if at not in named]
    if left_out:
        remarks.append(_left_out(origin, "above", left_out))
    if first == len(lines):
        raise DataError(
            f"{origin} has no rows that begin with a date",
            hint="state delimiter, skip_lines or columns in a format",
            details={"first_line": lines[0].text[:200]},
        )
    last, footers = _without_footers(text, split, fields[first])
    if footers:
        remarks.append(_left_out(origin, "below", footers))
    heading = [_fitted(fields[at], width, fields[first:]) for at in named] or None
    if heading is not None:
        width = len(heading[0])
    return _Layout(delimiter, heading, lines[first].start, last, width, remarks)


def _left_out(origin: str, where: str, lines: list[str]) -> Remark:
    side = "the first row" if where == "above" else "the last row"
    what = f"a line {where} {side} that is no row" if len(lines) == 1 else (
        f"{len(lines)} lines {where} {side} that are no rows"
    )  # fmt: skip
    message = f"{origin} has {what}, left out: {lines[0][:80]!r}."
    return Remark("lines_left_out", message)


def _head_lines(text: str, skipped: int) -> list[_Line]:
    lines: list[_Line] = []
    start = 0
    while start < len(text) and len(lines) < MOST_HEAD_LINES:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if skipped > 0:
            skipped -= 1
        elif text[start:end].strip(" \t;,|"):
            lines.append(_Line(start, text[start : min(end, start + LONGEST_LINE)]))
        start = end + 1
    return lines


def _splitter(delimiter: str) -> Callable[[str], Fields]:
    if delimiter == BLANKS:
        return str.split
    return lambda line: [
        part.strip() for part in next(csv.reader([line], delimiter=delimiter,
                                                 skipinitialspace=True), [])
    ]  # fmt: skip


def _infer_delimiter(lines: list[_Line]) -> str:
    best, most = None, 0
    for delimiter in (*DELIMITERS, BLANKS):
        split = _splitter(delimiter)
        widths = Counter(
            len(fields) for fields in map(split, (line.text for line in lines))
            if len(fields) > 1 and any(map(looks_like_time, fields))
        )  # fmt: skip
        count = max(widths.values(), default=0)
        if count > most:
            best, most = delimiter, count
    if best is not None:
        return best
    # No line begins with a date: the heading, or the first line, decides.
    return max(reversed(DELIMITERS), key=lines[0].text.count)


def _width(fields: list[Fields]) -> int:
    timed = [line for line in fields if len(line) > 1 and any(map(looks_like_time, line))]
    counts = Counter(len(line) for line in timed or fields)
    return max(counts, key=lambda width: (counts[width], width))


def _first_data(fields: list[Fields], width: int, bar_format: BarFormat) -> int:
    if bar_format.header is not None:
        return 1 if bar_format.header else 0
    stated = [name for name in bar_format.columns.stated().values() if isinstance(name, str)]
    for at, line in enumerate(fields):
        if stated and set(stated) <= set(line):
            return at + 1
        if names_bars(line):
            following = fields[at + 1 : at + 4]
            # Further heading lines may follow, such as symbols; dates end them.
            return (
                at
                + 1
                + next(
                    (
                        more
                        for more, line in enumerate(following)
                        if any(map(looks_like_time, line)) or _is_numeric_row(line)
                    ),
                    0,
                )
            )
        if len(line) == width > 1 and any(map(looks_like_time, line)):
            return at
    numeric = (at for at, line in enumerate(fields) if _numbers_in(line) >= FEWEST_WORDS)
    return next(numeric, min(1, len(fields)))


def _numbers_in(line: Fields) -> int:
    return sum(NUMBER.fullmatch(part) is not None for part in line)


def _is_numeric_row(line: Fields) -> bool:
    # A row whose date is no usual one; symbols of digits stand behind a word, or behind nothing.
    return _numbers_in(line) >= FEWEST_WORDS and re.match(r"\d", line[0]) is not None


def _heading(above: list[Fields], width: int, bar_format: BarFormat) -> list[int]:
    # The positions of the heading's lines; a line of units below it, or a title, is none.
    if bar_format.header is False or not above:
        return []
    last = len(above) - 1
    stated = [name for name in bar_format.columns.stated().values() if isinstance(name, str)]
    if bar_format.header or (stated and set(stated) <= set(above[-1])):
        return [last]
    block = [at for at, line in enumerate(above) if len(line) > 1][-3:]
    if not block:
        return []
    index_line = len(block) > 1 and bool(above[block[-1]][0]) and not any(above[block[-1]][1:])
    pair = (block[:-1] if index_line else block)[-2:]
    if len(pair) > 1 and _is_pair([above[at] for at in pair]):
        return [*pair, *(block[-1:] if index_line else [])]
    named = [at for at in block if names_bars(above[at])]
    if named:
        return named[-1:]
    line = above[block[-1]]
    known = any(meaning_of(part) for part in line)
    wordy = all(part and not NUMBER.fullmatch(part) for part in line[1:])
    return block[-1:] if abs(len(line) - width) <= 1 and (known or wordy) else []


def _is_pair(pair: list[Fields]) -> bool:
    if len(pair[0]) != len(pair[1]):
        return False
    for fields, symbols in (pair, pair[::-1]):
        groups: dict[str, set[str | None]] = {}
        for name, symbol in zip(fields[1:], symbols[1:], strict=True):
            groups.setdefault(symbol, set()).add(meaning_of(name))
        whole = [set(PRICES) <= group for group in groups.values()]
        if all(groups) and whole and all(whole):
            return True
    return False


def _fitted(line: Fields, width: int, rows: list[Fields]) -> Fields:
    if len(line) == width + 1 and not line[-1]:
        return line[:-1]
    if len(line) == width - 1 and not all(row[-1] == "" for row in rows if len(row) == width):
        # R names no column of row names.
        return ["", *line]
    return line


def _without_footers(
    text: str, split: Callable[[str], Fields], row: Fields
) -> tuple[int, list[str]]:
    end = len(text)
    footers: list[str] = []
    # Rows that begin with a symbol, or hold words, where their times are of no usual form.
    if _is_footer(" ".join(row), row):
        return end, footers
    while end > 0 and len(footers) < MOST_FOOTERS:
        start = text.rfind("\n", 0, end - 1 if text[end - 1 : end] == "\n" else end) + 1
        line = text[start:end].strip()
        if line.strip(" \t;,|"):
            if not _is_footer(line, split(line)):
                break
            footers.append(line)
        end = start
    return end, footers[::-1]


def _is_footer(line: str, fields: Fields) -> bool:
    if any(map(looks_like_time, fields)):
        return False
    # A row that was cut short has no such words.
    words = re.findall(r"[^\W\d_]{2,}", line)
    first = fields[0] if fields else ""
    lone = re.fullmatch(r"[^\W\d_]{3,}[^\d]*", first) is not None
    return len(words) >= FEWEST_WORDS or (lone and meaning_of(first) is None)
