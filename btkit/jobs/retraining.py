"""Train a model again and again over bars, each time on what was known: a folder of dated bundles.

It is no job: a job is plain data, which batch files, the store and requests carry, and none of
these may name code that is imported. What makes it resumable lies in the folder itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from btkit.arguments import check_text, check_whole
from btkit.data import FormatSource, format_time, load_format, load_from_source, take_bars
from btkit.errors import NoDataError, SpecError, UsageError
from btkit.jobs.course import Course, load_trainer
from btkit.jobs.dated_bundles import DatedBundles
from btkit.jobs.progress import Counting, ProgressListener, check_progress
from btkit.markets import bar_dates, read_range
from btkit.models import StrategyV3, read_strategy_v3
from btkit.models.labelling import read_label
from btkit.models.retraining import Lesson, Rhythm, Trainer, plan_trainings
from btkit.settings import Settings, read_settings
from btkit.spec.reading import parse_text, read_file
from btkit.spec.wording import no_mapping
from btkit.spelling import count_of
from btkit.writing import write_whole

SPEC = "strategy.json"
"""A spec in the folder that trades by its bundles."""


def retrain(  # noqa: PLR0913 - what is learnt, when, and from which bars, each with its default
    strategy: Path | str | Mapping[str, Any],
    symbol: str | pd.DataFrame | None,
    start: str,
    end: str,
    *,
    trainer: Trainer | str,
    label: Mapping[str, Any] | str,
    output: Path | str,
    every: int = 63,
    window: int = 1_000,
    anchored: bool = False,
    seed: int = 0,
    source: str | None = None,
    format: FormatSource | None = None,  # noqa: A002 - the word for it
    calendar: str = "XNYS",
    settings: Settings | None = None,
    progress: ProgressListener | None = None,
) -> dict[str, Any]:
    """Train a model at every so many bars, each time on rows whose labels were known by then.

    Parameters
    ----------
    strategy
        A strategy of version 3 of the grammar: a file, its text, or its parts. Its indicators,
        fuzzy_sets and nn_inputs are what the model sees, its base timeframe is that of the bars.
    symbol
        The instrument, None for the strategy's only one; or its bars.
    start, end
        The first and the last day, both included: the first training is at the first bar.
    trainer
        A function ``(X, y, weights, seed) -> model``, or ``module:function`` to import. It gets a
        DataFrame of features and two Series by bar time, labels and weights (uniqueness of the
        labels, scaled to a mean of 1), and the seed by which it draws whatever it draws. What it
        returns is whatever `save_bundle` takes.
    label
        As `btkit.models.labels.read_label` takes it, or as YAML text.
    output
        The folder: it gets a bundle a date, and ``strategy.json``, a spec that trades by them.
        Bundles that are there and were made of the same stay as they are.
    every, window, anchored
        See `Rhythm`.
    seed
        Handed to the trainer each time.
    source, format, calendar, settings
        As for `load_bars`.
    progress
        Notified of each stage.

    Returns
    -------
    dict
        The document of ``backtest retrain``.

    Raises
    ------
    SpecError, UsageError
        If something that is asked for makes no sense.
    NoDataError, DataError, SourceError
        If bars cannot be had, or are too few for a first training.
    PluginError
        If the trainer fails.
    BundleError
        If what it returns cannot be saved as a bundle.
    StoreError
        If the folder cannot be written, or has bundles of something else.

    Notes
    -----
    At bar r it learns the last `window` bars t with t + horizon <= r, so that it has seen nothing
    after r; the bundle stands at the date of r, at whose close it decides first. Of intraday bars
    it stands at the session of r, and has seen the sessions before alone.
    """
    known = read_settings(settings)
    listener = check_progress(progress)
    values, origin = _read(strategy)
    parsed = read_strategy_v3(values, origin=origin)
    course = Course(
        values=values,
        strategy=parsed,
        label=read_label(parse_text(label) if isinstance(label, str) else label),
        trainer=load_trainer(trainer),
        rhythm=Rhythm(every, window, anchored),
        seed=check_whole(seed, "seed", least=0, most=2**32 - 1, hint="0 is as good as any other."),
        calendar=check_text(calendar, "calendar", hint="XNYS is the New York Stock Exchange's."),
        symbol=symbol if isinstance(symbol, str) else _only_symbol(parsed),
    )
    first, last = read_range(start, end, intraday=course.interval.is_intraday)
    with listener.stage("load bars") as note:
        if isinstance(symbol, pd.DataFrame):
            bars = take_bars(symbol, calendar=calendar).bars
            bars = bars[bars.index <= last]
        else:
            bars = load_from_source(
                course.symbol, first, last, interval=course.interval, settings=known,
                source=source, needs_vix=False, calendar=calendar,
                # The first training is to be as one of the same bars later on would be.
                lead=course.lead, slower=tuple(course.plan.slower_lookbacks),
                bar_format=None if format is None else load_format(format),
            ).bars  # fmt: skip
        note(f"{len(bars):,} bars of {course.symbol}, those before the first training included")
    asked = {**course.to_json(), "start": format_time(first)}
    bundles = DatedBundles(Path(output), asked, known.private)
    bundles.check()
    made = _train_all(course, bars, first, bundles, listener)
    _leave_spec(course, bundles)
    return {
        "passed": True,
        "folder": str(bundles.folder),
        "spec": str(bundles.folder / SPEC),
        **asked,
        "end": format_time(last),
        "bundles": made,
    }


def _read(strategy: object) -> tuple[Mapping[str, Any], str]:
    """Return a strategy's parts, and what messages call it."""
    origin = str(strategy) if isinstance(strategy, Path) else "strategy"
    text = read_file(strategy, origin) if isinstance(strategy, Path) else strategy
    try:
        values = parse_text(text) if isinstance(text, str) else text
    except SpecError as error:
        raise SpecError(error.problems, origin=origin) from error
    if isinstance(values, Mapping):
        return values, origin
    raise SpecError([no_mapping(values)], origin=origin)


