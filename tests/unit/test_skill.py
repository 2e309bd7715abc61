"""The skill for agents is in its form, its commands run, and what it refers to is as it is."""

import json
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

from btkit.cli.app import parse
from btkit.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
SKILL = shipped("skills") / "btkit"
TEXT = (SKILL / "SKILL.md").read_text(encoding="utf-8")
MOST_LINES, MOST_CHARACTERS, MOST_COMPATIBILITY = 500, 1_024, 500


def front():
    _, matter, body = TEXT.split("---\n", 2)
    return yaml.safe_load(matter), body


def test_it_is_in_the_form_of_agent_skills():
    matter, body = front()
    assert matter["name"] == SKILL.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", matter["name"])
    assert 100 < len(matter["description"]) <= MOST_CHARACTERS
    assert len(matter["compatibility"]) <= MOST_COMPATIBILITY
    assert set(matter) == {"name", "description", "license", "compatibility"}
    assert len(body.splitlines()) < MOST_LINES


def test_what_it_refers_to_is_there_and_as_the_schema_says():
    spec = spec_from_file_location("references", ROOT / "scripts" / "skill_references.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    linked = set(re.findall(r"\]\(references/([\w.]+)\)", TEXT))
    made = module.references()
    assert linked == made.keys() == {path.name for path in (SKILL / "references").iterdir()}
    for name, text in made.items():
        assert (SKILL / "references" / name).read_text(encoding="utf-8") == text, (
            "python scripts/skill_references.py"
        )


@pytest.mark.integration
def test_every_command_of_it_runs(tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == TEXT.count("```") // 2
    own = {"BT_DB_PATH": "r.db", "BT_CURVE_DIR": "c", "BT_REPORT_DIR": "r"}
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **own, "PATH": programs}
    answers = []
    for block in blocks:
        # A threshold that is missed ends a command with 1, and nothing else does.
        trap = "trap 'code=$?; [ $code -le 1 ] || exit $code' ERR\n"
        ran = subprocess.run(
            ["bash", "-c", f"{trap}{block}"], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode in {0, 1}, ran
        answers.append(json.loads(ran.stdout))
        assert "error" not in answers[-1]
    [run] = [answer for answer in answers if "failures" in answer]
    assert run["metrics"]["total_trades"] > 0
    assert len(answers[-1]["runs"]) == 3


def test_the_settings_that_a_client_is_told_name_a_command_that_is_there():
    text = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    [server] = json.loads(block)["mcpServers"].values()
    assert Path(sys.executable).with_name(server["command"]).exists()
    parse([*server["args"], "--block", "1"])
