"""Every kind of spec is whole in every layer, and a new one needs nothing but its entries."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest

import btkit as bt
from btkit.cli.finish import PRESENTED
from btkit.data import load_from_source
from btkit.documents import REPORTS, RunDocument
from btkit.errors import SpecKindError
from btkit.jobs.dispatch import HANDLERS
from btkit.jobs.job import JOB_KINDS
from btkit.render.kinds import PAGES
from btkit.render.leaving import write_report_files
from btkit.render.notebook import template_path
from btkit.settings import Settings
from btkit.simulation import SIMULATIONS
from btkit.spec import KINDS, kind_of
from btkit.storage import JobKind, Store
from btkit.widgets import SpecEditor

ROOT = Path(__file__).parents[2]
REGISTRIES = (KINDS, SIMULATIONS, REPORTS, PAGES)


@pytest.fixture
def hold(monkeypatch):
    """Register the kind that CONTRIBUTING makes."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^  ```python\n(.*?)^  ```$", text, re.MULTILINE | re.DOTALL)
    [code] = [dedent(block) for block in blocks if "HoldSpec" in block]
    for registry in REGISTRIES:
        monkeypatch.setitem(registry, "hold", None)
    exec(code, {"__name__": "recipe"})  # noqa: S102 - our own text


def whole(kind):
    assert [kind in registry for registry in REGISTRIES] == [True] * len(REGISTRIES)
    assert KINDS[kind].spec.kind == kind
    assert template_path(PAGES[kind].template).is_file()
    assert PAGES[kind].sections()
    assert "kind" in REPORTS[kind].report.model_fields


def test_every_kind_is_in_every_registry():
    for kind in set().union(*REGISTRIES):
        whole(kind)


def test_the_kind_of_the_recipe_is_whole_and_told_by_its_sign(hold):
    whole("hold")
    assert kind_of(bt.load_spec({"name": "half", "hold": 0.5})) == ("hold", "has a hold")
    with pytest.raises(SpecKindError, match="is a hold spec"):
        bt.load_spec({"name": "half", "hold": 0.5}, kind="options")


def test_an_editor_shows_it(hold):
    spec = {"name": "half", "hold": 0.5}
    days = {"start": "2018-01-02", "end": "2018-12-31", "source": "sample"}
    editor = SpecEditor(spec, **days, settings=Settings(_env_file=None))
    shown = editor._picture.widget.data
    assert shown[1].y[-1] == pytest.approx(editor.result.equity.iloc[-1], rel=1e-6)
    assert [len(line.y) for line in shown[7:]] == [0, 0, 0]
    editor.close()


def test_it_is_simulated(hold):
    loaded = load_from_source(
        "SPX", "2018-01-02", "2018-12-31", settings=Settings(_env_file=None), source="sample"
    )
    spec = {"name": "half", "hold": 0.5}
    result = bt.simulate(
        spec, loaded.bars, capital=100_000, commission=0, slippage=0, start=loaded.start
    )
    bars = result.bars
    shares = 50_000 // bars["close"].iloc[0]
    assert result.trades["shares"].tolist() == [shares]
    assert result.trades["exit_reason"].tolist() == ["end_of_data"]
    gained = shares * (bars["close"].iloc[-1] - bars["open"].iloc[1])
    assert result.equity.iloc[-1] == pytest.approx(100_000 + gained, rel=1e-12)
    assert bt.report(result)["kind"] == "hold"


def test_it_is_stored_and_has_a_page(hold, tmp_path):
    settings = Settings(
        _env_file=None,
        db_path=tmp_path / "r.db",
        curve_dir=tmp_path / "curves",
        report_dir=tmp_path / "reports",
    )
    result = bt.run(
        {"name": "half", "hold": 0.5}, "SPX", "2018-01-02", "2018-12-31",
        source="sample", settings=settings,
    )  # fmt: skip
    stored = bt.load_run(result.run_id, settings=settings)
    assert isinstance(stored, RunDocument)
    assert stored.report.kind == "hold"
    assert stored.report.metrics.total_trades == 1
    document = Store.from_settings(settings).document(result.run_id)
    files = write_report_files(result.run_id, document, kind="run", settings=settings)
    assert json.loads(files["json"].read_text(encoding="utf-8"))["kind"] == "hold"
    page = files["html"].read_text(encoding="utf-8")
    assert "half" in page
    assert "long only" in page


def test_every_kind_of_job_is_in_every_registry():
    for registry in (JOB_KINDS, HANDLERS, PRESENTED):
        assert set(registry) == set(get_args(JobKind))
    for kind, job in JOB_KINDS.items():
        assert job.model_fields["kind"].default == kind
