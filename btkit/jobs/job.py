"""What was asked for: a model for each kind of job, and their union. Making one reads no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    model_validator,
)

from btkit.data import BarFormat, load_format
from btkit.errors import SpecKindError, UsageError
from btkit.indicators import UserEvents
from btkit.jobs.fields import (
    MAX_THREADS,
    Axes,
    Benchmark,
    Capital,
    Commission,
    Constraint,
    Day,
    FormatField,
    InSampleShare,
    IntervalLabel,
    MaxSets,
    Method,
    ModelPath,
    Objective,
    OverfittingSample,
    PathText,
    Samples,
    Scheme,
    Seed,
    Slippage,
    Source,
    SpecField,
    Symbol,
    Threads,
    Windows,
    refused,
    refusing,
)
from btkit.jobs.requests import SpecSource, check_optimised, stated_symbol, with_model
from btkit.markets import read_days
from btkit.settings import Settings
from btkit.spec import (
    DECISION_NUMBERS,
    BaseSpec,
    ModelSpec,
    StrategySpec,
    kinds_run_by,
    load_spec,
)
from btkit.spec.varied import with_varied_fields
from btkit.storage import JobKind
from btkit.validation.axes import check_axes, count_places

if TYPE_CHECKING:
    from btkit.validation import ParameterSets

MAX_JOBS = 100_000
"""A batch has no more."""
MAX_SETS = 1_000_000
"""Parameter sets that a grid may have if nobody says otherwise."""
_MODEL_PATH = "The bundle of a model spec, if it lies elsewhere than that says"


class Rendering(BaseModel):
    """Which pages are made of an outcome, and where they go."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    engine: Literal["btkit", "nbclient"] = Field(
        default="btkit", description="Where the notebook runs: in this process, or in a kernel"
    )
    html_assets: Literal["inline", "shared"] = Field(
        default="inline", description="Whether a page is whole, or shares the folder's script"
    )
    upload: bool = Field(default=False, description="Whether the files go to object storage, too")


