"""The two kinds of spec: rules on a price, and option spreads on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from btkit.conditions import fill_parameters
from btkit.errors import Problem, UsageError
from btkit.markets import Interval
from btkit.spec.base import BaseSpec
from btkit.spec.carry import BorrowRate, PaidDividends
from btkit.spec.fields import (
    AssetClass,
    CalendarDays,
    CommissionModel,
    Conditions,
    Delta,
    Margin,
    Multiplier,
    SpreadType,
)
from btkit.spec.order_checks import detail_problems, order_problems
from btkit.spec.orders import (
    DetailField,
    EntryOrderField,
    Intrabar,
    LimitTouch,
    StatedOrders,
    StopLoss,
    TakeProfit,
    TrailingStopField,
    filled_levels,
    price_texts,
)
from btkit.spec.parts import PartExit, ScaleOuts, filled_parts, most_parts
from btkit.spec.sides import ShortSide, short_order_problems, side_problems

# What the author of a rule may have meant by a field of option specs.
_RULE_HINTS = {
    "profit_target_pct": "leave it out, and write take_profit: 0.10, a fraction of the entry fill",
    "stop_loss_pct": "leave it out, and write stop_loss: 0.05, a fraction of the entry fill",
}


class StrategySpec(BaseSpec):
    """Rules on a price: entries, exits and stops as conditions, and a size formula.

    Parameters
    ----------
    **fields
        The fields of the file; see ``backtest schema``.

    Raises
    ------
    SpecError
        With every problem at once.
    """

    model_config = ConfigDict(
        json_schema_extra={"description": "Rules on a price: when to enter, exit and stop."}
    )

    kind: ClassVar[str] = "rules"
    foreign_fields: ClassVar[dict[str, str]] = {}

    asset_class: AssetClass = Field(
        default="equities", description="What is traded; decides the default commission_model"
    )
    exit_conditions: Conditions = Field(
        description="A position closes when every one of these holds; never, if there are none"
    )
    stop_conditions: Conditions = Field(
        description="A position is stopped out when every one of these holds; never, if none"
    )
    scale_out: ScaleOuts = Field(
        default=(),
        description="Parts of a position that close before the rest: {when: condition, fraction: "
        "f} closes this fraction of the shares at entry, once a position, where the condition "
        "holds and nothing else closes the whole",
    )
    position_sizing_formula: str = Field(
        default="risk_pct * capital / atr_14",
        min_length=1,
        description="Shares, or contracts, to trade; knows risk_pct, which is "
        "per_trade_risk_pct, and multiplier",
    )
    requires_options_data: bool = Field(
        default=False, description="Whether IV rank history is asked for"
    )
    allow_fractional: bool = Field(default=False, description="Whether sizes keep their fraction")
    direction: Literal["long", "short", "both"] = Field(
        default="long",
        description="Whether an entry buys or sells short; both: by whose conditions hold",
    )
    short: ShortSide | None = Field(
        default=None,
        description="The short side's conditions, with direction: both; the others are then the "
        "long side's, and filters both sides'",
    )
    commission_model: CommissionModel | None = Field(
        default=None,
        description="What the commission is charged on; left out: per_order for equities, "
        "per_contract for everything else",
    )
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    trailing_stop: TrailingStopField = None
    entry_order: EntryOrderField = None
    intrabar: Intrabar = "pessimistic"
    limit_touch: LimitTouch = False
    detail: DetailField = None
    multiplier: Multiplier | None = Field(
        default=None,
        description="What one unit gains per point, in $: 50 of an E-mini S&P 500 contract; left "
        "out: 1",
    )
    initial_margin: Margin | None = Field(
        default=None,
        description="$ per unit that an entry takes from cash in place of its price, as for a "
        "futures contract; left out: the price times the multiplier",
    )
    borrow_rate: BorrowRate = None
    dividends: PaidDividends = "none"

    @property
    def commission_kind(self) -> CommissionModel:
        """The commission model, its default by asset class resolved."""
        if self.commission_model is not None:
            return self.commission_model
        return "per_order" if self.asset_class == "equities" else "per_contract"

    @property
    def point_value(self) -> float:
        """What one unit gains per point, in $."""
        return 1.0 if self.multiplier is None else self.multiplier

    @property
    def pays_dividends(self) -> bool:
        """Whether dividends are paid in cash."""
        return self.dividends == "cash"

    @property
    def margin(self) -> float:
        """$ that an entry takes per unit in place of the price; 0 where it takes the price."""
        return 0.0 if self.initial_margin is None else self.initial_margin

    @property
    def is_short(self) -> bool:
        """Whether every entry sells short."""
        return self.direction == "short"

    @property
    def takes_both_sides(self) -> bool:
        """Whether an entry may buy or sell short."""
        return self.direction == "both"

    @property
    def side(self) -> str:
        """Which side of the instrument it takes, in words."""
        return "long and short" if self.takes_both_sides else super().side

    @property
    def is_fractional(self) -> bool:
        """Whether sizes keep their fraction."""
        return self.allow_fractional

    @property
    def filled_parts(self) -> list[PartExit]:
        """The part exits, parameters filled in."""
        return filled_parts(self.scale_out, self.parameters)

    @property
    def most_parts(self) -> int:
        """In how many parts a position may close before its rest does."""
        return most_parts(self.scale_out, self.short)

    @property
    def leaves_in_parts(self) -> bool:
        """Whether a position may close in parts."""
        return self.most_parts > 0

    @property
    def rests_on_iv(self) -> bool:
        """Whether it says that it needs IV history."""
        return self.requires_options_data

    @property
    def filled_sizing(self) -> str:
        """The sizing formula, parameters filled in."""
        return fill_parameters(self.position_sizing_formula, self.parameters)

    @property
    def price_texts(self) -> dict[str, str]:
        """The expression of each price of the long side's orders by its path, with its braces."""
        return price_texts(self.stop_loss, self.take_profit, self.trailing_stop, self.entry_order)

    @property
    def detail_interval(self) -> Interval | None:
        """Of the finer bars that say what came first inside a bar; None for none."""
        return None if self.detail is None else Interval.parse(self.detail)

    def levels_of(self, *, short: bool) -> StatedOrders:
        """Return what it says of orders inside the bar for one side, parameters filled in.

        Parameters
        ----------
        short
            Whether of its shorts; what they lack is mirrored.
        """
        of = self.opposite if short and self.short is not None else self
        return filled_levels(
            of.stop_loss, of.take_profit, of.trailing_stop, of.entry_order, self.parameters
        )

    @property
    def opposite(self) -> StrategySpec:
        """The short side of a spec that takes both, as a spec that only sells short.

        Raises
        ------
        UsageError
            If it takes one side only.
        """
        if self.short is None:
            raise UsageError(
                f"the spec {self.name} takes one side only",
                hint="ask for the opposite of a spec with direction: both",
            )
        given = {name: value for name, value in self.short if value is not None}
        return self.model_copy(update={**given, "direction": "short", "short": None})

    @classmethod
    def _cross_field_problems(cls, data: dict[str, Any]) -> list[Problem]:
        return [
            *side_problems(data),
            *order_problems(data),
            *short_order_problems(data),
            *detail_problems(data),
        ]

    def _expressions(self) -> list[str]:
        stated = [*(part.when for part in self.scale_out), *self.price_texts.values()]
        own = [*super()._expressions(), self.position_sizing_formula, *stated]
        return own if self.short is None else [*own, *self.opposite._expressions()]  # noqa: SLF001 - its own class


