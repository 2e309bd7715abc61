"""How soon a widget follows a hand: from a slider's event to the data of the new picture sent."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from timing import Row

from btkit.widgets import SpecEditor

SPEC = Path(__file__).resolve().parents[1] / "strategies" / "golden_cross.yaml"


def rows() -> list[Row]:
    """Drag a slider of the editor on the S&P 500 sample, 5,031 daily bars."""
    editor = SpecEditor(SPEC, source="sample")
    times = asyncio.run(_drag(editor))
    editor.close()
    middle = sorted(times)[len(times) // 2]
    return [Row("slider event to figure data sent, median of 30", middle * 1e3, "ms", 50.0)]


async def _drag(editor: SpecEditor) -> list[float]:
    slider = editor.controls["parameters"].sliders["fast"]  # type: ignore[attr-defined]
    drawn = asyncio.Event()
    show = editor._picture.show  # noqa: SLF001 - where the time ends

    def noted(*arguments: object) -> None:
        show(*arguments)  # type: ignore[arg-type]
        drawn.set()

    editor._picture.show = noted  # type: ignore[method-assign]  # noqa: SLF001
    times = []
    for value in range(20, 52):
        began = time.perf_counter()
        slider.value = value if value != slider.value else value + 60
        await drawn.wait()
        times.append(time.perf_counter() - began)
        drawn.clear()
    return times[2:]