class BaseJob(BaseModel):
    """What every job says.

    A job is plain data: making one loads nothing, and reads no file and no setting. What is left
    out is filled in by `btkit.jobs.prepare.prepare`, and stored filled in.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    exported: ClassVar[Literal["runs", "windows", "sets"] | None] = None
    """The table of `export` that has it; a job in ``runs`` leaves trades and a curve."""

    kind: JobKind
    rendering: Rendering | None = Field(
        default=None, description="How notebook and page are made; null makes none"
    )

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def ordered_axes(self) -> list[Any]:
        """Values of parameters as lists, whose order counts where a mapping's would not.

        It does: which set stands at a place, which sets a seed draws, and which of equals is the
        best hang on the order of the parameters.
        """
        return []


class Headline(NamedTuple):
    """What stands for a document in a list.

    Parameters
    ----------
    job_id
        The id that it is stored under.
    strategy_name
        Of the spec.
    metrics
        The numbers that it is ranked by.
    """

    job_id: str
    strategy_name: str
    metrics: Mapping[str, Any]


class SpecJob(BaseJob):
    """A spec over a range of bars."""

    identity: ClassVar[str] = "run_id"
    """What documents call the id."""

    spec: SpecField = Field(description="The strategy: its fields, or the path of its file")
    events: dict[str, list[dict[str, str | None]]] | None = Field(
        default=None, description="The user's events by name; null takes the file of BT_EVENTS"
    )
    path: PathText | None = Field(
        default=None, description="The file that a spec given by its fields was read from"
    )
    symbol: Symbol = Field(
        description="The instrument, where the spec does not say it; null only with bars that are "
        "handed over in Python"
    )
    start: Day = Field(description="The first day to trade; null as for symbol")
    end: Day = Field(description="The last day, included; null as for symbol")
    interval: IntervalLabel | None = Field(
        default=None,
        description="Of the bars: 30m, 2h, 1d, 1w, 3mo or the like; null takes what a model spec "
        "was trained on, 1d for any other",
    )
    source: Source | None = Field(
        default=None, description="Of the bars; null takes BT_DATA_SOURCE"
    )
    format: FormatField | None = Field(
        default=None, description="How the file of bars is written: its fields, or a path"
    )
    capital: Capital | None = Field(
        default=None, description="$ at the start; null takes BT_INITIAL_CAPITAL"
    )
    commission: Commission | None = Field(
        default=None,
        description="As the spec's commission_model counts; null takes BT_DEFAULT_COMMISSION, of a "
        "model spec 0.001",
    )
    slippage: Slippage | None = Field(
        default=None,
        description="Fraction lost per fill; null takes BT_DEFAULT_SLIPPAGE, of a model spec 0.001",
    )
    benchmark: Benchmark | None = Field(
        default=None,
        description="The instrument that results are measured against, from the same source; null "
        "holds the one that is traded",
    )
    min_trades_required: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Fewer trades prove little; null takes BT_MIN_TRADES_REQUIRED"
    )

    @model_validator(mode="before")
    @classmethod
    def _symbol_of_the_spec(cls, values: object, info: ValidationInfo) -> object:
        known = info.context or {}
        if not isinstance(values, dict) or not known.get("loads"):
            return values
        if values.get("symbol") is None:
            spec = known.get("spec") or values.get("spec")
            symbol = stated_symbol(spec, reads=known.get("reads", False))
            return values if symbol is None else {**values, "symbol": symbol}
        return values

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is not None and self.end is not None:
            refusing(lambda: read_days(self.start, self.end))
        return self

    @cached_property
    def strategy(self) -> BaseSpec:
        """The spec, loaded: of a job that was prepared, so that it is there by its fields."""
        assert isinstance(self.spec, dict), "the spec of a prepared job is there by its fields"
        events = UserEvents.from_json(self.events or {})
        return self.load(self.spec, settings=Settings.model_construct(), events=events)

    @classmethod
    def load(
        cls, source: SpecSource, *, settings: Settings, events: UserEvents | None = None
    ) -> BaseSpec:
        """Load a spec that such a job takes.

        Parameters
        ----------
        source, settings, events
            As for `load_spec`.

        Raises
        ------
        SpecError, SpecKindError, UsageError
            As `load_spec`.
        """
        return load_spec(source, settings=settings, kind=cls.spec_kinds(), events=events)

    @classmethod
    def spec_kinds(cls) -> tuple[str, ...]:
        """Return the kinds of spec that it takes, the usual one first."""
        return kinds_run_by(cls.model_fields["kind"].default)

    def with_strategy(self, spec: BaseSpec, **changes: Any) -> Self:  # noqa: ANN401 - any field
        """Return a copy that has a spec by its fields, and need not load it again.

        Parameters
        ----------
        spec
            The spec.
        **changes
            Other fields.
        """
        fields = spec.model_dump(mode="json")
        events = spec.events_read(self.symbol).to_json()
        copy = self.model_copy(update={**changes, "spec": fields, "events": events})
        copy.__dict__["strategy"] = spec
        return copy

    def adapt(self, spec: BaseSpec) -> BaseSpec:
        """Return a spec with what the job itself says of it."""
        return spec

    @property
    def bars_interval(self) -> str:
        """The `interval` of a prepared job."""
        assert self.interval is not None
        return self.interval

    @property
    def account(self) -> dict[str, Any]:
        """What a run of a prepared job starts with and pays, as `simulate` takes it."""
        account = {name: getattr(self, name) for name in ("capital", "commission", "slippage")}
        assert None not in account.values()
        return account

    @property
    def least_trades(self) -> int:
        """The `min_trades_required` of a prepared job."""
        assert self.min_trades_required is not None
        return self.min_trades_required

    @property
    def bar_format(self) -> BarFormat | None:
        """The stated format, read where it is a path."""
        return None if self.format is None else load_format(self.format)

    @property
    def strategy_path(self) -> str | None:
        """The file that the spec is in, None if it is in none."""
        return self.spec if isinstance(self.spec, str) else self.path

    @property
    def leaves_files(self) -> bool:
        """Whether something goes to the report folder."""
        return self.rendering is not None

    @classmethod
    def headline(cls, document: Mapping[str, Any]) -> Headline:
        """Return what a batch shows of the document that such a job came to."""
        run = document["run"]
        return Headline(run[cls.identity], run["strategy_name"], document["metrics"])

    def checks(self) -> Iterable[Callable[[], object]]:
        """Return what refuses a prepared job beyond its fields."""
        return ()

    def flags(self) -> dict[str, object]:
        """Return the flags of its command beyond those of every command, None for a default."""
        return {}

    def axes(self) -> tuple[str, Mapping[str, list[int | float]]]:
        """Return the command's flag for the values of parameters, and these."""
        return "", {}

    @property
    def ordered_axes(self) -> list[Any]:
        """A pair for each parameter: its name, and its values."""
        return [[name, list(values)] for name, values in self.axes()[1].items()]


