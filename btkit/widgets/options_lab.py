"""`OptionsLab`: an option rule, and any spread it sold as price, IV, days and strikes move."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as ipw

from btkit.errors import UsageError
from btkit.jobs import read_settings
from btkit.jobs.job import OptionsJob
from btkit.jobs.requests import SpecSource, Traded, option_spec
from btkit.pricing.spreads import Spread
from btkit.render import text, theme
from btkit.render.options.position import Moment, OpenSpread, refused_moment, refused_strikes
from btkit.render.pages import markup
from btkit.settings import Settings
from btkit.simulation import Result
from btkit.simulation.options import sold_spreads
from btkit.spec import OptionsSpec
from btkit.widgets.coalesce import Coalescer
from btkit.widgets.fields import LabelledField
from btkit.widgets.fit import fitted
from btkit.widgets.lab import Lab
from btkit.widgets.lab_fields import heading, number_field, read_number
from btkit.widgets.market import BuyAndHold, MarketRequest
from btkit.widgets.parts import button, refill, styled
from btkit.widgets.payoff_picture import ROOM, PayoffPicture
from btkit.widgets.position_tiles import position_tiles
from btkit.widgets.sharing import layout, make_widget
from btkit.widgets.sold import at_last_close, of_spread
from btkit.widgets.summary import summary

_FRESH = -1
_RULE: dict[str, tuple[str, tuple[float, float, float], bool]] = {
    # field: label, lowest, highest and step of its slider, whether it is shown in percent
    "target_dte": ("Days to expiry", (1, 90, 1), False),
    "short_delta": ("Short delta", (0.02, 0.6, 0.01), False),
    "long_delta": ("Long delta", (0.01, 0.5, 0.01), False),
    "profit_target_pct": ("Take profit, %", (0.05, 1.0, 0.05), True),
    "stop_loss_pct": ("Stop, credits", (1.0, 5.0, 0.1), False),
}

# Where a symbol comes without a range.
_USUAL = ("2014-01-02", "2018-12-31")


class OptionsLab(Lab[Result]):
    """Change an option rule and see what it earns; move a spread and see what it is worth.

    The rule's numbers are those of `btkit.options_sim`, nothing is stored; a spread's are those of
    `btkit.pricing`. Shown by being the last line of a cell.

    Parameters
    ----------
    spec
        An `OptionsSpec`, or what `load_spec` takes: a path, a dict, or JSON or YAML text.
    symbol, start, end, interval, source
        The bars, as `btkit.options_sim` takes them; without a range those from 2014 to 2018, or
        of a frame all.
    capital, commission, slippage
        None takes the BT_* setting.
    settings
        None reads the BT_* environment.

    Raises
    ------
    SpecError, UsageError
        If the spec is refused, or is a rule spec.

    Examples
    --------
    >>> lab = OptionsLab("strategies/iron_condor_monthly.yaml", source="sample",
    ...                  capital=1_000_000)  # doctest: +SKIP
    >>> lab.move(days=10, iv=0.25)  # doctest: +SKIP
    >>> float(lab.position.greek("vega", lab.position.now.spot))  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - the request, each with its default
        self,
        spec: SpecSource,
        *,
        symbol: Traded = "SPX",
        start: str | None = None,
        end: str | None = None,
        interval: str = "1d",
        source: str | None = None,
        capital: float | None = None,
        commission: float | None = None,
        slippage: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        known = read_settings(settings)
        self._spec = option_spec(spec, settings=known)
        super().__init__(
            MarketRequest.of(
                symbol,
                start,
                end,
                usual=_USUAL,
                interval=interval,
                source=source,
                capital=capital,
                commission=commission,
                slippage=slippage,
            ),
            settings=known,
            title="Simulating",
        )
        self._position: OpenSpread | None = None
        self._entry: str | None = None
        self._repricer = Coalescer(self._reprice)
        self._summary, self._tiles = (
            styled(make_widget(ipw.HTML), "bt-lab-full"),
            make_widget(ipw.HTML),
        )
        self._picture = PayoffPicture()
        self._figure_box = make_widget(ipw.VBox, [])
        self._spread_box = make_widget(ipw.VBox, [self._tiles, self._figure_box])
        rule = self._rule_fields()
        spread = self._spread_fields()
        self._show(
            [heading("The rule"), *rule, self._summary, heading("The spread"), *spread],
            [self._spread_box],
        )

    @property
    def spec(self) -> OptionsSpec:
        """The rule as it was last simulated."""
        return sold_spreads(self.result).spec

    @property
    def position(self) -> OpenSpread:
        """The spread that is shown, at the moment that the fields say.

        Raises
        ------
        UsageError
            If there is none to show.
        """
        self.result  # noqa: B018 - waits for the work, and raises what it raised
        self._repricer.flush()
        if self._position is None:
            raise UsageError(
                "There is no spread to show: the rule sold none.",
                hint="Loosen its entry conditions or filters, or show more bars.",
            )
        return self._position

    def move(
        self,
        *,
        spot: float | None = None,
        iv: float | None = None,
        days: int | None = None,
    ) -> None:
        """Look at the spread at another price, volatility or time, as the sliders do.

        Parameters
        ----------
        spot
            Of the underlying, in $.
        iv
            At the money, a fraction such as 0.2.
        days
            To expiry.

        Raises
        ------
        UsageError
            If there is no spread to show, or a value makes no sense.
        """
        position = self.position
        changes = {"spot": spot, "iv": iv, "days": days}
        known: dict[str, Any] = {
            name: value for name, value in changes.items() if value is not None
        }
        for name, value in known.items():
            if message := refused_moment(name, value):
                raise UsageError(
                    message,
                    hint="Take spot in $, iv as a fraction such as 0.2, and whole days.",
                    details={"argument": name, "received": str(value)},
                )
        self._look(replace(position.now, **known))

    def _close_parts(self) -> None:
        super()._close_parts()
        self._repricer.cancel()
        self._picture.close()

    # The rule

    def _rule_fields(self) -> list[ipw.Widget]:
        spec, known = self._spec, OptionsSpec.model_fields
        for name, (label, span, percent) in _RULE.items():
            self.fields[name] = number_field(
                label,
                getattr(spec, name),
                self._changed,
                span=span,
                percent=percent,
                meaning=str(known[name].description),
            )
        for name, value in spec.parameters.items():
            self.fields[name] = number_field(name, value, self._changed)
        return [field.box for field in self.fields.values()]

    def _question(self) -> OptionsJob:
        numbers = {name: read_number(field, name) for name, field in self.fields.items()}
        spec = self._spec.replace(
            **{name: numbers[name] for name in _RULE},
            parameters={name: numbers[name] for name in self._spec.parameters},
        )
        return self._market.job(OptionsJob, spec)

    def _present(self, answer: Result) -> None:
        self._summary.value = summary(
            answer, BuyAndHold(answer), least=self._settings.min_trades_required
        )
        entries = [spread.entry_date for spread in answer.spreads]
        # A rule that is changed shows the spread of the same day, if it still sold one then.
        kept = self._entry
        options = [(_label(spread), place) for place, spread in enumerate(answer.spreads)]
        if at_last_close(answer) is not None:
            options.append(("one contract at the last close", _FRESH))
        place = entries.index(kept) if kept in entries else len(entries) - 1
        self.chosen.put(place if entries else options[0][1] if options else None, options=options)
        self._take()

    # The spread

    def _spread_fields(self) -> list[ipw.Widget]:
        self.chosen = LabelledField("Sold", make_widget(ipw.Dropdown, options=[]), self._take,
                               meaning="Which of the rule's spreads is shown")  # fmt: skip
        self.terms: dict[str, LabelledField] = {}
        self.strikes: list[LabelledField] = []
        self._terms_place = styled(make_widget(ipw.VBox, []), "bt-lab-full", "bt-lab-columns")
        self._back = button(
            "As it was sold", "undo", "Take every move of the spread back", self._take
        )
        return [self.chosen.box, self._terms_place, self._back]

    def _take(self) -> None:
        """Show the chosen spread as it was sold."""
        answer, place = self._task.answer, self.chosen.value
        if answer is None:
            return
        closes = 0
        if place is None:
            self._position = None
        elif place == _FRESH:
            self._position = at_last_close(answer)
        else:
            spread = answer.spreads[place]
            closes = len(spread.life.iv)
            self._entry = spread.entry_date
            self._position = of_spread(answer, spread)
        self._lay_out(self._position, closes)
        self._reprice()

    def _lay_out(self, position: OpenSpread | None, closes: int) -> None:
        """Make sliders that reach as far as the picture of this position does."""
        self.terms, self.strikes = {}, []
        if position is not None:
            grid = position.prices(room=ROOM)
            low, high = math.floor(grid[0]), math.ceil(grid[-1])
            now, step = position.now, self._spec.strike_step or 1.0
            ends = (math.floor(low / step) * step, math.ceil(high / step) * step, step)
            self.terms = {
                "spot": number_field(
                    "Price, $", now.spot, self._on_move, span=(low, high, 0.5), rounded=True
                ),
                "iv": number_field(
                    "IV, %", now.iv, self._on_move, span=(0.01, 1.0, 0.001), percent=True,
                    rounded=True,
                    meaning="At the money; the skew comes on top",
                ),
                "days": number_field(
                    "Days left", now.days, self._on_move, span=(0, max(now.days, 1), 1)
                ),
            }  # fmt: skip
            if closes:
                self.terms["close"] = number_field(
                    "Close by close", 0, self._on_close, span=(0, closes, 1),
                    meaning="Price, IV and time left as they were at each close it was open",
                )  # fmt: skip
            self.strikes = [
                number_field(
                    leg.name.capitalize(), leg.strike, partial(self._on_strike, place),
                    span=ends, rounded=True, meaning=f"Strike of the {leg.name}, $",
                )
                for place, leg in enumerate(position.legs)
            ]  # fmt: skip
        fields = (*self.terms.values(), *self.strikes)
        refill(self._terms_place, [field.box for field in fields])

    def _on_move(self) -> None:
        position = self._position
        if position is None:
            return
        values = {name: field.value for name, field in self.terms.items() if name != "close"}
        wrong = {name: refused_moment(name, value) for name, value in values.items()}
        for name, message in wrong.items():
            self.terms[name].blame(message)
        if any(wrong.values()):
            self._spread_box.add_class("bt-stale")
            return
        self._position = replace(position, now=Moment(**values))
        self._repricer.ask()

    def _on_close(self) -> None:
        position, answer, place = self._position, self._task.answer, self.chosen.value
        at = self.terms["close"].value
        if position is None or answer is None or not isinstance(at, int):
            return
        now = position.sold
        if at > 0:
            valuations = answer.valuations
            valuation = valuations[valuations["spread"].to_numpy() == place].iloc[at - 1]
            iv = answer.spreads[place].life.iv[at - 1]
            now = Moment(float(valuation["spot"]), iv, int(valuation["days_to_expiry"]))
        self._look(now)

    def _on_strike(self, place: int) -> None:
        position = self._position
        if position is None:
            return
        strikes = [field.value for field in self.strikes]
        message = refused_strikes(position, strikes)
        for other, field in enumerate(self.strikes):
            field.blame(message if other == place else "")
        if message:
            self._spread_box.add_class("bt-stale")
            return
        for other, strike in enumerate(strikes):
            if strike != position.legs[other].strike:
                position = position.with_strike(other, float(strike))
        self._position = position
        self._repricer.ask()

    def _look(self, now: Moment) -> None:
        """Look at the spread at another moment, and show it in the fields."""
        assert self._position is not None
        self._position = replace(self._position, now=now)
        for name in ("spot", "iv", "days"):
            self.terms[name].put(getattr(now, name))
            self.terms[name].blame()
        self._repricer.ask()

    def _reprice(self) -> None:
        self._spread_box.remove_class("bt-stale")
        position = self._position
        self._figure_box.layout = layout(display="none" if position is None else "")
        if position is None:
            words = "The rule sold no spread, and none can be priced at the last close."
            self._tiles.value = markup("widgets.framed", [markup("pieces.empty", words)])
            return
        self._picture.show(position)
        if not self._figure_box.children:
            self._figure_box.children = [fitted(self._picture.figure)]
        self._tiles.value = position_tiles(position)


def _label(spread: Spread) -> str:
    gain = text.money(spread.pnl, sign=True)
    return f"{spread.entry_date}, {gain}, {theme.reason_name(spread.exit_reason).lower()}"
