"""``model.pt`` without PyTorch: what is read, and that all else is refused and never run."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.torch_files import (
    archive,
    mapping,
    named,
    number,
    pickled,
    sizes,
    tensor,
    text,
    torch_file,
)

from btkit.errors import BundleError
from btkit.models import tensors as reading
from btkit.models.tensors import read_tensors

WEIGHTS = np.arange(12.0, dtype=np.float32).reshape(3, 4) / 8


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        path = tmp_path / "model.pt"
        path.write_bytes(content)
        return read_tensors(path)

    return read_content


def one(array=WEIGHTS, held=None, **changed):
    told = pickled(mapping({"w": tensor(array, **changed)}))
    return archive(told, [array if held is None else held])


def test_tensors_are_read_in_the_order_of_the_file(read):
    written = {"3.weight": WEIGHTS, "0.weight": WEIGHTS.astype("f8") / 3, "n": np.array(7)}
    found = read(torch_file(written))
    assert list(found) == list(written)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float64)}
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array.astype(float))


def test_a_transposed_tensor_and_parts_of_one_storage_are_read_as_they_are_told(read):
    told = mapping(
        {
            "t": tensor(WEIGHTS, count=12, size=(4, 2), stride=(1, 4), offset=0),
            "rest": tensor(WEIGHTS, count=12, size=(4,), stride=(1,), offset=8),
        }
    )
    found = read(archive(pickled(told), [WEIGHTS]))
    np.testing.assert_array_equal(found["t"], WEIGHTS[:2].T)
    np.testing.assert_array_equal(found["rest"], WEIGHTS[2])
    assert found["t"].flags.c_contiguous


def test_half_precision_is_kept_exactly(read):
    half = np.array([1 / 3, -2.5], np.float16)
    np.testing.assert_array_equal(read(one(half))["w"], half.astype(float))


def test_weights_of_the_other_byte_order_are_turned_round(read):
    swapped = archive(
        pickled(mapping({"w": tensor(WEIGHTS)})), [WEIGHTS.byteswap()], byteorder="big"
    )
    np.testing.assert_array_equal(read(swapped)["w"], WEIGHTS)


def test_parameters_and_the_versions_of_modules_are_understood(read):
    hooks = named("collections", "OrderedDict") + b")R"
    parameter = named("torch._utils", "_rebuild_parameter") + b"(" + tensor(WEIGHTS) + b"\x88"
    versions = b"}" + text("_metadata") + mapping({"": b"}" + text("version") + b"K\x01s"}) + b"sb"
    told = mapping({"w": parameter + hooks + b"tR"}) + versions
    np.testing.assert_array_equal(read(archive(pickled(told), [WEIGHTS]))["w"], WEIGHTS)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /nonexistent/btkit",)


def reduce(module, name, *arguments):
    return pickled(named(module, name) + b"(" + b"".join(map(text, arguments)) + b"tR")


HOSTILE = {
    "a bare pickle that runs a command": pickle.dumps(Evil(), protocol=2),
    "a command inside an archive": archive(pickle.dumps(Evil(), protocol=2)),
    "a builtin": archive(reduce("builtins", "eval", "1")),
    "the builtin of Python 2": archive(reduce("__builtin__", "exec", "1")),
    "another function of torch": archive(reduce("torch", "load", "x")),
    "a dotted name below an allowed one": archive(reduce("torch._utils", "_rebuild_tensor_v2.f")),
    "a class made by name on the stack": archive(pickle.dumps(Evil, protocol=4)),
    "a whole module": archive(reduce("torch.nn.modules.linear", "Linear")),
    "a class instead of tensors": archive(pickled(named("torch", "FloatStorage"))),
    "an extension code": archive(b"\x80\x02\x82\x01."),
    "a mapping made from a text": archive(reduce("collections", "OrderedDict", "ab")),
    "a state given to a class": archive(pickled(named("torch", "FloatStorage") + b"}b")),
    "a number": archive(pickled(number(1))),
    "a mapping of numbers": archive(pickled(mapping({"w": number(1)}))),
    "a checkpoint": archive(pickled(mapping({"model_state_dict": mapping({})}))),
    "a name that is no text": archive(pickled(b"}" + sizes([1]) + number(1) + b"s")),
    "a name twice": archive(pickled(b"}(" + 2 * (text("w") + number(1)) + b"u")),
    "two things": archive(pickled(b"}}")),
    "a mark that is not there": archive(pickled(b"t")),
    "a memo that is not there": archive(pickled(b"h\x07")),
    "a place of the memo far out": archive(pickled(b"}r\xff\xff\xff\xffj\xff\xff\xff\x7f")),
    "no end": archive(b"\x80\x02}"),
    "nothing": archive(b""),
    "tuples in tuples as a name": archive(pickled(b"}" + b")" + b"\x85" * 500_000 + b"N" + b"s")),
    "tuples that double": archive(pickled(b")" + b"q\x00h\x00\x86" * 100 + b"0")),
    "a long pickle": archive(pickled(b"}" + b"N0" * 2**20)),
    "a storage that is told otherwise": archive(pickled(mapping({"w": b"(tQ"}))),
    "a tensor without a storage": archive(
        pickled(named("torch._utils", "_rebuild_tensor_v2") + b"(NNNNNNtR")
    ),
    "a parameter of nothing": archive(
        pickled(named("torch._utils", "_rebuild_parameter") + b"(NNNtR")
    ),
    "a size far beyond": one(size=(2**62, 2**62), stride=(2**62, 1)),
    "a storage far beyond": one(count=2**70, size=(2**40,), stride=(1,)),
    "many numbers from few": one(size=(2**40,), stride=(0,)),
    "a negative stride": one(size=(3,), stride=(-1,), offset=5),
    "a negative offset": one(offset=-1),
    "a negative size": one(size=(-3, 4)),
    "an empty size": one(size=(0,), stride=(1,)),
    "a truth value as a size": archive(
        pickled(mapping({"w": tensor(WEIGHTS).replace(sizes((3, 4)), b"(\x88\x88t")})), [WEIGHTS]
    ),
    "one stride too few": one(stride=(1,)),
    "many dimensions": one(size=(1,) * 40, stride=(1,) * 40),
    "an offset beyond the storage": one(offset=1),
    "a stride beyond the storage": one(stride=(5, 1)),
    "rows that overlap": one(stride=(3, 1)),
    "a storage that is too short": one(held=WEIGHTS[:2]),
    "a storage that is too long": one(held=np.append(WEIGHTS, 1)),
    "tensors that overlap": archive(
        pickled(
            mapping({"a": tensor(WEIGHTS), "b": tensor(WEIGHTS, size=(1,), stride=(1,), offset=3)})
        ),
        [WEIGHTS],
    ),
    "a storage of two kinds": archive(
        pickled(
            mapping(
                {
                    "a": tensor(WEIGHTS, size=(1,), stride=(1,)),
                    "b": tensor(WEIGHTS, kind="IntStorage", size=(1,), stride=(1,), offset=2),
                }
            )
        ),
        [WEIGHTS],
    ),
    "bfloat16": one(kind="BFloat16Storage"),
    "truth values": one(kind="BoolStorage"),
    "whole numbers beyond 2**53": one(np.array([2**62])),
    "a storage with no entry": archive(pickled(mapping({"w": tensor(WEIGHTS)}))),
    "a storage outside": archive(pickled(mapping({"w": tensor(WEIGHTS, "../../etc/passwd")}))),
    "an odd byte order": archive(
        pickled(mapping({"w": tensor(WEIGHTS)})), [WEIGHTS], byteorder="middle"
    ),
    "a TorchScript program": archive(pickled(b"}"), **{"constants.pkl": b"", "code/x.py": b""}),
    "an entry that leads out": archive(pickled(b"}"), **{"../../x": b""}),
    "an entry of Windows that leads out": archive(pickled(b"}"), **{"..\\x": b""}),
    "no pickle": archive(b"", data=b"")[:0],
    "an archive cut short": torch_file({"w": WEIGHTS})[:-30],
    "text": b"these are no weights",
    "many tensors": archive(
        pickled(
            mapping(
                {
                    str(place): tensor(WEIGHTS, size=(1,), stride=(1,), offset=0)
                    for place in range(1_001)
                }
            )
        ),
        [WEIGHTS],
    ),
    "many entries": b"PK\x01\x02" * 5_000,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_all_else_is_refused_in_a_sentence_with_a_way_out(read, content, monkeypatch):
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("it was run"))
    with pytest.raises(BundleError, match=r"^model\.pt ") as refused:
        read(content)
    assert refused.value.hint.endswith((".", ")"))
    assert len(refused.value.message) < 300
    assert "\n" not in refused.value.message


def test_what_a_file_asks_for_is_named(read):
    with pytest.raises(BundleError, match=r"asks for 'builtins\.eval'.*nothing of it was run"):
        read(HOSTILE["a builtin"])
    with pytest.raises(BundleError, match="legacy format") as refused:
        read(HOSTILE["a bare pickle that runs a command"])
    assert "torch.load(path, weights_only=True)" in refused.value.hint
    with pytest.raises(BundleError, match=r"'model_state_dict' in it is no tensor, but a mapping"):
        read(HOSTILE["a checkpoint"])
    with pytest.raises(BundleError, match="TorchScript"):
        read(HOSTILE["a TorchScript program"])


@pytest.mark.parametrize(
    "name", ["a size far beyond", "a storage far beyond", "many numbers from few", "many entries"]
)
def test_what_a_file_says_of_sizes_takes_no_memory(read, name):
    content = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(BundleError):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(content) + 1e6
    finally:
        tracemalloc.stop()


def test_many_weights_are_refused_by_their_number(read, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_WEIGHTS", 11)
    with pytest.raises(BundleError, match="more than 11 numbers"):
        read(one())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_entries_are_refused_before_they_are_unpacked(read, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as writing:
        writing.writestr("model/data.pkl", b"\0" * 2**24)
    with pytest.raises(BundleError, match="compressed"):
        read(file.getvalue())


def test_an_entry_twice_is_refused(read):
    file = io.BytesIO(torch_file({"w": WEIGHTS}))
    with zipfile.ZipFile(file, "a") as writing, pytest.warns(UserWarning, match="Duplicate"):
        writing.writestr("model/data/0", WEIGHTS.tobytes())
    with pytest.raises(BundleError, match="twice"):
        read(file.getvalue())


def test_entries_of_two_folders_are_refused(read):
    file = io.BytesIO(torch_file({"w": WEIGHTS}))
    with zipfile.ZipFile(file, "a") as writing:
        writing.writestr("other/data/0", b"")
    with pytest.raises(BundleError, match="more than one folder"):
        read(file.getvalue())


def test_a_changed_byte_of_a_weight_is_noticed(read):
    content = bytearray(torch_file({"w": WEIGHTS}))
    place = content.index(WEIGHTS.tobytes())
    content[place] ^= 1
    with pytest.raises(BundleError, match="damaged"):
        read(bytes(content))


def test_an_encrypted_entry_is_refused(read):
    content = bytearray(torch_file({"w": WEIGHTS}))
    for begin, flags in ((content.index(b"PK\x03\x04"), 6), (content.index(b"PK\x01\x02"), 8)):
        struct.pack_into("<H", content, begin + flags, 1)
    with pytest.raises(BundleError, match="cannot be read"):
        read(bytes(content))


def test_an_archive_of_a_later_version_is_refused(read):
    content = bytearray(torch_file({"w": WEIGHTS}))
    content[content.index(b"PK\x01\x02") + 6] = 132
    with pytest.raises(BundleError, match=r"no archive of torch\.save"):
        read(bytes(content))


@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 10**6),
)
def test_spoilt_bytes_give_weights_or_a_refusal_and_nothing_else(tmp_path_factory, changes, cut):
    content = bytearray(torch_file({"0.weight": WEIGHTS, "0.bias": WEIGHTS[0]}))
    for place, value in changes:
        content[place % len(content)] = value
    if cut % 3 == 0:
        del content[cut % len(content) :]
    path = tmp_path_factory.getbasetemp() / "spoilt.pt"
    path.write_bytes(content)
    try:
        found = read_tensors(path)
    except BundleError:
        return
    assert all(np.isfinite(array).all() for array in found.values())


@given(operations=st.binary(max_size=40))
def test_any_pickle_gives_a_mapping_of_tensors_or_a_refusal(tmp_path_factory, operations):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(archive(pickled(operations), [WEIGHTS]))
    try:
        found = read_tensors(path)
    except BundleError:
        return
    assert found == {}