def _may_lack_symbol(schema: dict[str, Any]) -> None:
    schema["required"].remove("symbol")


class RunJob(SpecJob):
    """Rules, or a model, over one instrument."""

    model_config = ConfigDict(json_schema_extra=_may_lack_symbol)

    exported = "runs"

    kind: Literal["run"] = "run"

    model_path: ModelPath | None = Field(default=None, description=_MODEL_PATH)

    def adapt(self, spec: BaseSpec) -> BaseSpec:
        """Return a spec with the model that is named here."""
        return with_model(spec, self.model_path)

    def flags(self) -> dict[str, object]:
        """Return the flag of the model."""
        return {"model-path": self.model_path}


class OptionsJob(SpecJob):
    """Option spreads on one underlying."""

    exported = "runs"

    kind: Literal["options-sim"] = "options-sim"


class SearchJob(SpecJob):
    """Rules with several values of their parameters."""

    constraint: Constraint | None = Field(
        default=None, description="Which sets to try, such as fast < slow"
    )
    objective: Objective = Field(
        default="sharpe_ratio", description="The metric that makes a set the best"
    )
    max_sets: MaxSets = Field(default=MAX_SETS, description="A grid with more sets is refused")

    @classmethod
    def spec_kinds(cls) -> tuple[str, ...]:
        """Return the kind of spec whose parameters are varied."""
        return ("rules",)

    def adapt(self, spec: BaseSpec) -> BaseSpec:
        """Return a spec in which parameters stand for the number fields that are varied."""
        return with_varied_fields(spec, self.axes()[1])

    @property
    def leaves_files(self) -> bool:
        """Always: its tables lie there."""
        return True

    @property
    def rules(self) -> StrategySpec:
        """The spec of a prepared job."""
        assert isinstance(self.strategy, StrategySpec)
        return self.strategy

    def flags(self) -> dict[str, object]:
        """Return the flags of the search."""
        return {
            "objective": self.objective,
            "constraint": self.constraint,
            "max-sets": None if self.max_sets == MAX_SETS else self.max_sets,
        }


# Sets that are made to see that they can be, and kept; of more places it is found out without.
_FEW_SETS = 100_000


_INSTEAD_OF_SETS = (
    "A sweep tries values of a rule's parameters, and a model has learnt its own. What decides on "
    f"its answers are {', '.join(DECISION_NUMBERS)}: write a spec for each value, and run them "
    "with `backtest batch`."
)


