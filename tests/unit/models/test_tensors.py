"""Weights out of files: safetensors, and what holds for every file."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file
from support.torch_files import torch_file

from btkit.errors import BundleError
from btkit.models import tensors as reading
from btkit.models.tensors import read_tensors

WEIGHTS = np.arange(12.0).reshape(3, 4) / 7


def written(tmp_path, tensors):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1"])
def test_every_kind_of_number_is_read_exactly(tmp_path, kind):
    array = (WEIGHTS * 7).astype(kind) if kind[0] in "iu" else WEIGHTS.astype(kind)
    found = read_tensors(written(tmp_path, {"w": array}))["w"]
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, array.astype(float))


def test_names_of_safetensors_come_as_their_numbers_count(tmp_path):
    names = ["10.weight", "2.weight", "0.weight", "net.3.b", "net.20.a", "fc.bias"]
    found = read_tensors(written(tmp_path, dict.fromkeys(names, WEIGHTS)))
    assert list(found) == ["0.weight", "2.weight", "10.weight", "fc.bias", "net.3.b", "net.20.a"]


@pytest.mark.parametrize(
    ("dtype", "width"),
    [("BF16", 2), ("BOOL", 1), ("U16", 2), ("U64", 8), ("F8_E5M2", 1), ("C64", 8)],
)
def test_other_kinds_are_refused_by_name(tmp_path, dtype, width):
    table = {"w": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * width]}}
    path = tmp_path / "model.safetensors"
    path.write_bytes(laid_out(json.dumps(table).encode(), bytes(2 * width)))
    with pytest.raises(BundleError, match=f"'w' is of {dtype}, which is none of F64, F32") as told:
        read_tensors(path)
    assert told.value.hint == "Save the weights in single precision (F32)."


def laid_out(table, data):
    return len(table).to_bytes(8, "little") + table + data


def told(**changed):
    table = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changed}
    return laid_out(json.dumps(table).encode(), bytes(8))


WHOLE = save({"w": WEIGHTS})
HOSTILE = {
    "nothing": b"",
    "a length alone": WHOLE[:8],
    "a table cut short": WHOLE[:20],
    "data cut short": WHOLE[:-1],
    "more than the table tells": WHOLE + b"\0",
    "a table longer than the file": (2**63).to_bytes(8, "little") + b"{}",
    "a long table": laid_out(b" " * (2**20 + 1), b""),
    "no table": laid_out(b"[1, 2]", b""),
    "a deep table": laid_out(b"[" * 100_000, b""),
    "places beyond the file": told(data_offsets=[0, 2**40]),
    "places that run backwards": told(data_offsets=[8, 0]),
    "a shape that does not fit": told(shape=[3]),
    "a shape that overflows": told(shape=[2**33, 2**33, 2**33]),
    "a negative shape": told(shape=[-2]),
    "places that overlap": laid_out(
        json.dumps(
            {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in ("a", "b")}
        ).encode(),
        bytes(8),
    ),
    "many tensors": save({f"{place}": np.zeros(1) for place in range(1_001)}),
    "whole numbers beyond 2**53": save({"w": np.array([2**60])}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_spoilt_safetensors_are_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"^model\.safetensors ") as refused:
        read_tensors(path)
    assert len(refused.value.message) < 300
    assert refused.value.hint


@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_spoilt_byte_gives_weights_or_a_refusal(tmp_path_factory, place, value):
    content = bytearray(WHOLE)
    content[place % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "spoilt.safetensors"
    path.write_bytes(content)
    try:
        found = read_tensors(path)
    except BundleError:
        return
    assert all(np.isfinite(array).all() for array in found.values())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, name, value):
    spoilt = WEIGHTS.astype("f4")
    spoilt[1, 2] = value
    make = save if name.endswith("safetensors") else torch_file
    (tmp_path / name).write_bytes(make({"0.weight": WEIGHTS, "3.weight": spoilt}))
    with pytest.raises(
        BundleError, match=r"1 of the 12 weights of '3\.weight' are NaN or infinite"
    ):
        read_tensors(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"There is no file .*model\.pt"):
        read_tensors(tmp_path / "model.pt")


def test_a_folder_and_a_pipe_are_no_files(tmp_path):
    (tmp_path / "a.pt").mkdir()
    os.mkfifo(tmp_path / "b.pt")
    for name in ("a.pt", "b.pt"):
        with pytest.raises(BundleError, match="There is no file"):
            read_tensors(tmp_path / name)


def test_a_path_that_cannot_be_is_refused():
    with pytest.raises(BundleError, match=r"cannot be read|There is no file"):
        read_tensors("a\0b.pt")


def test_another_kind_of_file_is_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"model\.pkl is none of \.safetensors, \.pt, \.pth"):
        read_tensors(tmp_path / "model.pkl")


def test_a_large_file_is_refused_before_it_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    with pytest.raises(BundleError, match="larger than 100 bytes"):
        read_tensors(written(tmp_path, {"w": WEIGHTS}))
