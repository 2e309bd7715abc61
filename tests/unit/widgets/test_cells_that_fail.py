"""A cell whose arguments are refused, run again and again, leaves no widget behind."""

from functools import partial
from pathlib import Path

import ipywidgets
import pytest

from btkit.errors import BtkitError
from btkit.widgets import OptionsLab, RunBrowser, SpecEditor, SweepExplorer, WalkForwardLab

CONDOR = Path(__file__).resolve().parents[3] / "strategies" / "iron_condor_monthly.yaml"
AXES = {"fast": [10, 20]}


@pytest.mark.parametrize(
    "make",
    [
        partial(SpecEditor, start="2040-01-01", end="2041-01-01"),
        partial(SweepExplorer, parameters=AXES, objective="sharp_ratio"),
        partial(SweepExplorer, parameters={"fasst": [10]}),
        partial(WalkForwardLab, optimize=AXES, objective="sharp_ratio"),
        partial(WalkForwardLab, scheme="rollling"),
        lambda _, settings: OptionsLab(CONDOR, interval="1x", settings=settings),
        lambda _, settings: RunBrowser(limit=-1, settings=settings),
    ],
)
def test_what_is_refused_leaves_no_widget(spec, settings, make):
    before = len(ipywidgets.widgets.widget._instances)
    for _ in range(2):
        with pytest.raises(BtkitError):
            make(spec, settings=settings)
    assert len(ipywidgets.widgets.widget._instances) == before
