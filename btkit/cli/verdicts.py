"""What `sweep` and `walk-forward` share: closing lines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from btkit.cli.closing import show_closing
from btkit.cli.streams import say
from btkit.metrics import VERDICT_WORDS


def show_sweep(document: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Write the verdict of a sweep for people to stderr, and the paths by kind."""
    show_closing(
        f"{VERDICT_WORDS[document['verdict']]}  {document['strategy_name']} on "
        f"{document['symbol']}, {document['sets']:,} parameter sets",
        partial(_show_best, document),
        remarks=_warnings(document),
        paths=paths,
    )


def _show_best(document: Mapping[str, Any]) -> None:
    from btkit.documents.sweeps import (  # noqa: PLC0415 - brings numba
        DEFLATED_SHARPE_NEEDED,
        OVERFITTING_ALLOWED,
    )

    best, truth = document["best"], document["overfitting"]
    chosen = ", ".join(f"{name} = {value:g}" for name, value in best["parameters"].items())
    undefined = document["objective"] in best["metrics"]["undefined"]
    reached = "–" if undefined else f"{best['metrics'][document['objective']]:.3g}"
    say(f"best      {chosen}: {document['objective']} {reached.replace('-', '−')}")
    say(
        f"by chance {truth['trials']:,} sets without skill would reach a Sharpe ratio of "
        f"{truth['expected_maximum_sharpe']:.2f}; the best has {_number(truth['sharpe_ratio'])}"
    )
    say(
        f"truth     deflated Sharpe {_number(truth['deflated_sharpe_ratio'])} (needs "
        f"{DEFLATED_SHARPE_NEEDED:.2f}), overfitting "
        f"{_percent(truth['probability_of_overfitting'])} (at most {_percent(OVERFITTING_ALLOWED)})"
    )
    from btkit.documents import Benchmark  # noqa: PLC0415 - as the numbers, once they are there

    held = Benchmark.model_validate(document["benchmark"]).words
    for prefix, benchmark in (("", "nothing"), ("holding_", held)):
        say(
            f"{'skill' if not prefix else '':<9} beats {benchmark}: SPA p "
            f"{_p_value(truth[f'{prefix}spa_p'])}, reality check p "
            f"{_p_value(truth[f'{prefix}reality_check_p'])}"
        )
    for failure in document["failures"]:
        say(
            f"missed    {failure['metric']} {_number(failure['value'])}, "
            f"bound {_number(failure['threshold'])}"
        )
    if best["command"] is not None:
        say(f"again     {shlex.join(best['command'])}")


def show_walk_forward(document: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Write the windows and the verdict of a validation to stderr, and the paths by kind."""
    show_closing(
        f"{VERDICT_WORDS[document['verdict']]}  {document['strategy_name']} on "
        f"{document['symbol']}",
        partial(_show_windows, document),
        remarks=_warnings(document),
        paths=paths,
    )


def _show_windows(document: Mapping[str, Any]) -> None:
    say("window  out of sample             in     out    kept  parameters")
    for window in document["windows"]:
        chosen = " ".join(f"{name}={value:g}" for name, value in window["parameters"].items())
        kept = "–" if window["efficiency"] is None else f"{window['efficiency']:.0%}"
        say(
            f"{window['window_index'] + 1:>6}  {window['oos_start'][:10]} to "
            f"{window['oos_end'][:10]} {_sharpe(window, 'is_sharpe'):>6} "
            f"{_sharpe(window, 'oos_sharpe'):>6} {kept.replace('-', '−'):>6}  {chosen}".rstrip()
        )
    say(document["conclusion"])


def _warnings(document: Mapping[str, Any]) -> list[str]:
    return [f"warning: {warning['message']}" for warning in document["warnings"]]


def _sharpe(window: Mapping[str, Any], name: str) -> str:
    return "–" if name in window["undefined"] else _number(window[name])


def _p_value(value: float | None) -> str:
    if value is None:
        return "–"
    # A thousand resamples tell nothing finer.
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"  # noqa: PLR2004 - as above


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
