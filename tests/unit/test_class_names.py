"""One class name has one meaning in the package."""

import ast
from collections import defaultdict
from pathlib import Path

import btkit


def test_no_class_name_is_defined_twice():
    homes = defaultdict(list)
    for path in sorted(Path(btkit.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path.name)
    assert len(homes) > 100
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}
