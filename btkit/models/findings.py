"""What is found wrong with a bundle, all of it at once, and what its user has to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from btkit.arguments import kind_of_value, quoted
from btkit.errors import BtkitError, BundleError, Problem

SHOWN_PROBLEMS = 50
"""So many problems are named one by one; a file of nonsense may have a million."""

WHOLE_BUNDLE = "bundle"
"""The place of what is wrong with no file of it alone."""

AS_SAVED = (
    "Take the folder as it was saved when the model was trained, or save it again with "
    "bt.save_bundle."
)
"""What to do about a file that is not what it should be."""


class BundleFindings:
    """Gathers why a bundle is refused, and what it is loaded with a warning for."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[dict[str, str]] = []

    def refuse(self, file: str, message: str, hint: str = AS_SAVED, *where: str | int) -> None:
        """Note a reason to refuse the bundle.

        Parameters
        ----------
        file
            The file of the bundle that is wrong, or ``bundle`` for the whole of it.
        message
            What is wrong, as a sentence.
        hint
            What to do about it, as a sentence.
        *where
            Keys and indices that lead to it inside the file.
        """
        steps = (
            f"[{step}]" if isinstance(step, int) else f".{quoted(step)[1:-1]}" for step in where
        )
        path = file + "".join(steps)
        self.problems.append(Problem(path, message, hint, location=(file, *where)))

    def refuse_for(self, file: str, error: BtkitError) -> None:
        """Note what another part of btkit refuses, each reason of it."""
        found = error.details.get("problems")
        if not found:
            self.refuse(file, _of_it(file, error.message), error.hint)
            return
        for problem in found:
            path = f"{file}.{problem['path']}"
            steps = problem["pointer"].split("/")[1:]
            location = (file, *(step.replace("~1", "/").replace("~0", "~") for step in steps))
            message, hint = problem["message"], problem["hint"]
            self.problems.append(Problem(path, message, hint, location=location))

    def refuse_problem(self, file: str, problem: Problem) -> None:
        """Note what another part of btkit finds wrong with a file's content."""
        where = (problem.path,) if problem.location is None else problem.location
        self.refuse(file, problem.message, problem.hint, *where)

    def refuse_fields(self, file: str, error: ValidationError) -> None:
        """Note what pydantic found in a file, in plain words."""
        found = error.errors(include_url=False, include_context=False)
        for entry in found[:SHOWN_PROBLEMS]:
            where = tuple(step for step in entry["loc"] if step != "[key]")
            self.refuse(file, f"{_rule(entry)}.", AS_SAVED, *where)
        if len(found) > SHOWN_PROBLEMS:
            more = len(found) - SHOWN_PROBLEMS
            self.refuse(file, f"It has {more:,} more mistakes of this kind.")

    def warn(self, code: str, message: str) -> None:
        """Note what a user has to know, and what is no reason to refuse the bundle."""
        self.warnings.append({"code": code, "message": message})

    def documents(self) -> list[dict[str, Any]]:
        """Return the reasons to refuse the bundle as plain JSON values."""
        return [problem.to_document() for problem in self.problems]


def refused_bundle(path: Path | str, problems: list[dict[str, Any]]) -> BundleError:
    """Return the error of a bundle that is refused.

    Parameters
    ----------
    path
        Of its folder.
    problems
        Every reason, as `BundleFindings.documents` has them, at least one.
    """
    first, *others = problems
    more = f" (and {len(others)} more problem{'s' if len(others) > 1 else ''})" if others else ""
    where = "" if first["path"] == WHOLE_BUNDLE else f"{first['path']}: "
    error = BundleError(
        f"The bundle {path} is refused: {where}{first['message']}{more}",
        hint=first["hint"],
        details={"path": str(path), "problems": problems},
    )
    for problem in others:
        error.add_note(f"- {problem['path']}: {problem['message']} {problem['hint']}")
    return error


def _of_it(file: str, message: str) -> str:
    """Return what is wrong with a file where its name stands before it anyway."""
    for begins, instead in ((f"{file} was refused: ", ""), (f"{file} ", "it ")):
        if message.startswith(begins):
            said = instead + message.removeprefix(begins)
            return f"{said[0].upper()}{said[1:]}".rstrip(".") + "."
    return message


def _rule(entry: ErrorDetails) -> str:
    kind, message = entry["type"], entry["msg"]
    if kind == "missing":
        return "It is missing"
    if kind == "extra_forbidden":
        return "Nobody knows this key"
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return "It must have a method: minmax, with min and max, or zscore, with mean and std"
    rule = message.removeprefix("Value error, ").removeprefix("List ").removeprefix("Dictionary ")
    rule = rule.removeprefix("String ").removeprefix("Input ").replace(" after validation", "")
    rule = f"It must {rule.removeprefix('should ')}" if rule.startswith("should ") else rule
    return rule if ", not " in rule else f"{rule}, not {kind_of_value(entry['input'])}"
