"""Where modules note their mutants, for `test_rules.py` to put over the books."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Mutant = TypeVar("Mutant", bound=type)


def noted_in(mutants: list[type]) -> Callable[[Mutant], Mutant]:
    """Return what notes a class of broken methods in a list, and leaves it as it is."""

    def note(mutant: Mutant) -> Mutant:
        mutants.append(mutant)
        return mutant

    return note
