"""Install the wheel alone into an empty environment, and do there what README promises."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from btkit.conditions.compiled import cache_folder

ROOT = Path(__file__).resolve().parents[1]
# Out of the project's folder, of which nothing may be needed; each clone has its own.
FOLDER = Path(tempfile.gettempdir()) / f"btkit-wheel-{zlib.crc32(str(ROOT).encode()):08x}"
PIP = ("-m", "pip", "--disable-pip-version-check", "-qq")
DEMO = (
    "run", "--strategy=strategies/spy_momentum_v1.json", "--symbol=SPX", "--source=sample",
    "--start=1999-01-04", "--end=2018-12-31", "--slippage=0.0002",
)  # fmt: skip
JOBS = """
- {spec: [strategies/golden_cross.yaml, strategies/bollinger_reversal.json], symbol: [SPX, IXIC],
   start: 2005-01-01, end: 2018-12-31, source: sample}
"""
REQUEST = (
    "request: {spec: strategies/golden_cross.yaml, symbol: IXIC, start: '2005-01-01', "
    "end: '2018-12-31', source: sample}"
)
# What a developer's environment has besides, and an empty one not.
FOREIGN = (
    "import importlib.util as u; print([n for n in ('matplotlib', 'pytest') if u.find_spec(n)])"
)
CACHE = "from btkit.conditions.compiled import cache_folder; print(cache_folder())"


class Place:
    """An environment for the wheel, and a folder to work in.

    Parameters
    ----------
    folder
        Empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.lab, self.cache = folder, folder / "lab", folder / "cache"
        self.programs = folder / "venv" / "bin"
        self.bare = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BT_", "PYTHON", "NUMBA_", "JUPYTER_", "VIRTUAL_ENV"))
        } | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}

    def call(self, *arguments: str, worst: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; end everything if its exit code is above `worst`."""
        done = subprocess.run(
            arguments,
            cwd=self.lab if self.lab.exists() else self.folder,
            env=self.bare | {"XDG_CACHE_HOME": str(self.cache)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not 0 <= done.returncode <= worst:
            sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def folder_of_code(self) -> Path:
        """Return where compiled code is kept."""
        return Path(self.call("python", "-c", CACHE).stdout.strip())

    def backtest(self, *arguments: str) -> tuple[dict[str, Any], str]:
        """Run the command; return its one document, and what it said on stderr."""
        done = self.call("backtest", *arguments, worst=1)
        document: dict[str, Any] = json.loads(done.stdout)
        require("error" not in document, document)
        return document, done.stderr


def require(condition: object, shown: object) -> None:
    """End everything, and show why, if a condition does not hold."""
    if not condition:
        sys.exit(f"not as it should be: {shown}")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say how long a step took."""
    began = time.perf_counter()
    yield
    print(f"{name:<40} {time.perf_counter() - began:6.1f} s", flush=True)


def install(place: Place) -> None:
    """Make the wheel, and install it and what it names into an empty environment."""
    wheels, python = place.folder / "wheels", str(place.programs / "python")
    make = [sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", str(wheels)]
    subprocess.run([*make, str(ROOT)], check=True)
    (wheel,) = wheels.glob("btkit-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(place.folder / "venv")], check=True)
    subprocess.run(
        [python, *PIP, "install", "--no-compile", str(wheel)], env=place.bare, check=True
    )
    foreign = place.call("python", "-c", FOREIGN).stdout.strip()
    require(foreign == "[]", f"the environment is not empty: {foreign}")


def lay_out(place: Place) -> None:
    """Make the folder to work in, twice."""
    first, _ = place.backtest("init", str(place.lab))
    again, _ = place.backtest("init", str(place.lab))
    require(first["written"] and not first["left"], first)
    require(again["left"] == first["written"] and not again["written"], again)
    tree = {
        path.relative_to(ROOT).as_posix()
        for pattern in (
            "notebooks/*.ipynb",
            "skills/btkit/**/*.md",
            "templates/*.ipynb",
            "strategies/*.json",
            "strategies/*.yaml",
            "models/*/*.yaml",
            "models/*/*/*.*",
        )
        for path in ROOT.glob(pattern)
    }
    laid = {Path(path).relative_to(place.lab).as_posix() for path in first["written"]}
    require(laid == tree, laid ^ tree)


def compile_once(place: Place) -> None:
    """Run the demo, which says that it compiles."""
    document, said = place.backtest(*DEMO)
    require(said.index("compiling") < said.index("simulate "), said)
    for suffix in ("ipynb", "html", "json"):
        path = place.lab / "data" / "reports" / f"{document['run']['run_id']}.{suffix}"
        require(path.stat().st_size, path)


def take_the_rest(place: Place) -> None:
    """Take what else is compiled from the environment that runs this; then nothing compiles.

    It is the same code: the name of its folder says so, and a warm-up that finds all there.
    """
    here, there = cache_folder(), place.folder_of_code()
    require(here is not None and here.name == there.name, (here, there))
    require(there.is_relative_to(place.cache), there)
    shutil.copytree(here, there, dirs_exist_ok=True)
    require(place.backtest("warm-up")[0]["compiled"] == 0, "a warm-up compiles what is there")


def follow_readme(place: Place) -> None:
    """Run the shell commands and the Python of README, as they stand there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        # `backtest` ends with 1 where a threshold was missed, papermill where a cell failed.
        worst = 0 if "papermill" in block else 1
        trap = f"trap 'code=$?; [ $code -le {worst} ] || exit $code' ERR\n"
        done = place.call("bash", "-c", f"{trap}{block}true\n")
        require("compiling" not in done.stderr, done.stderr)
    (python,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    place.call("python", "-c", python)


def run_notebooks(place: Place) -> None:
    """Run a template by both engines, a batch, and a notebook as JupyterLab would."""
    for engine in ("btkit", "nbclient"):
        place.call("papermill", "--engine", engine, "templates/run.ipynb", "o.ipynb", "-y", REQUEST)
    (place.lab / "jobs.yaml").write_text(JOBS, encoding="utf-8")
    done = place.call("backtest", "batch", "jobs.yaml", "--jobs", "2", worst=1)
    *lines, last = (json.loads(line) for line in done.stdout.splitlines())
    require(len(lines) == last["batch"]["jobs"] and not last["batch"]["errors"], done.stdout)
    require("compiling" not in done.stderr, done.stderr)
    place.call("jupyter", "nbconvert", "--execute", "--to=html", "notebooks/04_options.ipynb")
    page = (place.lab / "notebooks" / "04_options.html").read_text(encoding="utf-8")
    require("compiling btkit" not in page, "a notebook compiles")
    place.call("jupyter", "lab", "--version")


def lock_the_cache(place: Place) -> None:
    """Make the user's own cache folder impossible: the package's is taken, and nothing hangs."""
    usual = place.folder_of_code().parent
    usual.rename(usual.with_name("elsewhere"))
    usual.write_text("a file in the way, which stops even root")
    chosen = place.folder_of_code().parent
    require((chosen.parent.name, chosen.name) == ("btkit", "__pycache__"), chosen)


FIRST = (
    ("the wheel, installed alone", install),
    ("backtest init", lay_out),
    ("the demo, which compiles", compile_once),
)
THEN = (
    ("warm-up", take_the_rest),
    ("README's commands", follow_readme),
    ("papermill, a batch, a notebook", run_notebooks),
    ("a cache that is not writable", lock_the_cache),
)


def main() -> None:
    """Do all of it, or what needs nothing of this environment and what comes then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=("first", "then"), help="all without")
    part = parser.parse_args().part
    if part != "then":
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
    require(FOLDER.is_dir(), "the first part was not run")
    place = Place(FOLDER.resolve())
    for title, work in (*(FIRST if part != "then" else ()), *(THEN if part != "first" else ())):
        with step(title):
            work(place)
    if part != "first":
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
