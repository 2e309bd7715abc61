"""The JSON documents that btkit writes, as typed models."""

from __future__ import annotations

import json
from datetime import UTC, date
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from btkit.data import Finding
from btkit.metrics import METRICS, Failure, Metrics, Verdict, further_metrics
from btkit.spec import KINDS, as_it_ran

_FORMER_MINIMUM = 10


def _iso_date(value: object) -> object:
    if isinstance(value, date | str):  # a datetime and a Timestamp are dates, too
        return pd.Timestamp(value).date().isoformat()
    return value


def _iso_seconds(value: object) -> object:
    if not isinstance(value, date | str):
        return value
    moment = pd.Timestamp(value)
    if moment.tzinfo is not None:
        moment = moment.tz_convert(UTC).tz_localize(None)
    return moment.isoformat(timespec="seconds")


def bar_text(moment: pd.Timestamp) -> str:
    """Return a bar's time as text.

    Parameters
    ----------
    moment
        A session without a zone, or the moment at which an intraday bar opened.

    Returns
    -------
    str
        ``YYYY-MM-DD`` for a session, ISO 8601 with its zone for a moment.
    """
    return moment.date().isoformat() if moment.tzinfo is None else moment.isoformat()


def _iso_bar(value: object) -> object:
    return bar_text(pd.Timestamp(value)) if isinstance(value, date | str) else value


def _known_kind(kind: str) -> str:
    if kind in KINDS:
        return kind
    raise ValueError(f"there is no kind of spec {kind!r}")


IsoDate = Annotated[str, BeforeValidator(_iso_date), Field(json_schema_extra={"format": "date"})]
"""A calendar date as ``YYYY-MM-DD``; takes a date, a datetime or such a text."""

IsoSeconds = Annotated[str, BeforeValidator(_iso_seconds)]
"""A moment in UTC as ``YYYY-MM-DDTHH:MM:SS``; takes a datetime or such a text."""

IsoBar = Annotated[str, BeforeValidator(_iso_bar)]
"""A bar's time: a date for daily and weekly bars, a moment with its zone for intraday ones."""


class Section(BaseModel):
    """A part of a document: unchangeable, and nothing in it that JSON lacks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Section):
    """The root of what the command prints; other kinds of run derive their own from it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the document as plain JSON values: numbers unrounded, dates as ISO text."""
        return self.model_dump(mode="json")

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the document as strict JSON.

        Parameters
        ----------
        indent
            Spaces per level; None puts everything on one line.

        Returns
        -------
        str
            ASCII text without NaN or Infinity.
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)


class RunInfo(Section):
    """Which strategy ran on what, when, and how it ended.

    Parameters
    ----------
    run_id
        The stored run's id, or None for a run that was not stored.
    strategy_name, strategy_version
        As in the spec.
    symbol
        The instrument, or None for bars that were handed over without a name.
    start_date, end_date
        The range as requested.
    initial_capital
        In $.
    commission_per_contract
        The commission in the unit of the spec's commission model ($ for all but ``rate``).
    slippage_pct
        Fraction of the price lost per fill.
    created_at, completed_at
        UTC, to the second; `completed_at` is None while the run goes on.
    status
        ``"running"``, ``"complete"`` or ``"failed"``.
    error_message
        Why a failed run failed.
    """

    run_id: str | None
    strategy_name: str
    strategy_version: str
    symbol: str | None
    start_date: IsoDate
    end_date: IsoDate
    initial_capital: float
    commission_per_contract: float
    slippage_pct: float
    created_at: IsoSeconds
    completed_at: IsoSeconds | None = None
    status: Literal["running", "complete", "failed"]
    error_message: str | None = None


class MetricsSection(Metrics):
    """The metrics as JSON carries them.

    Parameters
    ----------
    run_id
        As in `RunInfo`.
    undefined
        Names of the metrics that have no finite value: written as 0 where undefined, as 999999
        or -999999 where infinite.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    run_id: str | None
    undefined: list[str]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        described = handler.resolve_ref_schema(schema)
        # A registered metric is no field, and stands in the document like one.
        described["properties"] |= {
            name: entry.describe({"type": "number"})
            for name, entry in further_metrics().items()
            if name not in METRICS
        }
        return schema


class ReportWarning(Section):
    """Something a reader must know before trusting the numbers.

    Parameters
    ----------
    code
        A word for programs, such as ``"few_trades"``.
    message
        A sentence for people.
    """

    code: str
    message: str


class Gap(Section):
    """A stretch for which the source has no bars."""

    start: IsoBar
    end: IsoBar