def _only_symbol(strategy: StrategyV3) -> str:
    if len(strategy.symbols) == 1:
        return strategy.symbols[0]
    raise UsageError(
        f"The strategy names {len(strategy.symbols)} symbols, and a model is trained on one.",
        hint=f"Say which: {', '.join(strategy.symbols)}.",
        details={"argument": "symbol"},
    )


def _train_all(
    course: Course,
    bars: pd.DataFrame,
    first: pd.Timestamp,
    bundles: DatedBundles,
    listener: ProgressListener,
) -> list[dict[str, Any]]:
    index = pd.DatetimeIndex(bars.index)
    dates = bar_dates(index, course.interval, calendar=course.calendar)
    trainings = plan_trainings(
        dates,
        begin=int(index.searchsorted(first)),
        horizon=course.label.horizon,
        rhythm=course.rhythm,
        intraday=course.interval.is_intraday,
    )
    if not trainings:
        raise NoDataError(
            f"There is no bar from {format_time(first)} on.",
            hint=f"Begin earlier: the last bar is {format_time(index[-1])}.",
        )
    with listener.stage("compute features") as note:
        lessons = course.lessons(bars, dates, first=trainings[0].first)
        note(count_of(lessons.features.shape[1], "feature"))
    made = []
    with listener.stage("train") as note:
        for training in trainings:
            made.append(_train(course, lessons.of(training), bundles))
            if isinstance(listener, Counting):
                listener.count(len(made), len(trainings), "bundles")
        note(f"{len(made)} bundles, {sum(entry['kept'] for entry in made)} of them there before")
    return made


def _train(course: Course, lesson: Lesson, bundles: DatedBundles) -> dict[str, Any]:
    date = lesson.training.date
    bundle = bundles.kept(date, lesson.sha256)
    kept = bundle is not None
    if bundle is None:
        model = course.fit(lesson)
        bundle = bundles.add(date, lesson.sha256, lambda path: course.save(path, model, lesson))
    return {
        "date": date,
        "path": str(bundles.folder / date),
        "hash": bundle.hash,
        "rows": len(lesson.X),
        "trained_from": format_time(lesson.first),
        "trained_until": format_time(lesson.last),
        "labels_known_at": format_time(lesson.known),
        "kept": kept,
    }


def _leave_spec(course: Course, bundles: DatedBundles) -> None:
    """Write a spec that trades by the bundles, where none is yet: it may have been edited."""
    path = bundles.folder / SPEC
    spec = {
        "name": course.strategy.name,
        "models": str(bundles.folder),
        "symbol": course.symbol,
        "interval": course.interval.label,
        "calendar": course.calendar,
    }
    try:
        if not path.exists():
            write_whole(path, json.dumps(spec, indent=2) + "\n", private=bundles.private)
    except OSError as error:
        raise bundles.unreadable(error) from error
