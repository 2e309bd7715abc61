"""What bars tell of dividends and of splits that show in their prices (SEMANTICS 3.14)."""

import numpy as np
import pandas as pd
import pytest

from btkit.data import paid_dividends, shown_splits
from btkit.errors import DataError

NONE = np.nan


def bars(closes, **columns):
    index = pd.bdate_range("2024-01-02", periods=len(closes))
    opens = columns.pop("opens", closes)
    return pd.DataFrame({"open": opens, "close": closes, **columns}, index=index, dtype=float)


def adjusted(closes, dividends, *, decimals=None):
    """Return adj_close as vendors make it: of each dividend (C - d) / C before its ex-date."""
    factor = np.ones(len(closes))
    for at, paid in dividends.items():
        factor[:at] *= 1.0 - paid / closes[at - 1]
    values = np.array(closes) * factor
    return values if decimals is None else values.round(decimals)


def test_a_column_says_what_is_paid():
    found = paid_dividends(bars([10, 10, 10], dividends=[NONE, 0.25, 0], adj_close=[1, 2, 3]))
    assert found.tolist() == [0, 0.25, 0]


@pytest.mark.parametrize(("decimals", "exact"), [(None, 1e-12), (4, 1e-2), (2, 2e-2)])
def test_adj_close_implies_what_made_it(decimals, exact):
    closes = [100.0, 101.5, 99.25, 98.75, 103.5, 104.0]
    given = {2: 0.88, 5: 1.5}
    found = paid_dividends(bars(closes, adj_close=adjusted(closes, given, decimals=decimals)))
    assert np.flatnonzero(found).tolist() == [2, 5]
    assert found[[2, 5]] == pytest.approx([0.88, 1.5], abs=exact)


def test_noise_of_adj_close_is_no_dividend():
    rng = np.random.default_rng(1)
    closes = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 500))), 2)
    for written in (np.round(closes * 0.77, 2), np.float32(closes * 0.77).astype(float)):
        assert not paid_dividends(bars(closes, adj_close=written)).any()


def test_a_step_back_is_no_dividend():
    assert not paid_dividends(bars([100, 100], adj_close=[100, 99])).any()


def test_a_step_of_a_split_is_no_dividend():
    assert not paid_dividends(bars([100, 50], adj_close=[50, 50])).any()


def test_beside_a_column_of_splits_only_these_are():
    told = {"adj_close": [75, 100, 100]}
    assert not paid_dividends(bars([100, 100, 100], **told)).any()
    (paid,) = paid_dividends(bars([100, 100, 100], splits=[0, 0, 0], **told)).nonzero()[0]
    assert paid == 1
    explained = bars([100, 75, 75], adj_close=[75, 75, 75], splits=[0, 4 / 3, 0])
    assert not paid_dividends(explained).any()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "neither a column dividends nor adj_close"),
        ({"dividends": [0, -1]}, "negative or infinite on 1 bars, the first 2024-01-03"),
        ({"dividends": [np.inf, 0]}, "negative or infinite"),
        ({"adj_close": [1, NONE]}, "adj_close is missing or not positive on 1 of 2 bars"),
    ],
)
def test_what_says_nothing_is_refused(columns, said):
    with pytest.raises(DataError, match=said) as refused:
        paid_dividends(bars([10, 10], **columns))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("closes", "columns", "expected"),
    [
        ([100, 50], {"splits": [0, 2]}, [1]),
        ([100, 10, 10], {"splits": [0, 10, 0]}, [1]),
        ([1, 10], {"splits": [0, 0.1]}, [1]),
        # The prices are adjusted for it already.
        ([100, 101], {"splits": [0, 2]}, []),
        ([100, 50], {"adj_close": [50, 50]}, [1]),
        ([100, 101], {"adj_close": [50, 101]}, []),
        # Nobody tells this one.
        ([100, 50], {}, []),
        ([100, 50], {"adj_close": [50, 50], "dividends": [0, 50]}, []),
    ],
)
def test_splits_that_show_in_the_prices(closes, columns, expected):
    assert shown_splits(bars(closes, **columns)).tolist() == expected
