"""The kind of spec that trades as a trained model says."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from btkit.arguments import quoted
from btkit.conditions import COST_NAMES, SIZING_NAMES, fill_parameters
from btkit.errors import Problem
from btkit.markets import Interval
from btkit.spec.base import BaseSpec
from btkit.spec.bundles import BundlePath, Day, Models, Others, refuse_part
from btkit.spec.carry import BorrowRate, PaidDividends
from btkit.spec.deciding import Factor, Hours, Probability, Share
from btkit.spec.fields import (
    Bars,
    CommissionModel,
    Conditions,
    Instrument,
    Margin,
    Metadata,
    Multiplier,
    as_tuple,
    whole,
)
from btkit.spec.model import OptionsSpec, StrategySpec
from btkit.spec.order_checks import (
    detail_problems,
    gain_problems,
    order_expressions,
    order_problems,
)
from btkit.spec.orders import (
    DetailField,
    IntervalText,
    Intrabar,
    LimitTouch,
    StatedOrders,
    StopLoss,
    TakeProfit,
    TrailingStopField,
    filled_levels,
    price_texts,
)

NO_LIMIT = 2**31 - 1
"""Bars that no run has: how a spec says that nothing closes a position for its age."""

_CLASS = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"


def _distinct(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise refuse_part(f"names {quoted(twice)} twice")
    return classes


OneLot = Annotated[int, Field(ge=1, le=1), BeforeValidator(whole)]
Horizon = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(whole)]
Classes = Annotated[
    tuple[Annotated[str, Field(pattern=_CLASS)], ...],
    BeforeValidator(as_tuple),
    Field(min_length=2, max_length=100),
    AfterValidator(_distinct),
]
_FROM_BUNDLE = "left out: what the bundle says"


class ModelSpec(BaseSpec):
    """A trained model, what its answers have to pass, and how much is traded on them.

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
        json_schema_extra={"description": "A trained model: where it is, and when it is believed."}
    )

    kind: ClassVar[str] = "model"
    default_costs: ClassVar[tuple[float, float] | None] = (0.001, 0.001)
    has_usual_limit: ClassVar[bool] = False
    sizing_names: ClassVar[frozenset[str]] = SIZING_NAMES | COST_NAMES
    foreign_fields: ClassVar[dict[str, str]] = {
        "exit_conditions": "leave it out: the model's SELL closes a position; what closes it "
        "whatever the model says is a stop condition",
        "direction": "leave it out: a model buys, and with allow_short_from_flat it sells short",
        "asset_class": "leave it out: costs are what commission_model says",
        "scale_out": "leave it out: a model's position closes as a whole, by its SELL",
        "requires_options_data": "leave it out: a model reads what it was trained on",
        "entry_order": "leave it out: a model's BUY and SELL fill at the next open, or at the "
        "close",
    }

    model_path: BundlePath | None = Field(
        default=None,
        description="The bundle's folder, from the working folder; left out: "
        "models/<name>/<SYMBOL>_<timeframe>",
    )
    models: Models | None = Field(
        default=None,
        description="Bundles by the date from which each was known, or the folder that has one "
        "folder a date; at each bar the newest decides",
    )
    symbol: Instrument | None = Field(
        default=None, description="What it was trained for; stands in where no symbol is given"
    )
    interval: IntervalText | None = Field(
        default=None, description="Of the bars it was trained on; stands in where none is given"
    )
    allow_other: Others = Field(
        default=(),
        description="What may be another than the bundle was trained on: symbol, timeframe",
    )
    output_classes: Classes | None = Field(
        default=None,
        description="What each output stands for, in their order; needed where the bundle does "
        "not say it",
    )
    output_activation: Literal["logits", "probabilities"] | None = Field(
        default=None, description=f"What the outputs are; {_FROM_BUNDLE}"
    )
    trained_until: Day | None = Field(
        default=None,
        description="The last day that the model was trained on, where the bundle does not say it",
    )
    label_horizon: Horizon | None = Field(
        default=None, description=f"Bars that a label looked ahead; {_FROM_BUNDLE}, else 0"
    )
    confidence_threshold: Probability | None = Field(
        default=None,
        description=f"An answer of lower probability is HOLD; {_FROM_BUNDLE}, else 0.5",
    )
    position_awareness: bool | None = Field(
        default=None,
        description="Whether a BUY while long and a SELL while flat are HOLD; "
        f"{_FROM_BUNDLE}, else true",
    )
    allow_short_from_flat: bool | None = Field(
        default=None, description=f"Whether a SELL while flat sells short; {_FROM_BUNDLE}, else no"
    )
    min_signal_separation: Hours | None = Field(
        default=None,
        description="Hours from the bar of the last entry or exit before the next is decided; "
        f"{_FROM_BUNDLE}, else 4",
    )
    round_trip_cost: Share | None = Field(
        default=None,
        description="What a regression's answer has to exceed, as a fraction, times the next; "
        f"{_FROM_BUNDLE}, else 0.003",
    )
    min_edge_multiplier: Factor | None = Field(
        default=None,
        description=f"Factor of round_trip_cost; {_FROM_BUNDLE}, else 1.5",
    )
    entry_conditions: Conditions = Field(
        default=(),
        json_schema_extra={"maxItems": 0},
        description="None: the model decides when a position opens",
    )
    stop_conditions: Conditions = Field(
        default=(),
        description="A position is closed when every one of these holds, whatever the model says",
    )
    max_holding_bars: Bars = Field(
        default=NO_LIMIT, description="A position closes after this many bars; left out: never"
    )
    max_concurrent_positions: OneLot = Field(
        default=1, description="One: a model holds one position at most"
    )
    position_sizing_formula: str = Field(
        default="0.25 * capital / (close * (1 + commission))",
        min_length=1,
        description="Shares, or contracts, to trade; knows risk_pct, which is "
        "per_trade_risk_pct, multiplier, commission and slippage",
    )
    allow_fractional: bool = Field(default=True, description="Whether sizes keep their fraction")
    commission_model: CommissionModel = Field(
        default="rate", description="What the commission is charged on"
    )
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    trailing_stop: TrailingStopField = None
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
    features: Metadata | None = Field(
        default=None,
        description="indicators, fuzzy_sets, nn_inputs and output_format of the strategy that was "
        "trained; the bundle's have to be the same",
    )

    @property
    def names_bundles(self) -> bool:
        """Whether it rests on trained models, which it does."""
        return True

    @property
    def meant_for(self) -> dict[str, str]:
        """The symbol and the interval that it was trained on, where it says them."""
        stated = {"symbol": self.symbol, "interval": self.interval}
        return {name: value for name, value in stated.items() if value is not None}

    @property
    def commission_kind(self) -> CommissionModel:
        """The commission model in force."""
        return self.commission_model

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
    def is_fractional(self) -> bool:
        """Whether sizes keep their fraction."""
        return self.allow_fractional

    @property
    def takes_both_sides(self) -> bool:
        """Whether it may hold shorts: unless it says that it does not, its model may say so."""
        return self.allow_short_from_flat is not False

    @property
    def side(self) -> str:
        """Which sides of the instrument it takes, as far as the spec says it."""
        if self.allow_short_from_flat is None:
            return "long, and short if its model was trained so"
        return "long and short" if self.allow_short_from_flat else "long only"

    @property
    def filled_sizing(self) -> str:
        """The sizing formula, parameters filled in."""
        return fill_parameters(self.position_sizing_formula, self.parameters)

    @property
    def price_texts(self) -> dict[str, str]:
        """The expression of each price of orders inside the bar by its path, with its braces."""
        return price_texts(self.stop_loss, self.take_profit, self.trailing_stop, None)

    @property
    def detail_interval(self) -> Interval | None:
        """Of the finer bars that say what came first inside a bar; None for none."""
        return None if self.detail is None else Interval.parse(self.detail)

    def levels_of(self, *, short: bool) -> StatedOrders:  # noqa: ARG002 - both sides have the same
        """Return what it says of orders inside the bar, parameters filled in.

        Parameters
        ----------
        short
            Whether of its shorts, whose fractions are mirrored.
        """
        return filled_levels(
            self.stop_loss, self.take_profit, self.trailing_stop, None, self.parameters
        )

    def _expressions(self) -> list[str]:
        prices = self.price_texts.values()
        return [*super()._expressions(), self.position_sizing_formula, *prices]

    @classmethod
    def _cross_field_problems(cls, data: dict[str, Any]) -> list[Problem]:
        problems = []
        entries = data.get("entry_conditions")
        if isinstance(entries, list | tuple) and len(entries):
            problems.append(
                Problem(
                    "entry_conditions",
                    "a model spec has none: the model decides when a position opens",
                    "write what must hold besides as filter_conditions",
                )
            )
        if data.get("model_path") is not None and data.get("models") is not None:
            problems.append(
                Problem(
                    "models",
                    "stands beside model_path, and one of them has to say which model decides",
                    "keep models for bundles by date, model_path for one bundle",
                )
            )
        if data.get("trained_until") is not None and data.get("models") is not None:
            problems.append(
                Problem(
                    "trained_until",
                    "is one date, and each of several bundles has its own",
                    "leave it out: a bundle's metadata say it",
                )
            )
        problems += [*order_problems(data), *detail_problems(data)]
        if data.get("allow_short_from_flat") is not False:
            problems += [
                Problem(
                    path,
                    "is a price, which cannot be mirrored for the shorts that the model may take",
                    "write a fraction of the entry fill, or allow_short_from_flat: false",
                )
                for path, _ in order_expressions(data)
                if not path.startswith("entry_order")
            ]
            problems += gain_problems(data, "take_profit", data.get("take_profit"))
        return problems


_ONLY_MODELS = tuple(
    name
    for name in ModelSpec.model_fields
    if name not in StrategySpec.model_fields and name not in OptionsSpec.model_fields
)
_TO_A_MODEL = {
    "symbol": "leave it out: the instrument is that of --symbol",
    "interval": "leave it out: the bars are those of --interval",
}
SIGNS = tuple(name for name in _ONLY_MODELS if name not in {*_TO_A_MODEL, "features"})
"""The fields each of which makes a file a model spec; by the others something else may be meant."""
ModelSpec.foreign_fields.update(
    {
        name: "leave it out: a model trades the instrument itself, no options"
        for name in OptionsSpec.model_fields
        if name not in ModelSpec.model_fields and name not in ModelSpec.foreign_fields
    }
)
for _other in (StrategySpec, OptionsSpec):
    _other.foreign_fields.update(
        {
            name: _TO_A_MODEL.get(name, "leave it out: a model spec has it, which has a model_path")
            for name in _ONLY_MODELS
        }
    )
