"""How soon a widget follows a hand: from a slider's event to the data of the new picture sent."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from timing import Row

from btkit.widgets import OptionsLab, SpecEditor
from btkit.widgets.fields import LabelledField

STRATEGIES = Path(__file__).resolve().parents[1] / "strategies"
SPEC = STRATEGIES / "golden_cross.yaml"
CONDOR = STRATEGIES / "iron_condor_monthly.yaml"


def rows() -> list[Row]:
    """Drag a slider of the editor on the S&P 500 sample, 5,031 daily bars."""
    editor = SpecEditor(SPEC, source="sample")
    times = asyncio.run(_drag(editor))
    editor.close()
    lab = OptionsLab(CONDOR, source="sample", capital=1_000_000)
    days = asyncio.run(_move(lab, lab.terms["days"]))
    strikes = asyncio.run(_move(lab, lab.strikes[1]))
    lab.close()
    found = [
        Row(f"{name} to figure data sent, median of 30", _middle(found) * 1e3, "ms", 50.0)
        for name, found in (
            ("slider event", times),
            ("option lab: a day", days),
            ("option lab: a strike", strikes),
        )
    ]
    return [*found, Row("  beside a day", _middle(strikes) / _middle(days), "x", 1.2)]


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


async def _move(lab: OptionsLab, field: LabelledField) -> list[float]:
    slider = field.control.slider
    drawn = asyncio.Event()
    show = lab._picture.show  # noqa: SLF001 - where the time ends

    def noted(*arguments: object) -> None:
        show(*arguments)
        drawn.set()

    lab._picture.show = noted  # noqa: SLF001 - as above
    times = []
    for _ in range(32):
        began = time.perf_counter()
        slider.value -= slider.step
        await drawn.wait()
        times.append(time.perf_counter() - began)
        drawn.clear()
    lab._picture.show = show  # noqa: SLF001 - as above
    return times[2:]


async def _drag(editor: SpecEditor) -> list[float]:
    slider = editor.controls["parameters"].sliders["fast"]
    drawn = asyncio.Event()
    show = editor._picture.show  # noqa: SLF001 - where the time ends

    def noted(*arguments: object) -> None:
        show(*arguments)
        drawn.set()

    editor._picture.show = noted  # noqa: SLF001 - as above
    times = []
    for value in range(20, 52):
        began = time.perf_counter()
        slider.value = value if value != slider.value else value + 60
        await drawn.wait()
        times.append(time.perf_counter() - began)
        drawn.clear()
    return times[2:]
