"""Unit tests can be run without those that start processes, kernels, servers or browsers."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_integration_tests_can_be_left_out():
    paths = ["unit/cli/test_command_process.py", "unit/test_errors.py", "storage/test_killed.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only",
         "-m", "not integration", *paths],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    found = {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert {Path(path).name for path in found} == {"test_errors.py"}
