"""How fast each line forgets where history begins, against the line itself."""

from __future__ import annotations

import numpy as np
import pytest
from support.random_bars import make_bars

from btkit.models.indicator_parameters import SOURCES
from btkit.models.indicator_types import INDICATOR_TYPES

BARS = {name: make_bars(700, 8)[name].to_numpy(np.float64) for name in SOURCES}
# It forgets all at once, when it turns.
LINES = [
    (name, place)
    for name, kind in INDICATOR_TYPES.items()
    if name != "parabolicsar"
    for place in range(len(kind.outputs))
]
# Of one that lies outside of it there is nothing to forget.
INSIDE = {"squeezeintensity": {"bb_multiplier": 0.5, "kc_multiplier": 5.0}}
CHANGED = {"vwap": {"period": 0}, "distancefromma": {"ma_type": "EMA"}}
FAR, FURTHER = 150, 200


def difference(kind, parameters, place):
    """Return how far a line is changed by history that begins ten bars later."""
    whole, later = (
        kind.lines({name: column[begin:] for name, column in BARS.items()}, parameters)[place]
        for begin in (0, 10)
    )
    return np.abs(whole[10:] - later)


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize(("name", "place"), LINES)
def test_a_line_forgets_as_fast_as_it_is_said_to(name, place, changed):
    kind = INDICATOR_TYPES[name]
    parameters = {key: known.default for key, known in kind.parameters.items()}
    parameters |= INSIDE.get(name, {})
    parameters |= CHANGED.get(name, {}) if changed else {}
    decay = kind.decay(parameters, place)
    apart = difference(kind, parameters, place)
    near, far = (np.nanmax(apart[bar : bar + 50]) for bar in (FAR, FURTHER))
    scale = np.nanmax(np.abs(kind.lines(BARS, parameters)[place]))
    if decay is None:
        assert far <= 1e-11 * scale
    elif decay == 1.0:
        assert far > 1e-6 * scale
    else:
        # Averages of averages forget a little later than each of them.
        least, most = (near * (decay + slack) ** 50 for slack in (-0.02, 0.02))
        assert far <= 1e-13 * scale or least < far < most
