"""What all kinds of spec share, and how every problem is found at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from btkit.conditions import (
    NONE_UNKNOWN,
    SIZING_NAMES,
    fill_parameters,
    intervals_in,
    names_by_symbol,
)
from btkit.errors import Problem, SpecError, UsageError
from btkit.indicators import (
    NO_USER_EVENTS,
    UserEvents,
    is_implied_volatility,
    lookup,
    plugins_of,
    split_previous,
)
from btkit.markets import Interval, check_finer, shortest_first
from btkit.plugins import Plugin
from btkit.spec.bundles import Classifiers, ClassifierSource
from btkit.spec.calendars import calendar_problems, unread_calendars
from btkit.spec.carry import RATES, CashRate, dividend_problems, filled_rate
from btkit.spec.declared import column_problems
from btkit.spec.expressions import expression_problems, expressions_of
from btkit.spec.fields import (
    CONDITION_LISTS,
    MAX_OTHERS,
    Bars,
    BarsPerYear,
    Calendar,
    Calendars,
    Columns,
    CommissionModel,
    Conditions,
    Description,
    Instruments,
    Lots,
    Metadata,
    Name,
    Parameters,
    RiskFree,
    RiskShare,
    Timeframe,
    Version,
)
from btkit.spec.orders import NO_LEVELS, StatedOrders
from btkit.spec.wording import field_problems, key_problems, no_mapping

_EVENTS = "events"
_BRACED = re.compile(r"\w*(?:\{[^{}]*\}\w*)+")


class BaseSpec(BaseModel):
    """What all kinds of spec share.

    A spec is valid from the moment it exists: building one checks every field and every
    expression, and raises `SpecError` with all problems at once. It is frozen; `replace` gives
    a changed copy, checked anew.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        hide_input_in_errors=True,
    )

    _events: UserEvents = PrivateAttr(default=NO_USER_EVENTS)

    kind: ClassVar[str]
    """Its name in `btkit.spec.KINDS` and in the registries of the other packages."""

    default_costs: ClassVar[tuple[float, float] | None] = None
    """Commission and slippage where nobody gives them; None takes what every account has."""
    has_usual_limit: ClassVar[bool] = True
    """Whether BT_MAX_HOLDING_BARS is its limit where it states none."""
    sizing_names: ClassVar[frozenset[str]] = SIZING_NAMES
    """What its sizing formula may read beside the namespace."""
    unknown_names: ClassVar[Mapping[str, str]] = NONE_UNKNOWN
    """Names of the namespace that mean nothing to its kind, with what to read instead."""

    # Fields that belong to other kinds only, with what to do instead.
    foreign_fields: ClassVar[dict[str, str]] = {}

    name: Name = Field(description="What the strategy is called: any printable text of one line")
    version: Version = Field(default="1.0", description="A label for this version, as a text")
    description: Description = Field(default="", description="What it does, for people")
    instruments: Instruments = Field(
        default=(), description="What it is meant to trade; for information only"
    )
    timeframe: Timeframe = Field(default="swing", description="A label; bars come from --interval")
    entry_conditions: Conditions = Field(
        min_length=1, description="A position opens when every one of these holds"
    )
    filter_conditions: Conditions = Field(
        default=(), description="No entry is taken where one of these does not hold"
    )
    filter_scope: Literal["entries", "all"] = Field(
        default="entries",
        description="What the filters gate: entries only, or exits and stops as well",
    )
    max_holding_bars: Bars = Field(
        default=10,
        description="A position closes after this many bars; a loaded spec that leaves it out "
        "takes BT_MAX_HOLDING_BARS where that is set",
    )
    max_concurrent_positions: Lots = Field(
        default=1, description="How many positions may be open at once"
    )
    per_trade_risk_pct: RiskShare = Field(
        default=0.01, description="Share of the capital risked per trade, at most 0.02"
    )
    parameters: Parameters = Field(
        default={}, description="Numbers that {braces} in conditions and formulas stand for"
    )
    fill: Literal["next_open", "close"] = Field(
        default="next_open",
        description="Where orders fill: at the next bar's open, or at the deciding bar's close",
    )
    price_adjustment: Literal["none", "splits", "splits_dividends"] = Field(
        default="none",
        description="What prices are adjusted for: splits, by the bars' column splits, or splits "
        "and dividends, by adj_close/close",
    )
    calendar: Calendar = Field(
        default="XNYS", description="The exchange calendar of sessions and expiries"
    )
    calendars: Calendars = Field(
        default={},
        description="Those of other instruments that conditions read with of, by symbol; left out: "
        "what the source knows, else calendar",
    )
    bars_per_year: BarsPerYear | None = Field(
        default=None,
        description="Bars in a year, where the calendar does not say it right; then every bar, "
        "also an intraday one, has a return",
    )
    sharpe_risk_free: RiskFree | None = Field(
        default=None,
        description="What Sharpe and Sortino ratios take off returns: a rate a year as a fraction, "
        "or a column of the bars that has it, read one bar before; left out: cash_rate, else 0",
    )
    cash_rate: CashRate | None = Field(
        default=None,
        description="What cash earns a year, as a fraction: 0.02, a parameter in braces, or a "
        "column of the bars that has it, read one bar before; collateral and margin earn nothing; "
        "left out: nothing",
        examples=[0.02],
    )
    columns: Columns = Field(
        default=(),
        description="Further columns of the bars, of numbers, truth values or texts, that "
        "conditions and formulas may read as names",
    )
    classifiers: Classifiers = Field(
        default={},
        description="Trained classifiers by the name of the text that conditions read, such as a "
        "regime: a bundle's path, paths by the date from which each was known, or {path: ..., "
        "allow_other: [symbol, timeframe]}",
    )
    metadata: Metadata = Field(
        default={},
        description="Anything in JSON that its author wants to keep with it; decides nothing",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _all_problems_at_once(
        cls, data: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        if isinstance(data, cls):
            return handler(data)
        if not isinstance(data, dict):
            raise SpecError([no_mapping(data)])
        problems = key_problems(data)
        if problems:
            raise SpecError(problems)
        data = cls._without_nulls(data)
        spec: Self | None = None
        events = (info.context or {}).get(_EVENTS, NO_USER_EVENTS)
        try:
            spec = handler(data)
            spec._events = events  # noqa: SLF001 - its own class
        except ValidationError as error:
            problems += field_problems(error, data, cls.model_fields, cls.foreign_fields)
        problems += expression_problems(
            data, events, cls.sizing_names, unknown_names=cls.unknown_names
        )
        problems += calendar_problems(data)
        problems += column_problems(data, events)
        problems += dividend_problems(data)
        problems += cls._cross_field_problems(data)
        if spec is not None and not problems:
            problems += spec._problems_of_others()  # noqa: SLF001 - its own class
        if problems or spec is None:
            order = list(cls.model_fields)
            raise SpecError(sorted(problems, key=lambda problem: _position(problem, order)))
        return spec

    @classmethod
    def _without_nulls(cls, data: dict[str, Any]) -> dict[str, Any]:
        # null means the default, where there is one.
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        left_out = optional | cls.foreign_fields.keys()
        return {
            name: value for name, value in data.items() if value is not None or name not in left_out
        }

    @classmethod
    def _cross_field_problems(cls, data: dict[str, Any]) -> list[Problem]:
        del data
        return []

    @property
    def filled_conditions(self) -> dict[str, list[str]]:
        """Every condition list by field name, parameters filled in; empty where a kind has none."""
        return {
            name: [fill_parameters(text, self.parameters) for text in getattr(self, name, ())]
            for name in CONDITION_LISTS
        }

    @property
    def price_texts(self) -> dict[str, str]:
        """The expression of each price of orders inside the bar by its path, with its braces."""
        return {}

    @property
    def filled_prices(self) -> dict[str, str]:
        """The same, parameters filled in."""
        texts = self.price_texts.items()
        return {path: fill_parameters(text, self.parameters) for path, text in texts}

    @property
    def commission_kind(self) -> CommissionModel:
        """The commission model in force."""
        return "per_order"

    @property
    def point_value(self) -> float:
        """What one unit gains per point, in $: 1 of a share."""
        return 1.0

    @property
    def margin(self) -> float:
        """$ that an entry takes per unit in place of the price; 0 where it takes the price."""
        return 0.0

    @property
    def is_short(self) -> bool:
        """Whether every entry sells the instrument short."""
        return False

    def levels_of(self, *, short: bool) -> StatedOrders:  # noqa: ARG002 - for kinds that have some
        """Return what it says of orders inside the bar for one side: nothing.

        Parameters
        ----------
        short
            Whether of its shorts.
        """
        return NO_LEVELS

    @property
    def takes_both_sides(self) -> bool:
        """Whether it may hold long lots and short lots, one after the other."""
        return False

    @property
    def is_fractional(self) -> bool:
        """Whether sizes keep their fraction."""
        return False

    @property
    def leaves_in_parts(self) -> bool:
        """Whether a position may close in parts."""
        return False

    @property
    def meant_for(self) -> dict[str, str]:
        """What it is run on where nobody says it: the fields of a job that it states."""
        return {}

    @property
    def side(self) -> str:
        """Which side of the instrument it takes, in words."""
        return "short" if self.is_short else "long only"

    @property
    def always_read(self) -> frozenset[str]:
        """The per-bar columns that it reads whatever its expressions say."""
        return frozenset()

    @property
    def rates(self) -> dict[str, float | str]:
        """The rates a year that it states, parameters filled in: numbers, or names of columns."""
        stated = {"sharpe_risk_free": self.sharpe_risk_free}
        stated |= {name: filled_rate(getattr(self, name, None), self.parameters) for name in RATES}
        return {name: rate for name, rate in stated.items() if rate is not None}

    @property
    def free_of_risk(self) -> str:
        """The field whose rate Sharpe and Sortino ratios take off returns."""
        return "cash_rate" if self.sharpe_risk_free is None else "sharpe_risk_free"

    @property
    def pays_dividends(self) -> bool:
        """Whether dividends are paid in cash."""
        return False

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The columns of the bars that it names and btkit knows nothing of."""
        named = [rate for rate in self.rates.values() if isinstance(rate, str)]
        return tuple(dict.fromkeys((*named, *self.columns)))

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """The columns of the bars that its numbers hang on beside prices, where they are there."""
        paid = ("dividends", "splits") if self.pays_dividends else ()
        return (*self.own_columns, *paid)

    @property
    def declared(self) -> tuple[str, ...]:
        """The names that it declares: columns of the bars, then classifiers."""
        return (*self.columns, *self.classifiers)

    @property
    def classifier_sources(self) -> dict[str, ClassifierSource]:
        """Where each classifier is, by its name."""
        return {name: ClassifierSource.of(stated) for name, stated in self.classifiers.items()}

    @property
    def names_bundles(self) -> bool:
        """Whether it rests on trained models."""
        return bool(self.classifiers)

    @property
    def slower_intervals(self) -> tuple[Interval, ...]:
        """The slower intervals whose bars its conditions read, with ``on``, the shortest first.

        Its bundles may read others: `btkit.models.slower_intervals` knows them all.
        """
        declared = frozenset(self.declared)
        return shortest_first(
            *(
                intervals_in(fill_parameters(text, self.parameters), declared=declared)
                for text in self._expressions()
            )
        )

    @property
    def detail_interval(self) -> Interval | None:
        """Of the finer bars that say what came first inside a bar; None for none."""
        return None

    def check_interval(self, interval: Interval) -> None:
        """Refuse bars that do not make bars of every slower interval that it reads.

        Nor are made of those of the finer one that it goes by.

        Parameters
        ----------
        interval
            Of the bars.

        Raises
        ------
        SpecError
            With each condition that names one, and with `detail`.
        """
        problems = []
        if self.slower_intervals:
            problems = expression_problems(
                self.model_dump(),
                self._events,
                self.sizing_names,
                unknown_names=self.unknown_names,
                interval=interval,
            )
        if self.detail_interval is not None:
            try:
                check_finer(interval, self.detail_interval)
            except UsageError as error:
                problems.append(Problem("detail", error.message, error.hint))
        if problems:
            raise SpecError(problems)

    @property
    def others_read(self) -> dict[str, frozenset[str]]:
        """The names that it reads of other instruments, with ``of``: by symbol, in order."""
        found: dict[str, frozenset[str]] = {}
        declared = frozenset(self.declared)
        for text in self._expressions():
            if "of" in text:
                named = names_by_symbol(fill_parameters(text, self.parameters), declared=declared)
                for symbol, names in named.items():
                    if symbol is not None:
                        found[symbol] = found.get(symbol, frozenset()) | names
        return {symbol: found[symbol] for symbol in sorted(found)}

    def columns_read_of(self, symbol: str) -> tuple[str, ...]:
        """Return the declared columns that it reads of another instrument."""
        read = {split_previous(name)[1] for name in self.others_read[symbol]}
        return tuple(name for name in self.columns if name in read)

    def places_of(self, symbol: str) -> list[str]:
        """Return where it reads another instrument, such as ``entry_conditions[0]``."""
        declared = frozenset(self.declared)
        return [
            path
            for path, text in expressions_of(self.model_dump())
            if symbol in names_by_symbol(fill_parameters(text, self.parameters), declared=declared)
        ]

    def _problems_of_others(self) -> list[Problem]:
        read = self.others_read
        problems = unread_calendars(self.calendars, read)
        if len(read) > MAX_OTHERS:
            message = f"conditions read {len(read)} other instruments; at most {MAX_OTHERS} are"
            problems.append(Problem("spec", message, "each of them is loaded: read fewer"))
        return problems

    @property
    def rests_on_iv(self) -> bool:
        """Whether its numbers rest on implied volatility, whatever its expressions say."""
        return False

    @property
    def needs_iv(self) -> bool:
        """Whether it needs IV history: it says so, or reads what comes of it."""
        return self.rests_on_iv or reads_iv(self._names_read_of(None) | self.always_read)

    @property
    def needs_vix(self) -> bool:
        """Whether it reads the VIX, or a name that is computed from it."""
        return reads_vix(self._names_read_of(None) | self.always_read)

    def replace(self, **changes: object) -> Self:
        """Return a copy with some fields changed, checked like a new spec.

        Parameters
        ----------
        **changes
            Fields and their new values.

        Raises
        ------
        SpecError
            When the changed spec is no valid one.
        """
        return type(self).from_fields({**self.model_dump(), **changes}, self._events)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], events: UserEvents) -> Self:
        """Return the spec of some fields, whose conditions may read some events.

        Parameters
        ----------
        fields
            By name.
        events
            The events that exist beside btkit's own.

        Raises
        ------
        SpecError
            When it is no valid one.
        """
        return cls.model_validate(dict(fields), context={_EVENTS: events})

    @property
    def events(self) -> UserEvents:
        """The events that its conditions may read beside btkit's own."""
        return self._events

    def events_read(self, symbol: str | None) -> UserEvents:
        """Return what its expressions read of the user's events on an instrument, and on others.

        Parameters
        ----------
        symbol
            The instrument; None for one without a name.
        """
        read = self._names_read()
        # A parameter may choose among events, and a sweep gives it other values.
        read |= {made for word in self._braced() for made in self._events.like(word)}
        return self._events.only(read, symbols=(symbol, *self.others_read))

    def plugins_read(self) -> list[Plugin]:
        """Return where the registered indicators come from that its expressions read."""
        return plugins_of([*self._names_read(), *self._braced()])

    def _names_read(self) -> set[str]:
        return self._names_read_of(None).union(*self.others_read.values())

    def _names_read_of(self, symbol: str | None) -> set[str]:
        declared = frozenset(self.declared)
        filled = (fill_parameters(text, self.parameters) for text in self._expressions())
        named = (names_by_symbol(text, declared=declared) for text in filled)
        return set().union(*(names.get(symbol, frozenset()) for names in named))

    def _braced(self) -> list[str]:
        return [word for text in self._expressions() for word in _BRACED.findall(text)]

    def _expressions(self) -> list[str]:
        return [text for name in CONDITION_LISTS for text in getattr(self, name, ())]


def reads_iv(names: Iterable[str]) -> bool:
    """Return whether any of some names needs the history of implied volatility."""
    return any(is_implied_volatility(name) for name in names)


def reads_vix(names: Iterable[str]) -> bool:
    """Return whether any of some names is the VIX, or is computed from it."""
    waiting, seen = set(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            indicator = lookup(name)
            waiting |= set(indicator.needs) if indicator is not None else set()
    return "vix" in seen


def _position(problem: Problem, order: list[str]) -> tuple[int, int]:
    # As in the field reference, unknown fields first; entries of a list in their order.
    field, _, index = problem.path.partition("[")
    field = field.partition(".")[0]
    number = index.partition("]")[0]
    return (
        order.index(field) if field in order else -1,
        int(number) if number.isdecimal() else -1,
    )
