import ast
import pickle
from pathlib import Path

import pytest

import btkit
from btkit.errors import (
    NoDataError,
    Problem,
    RunNotFoundError,
    SourceUnavailableError,
    SpecError,
    StoreError,
    UsageError,
    error_types,
    name_run,
)

PROBLEMS = [
    Problem("entry_conditions[0]", "unknown name 'clse'", "did you mean 'close'?", 0),
    Problem("name", "is missing", "give it one"),
]


def test_a_traceback_tells_the_hint():
    error = UsageError("start is 'x', which is no date", hint="write it as YYYY-MM-DD")
    assert str(error) == "start is 'x', which is no date"
    assert error.__notes__ == ["Hint: write it as YYYY-MM-DD"]


def test_a_traceback_tells_every_problem():
    error = SpecError(PROBLEMS)
    assert str(error).endswith("unknown name 'clse' (and 1 more problem)")
    assert error.__notes__ == [
        "- entry_conditions[0]: unknown name 'clse'; did you mean 'close'?",
        "- name: is missing; give it one",
    ]


@pytest.mark.parametrize(
    "error", [UsageError("a", hint="b", details={"c": 1}), SpecError(PROBLEMS, origin="s.json")]
)
def test_errors_cross_processes(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert again.to_document() == error.to_document()
    assert again.__notes__ == error.__notes__
    assert str(again) == str(error)


def test_every_error_document_says_that_nothing_passed_and_whether_to_try_again():
    document = SourceUnavailableError("no answer", hint="wait").to_document()
    assert document == {
        "passed": False,
        "error": {
            "type": "SourceUnavailableError",
            "message": "no answer",
            "hint": "wait",
            "retryable": True,
            "details": {},
        },
    }
    assert UsageError("a", hint="b").to_document()["error"]["retryable"] is False


def test_an_error_names_the_run_that_it_is_about():
    known = StoreError("busy", hint="wait", details={"run_id": "abc"}).to_document()
    assert known["run_id"] == known["error"]["details"]["run_id"] == "abc"
    unknown = RunNotFoundError("none", hint="list", details={"run_id": "abc"})
    assert "run_id" not in unknown.to_document()


def test_a_run_is_named_once():
    error = NoDataError("nothing", hint="wait")
    name_run(error, "first", status="failed")
    name_run(error, "second", status="complete")
    assert error.details == {"run_id": "first", "status": "failed"}
    foreign = KeyboardInterrupt()
    name_run(foreign, "first", status="cancelled")
    assert vars(foreign) == {"run_id": "first", "status": "cancelled"}


@pytest.mark.parametrize(
    ("problem", "pointer"),
    [
        (Problem("entry_conditions[0]", "bad", "mend it"), "/entry_conditions/0"),
        (Problem("parameters.fast", "bad", "mend it"), "/parameters/fast"),
        (Problem("name", "bad", "mend it"), "/name"),
        (Problem("spec", "bad", "mend it"), ""),
        (Problem("format", "bad", "mend it"), ""),
        (Problem("spec", "unknown", "mend it", location=("spec",)), "/spec"),
        (Problem("a/b~c", "bad", "mend it", location=("a/b~c", 3)), "/a~1b~0c/3"),
    ],
)
def test_a_problem_has_a_json_pointer(problem, pointer):
    assert problem.pointer == pointer
    assert problem.to_document()["pointer"] == pointer
    assert "location" not in problem.to_document()


def test_the_list_of_types_has_every_error_of_the_package():
    family = {"BtkitError"}
    sources = [ast.parse(path.read_text()) for path in Path(btkit.__file__).parent.rglob("*.py")]
    kinds = [node for tree in sources for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _generation in range(5):
        family |= {
            kind.name for kind in kinds if family & {ast.unparse(base) for base in kind.bases}
        }
    listed = error_types()
    assert {entry["type"] for entry in listed} == family - {"BtkitError"}
    assert [entry["type"] for entry in listed] == sorted(entry["type"] for entry in listed)
    for entry in listed:
        assert entry["meaning"].endswith(".")
        assert entry["exit_code"] in {1, 2}
    assert {entry["type"] for entry in listed if entry["retryable"]} == {
        "InterruptedRunError", "OutOfMemoryError", "QueueFullError", "ServerError",
        "SourceUnavailableError", "StoreBusyError", "StoreFullError", "WorkerLostError",
        "WorkerUnavailableError",
    }  # fmt: skip