class WarmupSection(Section):
    """How much history stood before the first bar of the run.

    Parameters
    ----------
    bars
        Bars before the first bar.
    missing_until
        For each column that had no value at first: the bar at which it had one, or None if never.
    drift
        For each recursive column: the weight its seed still has at the first bar.
    """

    bars: int
    missing_until: dict[str, IsoBar | None]
    drift: dict[str, float]


class OtherData(Section):
    """The bars of another instrument, as far as the run saw them.

    Parameters
    ----------
    symbol, calendar
        Which, and the exchange calendar by which its bars close.
    is_assumed
        Whether neither the spec nor the source said that calendar.
    source, description
        Where its bars come from; ``"dataframe"`` for bars handed over.
    rows, first, last
        The bars from the run's first one on.
    warmup_rows
        Those before it.
    coverage, gaps, quality, notes
        As of the run's own bars.
    """

    symbol: str
    calendar: str
    is_assumed: bool
    source: str
    description: str
    rows: int
    first: str | None
    last: str | None
    warmup_rows: int
    coverage: Literal["complete", "partial", "missing", "unknown"]
    gaps: list[Gap]
    quality: list[Finding]
    notes: list[str]


class DetailData(Section):
    """The finer bars that said what came first inside the run's bars.

    Parameters
    ----------
    interval
        Theirs.
    source, description
        Where they come from; ``"dataframe"`` for bars handed over.
    rows, first, last
        Those from the run's first bar on to its end.
    mismatches
        Bars of the run that none, or not these, make up, and that were judged alone.
    coverage, gaps, quality, notes
        As of the run's own bars.
    """

    interval: str
    source: str
    description: str
    rows: int
    first: str
    last: str
    mismatches: int
    coverage: Literal["complete", "partial", "missing", "unknown"]
    gaps: list[Gap]
    quality: list[Finding]
    notes: list[str]


class DataSection(Section):
    """What the run rests on.

    Parameters
    ----------
    source, description
        Where the bars come from, as a name and in words; ``"dataframe"`` for bars handed over.
    symbol, interval
        Which bars.
    rows, first, last
        The bars that were simulated, warm-up not counted.
    coverage
        ``"complete"`` where no session of the range lacks its bars; ``"unknown"`` in reports of
        the time when bars that were handed over were not compared with a calendar.
    gaps
        Stretches without bars.
    quality
        What the checks found.
    fallbacks
        Bars on which a column rests on a documented fallback, by column.
    warmup
        The history before the first bar.
    notes
        Remarks of the source.
    format
        What was stated about the file of bars; None where nothing was.
    others
        The other instruments that conditions read.
    detail
        The finer bars that said what came first inside a bar; None where the spec names none.
    """

    source: str
    description: str
    symbol: str | None
    interval: str
    rows: int
    first: IsoBar
    last: IsoBar
    coverage: Literal["complete", "partial", "missing", "unknown"]
    gaps: list[Gap]
    quality: list[Finding]
    fallbacks: dict[str, int]
    warmup: WarmupSection
    notes: list[str]
    format: dict[str, Any] | None = None
    others: list[OtherData] = []
    detail: DetailData | None = None


class LeakEntry(Section):
    """Something that depends on bars that came later.

    Parameters
    ----------
    name, kind
        What it is: a feature, an output of a model, a condition, a decision.
    bar
        The first bar with another value.
    known_until
        The last bar that was left as it was.
    altered
        What was done to the bars after it.
    was, became
        The value with the bars as they are, and with the altered ones; None where it is missing.
    """

    name: str
    kind: str
    bar: str
    known_until: str
    altered: str
    was: float | bool | None
    became: float | bool | None


class LookaheadSection(Section):
    """Whether what the run decided by depends on bars that came later.

    Parameters
    ----------
    checks, bars
        How often it was worked out again without the later bars, and at how many bars.
    whole
        Whether from the beginning of the run's history each time, or, over a long run, from some
        thousand bars before.
    leaks
        What had another value.
    """

    checks: int
    bars: int
    whole: bool
    leaks: list[LeakEntry]


class ConditionEntry(Section):
    """How often one condition held, and how often it could not be evaluated.

    Parameters
    ----------
    list
        The spec's list it stands in, such as ``"entry_conditions"``.
    index
        Its place in that list.
    text
        The condition, parameters filled in.
    held, raised
        Bars on which it held, and on which its evaluation raised.
    """

    list: str
    index: int
    text: str
    held: int
    raised: int


