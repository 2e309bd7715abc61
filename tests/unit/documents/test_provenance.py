"""Fingerprints and settings."""

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest

from btkit.documents import bars_hash, build_provenance, gather_versions


@pytest.fixture
def bars():
    return pd.DataFrame(
        {
            "open": [1.0, 2.0],
            "high": [3.0, 4.0],
            "low": [0.5, 0.0],
            "close": [1.0, 2.0],
            "volume": [10.0, np.nan],
        },
        index=pd.DatetimeIndex(["2024-01-02", "2024-01-03"]),
    )


def test_the_hash_is_what_its_description_says(bars):
    digest = hashlib.sha256(b"2 naive")
    digest.update(struct.pack("<2q", 1704153600000000000, 1704240000000000000))
    for name in ("open", "high", "low", "close", "volume"):
        digest.update(name.encode())
        digest.update(struct.pack("<2d", *bars[name]))
    assert bars_hash(bars) == digest.hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        lambda bars: bars.copy(),
        lambda bars: bars[["volume", "close", "low", "high", "open"]],
        lambda bars: bars.set_axis(bars.index.as_unit("s")),
        lambda bars: bars.assign(remark="not read"),
        lambda bars: bars.replace(0.0, -0.0),
        lambda bars: bars.astype({"open": "int64"}),
    ],
    ids=["copy", "column order", "time resolution", "further column", "minus zero", "integers"],
)
def test_the_same_bars_have_the_same_hash(bars, same):
    assert bars_hash(same(bars)) == bars_hash(bars)


@pytest.mark.parametrize(
    "other",
    [
        lambda bars: bars.iloc[:1],
        lambda bars: bars.assign(close=np.nextafter(bars["close"], 9.0)),
        lambda bars: bars.assign(vix=20.0),
        lambda bars: bars.drop(columns="volume"),
        lambda bars: bars.assign(volume=[10.0, 0.0]),
        lambda bars: bars.set_axis(bars.index + pd.Timedelta(days=1)),
        lambda bars: bars.set_axis(bars.index.tz_localize("UTC")),
        lambda bars: bars.rename(columns={"open": "close", "close": "open"}).assign(open=5.0),
    ],
    ids=["shorter", "last bit", "vix", "no volume", "known", "dates", "zone", "renamed"],
)
def test_other_bars_have_another_hash(bars, other):
    assert bars_hash(other(bars)) != bars_hash(bars)


def test_the_zone_of_intraday_bars_is_only_a_way_of_writing(bars):
    utc = bars.set_axis(bars.index.tz_localize("UTC"))
    assert bars_hash(utc.tz_convert("America/New_York")) == bars_hash(utc)


def test_provenance_says_how_to_get_the_same_numbers(result):
    command = ["backtest", "run", "--strategy", "cross.json"]
    provenance = build_provenance(result, versions={"btkit": "0.1.0"}, command=command)
    assert provenance["bars_hash"] == bars_hash(result.all_bars)
    assert provenance["bars_hash"] != bars_hash(result.bars)
    assert provenance["source"] == "dataframe"
    assert provenance["versions"] == {"btkit": "0.1.0"}
    assert provenance["command"] == command
    assert provenance["spec"]["entry_conditions"] == ["close > sma_20"]
    assert provenance["settings"] == {
        "capital": 100_000.0,
        "commission": 0.65,
        "commission_model": "per_order",
        "slippage": 0.005,
        "interval": "1d",
        "benchmark": None,
        "bars_per_year": 252.0,
        "periods_per_year": 252.0,
        "fill": "next_open",
        "filter_scope": "entries",
        "direction": "long",
        "price_adjustment": "none",
        "calendar": "XNYS",
    }


def test_the_same_input_has_the_same_provenance(result):
    once, again = (build_provenance(result, versions={}) for _ in range(2))
    assert once == again
    assert len(once["spec_hash"]) == 64


def test_versions_name_what_numbers_depend_on():
    versions = gather_versions()
    assert {"python", "btkit", "numpy", "pandas", "numba", "TA-Lib", "platform"} <= set(versions)
    assert versions["numpy"] == np.__version__
