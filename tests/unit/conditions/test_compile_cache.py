"""Compiled code is kept in a folder of its own; without one, a warning and nothing else."""

import ast
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numba
import pytest

import btkit
from btkit import announcing
from btkit.conditions import compiled

find_folder = compiled.cache_folder.__wrapped__


@pytest.fixture
def places(monkeypatch, tmp_path):
    package = tmp_path / "package"
    for folder in ("conditions", "engine", "metrics"):
        (package / folder).mkdir(parents=True)
        (package / folder / "part.py").write_text("x = 1\n")
    monkeypatch.setattr(compiled, "_PACKAGE", package)
    monkeypatch.setattr(compiled.settings, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return tmp_path


def forbid(monkeypatch, *parts):
    usual = Path.mkdir

    def mkdir(self, *arguments, **options):
        if any(part in self.parts for part in parts):
            raise PermissionError(13, "Permission denied", str(self))
        usual(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)


def test_the_users_folder_is_the_first_choice(places):
    folder = find_folder()
    assert folder.parent == places / "user" / "btkit"
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_the_package_is_the_second(places, monkeypatch):
    forbid(monkeypatch, "user")
    assert find_folder().parent == places / "package" / "__pycache__"


def test_a_folder_that_takes_no_files_is_passed_over(places, monkeypatch):
    usual = compiled.tempfile.TemporaryFile

    def refuse(*, dir):  # noqa: A002 - tempfile's own name for it
        if "user" in Path(dir).parts:
            raise OSError(30, "Read-only file system")
        return usual(dir=dir)

    monkeypatch.setattr(compiled.tempfile, "TemporaryFile", refuse)
    assert find_folder().parent == places / "package" / "__pycache__"


def test_the_folder_that_numba_is_told_goes_before_both(places, monkeypatch):
    monkeypatch.setattr(compiled.settings, "CACHE_DIR", str(places / "told"))
    assert find_folder().parent == places / "told"


def test_a_folder_that_numba_is_told_is_not_replaced_by_another(places, monkeypatch):
    monkeypatch.setattr(compiled.settings, "CACHE_DIR", str(places / "told"))
    forbid(monkeypatch, "told")
    with pytest.warns(RuntimeWarning, match="compiled code cannot be cached"):
        assert find_folder() is None


def test_no_writable_folder_is_a_warning_that_names_them(places, monkeypatch):
    forbid(monkeypatch, "__pycache__", "user")
    with pytest.warns(RuntimeWarning, match="Set NUMBA_CACHE_DIR to a writable folder") as caught:
        assert find_folder() is None
    assert "__pycache__" in str(caught[0].message)
    assert str(places / "user" / "btkit") in str(caught[0].message)


@pytest.mark.parametrize(
    "changed", ["conditions/part.py", "engine/part.py", "engine/new.py", "metrics/part.py"]
)
def test_another_source_is_another_folder(places, changed):
    before = find_folder()
    (places / "package" / changed).write_text("x = 2\n")
    assert find_folder() != before


def is_compiled(node):
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    names = [
        part.id for name in decorators for part in ast.walk(name) if isinstance(part, ast.Name)
    ]
    return any(name.startswith("compiled") for name in names)


def test_constants_that_are_compiled_in_come_from_hashed_folders():
    package = Path(btkit.__file__).parent
    trees = [ast.parse(path.read_bytes()) for path in package.rglob("*.py")]
    read = {
        node.module.partition(".")[2].replace(".", "/") + "/"
        for tree in trees
        if any(is_compiled(node) for node in tree.body)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("btkit.")
    }
    assert "metrics/" in read
    hashed = tuple(f"{folder}/" for folder in compiled._COMPILED_FOLDERS)
    assert not [name for name in read if not name.startswith(hashed)]


def test_files_that_are_not_compiled_do_not_matter(places):
    before = find_folder()
    (places / "package" / "conditions" / "notes.txt").write_text("x")
    (places / "package" / "spec.py").write_text("x")
    assert find_folder() == before


def test_a_moved_line_between_two_files_is_noticed(places):
    part = places / "package" / "conditions" / "part.py"
    (places / "package" / "conditions" / "quart.py").write_text("")
    before = find_folder()
    text = part.read_text()
    part.write_text("")
    (places / "package" / "conditions" / "quart.py").write_text(text)
    assert find_folder() != before


def _double(value):
    return value + value


def test_an_environment_with_the_same_code_compiles_nothing(tmp_path):
    program = "import btkit; print(btkit.__file__); " + ONE_FUNCTION
    said = []
    for name in ("one", "other"):
        shutil.copytree(
            Path(btkit.__file__).parent,
            tmp_path / name / "btkit",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path / name,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")},
        )
        assert str(tmp_path / name) in done.stdout
        said.append("compiling" in done.stderr)
    assert said == [True, False]


WITHOUT_A_FOLDER = """
import pathlib, tempfile, warnings

def refuse(*arguments, **options):
    raise OSError(30, "Read-only file system")

{broken} = refuse
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from btkit.conditions.numbers import modulo
assert [warning.category for warning in caught] == [RuntimeWarning], caught
assert "NUMBA_CACHE_DIR" in str(caught[0].message)
print(modulo(-7.0, 3.0))
"""


@pytest.mark.parametrize("broken", ["tempfile.TemporaryFile", "pathlib.Path.mkdir"])
def test_without_any_folder_it_still_computes(broken):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_FOLDER.replace("{broken}", broken)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2.0\n")
    assert done.stderr.startswith("compiling btkit's loops: takes some seconds at each start")


ONE_FUNCTION = "from btkit.conditions.numbers import modulo; print(modulo(-7.0, 3.0))"


def test_it_is_said_once_and_only_by_who_compiles(tmp_path):
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", ONE_FUNCTION],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        )
        assert done.stdout == "2.0\n"
        said.append(done.stderr)
    assert said[0].count("compiling") == 1
    assert "`backtest warm-up` does it beforehand" in said[0]
    assert said[1] == ""


def test_a_function_of_somebody_elses_is_not_announced(monkeypatch):
    heard = []
    monkeypatch.setattr(announcing._Compiling, "announced", False)
    with announcing.compiling_announced(heard.append):
        assert numba.njit(_double)(2) == 4
        assert heard == []
        ours = numba.njit(_as_ours(_double))
        assert ours(2) == 4
        assert ours(2.5) == 5
    assert len(heard) == 1


def _as_ours(function):
    copy = types.FunctionType(function.__code__, function.__globals__)
    copy.__module__ = "btkit.engine.made_up"
    return copy


KEPT_AND_NEW = """
import sys
from btkit.conditions.numbers import modulo

def is_ready_to_compile():
    return "numba.np.arraymath" in sys.modules

kept = modulo(-7.0, 3.0)
ready = is_ready_to_compile()
print(kept, ready, modulo(-7.0, 3), is_ready_to_compile())
"""


def test_what_is_kept_runs_without_readying_the_compiler(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    printed = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout
        for program in (ONE_FUNCTION, KEPT_AND_NEW)
    ]
    assert printed == ["2.0\n", "2.0 False 2.0 True\n"]
