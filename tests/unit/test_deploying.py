"""What containers are started with names settings, commands and files that there are."""

import re
from pathlib import Path

import yaml

from btkit.cli.app import parse
from btkit.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())


def test_every_variable_of_the_containers_is_a_setting():
    services = COMPOSE["services"].values()
    named = {name for service in services for name in service["environment"]}
    named = {name for name in named if name.startswith("BT_")}
    assert {"BT_API_TOKEN", "BT_DASK_SCHEDULER", "BT_SERVER_URL", "BT_TLS_CA"} <= named
    assert {name.removeprefix("BT_").lower() for name in named} <= set(Settings.model_fields)


def test_the_image_has_what_the_wheel_is_made_of():
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert all((ROOT / name).exists() for name in copied)
    included = re.search(
        r"force-include\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.DOTALL
    )
    assert included is not None
    assert set(re.findall(r'^"([^"]+)"', included[1], re.MULTILINE)) <= copied


def test_containers_run_commands_that_there_are():
    started = re.search(r"^CMD (.*)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert started is not None
    worker = COMPOSE["services"]["worker"]["command"].split()
    for program, *arguments in (yaml.safe_load(started[1]), worker):
        assert program == "backtest"
        assert callable(parse(arguments))