class DiagnosticsSection(Section):
    """Why things happened, or did not. Other kinds of run may add keys.

    Parameters
    ----------
    conditions
        A count per condition.
    skipped_entries
        Entries that were decided but not made, by reason.
    unfilled_orders
        Orders that the end of the data left unfilled.
    explanation
        Sentences that say why there was no trade; empty where there was one.
    never_fired
        Sentences that say which exit or stop conditions never came into play.
    detail_mismatch
        Bars whose finer bars are missing or do not make them up, so that they were judged alone; 0
        where the spec names no finer interval.
    """

    model_config = ConfigDict(extra="allow")

    conditions: list[ConditionEntry]
    skipped_entries: dict[str, int]
    unfilled_orders: int
    explanation: list[str]
    never_fired: list[str] = []
    detail_mismatch: int = 0


class Benchmark(Section):
    """What doing nothing but hold the benchmark would have given.

    Parameters
    ----------
    name, definition
        Which benchmark: ``"buy_and_hold"`` of the run's own instrument, or ``"benchmark"``; and in
        sentences.
    symbol
        The instrument that was named; None for the run's own, and for bars without a name.
    carried
        Returns at whose end the benchmark had no bar, so that its last close stood in.
    quality
        What checking its bars found; empty for the run's own.
    undefined
        As in `MetricsSection`. All other fields are as in `Metrics`.
    """

    name: str
    definition: str
    symbol: str | None = None
    carried: int = 0
    quality: list[Finding] = []
    cagr: float
    total_return_pct: float
    sharpe_ratio: float
    sortino_ratio: float
    volatility: float
    max_drawdown_pct: float
    max_drawdown_duration_days: int
    calmar_ratio: float
    undefined: list[str]

    @property
    def words(self) -> str:
        """What it is called within a sentence."""
        if self.name == "buy_and_hold":
            return "buy-and-hold"
        return self.symbol or "the benchmark"

    @property
    def heading(self) -> str:
        """What it is called in a table or a chart."""
        words = self.words.removeprefix("the ")
        return words if self.symbol else words.capitalize()


class DrawdownEntry(Section):
    """One fall of the account from a high.

    Parameters
    ----------
    peak, trough, recovery
        The last bar at the high, the lowest one, and the first one back at the high; `recovery`
        is None where the run ended below it. Where the initial capital is the high, `peak` is
        the first bar.
    depth
        Fraction of the high, below 0.
    days
        Calendar days from the high to its recovery, or to the end.
    """

    peak: IsoBar
    trough: IsoBar
    recovery: IsoBar | None
    depth: float
    days: int


class IntrabarPassEntry(Section):
    """What a run comes to with one answer to what came first inside its ambiguous bars.

    Parameters
    ----------
    intrabar
        The answer: a value of the spec's field of this name.
    trades, total_return, sharpe_ratio, max_drawdown_pct
        As in `MetricsSection`, numbers that are undefined or infinite included.
    verdict
        As in `Report`.
    """

    intrabar: str
    trades: int
    total_return: float
    sharpe_ratio: float
    max_drawdown_pct: float
    verdict: Verdict


class IntrabarSection(Section):
    """How much of a run with orders inside the bar hangs on what nobody knows of its bars.

    Parameters
    ----------
    intrabar
        The answer that the run itself took.
    ambiguous_trades, share
        Trades with a bar of which nobody knows whether the stop or the target came first, survived
        or not, and what they are of all trades.
    passes
        The run with each answer. They bound each bar, not the run: one exit more or less changes
        what is entered after it.
    notes
        How what the spec orders differs from what a broker would do.
    """

    intrabar: str
    ambiguous_trades: int
    share: float
    passes: list[IntrabarPassEntry]
    notes: list[str]


class CarrySection(Section):
    """What the account gained, in $: ``trades`` + ``interest`` - ``borrow_fees`` + ``dividends``.

    Parameters
    ----------
    trades
        The profit of all trades, those that were closed at the end included.
    interest
        What cash earned.
    borrow_fees
        What open shorts paid.
    dividends
        Those that longs were paid, less those that shorts were charged.
    total
        The last equity less the initial capital.
    """

    trades: float
    interest: float
    borrow_fees: float
    dividends: float
    total: float


