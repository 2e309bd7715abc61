"""Write what `skills/btkit` refers to, out of what `backtest schema` says.

python scripts/skill_references.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from btkit.errors import error_types
from btkit.spec import KINDS

FOLDER = Path(__file__).resolve().parents[1] / "skills" / "btkit" / "references"
_MADE = "Made by `scripts/skill_references.py`; `backtest schema` has all of it."
_TITLES = {
    "rules": "Rules (`backtest run`)",
    "options": "Option spreads (`backtest options-sim`)",
    "model": "Trained models (`backtest run`)",
}


def references() -> dict[str, str]:
    """Return the files by name."""
    return {
        "spec.md": "\n".join(_specs()) + "\n",
        "errors.md": "\n".join(_errors()) + "\n",
    }


def _specs() -> Iterator[str]:
    yield from ("# Fields of a spec", "", _MADE)
    first, *others = KINDS
    yield from ("", f"## {_TITLES[first]}", "")
    usual = _fields(first)
    yield from _table(usual)
    for kind in others:
        fields = _fields(kind)
        yield from ("", f"## {_TITLES[kind]}", "", "Beside those of rules:", "")
        yield from _table({name: told for name, told in fields.items() if usual.get(name) != told})
        absent = ", ".join(f"`{name}`" for name in usual if name not in fields)
        if absent:
            yield from ("", f"It has no {absent}.")


def _fields(kind: str) -> Mapping[str, tuple[str, str]]:
    schema = KINDS[kind].spec.model_json_schema()
    needed = schema.get("required", ())
    return {
        name: (
            "required" if name in needed else _written(field.get("default")),
            str(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    }


def _written(value: Any) -> str:
    return "" if value in (None, [], {}, "") else f"`{value}`"


def _table(fields: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield from ("| field | usual | meaning |", "|---|---|---|")
    for name, (usual, meaning) in fields.items():
        yield f"| `{name}` | {usual} | {meaning.replace('|', ' or ')} |"


def _errors() -> Iterator[str]:
    yield from ("# Errors, by `error.type`", "", _MADE, "")
    yield from ("| type | exit code | the same may succeed later | meaning |", "|---|---|---|---|")
    for entry in error_types():
        later = "yes" if entry["retryable"] else "no"
        yield f"| `{entry['type']}` | {entry['exit_code']} | {later} | {entry['meaning']} |"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in references().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
