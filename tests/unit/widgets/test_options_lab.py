import asyncio
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from support.cells import run_again

import btkit as bt
from btkit.errors import UsageError
from btkit.render.options.position import UNITS
from btkit.widgets import OptionsLab, coalesce
from btkit.widgets.sold import of_spread

STRATEGIES = Path(__file__).resolve().parents[3] / "strategies"
CONDOR = STRATEGIES / "iron_condor_monthly.yaml"
ASKED = {"start": "2014-01-02", "end": "2016-12-30", "capital": 1_000_000}


@pytest.fixture
def lab(settings):
    made = OptionsLab(CONDOR, **ASKED, settings=settings)
    yield made
    made.close()


def drawn(lab, trace=2):
    return np.asarray(lab._picture.figure.data[trace].y)


def test_the_rules_numbers_are_those_of_options_sim(lab, settings):
    stored = bt.options_sim(
        CONDOR, "SPX", ASKED["start"], ASKED["end"], capital=1_000_000, settings=settings
    )
    assert lab.result.metrics == stored.metrics
    assert lab.result.spreads == stored.spreads
    assert f"{stored.metrics.sharpe_ratio:.2f}" in lab._summary.value


def test_a_change_of_the_rule_is_simulated_and_keeps_the_day_of_the_spread(lab, settings):
    lab.chosen.control.value = 3
    day = lab.result.spreads[3].entry_date
    lab.fields["profit_target_pct"].control.slider.value = 0.8
    assert lab.spec.profit_target_pct == 0.8
    changed = lab.spec
    stored = bt.options_sim(
        changed, "SPX", ASKED["start"], ASKED["end"], capital=1_000_000, settings=settings
    )
    assert lab.result.metrics == stored.metrics
    kept = lab.result.spreads[lab.chosen.value]
    assert kept.entry_date == day or day not in {s.entry_date for s in lab.result.spreads}


def test_the_spread_is_shown_as_it_was_sold_to_the_last_digit(lab):
    last = lab.result.spreads[-1]
    assert lab.position == of_spread(lab.result, last)
    for name in UNITS:
        greek = float(lab.position.greek(name, lab.position.now.spot))
        assert greek == getattr(last.greeks, name)
    assert lab.terms["iv"].value == last.iv_entry
    assert [field.value for field in lab.strikes] == [leg.strike for leg in last.legs]


def test_price_iv_and_days_move_picture_and_tiles(lab):
    for name, value in (("spot", 2_000.0), ("iv", 0.3), ("days", 5)):
        before, tiles = drawn(lab), lab._tiles.value
        lab.terms[name].control.slider.value = value
        assert getattr(lab.position.now, name) == value
        assert lab._tiles.value != tiles
        if name != "spot":
            assert not np.array_equal(drawn(lab), before)
    figure = lab._picture.figure
    position = lab.position
    assert figure.data[3].x[0] == position.now.spot
    assert figure.data[3].y[0] == position.profit(position.now.spot)
    grid = np.asarray(figure.data[2].x)
    assert drawn(lab) == pytest.approx(position.profit(grid), rel=1e-5, abs=0.5)
    # Each greek: when sold, now, the point.
    for place, name in enumerate(("delta", "gamma", "theta", "vega")):
        assert drawn(lab, 5 + 3 * place) == pytest.approx(position.greek(name, grid), rel=1e-5)
    lab._back.click()
    assert lab.position.now == lab.position.sold


def test_what_is_typed_counts_to_the_last_digit_and_nonsense_is_marked(lab):
    lab.terms["iv"].control.text.value = "17.123"
    assert lab.position.now.iv == 0.17123
    before = lab.position
    for name, wrong in (("iv", "much"), ("spot", "-3"), ("days", "2.5")):
        field = lab.terms[name]
        shown = field.value
        field.control.text.value = wrong
        assert field.problem
        assert "bt-stale" in lab._spread_box._dom_classes
        assert lab.position == before
        field.control.text.value = str(shown * 100 if name == "iv" else shown)
        assert field.problem == ""
        assert "bt-stale" not in lab._spread_box._dom_classes
    with pytest.raises(UsageError, match="above 0"):
        lab.move(spot=-1.0)


def test_strikes_are_moved_and_kept_in_order(lab):
    long_put = lab.strikes[1].control.slider
    before, credit = lab.position, lab.position.credit
    long_put.value = long_put.value - 25
    assert lab.position.legs[1].strike == before.legs[1].strike - 25
    assert lab.position.credit > credit
    good = lab.position
    long_put.value = long_put.max
    assert "below the put sold" in lab.strikes[1].problem
    assert "bt-stale" in lab._spread_box._dom_classes
    assert lab.position == good
    long_put.value = good.legs[1].strike
    assert lab.strikes[1].problem == ""
    assert "bt-stale" not in lab._spread_box._dom_classes


def test_close_by_close_follows_what_became_of_it(lab):
    lab.chosen.control.value = 2
    spread = lab.result.spreads[2]
    valuations = lab.result.valuations
    own = valuations[valuations["spread"] == 2]
    lab.terms["close"].control.slider.value = len(own)
    now = lab.position.now
    assert now.spot == own["spot"].iloc[-1]
    assert (now.iv, now.days) == (spread.life.iv[-1], own["days_to_expiry"].iloc[-1])
    assert lab.terms["days"].value == now.days
    lab.terms["close"].control.slider.value = 0
    assert lab.position == of_spread(lab.result, spread)


def test_a_rule_that_cannot_be_is_marked_where_it_is_wrong(lab):
    before = lab.result
    lab.fields["short_delta"].control.slider.value = 0.03
    assert "below short_delta" in lab.fields["long_delta"].problem
    assert lab.fields["short_delta"].problem == ""
    assert "bt-stale" in lab._shown._dom_classes
    assert lab.result is before


def test_without_any_sale_one_contract_at_the_last_close_is_shown(lab):
    lab._bar.costs[0].value = "1000"
    assert lab.result.spreads == []
    assert lab.position.contracts == 1
    assert lab.position.now.spot == lab.result.bars["close"].iloc[-1]


def test_a_rule_spec_is_refused(spec, settings):
    with pytest.raises(UsageError, match="rule spec"):
        OptionsLab(bt.load_spec(spec), settings=settings)


def test_moves_in_a_running_loop_are_drawn_once_and_the_last_one_wins(lab):
    shown = []
    show = lab._picture.show
    lab._picture.show = lambda position: (shown.append(position), show(position))
    days = lab.terms["days"].control.slider

    async def drag():
        for value in range(1, 20):
            days.value = value
        await asyncio.sleep(coalesce.PAUSE_S * 20)

    asyncio.run(drag())
    assert [position.now.days for position in shown] == [19]


def test_running_the_cell_again_closes_what_it_made_before(settings, monkeypatch):
    def cell():
        return OptionsLab(
            CONDOR, start="2016-01-04", end="2016-12-30", capital=1e6, settings=settings
        )

    opened, kept = run_again(monkeypatch, cell, 4)
    # IPython's history keeps every one, but not what it held.
    assert kept == 1
    assert opened[0] == opened[1] == opened[-1] > 50


def test_closing_lets_go_of_everything(settings):
    before = len(ipywidgets.widgets.widget._instances)
    made = OptionsLab(CONDOR, **ASKED, settings=settings)
    made.chosen.control.value = 0
    made.close()
    assert len(ipywidgets.widgets.widget._instances) == before
