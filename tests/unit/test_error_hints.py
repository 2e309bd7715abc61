"""Every refusal says what to do: no error of btkit's is built without a hint."""

import ast
from pathlib import Path

import pytest

import btkit
from btkit import errors

PACKAGE = Path(btkit.__file__).parent
# A refused spec takes the hint of its first problem, which has one.
FAMILY = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and issubclass(kind, errors.BtkitError)
    and not issubclass(kind, errors.SpecError)
}
HINT_PLACE = {"Problem": 2}


def _name(called):
    return called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def _hint(call):
    for keyword in call.keywords:
        if keyword.arg == "hint":
            return keyword.value
    place = HINT_PLACE.get(_name(call.func), len(call.args))
    return call.args[place] if place < len(call.args) else None


def _says_something(hint):
    match hint:
        case None | ast.Constant(value=None | ""):
            return False
        case ast.IfExp(body=body, orelse=other):
            return _says_something(body) and _says_something(other)
        case _:
            return True


def _without_hint(tree):
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and _name(node.func) in {*FAMILY, "Problem"}
            and not _says_something(_hint(node))
        ):
            yield node


def test_every_error_in_the_package_is_built_with_a_hint():
    bare = [
        f"{path.relative_to(PACKAGE)}:{call.lineno} {ast.unparse(call)[:80]}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for call in _without_hint(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert bare == []


@pytest.mark.parametrize(
    "text",
    [
        'UsageError("no")',
        'UsageError("no", hint=None)',
        'DataError("no", hint="")',
        'errors.DataError("no", details={})',
        'Problem("name", "no")',
        'Problem("name", "no", None)',
        'StoreError("no", hint="this" if known else None)',
    ],
)
def test_the_search_finds_an_error_without_one(text):
    assert [call.lineno for call in _without_hint(ast.parse(text))] == [1]


def test_an_error_cannot_be_built_without_one():
    for name in sorted(FAMILY):
        with pytest.raises(TypeError, match="hint"):
            vars(errors)[name]("it is wrong")
