import pickle

import pytest

from btkit.errors import Problem, SpecError, UsageError

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