class SweepJob(SearchJob):
    """Many sets of parameters on the same bars."""

    exported = "sets"
    identity = "sweep_id"

    kind: Literal["sweep"] = "sweep"

    parameters: Axes = Field(description="Values of each parameter, or of stop_loss and such")
    method: Method = Field(
        default="grid", description="All combinations, some of them, or those optuna proposes"
    )
    samples: Samples = Field(default=1_000, description="Sets that random and optuna try")
    seed: Seed = Field(default=0, description="Of their draws")
    threads: Threads | None = Field(
        default=None, description="Null takes all cores; the results are the same"
    )
    overfitting: bool = Field(
        default=True, description="Whether its statistics, and the document, are made at once"
    )
    overfitting_sample: OverfittingSample | None = Field(
        default=None,
        description="Of how many sets at the most the statistics of overfitting take the returns, "
        "a seeded sample with the best one; null takes all",
    )

    @classmethod
    def load(
        cls, source: SpecSource, *, settings: Settings, events: UserEvents | None = None
    ) -> BaseSpec:
        """Load a spec whose parameters can be swept.

        Raises
        ------
        SpecError, SpecKindError, UsageError
            As `load_spec`; of a model spec the hint says what can be varied instead, and how.
        """
        try:
            return super().load(source, settings=settings, events=events)
        except SpecKindError as error:
            if error.details["kind"] != ModelSpec.kind:
                raise
            raise SpecKindError(
                error.message, hint=_INSTEAD_OF_SETS, details=error.details
            ) from error

    @classmethod
    def headline(cls, document: Mapping[str, Any]) -> Headline:
        """Return the best set's metrics."""
        name, metrics = document["strategy_name"], document["best"]["metrics"]
        return Headline(document[cls.identity], name, metrics)

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if self.method != "grid" and self.samples > self.max_sets:
            raise refused(
                UsageError(
                    f"{self.samples:,} samples are more than the {self.max_sets:,} sets allowed.",
                    hint="Take fewer samples, or raise --max-sets.",
                    details={"argument": "samples"},
                )
            )
        return self

    @cached_property
    def sets(self) -> ParameterSets | None:
        """The sets to try; None where optuna proposes them."""
        from btkit.validation import make_grid, sample_grid  # noqa: PLC0415 - brings numba

        if self.method == "grid":
            return make_grid(self.parameters, constraint=self.constraint, max_sets=self.max_sets)
        if self.method == "random":
            return sample_grid(
                self.parameters, count=self.samples, seed=self.seed, constraint=self.constraint
            )
        return None

    def checks(self) -> Iterable[Callable[[], object]]:
        """Return what refuses sets that cannot be made; of many it makes none."""
        return (self._check_sets,)

    def _check_sets(self) -> None:
        from btkit.validation.places import check_grid, check_sample  # noqa: PLC0415 - brings numba
        from btkit.validation.swept_values import check_values  # noqa: PLC0415 - likewise

        axes, constraint = self.parameters, self.constraint
        check_axes(self.rules, axes)
        are_made = count_places(axes) <= _FEW_SETS and self.sets is not None
        if not are_made and self.method == "grid":
            check_grid(axes, constraint=constraint, max_sets=self.max_sets)
        elif not are_made:
            count = self.samples if self.method == "random" else 1
            check_sample(axes, count=count, seed=self.seed, constraint=constraint)
        check_values(self.rules, axes, constraint)

    def flags(self) -> dict[str, object]:
        """Return the flags of the sweep."""
        drawn = {"samples": self.samples, "seed": self.seed}
        more = {} if self.method == "grid" else drawn
        sample = {"overfitting-sample": self.overfitting_sample}
        return {**super().flags(), "method": self.method, **more, **sample}

    def axes(self) -> tuple[str, Mapping[str, list[int | float]]]:
        """Return the flag and the values."""
        return "param", self.parameters