class OptionsSpec(BaseSpec):
    """Option spreads: conditions that open and close them, strikes by delta, targets on credit.

    Parameters
    ----------
    **fields
        The fields of the file; see ``backtest schema``.

    Raises
    ------
    SpecError
        With every problem at once.
    """

    model_config = ConfigDict(
        json_schema_extra={"description": "Option spreads: when to sell one and when to close."}
    )

    kind: ClassVar[str] = "options"
    foreign_fields: ClassVar[dict[str, str]] = {
        "position_sizing_formula": "leave it out: contracts follow from per_trade_risk_pct",
        "scale_out": "leave it out: a spread closes as a whole",
        "requires_options_data": "leave it out: an option spec always asks for IV",
        "allow_fractional": "leave it out: contracts are whole",
        "direction": "leave it out: the spread_type says which way it leans",
        "short": "leave it out: the spread_type says which way it leans",
        "commission_model": "leave it out: spreads pay the commission per contract and leg",
        "stop_loss": "leave it out, and write stop_loss_pct: a spread is left at a close, at so "
        "many times its credit",
        "take_profit": "leave it out, and write profit_target_pct: a spread is left at a close, "
        "once so much of its credit is kept",
        "trailing_stop": "leave it out, and write a stop condition: spreads are left at closes",
        "entry_order": "leave it out: spreads are sold at the next open, or at the close",
        "intrabar": "leave it out: spreads have no prices inside the bar",
        "limit_touch": "leave it out: spreads have no prices inside the bar",
        "detail": "leave it out: spreads have no prices inside the bar",
        "multiplier": "leave it out: one contract is of 100 shares",
        "initial_margin": "leave it out: a spread holds its widest wing back",
        "borrow_rate": "leave it out: a spread sells options, and borrows no shares",
        "dividends": "leave it out: a spread is paid none; options are priced with dividend_yield",
    }
    unknown_names: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("entry_price", "highest_since_entry", "lowest_since_entry"),
        "position_pnl_pct and pnl_pct_of_max_credit say how a spread stands",
    )

    asset_class: AssetClass = Field(default="options", description="A label: what is traded")
    spread_type: SpreadType = Field(
        default="short_put_spread",
        description="What is sold; its presence makes a file an option spec",
    )
    exit_conditions: Conditions = Field(
        default=(), description="A spread closes when every one of these holds; never, if none"
    )
    stop_conditions: Conditions = Field(
        default=(), description="A spread is stopped out when every one of these holds"
    )
    target_dte: CalendarDays = Field(default=21, description="Calendar days to expiry")
    short_delta: Delta = Field(default=0.30, description="Absolute delta of the leg sold")
    long_delta: Delta = Field(
        default=0.15, description="Absolute delta of the leg bought, below short_delta"
    )
    profit_target_pct: float = Field(
        default=0.50, gt=0, le=1, description="Close when this share of the credit is kept"
    )
    stop_loss_pct: float = Field(
        default=2.00, gt=0, le=1_000, description="Close when the spread costs this many credits"
    )
    risk_free_rate: float = Field(
        default=0.05, ge=-0.5, le=1, description="Annual rate for Black-Scholes, as a fraction"
    )
    strike_step: float | None = Field(
        default=None, gt=0, le=100_000, description="Snap strikes to multiples of this"
    )
    expiry: Literal["weekly", "monthly"] | None = Field(
        default=None, description="Snap the expiry to the nearest listed Friday"
    )
    iv_source: Literal["iv_atm", "vix"] = Field(
        default="iv_atm",
        description="Where the volatility that prices options comes from: iv_atm, or vix / 100",
    )
    iv_scale: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="What that volatility is multiplied by, before the skew is added",
    )
    skew: float = Field(
        default=0.0,
        ge=-10,
        le=10,
        description="IV added per unit of delta away from 50 delta, as a "
        "fraction: 0.10 prices a 30-delta leg with 0.02, two points, above the volatility at the "
        "money, for its life",
    )
    dividend_yield: float = Field(
        default=0.0, ge=0, le=1, description="Annual dividend yield, as a fraction"
    )

    @property
    def side(self) -> str:
        """The kind of spread that it sells."""
        return self.spread_type.replace("_", " ")

    @property
    def always_read(self) -> frozenset[str]:
        """What spreads are priced with."""
        return frozenset({self.iv_source})

    @property
    def needs_iv(self) -> bool:
        """Always: each spread is listed with the IV rank at its entry."""
        return True

    @property
    def commission_kind(self) -> CommissionModel:
        """The commission model of spreads: per contract, for each leg."""
        return "per_contract"

    @classmethod
    def _cross_field_problems(cls, data: dict[str, Any]) -> list[Problem]:
        short = data.get("short_delta", cls.model_fields["short_delta"].default)
        long = data.get("long_delta", cls.model_fields["long_delta"].default)
        for delta in (short, long):
            if isinstance(delta, bool) or not isinstance(delta, (int, float)) or not 0 < delta < 1:
                return []
        if long < short:
            return []
        return [
            Problem(
                "long_delta",
                f"must be below short_delta, which is {short:g}, not {long:g}",
                "the leg bought lies further out of the money than the leg sold",
            )
        ]


StrategySpec.foreign_fields.update(
    {
        name: _RULE_HINTS.get(name, "leave it out: rules trade the instrument itself, no options")
        for name in OptionsSpec.model_fields
        if name not in StrategySpec.model_fields
    }
)
