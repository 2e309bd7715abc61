"""What a model is trained on again and again, by whose function, and what of it is saved."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from btkit.arguments import refusal
from btkit.code_hash import hash_code
from btkit.data import WARMUP_BARS
from btkit.errors import BtkitError, PluginError, UsageError
from btkit.markets import Days, Interval
from btkit.models import Bundle, FeaturePlan, StrategyV3, plan_inputs, save_bundle
from btkit.models.labelling import CLASSES, ForwardReturn, Label
from btkit.models.retraining import Lesson, Lessons, Method, Rhythm, Trainer, bar_moments
from btkit.writing import digest_of_json

_FUNCTION = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)
_HINT = (
    "Write module:function, such as my_trainer:fit for the function fit(X, y, weights, seed) in "
    "my_trainer.py of the working folder."
)


@dataclass(frozen=True)
class Course:
    """What is learnt, from what, and by whose function.

    Parameters
    ----------
    values
        The strategy's parts, as they were written.
    strategy
        The same, read.
    label
        What is learnt.
    trainer
        Fits a model.
    rhythm
        How often, and on how many bars.
    seed
        Handed to the trainer each time.
    calendar
        By which bars have sessions.
    symbol
        Of the bars.

    Raises
    ------
    UsageError
        If the strategy decides by a regression and the label is a class, or the other way round.
    """

    values: Mapping[str, Any]
    strategy: StrategyV3
    label: Label
    trainer: Trainer
    rhythm: Rhythm
    seed: int
    calendar: str
    symbol: str

    def __post_init__(self) -> None:
        stated = self.strategy.decisions.output_format
        if stated != self.output_type:
            raise UsageError(
                f"The label {self.label.kind} is for a {self.output_type}, and the strategy's "
                f"output_format is {stated}.",
                hint=f"Write output_format: {self.output_type} below decisions, or ask for "
                "another label.",
                details={"argument": "label"},
            )

    @property
    def output_type(self) -> Literal["regression", "classification"]:
        """What a model of the label tells."""
        return "regression" if isinstance(self.label, ForwardReturn) else "classification"

    @property
    def interval(self) -> Interval:
        """Of the bars."""
        return Interval.parse(self.strategy.base_timeframe)

    def to_json(self) -> dict[str, Any]:
        """Return what makes two courses the same, as plain JSON values."""
        return {
            "strategy_name": self.strategy.name,
            "strategy_sha256": digest_of_json(self.values),
            "symbol": self.symbol,
            "interval": self.interval.label,
            "calendar": self.calendar,
            "label": self.label.model_dump(),
            "every": self.rhythm.every,
            "window": self.rhythm.window,
            "anchored": self.rhythm.anchored,
            "seed": self.seed,
            "trainer": name_of(self.trainer),
            "trainer_code": hash_code(self.trainer),
        }

    @cached_property
    def plan(self) -> FeaturePlan:
        """What is computed for its features, which are not normalised yet."""
        strategy = self.strategy
        return plan_inputs(
            strategy.inputs, timeframes=strategy.timeframes, base=strategy.base_timeframe
        )

    @property
    def lead(self) -> int:
        """How far before its first decision the rows of its first training begin, in bars."""
        # Dated by a session of several bars, a training knows those before it.
        session = self.interval.per_session(self.calendar)
        return self.rhythm.window + self.label.horizon + session

    def lessons(self, bars: pd.DataFrame, dates: Days, *, first: int) -> Lessons:
        """Compute features and labels of all bars.

        Parameters
        ----------
        bars
            Checked, warm-up included.
        dates
            Their sessions.
        first
            Place of the first row that is learnt: features see as much before it as those of a run
            see before its first decision, however many bars there are.
        """
        rows = self.plan.matrix(
            bars, interval=self.interval, calendar=self.calendar, start=first,
            begin=max(0, first - WARMUP_BARS),
        )  # fmt: skip
        methods: dict[str, Method] = {
            f"{timeframe}_{entry.name}_raw": entry.normalization or "zscore"
            for entry in self.strategy.inputs
            if entry.memberships is None
            for timeframe in entry.timeframes
        }
        features = pd.DataFrame(rows, index=bars.index, columns=list(self.plan.names))
        moments = bar_moments(pd.DatetimeIndex(bars.index), dates, self.interval)
        return Lessons(features, self.label.compute(bars), methods, moments)

    def fit(self, lesson: Lesson) -> object:
        """Have a model trained.

        Raises
        ------
        PluginError
            If the trainer fails, or returns nothing.
        """
        # Copies, so that what was learnt stays what it was.
        learnt = (lesson.X.copy(), lesson.y.copy(), lesson.weights.copy())
        try:
            model = self.trainer(*learnt, self.seed)
        except BtkitError:
            raise
        except Exception as error:
            raise PluginError(
                f"The trainer {name_of(self.trainer)} failed on the {len(lesson.X):,} rows of "
                f"{lesson.training.date}: {type(error).__name__}: {error}",
                hint="Correct it; bundles that were made stay, and the same command goes on.",
                details={"trainer": name_of(self.trainer), "date": lesson.training.date},
            ) from error
        if model is None:
            raise PluginError(
                f"The trainer {name_of(self.trainer)} returned nothing for the rows of "
                f"{lesson.training.date}.",
                hint="Return the trained model: a module of PyTorch or an estimator of "
                "scikit-learn.",
                details={"trainer": name_of(self.trainer), "date": lesson.training.date},
            )
        return model

    def save(self, path: Path, model: object, lesson: Lesson) -> Bundle:
        """Save a model with the rows that it was trained on.

        Parameters
        ----------
        path
            Of the bundle.
        model
            What the trainer returned.
        lesson
            What it learnt.

        Raises
        ------
        BundleError
            If it is nothing that a bundle is made of, or is saved only with other answers.
        """
        known = hasattr(model, "classes_") or self.output_type == "regression"
        return save_bundle(
            path,
            model,
            strategy=self.values,
            rows=lesson.X.to_numpy(),
            symbols=self.symbol,
            timeframes=self.strategy.timeframes,
            normalization_params=lesson.normalization_params,
            output_type=self.output_type,
            output_classes=None if known else CLASSES,
            trained_from=lesson.first,
            trained_until=lesson.last,
            label=self.label,
            seed=self.seed,
            # No clock: the same training gives the same bytes.
            created_at=lesson.known,
        )


def load_trainer(trainer: object) -> Trainer:
    """Return a trainer, imported where it is named.

    Parameters
    ----------
    trainer
        A function, or ``module:function``, looked for in the working folder, too. Importing a
        module runs it, so that only its user may name one: no spec, job or request does.

    Raises
    ------
    UsageError
        If there is no such function.
    """
    if callable(trainer):
        return trainer
    found = _FUNCTION.fullmatch(trainer) if isinstance(trainer, str) else None
    if found is None:
        raise refusal(trainer, "trainer", rule="a function, or module:function", hint=_HINT)
    folder = str(Path.cwd())
    # It stays there: what it imports when it is called lies there, too.
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(found[1])
    except Exception as error:
        raise UsageError(
            f"The module {found[1]} of the trainer cannot be imported: "
            f"{type(error).__name__}: {error}",
            hint=_HINT,
            details={"argument": "trainer", "received": trainer},
        ) from error
    function = getattr(module, found[2], None)
    if not callable(function):
        raise UsageError(
            f"The module {found[1]} has no function {found[2]}.",
            hint=_HINT,
            details={"argument": "trainer", "received": trainer},
        )
    loaded: Trainer = function
    return loaded


def name_of(trainer: object) -> str:
    """Return what a trainer is called, as ``module:function``."""
    kind = type(trainer)
    module = getattr(trainer, "__module__", kind.__module__)
    return f"{module}:{getattr(trainer, '__qualname__', kind.__qualname__)}"
