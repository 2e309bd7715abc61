"""Read untrusted spec text, YAML or JSON, into plain values: nothing is built but those."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import yaml

from btkit.arguments import is_text, quoted
from btkit.errors import Problem, SpecError, UsageError
from btkit.spec.fences import unfenced

MAX_BYTES = 1_000_000
MAX_NESTING = 20
MAX_VALUES = 20_000
MAX_DIGITS = 400

# YAML 1.2's core schema: "on", "yes", "no" and dates are texts, 010 is ten.
_WORDS: dict[str, float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED_INTEGER = re.compile(r"0o([0-7]+)|0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

# A loader in C where PyYAML was built with one. Only its events are used: no constructor runs.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BRACKETS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def parse_text(text: str, *, form: str | None = None) -> object:
    """Return the plain values that a YAML or JSON text describes.

    Parameters
    ----------
    text
        The text, at most `MAX_BYTES` long in UTF-8.
    form
        ``"json"`` or ``"yaml"``, or None to find out: a text that begins with a brace or bracket
        is tried as JSON first. A fenced block says it itself, and prose around it is not read.

    Raises
    ------
    SpecError
        If the text is too long, malformed, nested too deeply or uses what specs do without:
        anchors, aliases, tags, repeated keys, numbers that are none.
    """
    if not is_text(text):
        _refuse("the text holds half of a surrogate pair, which is no character", "remove it")
    if len(text.encode()) > MAX_BYTES:
        _refuse(f"the text is longer than {MAX_BYTES:,} bytes", "a spec is a few kilobytes")
    if not text.strip():
        _refuse("the text is empty", "write a name and the entry, exit and stop conditions")
    block, known = unfenced(text, form)
    if not block.strip():
        _refuse("the fenced block is empty", "write the spec into it")
    values = _parse(block, known, as_written=False)
    if isinstance(values, dict) and isinstance(values.get("version"), float | int):
        return values | {"version": _version_as_written(block, known, values["version"])}
    return values


def _parse(text: str, form: str | None, *, as_written: bool) -> object:
    if form == "json":
        try:
            return _parse_json(text, as_written=as_written)
        except json.JSONDecodeError as error:
            _refuse_json(error)
    if form is None and text.lstrip()[0] in "{[":
        return _parse_braces(text, as_written=as_written)
    return _parse_yaml(text, as_written=as_written)


def _version_as_written(text: str, form: str | None, value: object) -> object:
    # 1.10 is no 1.1, where it counts versions.
    if isinstance(value, bool):
        return value
    written = _parse(text, form, as_written=True)
    assert isinstance(written, dict)
    return written["version"]


def read_file(path: Path, origin: str) -> str:
    """Return the text of a file, no more of it than a spec may be long.

    Parameters
    ----------
    path
        A regular file.
    origin
        What messages call it.

    Raises
    ------
    UsageError
        If there is no such file, or it cannot be read.
    SpecError
        If it is too large, or no UTF-8 text.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{origin} is a folder", hint="name the spec file in it")
        if not path.exists():
            raise UsageError(f"there is no file {origin}", hint="check the path")
        # A pipe or device may never end.
        if not path.is_file():
            raise UsageError(f"{origin} is no regular file", hint="pass the text itself instead")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path can look like this"
        raise UsageError(f"{origin} cannot be read: {reason}", hint="check the path") from error
    if len(content) > MAX_BYTES:
        _refuse_file(origin, f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse_file(origin, f"the file is no UTF-8 text: byte {error.start} fits nowhere")
    if "\0" in text:
        _refuse_file(origin, "the file is binary, not text")
    return text


def _refuse_file(origin: str, message: str) -> NoReturn:
    hint = "a spec is a JSON or YAML text of a few kilobytes, saved as UTF-8"
    raise SpecError([Problem("spec", message, hint)], origin=origin)


def resolve_scalar(text: str) -> str | float | None:
    """Return the value of an unquoted YAML scalar by YAML 1.2's core schema.

    Parameters
    ----------
    text
        As it is written.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _whole(text)
    if based := _BASED_INTEGER.fullmatch(text):
        return _whole(based.group(1) or based.group(2), base=8 if based.group(1) else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def reads_as_text(text: str) -> bool:
    """Return whether an unquoted YAML scalar is a text rather than a number, null or boolean."""
    patterns = (_INTEGER, _BASED_INTEGER, _FLOAT)
    return text not in _WORDS and not any(pattern.fullmatch(text) for pattern in patterns)


def _refuse(message: str, hint: str) -> NoReturn:
    raise SpecError([Problem("spec", message, hint)])


def _whole(digits: str, base: int = 10) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse(f"a number has more than {MAX_DIGITS} digits", "write it as 1e12, say")
    return int(digits, base)


def _parse_json(text: str, *, as_written: bool) -> object:
    _check_json_depth(text)
    return json.loads(
        text,
        object_pairs_hook=_distinct,
        parse_constant=_refuse_constant,
        parse_int=str if as_written else _whole,
        parse_float=str if as_written else float,
    )


def _parse_braces(text: str, *, as_written: bool) -> object:
    try:
        return _parse_json(text, as_written=as_written)
    except json.JSONDecodeError as error:
        # Braces may be YAML's too; if they are not that either, JSON was meant.
        try:
            return _parse_yaml(text, as_written=as_written)
        except SpecError:
            _refuse_json(error)


def _refuse_json(error: json.JSONDecodeError) -> NoReturn:
    _refuse(
        f"this is no JSON: {error.msg}, line {error.lineno} column {error.colno}",
        'put every name and text into "quotes", a comma between two fields, none after the last',
    )


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is no number that JSON or a spec knows", "write a finite number")


def _check_json_depth(text: str) -> None:
    depth = 0
    in_string = False
    for found in _BRACKETS.finditer(text):
        mark = found.group()
        if mark == '"':
            in_string = not in_string
        elif not in_string and mark in "[{":
            depth += 1
            if depth > MAX_NESTING:
                _refuse_depth()
        elif not in_string and mark in "]}":
            depth -= 1


def _refuse_depth() -> NoReturn:
    _refuse(
        f"lists and mappings are nested more than {MAX_NESTING} deep",
        "a spec's lists hold texts, and its mappings numbers",
    )


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            _refuse(f"the key {quoted(key)} stands twice", "remove one of the two")
        values[key] = value
    return values


def _parse_yaml(text: str, *, as_written: bool) -> object:
    try:
        return _Builder(as_written=as_written).build(_events(text))
    except yaml.MarkedYAMLError as error:
        # Newer builds of libyaml stop at a depth of their own while they look ahead.
        if "nesting depth" in str(error.problem):
            _refuse_depth()
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1} column {mark.column + 1}" if mark else ""
        reason = str(error.problem or error.context).removeprefix("found ")
        _refuse(f"this is no YAML: {_ascii(reason)}{where}", _yaml_hint(text, mark))
    except yaml.reader.ReaderError as error:
        _refuse(f"this is no YAML: {_ascii(str(error.reason))}", "save the file as UTF-8 text")


def _yaml_hint(text: str, mark: yaml.Mark | None) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with tabs"
    return "put a text that holds : # { [ or quotes into quotes, and close every bracket"


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _events(text: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(text, Loader=_LOADER))


class _Builder:
    """Plain values out of YAML events, without recursion and within limits."""

    def __init__(self, *, as_written: bool) -> None:
        self.read = str if as_written else resolve_scalar
        self.values = 0
        self.documents = 0
        # An open list, or an open mapping with the key that waits for its value.
        self.open: list[tuple[list[object] | dict[str, object], list[str]]] = []
        self.result: object = None

    def build(self, events: Iterator[yaml.Event]) -> object:
        for event in events:
            self._take(event)
        return self.result

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    _refuse("the text holds several YAML documents", "one file is one spec")
            case yaml.AliasEvent():
                _refuse(f"YAML aliases are not read{_line(event)}", "write the value out")
            case yaml.ScalarEvent() | yaml.CollectionStartEvent():
                self._node(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._put(self.open.pop()[0], event)

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            _refuse(f"the text holds more than {MAX_VALUES:,} values", "a spec is a few kilobytes")
        if event.anchor is not None:
            _refuse(f"YAML anchors are not read{_line(event)}", "write the value out")
        if event.tag is not None:
            _refuse(
                f"YAML tags such as {quoted(event.tag)} are not read{_line(event)}",
                "put a text into quotes instead",
            )
        if isinstance(event, yaml.ScalarEvent):
            self._put(event.value if event.style else self.read(event.value), event)
            return
        if len(self.open) >= MAX_NESTING:
            _refuse_depth()
        self.open.append(([] if isinstance(event, yaml.SequenceStartEvent) else {}, []))

    def _put(self, value: object, event: yaml.Event) -> None:
        if not self.open:
            self.result = value
            return
        container, waiting = self.open[-1]
        if isinstance(container, list):
            container.append(value)
        elif waiting:
            container[waiting.pop()] = value
        elif not isinstance(value, str):
            _refuse(f"a key must be a text{_line(event)}", "put it into quotes")
        elif value in container:
            _refuse(f"the key {quoted(value)} stands twice{_line(event)}", "remove one of the two")
        else:
            waiting.append(value)


def _line(event: yaml.Event) -> str:
    return f", line {event.start_mark.line + 1}" if event.start_mark else ""
