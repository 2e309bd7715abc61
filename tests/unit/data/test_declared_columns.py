"""Columns that a spec declares come through every door with the type of what they hold."""

import numpy as np
import pandas as pd
import pytest

import btkit as bt
from btkit.data import take_bars
from btkit.data.declared import ready_column
from btkit.documents import bars_hash
from btkit.errors import DataError
from btkit.settings import Settings

DAYS = 30
NAMES = ("regime", "hot", "score")


def frame(**columns):
    index = pd.bdate_range("2024-01-01", periods=DAYS)
    prices = dict.fromkeys(("open", "high", "low", "close"), np.linspace(10.0, 20.0, DAYS))
    return pd.DataFrame({**prices, "volume": 100.0, **columns}, index=index)


def declared():
    return frame(
        regime=[["UP", "DOWN", None][i % 3] for i in range(DAYS)],
        hot=[[True, False, None][i % 3] for i in range(DAYS)],
        score=[float(i) if i % 4 else np.nan for i in range(DAYS)],
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "float64"),
        (["1", "2.5", None], "float64"),
        ([True, False, True], "boolean"),
        ([True, None, False], "boolean"),
        (["True", "false", None], "boolean"),
        (["UP", None, "DOWN"], "category"),
        (["UP", "", "3"], "category"),
        ([None, None, None], "float64"),
    ],
)
def test_a_column_has_the_type_of_what_it_holds(values, kind):
    ready = ready_column(pd.Series(values), "x")
    assert str(ready.dtype) == kind
    again = ready_column(ready, "x")
    assert again is ready


@pytest.mark.parametrize(
    "values",
    [[True, "UP"], [1.0, "UP"], [True, 2.5], [pd.Timestamp("2024-01-01"), None], [(1,), 2]],
)
def test_a_column_of_several_kinds_is_refused(values):
    with pytest.raises(DataError, match="the column x, which the spec names") as refused:
        ready_column(pd.Series(values, dtype=object), "x")
    assert refused.value.hint


def test_texts_are_in_pythons_order_whatever_order_a_frame_gives_them():
    given = pd.Series(pd.Categorical(["b", "Z", "a"], categories=["b", "Z", "a"]))
    ready = ready_column(given, "x")
    assert list(ready.cat.categories) == ["Z", "a", "b"]
    assert list(ready) == ["b", "Z", "a"]


def test_a_declared_column_that_is_not_there_is_an_error():
    with pytest.raises(DataError, match="bars lack the column regime, which the spec names"):
        take_bars(frame(), columns=["regime"])


def test_rows_that_differ_in_a_text_alone_are_two_different_rows():
    bars = declared()
    twice = pd.concat([bars, bars.iloc[[3]]])
    assert len(take_bars(twice, columns=NAMES).bars) == DAYS
    twice.iloc[-1, twice.columns.get_loc("regime")] = "FLAT"
    with pytest.raises(DataError, match="two different rows"):
        take_bars(twice, columns=NAMES)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_gives_what_a_frame_gives(tmp_path, ending):
    bars = declared()
    if ending == "csv":
        bars.to_csv(tmp_path / "SPY.csv", index_label="date")
    else:
        bars.rename_axis("date").to_parquet(tmp_path / "SPY.parquet")
    loaded = bt.load_bars(
        "SPY", start="2024-01-01", end="2024-03-01", source="files", warmup=0, columns=NAMES,
        settings=Settings.model_construct(data_dir=tmp_path),
    )  # fmt: skip
    taken = take_bars(bars, columns=NAMES).bars
    for name in NAMES:
        assert loaded[name].dtype == taken[name].dtype
        assert loaded[name].astype(object).where(loaded[name].notna(), None).tolist() == (
            taken[name].astype(object).where(taken[name].notna(), None).tolist()
        )
    assert bars_hash(loaded, columns=NAMES) == bars_hash(taken, columns=NAMES)


def test_the_hash_tells_each_kind_of_column_apart():
    bars = take_bars(declared(), columns=NAMES).bars
    known = {bars_hash(bars, columns=NAMES)}
    others = {
        "regime": bars["regime"].cat.rename_categories(["DOWN", "up"]),
        "hot": bars["hot"].astype("Float64").astype(float),
        "score": bars["score"].fillna(0.0),
    }
    for name, column in others.items():
        known.add(bars_hash(bars.assign(**{name: column}), columns=NAMES))
    assert len(known) == 1 + len(others)
    # Texts that are in no bar say nothing.
    part = bars.iloc[[0, 2]]
    bare = part.assign(regime=part["regime"].cat.remove_unused_categories())
    assert bars_hash(part, columns=NAMES) == bars_hash(bare, columns=NAMES)
