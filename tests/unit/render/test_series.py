import numpy as np
import pandas as pd

from btkit.render.figures.lines import end_labels, scale_for
from btkit.render.figures.through_time import rolling_window
from btkit.render.figures.trades import bin_edges
from btkit.render.series import display_rows, milliseconds


def test_short_lines_are_drawn_whole():
    assert display_rows(np.arange(10.0)).tolist() == list(range(10))


def test_thinning_keeps_ends_and_every_extreme():
    rng = np.random.default_rng(7)
    values = rng.normal(size=100_000).cumsum()
    rows = display_rows(values, limit=1_000)
    assert len(rows) <= 1_000
    assert (np.diff(rows) > 0).all()
    assert rows[0] == 0
    assert rows[-1] == len(values) - 1
    assert {int(values.argmin()), int(values.argmax())} <= set(rows.tolist())


def test_thinning_keeps_the_extremes_of_every_line():
    up, down = np.arange(100_000.0), np.zeros(100_000)
    down[[123, 77_777]] = -1.0, 2.0
    rows = display_rows(up, down, limit=1_000)
    assert {0, 123, 77_777, 99_999} <= set(rows.tolist())
    assert len(rows) <= 1_000


def test_times_are_utc_milliseconds():
    aware = pd.DatetimeIndex(["2020-01-02 09:30"]).tz_localize("America/New_York")
    assert milliseconds(aware)[0] == milliseconds(pd.DatetimeIndex(["2020-01-02 14:30"]))[0]
    assert milliseconds(pd.DatetimeIndex(["1970-01-02"]))[0] == 86_400_000


def test_scales_are_logarithmic_beyond_a_factor_of_four():
    assert not scale_for([100.0, 399.0]).log
    assert scale_for([100.0, 401.0]).log
    assert not scale_for([-1.0, 401.0]).log  # nothing below zero has a logarithm
    flat = scale_for([100.0, 100.0])
    assert flat.low < 100.0 < flat.high


def test_labels_of_lines_that_end_together_are_moved_apart():
    scale = scale_for([0.0, 100.0])
    labels = end_labels([("a", 50.0, "red"), ("b", 50.5, "blue")], scale, pixels=300, yref="y")
    places = [label["y"] * 300 for label in labels]
    assert abs(places[1] - places[0]) >= 17
    assert abs(sum(places) / 2 - scale.position(50.25) * 300) < 1


def test_no_bin_mixes_gains_and_losses():
    pnl = np.array([-512.0, -3.0, 0.5, 88.0, 1204.0])
    edges = bin_edges(pnl)
    assert np.isclose(edges, 0.0, atol=1e-9).any()
    assert np.histogram(pnl, bins=edges)[0].sum() == len(pnl)
    assert len(bin_edges(np.zeros(3))) == 3


def test_rolling_windows_are_never_longer_than_the_run_can_fill():
    assert rolling_window(5_031, 252) == (252, "year")
    assert rolling_window(200, 252) == (63, "quarter")
    assert rolling_window(100, 252) == (0, "")
    assert rolling_window(60, 52) == (0, "")