class Provenance(Section):
    """What is needed to get the same numbers again. Other kinds of run may add keys.

    Parameters
    ----------
    spec_hash, bars_hash
        SHA-256 in hexadecimal of the spec, and of the bars as they were computed with: checked,
        adjusted if the spec asks for it, the warm-up included.
    benchmark_hash
        The same of the closes of the benchmark at the run's bars; None where the run's own
        instrument is held.
    others_hash
        The same of the bars of each other instrument that conditions read, as far as the run saw
        them, by symbol.
    detail_hash
        The same of the prices of the finer bars inside of these; None where the spec names none.
    events_hash, events
        SHA-256 of the user's events that the spec reads on this symbol, and their dates by name;
        None and empty where it reads none.
    source
        Where the bars come from.
    plugins
        What a user registered and the run rests on: kind, name, code_hash (SHA-256 of its source),
        and the installed package with its version, None for what was registered by hand.
    classifiers
        The trained classifiers that the spec names: name, path, known_from (the date of a dated
        one, else None), and hash.
    versions
        Versions by package, and of Python and the platform.
    settings
        Capital, costs, fill rule and clock of the run.
    spec
        The whole spec, defaults written out.
    command
        The arguments that reproduce the run, or None where there is no such command.
    """

    model_config = ConfigDict(extra="allow")

    spec_hash: str
    bars_hash: str
    benchmark_hash: str | None = None
    others_hash: dict[str, str] = {}
    detail_hash: str | None = None
    events_hash: str | None = None
    events: dict[str, list[dict[str, str | None]]] = {}
    source: str
    plugins: list[dict[str, str | None]] = []
    classifiers: list[dict[str, str | None]] = []
    versions: dict[str, str]
    settings: dict[str, JsonValue]
    spec: dict[str, JsonValue]
    command: list[str] | None


class Report(Document):
    """The outcome of one run.

    Parameters
    ----------
    run
        Which run.
    kind
        Of which kind its spec is, such as ``"rules"`` or ``"options"``.
    metrics
        What it reached.
    equity_curve_url
        Where its equity curve is stored, or None.
    trade_count
        Closed trades.
    passed, failures
        Whether every threshold was kept, and those that were not.
    verdict
        ``"pass"`` or ``"fail"``; ``"too_few_trades"``, whether passed or not, where there are
        fewer than `min_trades_required`.
    min_trades_required
        BT_MIN_TRADES_REQUIRED when the report was made.
    ruined
        Whether the account was lost: equity fell to zero or below, and the run ended there.
    warnings
        What a reader must know before trusting the numbers.
    data
        What it rests on.
    diagnostics
        Why things happened, or did not.
    benchmark
        What holding the benchmark would have given.
    drawdowns
        The five deepest falls of the account, the deepest first; fewer where there were fewer,
        and none in a report of an earlier version.
    lookahead
        Whether it depends on the future; None where nobody checked, as in a report of an earlier
        version.
    intrabar
        How much of it hangs on what came first inside a bar; None without orders inside the bar.
    carry
        What holding brought and cost beside the trades; None where the spec has no cash_rate,
        borrow_rate or dividends, as in a report of an earlier version.
    provenance
        What is needed to get the same numbers again.
    """

    run: RunInfo
    kind: Annotated[str, AfterValidator(_known_kind)]
    metrics: MetricsSection
    equity_curve_url: str | None
    trade_count: int
    passed: bool
    verdict: Verdict
    min_trades_required: int
    failures: list[Failure]
    ruined: bool
    warnings: list[ReportWarning]
    data: DataSection
    diagnostics: DiagnosticsSection
    benchmark: Benchmark
    drawdowns: list[DrawdownEntry] = []
    lookahead: LookaheadSection | None = None
    intrabar: IntrabarSection | None = None
    carry: CarrySection | None = None
    provenance: Provenance

    @property
    def side(self) -> str:
        """Which side of the instrument the strategy takes, in words."""
        return as_it_ran(self.kind, self.provenance.spec).side

    def rests_on(self) -> dict[str, str]:
        """Return what the run read beside its bars: a hash of each thing, by what it is."""
        return {
            f"classifier {entry['name']} {entry['path']}": str(entry["hash"])
            for entry in self.provenance.classifiers
        }

    def scores_training(self) -> bool:
        """Return whether bars count that a model was trained on."""
        return False

    @model_validator(mode="before")
    @classmethod
    def _as_it_is_now(cls, values: dict[str, Any]) -> dict[str, Any]:
        # A report that an earlier version stored has no verdict.
        if "verdict" in values or "passed" not in values:
            return values
        few = any(entry["code"] == "few_trades" for entry in values["warnings"])
        verdict = "too_few_trades" if few else "pass" if values["passed"] else "fail"
        return {**values, "verdict": verdict, "min_trades_required": _FORMER_MINIMUM}


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of `Report`."""
    return Report.model_json_schema(mode="serialization")
