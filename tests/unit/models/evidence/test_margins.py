import numpy as np
import pytest

from btkit.models.evidence import class_margins, return_margins


def decided(row, hold, threshold):
    best = int(np.argmax(row))
    return hold if best == hold or row[best] < threshold else best


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("hold", [2, 0, None])
def test_within_the_margin_nothing_is_decided_otherwise_and_just_beyond_it_is(hold, threshold):
    random = np.random.default_rng(1)
    rows = random.dirichlet(np.ones(3), size=200)
    margins = class_margins(rows, hold=hold, threshold=np.full(200, threshold))
    for row, margin in zip(rows, margins, strict=True):
        was = decided(row, hold, threshold)
        # One probability moves against another, or against the threshold, by so much.
        for share, changes in ((0.999, False), (1.001, True)):
            step = margin * share
            others = [
                decided(row + step * np.eye(3)[up] * raised, hold, threshold - step * lowered)
                for up in range(3)
                for raised in (-1, 0, 1)
                for lowered in (-1, 0, 1)
                if abs(raised) + abs(lowered) == 1
            ]
            both = [decided(row + step * np.eye(3)[up], hold, threshold) for up in range(3)]
            assert any(other != was for other in others + both) == changes


def test_a_tie_has_no_margin_and_two_that_are_nothing_decide_nothing():
    rows = np.array([[0.4, 0.4, 0.2], [0.36, 0.34, 0.3]])
    margins = class_margins(rows, hold=2, threshold=np.array([0.3, 0.9]))
    assert margins.tolist() == [0.0, pytest.approx(0.54)]


def test_a_regression_changes_at_its_edge_on_either_side():
    margins = return_margins(np.array([0.0, 0.004, -0.004, 0.003]), np.full(4, 0.003))
    assert margins.tolist() == pytest.approx([0.003, 0.001, 0.001, 0.0])
