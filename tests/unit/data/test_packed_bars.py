"""What is unpacked is what was packed, to the last bit."""

from __future__ import annotations

import json
from datetime import date, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_bars import make_bars

from btkit.data import DataInfo, LoadedBars, load_from_source
from btkit.data.packed import MOST_BYTES, pack_bars, unpack_bars
from btkit.documents import bars_hash
from btkit.errors import DataError
from btkit.settings import Settings

ZONES = ["UTC", "America/New_York", timezone(timedelta(hours=5, minutes=30))]
INFO = DataInfo(
    source="files", symbol="SPY", interval="1d", description="Töne", rows=3, first="2020-01-02",
    last="2020-01-06", coverage="partial", gaps=[{"start": "2020-01-03", "end": "2020-01-03"}],
    quality=[], notes=["a note"], warmup_rows=0, format={"decimal": ","},
)  # fmt: skip


@st.composite
def frames(draw):
    count = draw(st.integers(0, 30))
    unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
    step, zone = draw(
        st.sampled_from([(86_400, None), (7 * 86_400, None), *[(60, zone) for zone in ZONES]])
    )
    seconds = draw(st.integers(-(10**9), 4 * 10**9)) + step * np.arange(count)
    index = pd.DatetimeIndex(seconds.astype("M8[s]")).as_unit(unit)
    if zone is not None:
        index = index.tz_localize("UTC").tz_convert(zone)
    index.name = draw(st.sampled_from(["date", "time", None]))
    bits = st.lists(st.integers(0, 2**64 - 1), min_size=count, max_size=count)
    names = ["open", "high", "low", "close", "volume"]
    names += draw(st.lists(st.sampled_from(["vix", "adj_close", "splits", "time"]), unique=True))
    frame = pd.DataFrame(
        {name: np.array(draw(bits), np.uint64).view(np.float64) for name in names}, index=index
    )
    texts = draw(st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=4))
    kind = draw(st.sampled_from(["object", "str"]))
    codes = draw(st.lists(st.integers(-1, len(texts) - 1), min_size=count, max_size=count))
    dtype = pd.CategoricalDtype(pd.Index(sorted(texts), dtype=kind))
    frame["regime"] = pd.Categorical.from_codes(codes, dtype=dtype)
    truth = st.lists(st.sampled_from([True, False, None]), min_size=count, max_size=count)
    frame["event"] = pd.array(draw(truth), "boolean")
    if draw(st.booleans()):
        frame.attrs["btkit"] = INFO.model_dump()
    return frame


def same_bits(left, right):
    pd.testing.assert_frame_equal(left, right, check_freq=False)
    assert left.attrs == right.attrs
    assert left.index.unit == right.index.unit
    assert str(left.index.tz) == str(right.index.tz)
    for name in left:
        if left[name].dtype == np.float64:
            assert left[name].to_numpy().tobytes() == right[name].to_numpy().tobytes()
        elif isinstance(left[name].dtype, pd.CategoricalDtype):
            assert left[name].cat.categories.dtype == right[name].cat.categories.dtype


def packed_again(loaded):
    content = pack_bars(loaded)
    found = unpack_bars(content)
    assert pack_bars(found) == content
    return found


@given(bars=frames(), benchmark=st.none() | frames())
def test_any_bars_come_back_to_the_last_bit(bars, benchmark):
    start = pd.Timestamp("2020-01-02", tz=bars.index.tz)
    found = packed_again(LoadedBars(bars, lambda: INFO, start, benchmark))

    same_bits(found.bars, bars)
    assert found.info == INFO
    assert found.start == start
    assert (found.start.unit, str(found.start.tz)) == (start.unit, str(start.tz))
    if benchmark is None:
        assert found.benchmark is None
    else:
        same_bits(found.benchmark, benchmark)


def test_loaded_bars_have_their_hash_and_start_again(tmp_path):
    loaded = load_from_source(
        "SPX", date(2015, 1, 2), date(2016, 12, 30), source="sample", settings=Settings(),
        slower=(), warmup=100,
    )  # fmt: skip
    found = packed_again(loaded)
    same_bits(found.bars, loaded.bars)
    assert bars_hash(found.bars) == bars_hash(loaded.bars)
    assert found.start in found.bars.index
    assert (found.start, found.info) == (loaded.start, loaded.info)


def test_the_same_bars_are_the_same_bytes_however_they_lie_in_memory():
    bars = make_bars(50)
    rows = pd.DataFrame(np.asfortranarray(bars.to_numpy()), bars.index, bars.columns)
    one, other = (
        pack_bars(LoadedBars(frame, lambda: INFO, bars.index[3])) for frame in (bars, rows)
    )
    assert one == other


def test_unpacked_numbers_lie_together_in_memory_of_their_own():
    bars = make_bars(50)
    found = unpack_bars(pack_bars(LoadedBars(bars, lambda: INFO, bars.index[0]))).bars
    (block,) = found._mgr.blocks
    flags = block.values.flags  # noqa: PD011 - of the block
    assert flags.c_contiguous
    assert flags.writeable


def some():
    bars = make_bars(20)
    return pack_bars(LoadedBars(bars, lambda: INFO, bars.index[0]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"\x80\x04N.", "cannot be read"),
        (some()[:-100], "cannot be read"),
        (some() + b"x", "more follows"),
        (some().replace(b'"format": 2', b'"format": 9'), "their format is 9"),
        (some().replace(b'"symbol"', b'"symbal"'), "cannot be read"),
        (some().replace(b'"has_benchmark": false', b'"has_benchmark": true '), "cannot be read"),
    ],
)
def test_what_was_not_packed_is_refused(content, said):
    with pytest.raises(DataError, match=said) as refused:
        unpack_bars(content)
    assert refused.value.hint


def stream(table, head):
    sink = pa.BufferOutputStream()
    schema = table.schema.with_metadata({b"btkit": json.dumps(head).encode()})
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.cast(schema))
    return sink.getvalue().to_pybytes()


TIMES = pa.array([0, 1]).view(pa.timestamp("s"))


def test_bars_in_several_parts_are_refused():
    bars = pa.table({"": TIMES})
    with pytest.raises(DataError, match="in 2 parts"):
        unpack_bars(stream(pa.concat_tables([bars, bars]), {"format": 1}))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"": pa.array([1, 2])}, "times of all bars"),
        ({"": pa.array([0, None], pa.timestamp("s"))}, "times of all bars"),
        ({"": TIMES, "close": pa.array([1, 2])}, "a column holds int64"),
        ({"": TIMES, "close": pa.array([1.0, None])}, "1 of them missing"),
        ({"": TIMES, "close": pa.array([b"1", b"2"])}, "a column holds binary"),
    ],
)
def test_columns_of_other_kinds_are_refused(columns, said):
    content = stream(pa.table(columns), {"format": 1, "has_benchmark": False})
    with pytest.raises(DataError, match=said):
        unpack_bars(content)


def test_more_bytes_than_may_travel_are_refused_unread():
    class Huge(bytes):
        def __len__(self):
            return MOST_BYTES + 1

    with pytest.raises(DataError, match="are the most"):
        unpack_bars(Huge())


def test_a_column_that_is_no_bars_column_does_not_travel():
    bars = make_bars(5).assign(tag=["a"] * 5)
    with pytest.raises(DataError, match="the column tag has the type"):
        pack_bars(LoadedBars(bars, lambda: INFO, bars.index[0]))