class WalkForwardJob(SearchJob):
    """Rules, or a model, in and out of sample, window by window."""

    model_config = ConfigDict(json_schema_extra=_may_lack_symbol)

    exported = "windows"
    identity = "walk_forward_id"

    kind: Literal["walk-forward"] = "walk-forward"

    windows: Windows = Field(default=3, description="How many windows")
    is_ratio: InSampleShare = Field(default=0.70, description="The in-sample share of each window")
    scheme: Scheme = Field(default="rolling", description="How in-sample parts lie")
    optimize: Axes = Field(default={}, description="Values among which each in-sample part chooses")
    model_path: ModelPath | None = Field(default=None, description=_MODEL_PATH)

    @classmethod
    def headline(cls, document: Mapping[str, Any]) -> Headline:
        """Return the metrics out of sample."""
        name, metrics = document["strategy_name"], document["stitched"]
        return Headline(document[cls.identity], name, metrics)

    @model_validator(mode="after")
    def _something_to_constrain(self) -> Self:
        if self.constraint and not self.optimize:
            raise refused(
                UsageError(
                    "A constraint needs parameters that are optimised.",
                    hint="Name them, such as --optimize fast=5:50:5.",
                    details={"argument": "constraint"},
                )
            )
        return self

    @cached_property
    def sets(self) -> ParameterSets | None:
        """The sets to choose from; None runs the spec as it is."""
        from btkit.validation import make_grid  # noqa: PLC0415 - brings numba

        if not self.optimize:
            return None
        return make_grid(self.optimize, constraint=self.constraint, max_sets=self.max_sets)

    def adapt(self, spec: BaseSpec) -> BaseSpec:
        """Return a spec with the model that is named here, or parameters for its fields."""
        return super().adapt(with_model(spec, self.model_path))

    @classmethod
    def spec_kinds(cls) -> tuple[str, ...]:
        """Return the kinds of spec that `run` runs in one piece."""
        return kinds_run_by("run")

    def checks(self) -> Iterable[Callable[[], object]]:
        """Return what refuses sets that cannot be made; of many it makes none."""
        return (self._check_sets,) if self.optimize else ()

    def _check_sets(self) -> None:
        from btkit.validation.places import check_grid  # noqa: PLC0415 - brings numba
        from btkit.validation.swept_values import check_values  # noqa: PLC0415 - likewise

        rules = check_optimised(self.strategy)
        check_axes(rules, self.optimize)
        if count_places(self.optimize) > _FEW_SETS or self.sets is None:
            check_grid(self.optimize, constraint=self.constraint, max_sets=self.max_sets)
        check_values(rules, self.optimize, self.constraint)

    def flags(self) -> dict[str, object]:
        """Return the flags of the validation."""
        own = {
            "windows": self.windows,
            "is-ratio": self.is_ratio,
            "scheme": self.scheme,
            "model-path": self.model_path,
        }
        return {**own, **(super().flags() if self.optimize else {})}

    def axes(self) -> tuple[str, Mapping[str, list[int | float]]]:
        """Return the flag and the values."""
        return "optimize", self.optimize


SPEC_JOBS: Mapping[str, type[SpecJob]] = {
    "run": RunJob,
    "options-sim": OptionsJob,
    "walk-forward": WalkForwardJob,
    "sweep": SweepJob,
}
"""By kind."""

SingleJob = Annotated[RunJob | OptionsJob | WalkForwardJob | SweepJob, Field(discriminator="kind")]
"""A job that a batch may hold."""


class BatchJob(BaseJob):
    """Jobs that are run together, and put side by side."""

    kind: Literal["batch"] = "batch"

    name: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="batch", description="What it is called, such as the file that listed the jobs"
    )
    jobs: list[SingleJob] = Field(min_length=1, max_length=MAX_JOBS, description="In their order")
    workers: Annotated[int, Field(ge=1, le=MAX_THREADS)] = Field(
        default=1, description="How many run at a time"
    )

    @property
    def ordered_axes(self) -> list[Any]:
        """Those of each job."""
        return [job.ordered_axes for job in self.jobs]


Job = Annotated[
    RunJob | OptionsJob | WalkForwardJob | SweepJob | BatchJob, Field(discriminator="kind")
]
"""Whatever can be asked for. A further kind is a class here, and its entries in `HANDLERS` and, for
work that is spread over machines, in `DIVISIONS`."""

JOB: TypeAdapter[Job] = TypeAdapter(Job)
"""Reads, writes and describes the union."""

JOB_KINDS: Mapping[str, type[BaseJob]] = {**SPEC_JOBS, "batch": BatchJob}
"""By kind."""
