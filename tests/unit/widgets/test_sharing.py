"""Few channels to the page: more than ZeroMQ holds at once are lost on a busy machine."""

import ipywidgets as ipw
import pytest
from ipywidgets.widgets import widget as module

from btkit.widgets import OptionsLab, SpecEditor, SweepExplorer, WalkForwardLab
from btkit.widgets.parts import close_all
from btkit.widgets.sharing import is_shared, layout, make_widget

HELD = 1000
"""Messages that ZeroMQ keeps for a reader that is busy (ZMQ_SNDHWM, as it is)."""
ELSE = 200
"""What else a cell says: states, pictures, prompts."""


PUTS = {"name": "puts", "entry_conditions": ["close > sma_5"], "spread_type": "short_put_spread"}
RANGE = {"symbol": "SPX", "start": "2015-01-02", "end": "2016-12-30"}
WIDGETS = {
    "editor": lambda spec, **given: SpecEditor(spec, **RANGE, **given),
    "options": lambda _, **given: OptionsLab(PUTS, **RANGE, **given),
    "sweep": lambda spec, **given: SweepExplorer(
        spec, parameters={"fast": [5, 10]}, **RANGE, **given
    ),
    "walk-forward": lambda spec, **given: WalkForwardLab(
        spec, windows=1, is_ratio=0.5, **RANGE, **given
    ),
}


@pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS)
def test_a_cell_that_is_run_again_closes_and_opens_fewer_channels_than_zeromq_holds(
    make, spec, settings
):
    before = set(module._instances)
    made = make(spec, settings=settings)
    opened = set(module._instances) - before
    assert 50 < len(opened) < (HELD - ELSE) / 2
    made.close()
    left = [module._instances[one] for one in set(module._instances) - before]
    assert all(is_shared(one) for one in left)


def test_what_is_shared_is_not_closed_with_one_that_has_it():
    one, other = make_widget(ipw.HTML, "a"), make_widget(ipw.HTML, "b")
    assert one.layout is other.layout
    assert one.style is other.style
    close_all(one)
    assert other.layout.comm is not None
    assert other.style.comm is not None


def test_what_is_shared_cannot_be_changed_for_all():
    with pytest.raises(TypeError, match="'width' of a shared Layout was set"):
        make_widget(ipw.HTML).layout.width = "1px"
    assert make_widget(ipw.HTML).layout.width is None
    own = ipw.Layout(width="1px")
    assert make_widget(ipw.HTML, layout=own).layout is own


def test_it_is_made_anew_once_somebody_has_closed_every_widget():
    before = layout(width="7px")
    before.close()
    assert layout(width="7px") is not before
    assert layout(width="7px") is layout(width="7px")
