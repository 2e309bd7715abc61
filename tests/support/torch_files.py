"""Files as ``torch.save`` writes them, made without PyTorch, whole or spoilt in one place."""

import io
import struct
import zipfile

import numpy as np

_KINDS = {"f8": "DoubleStorage", "f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage"}


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    # LONG1, which holds numbers of any size and sign.
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(digits)]) + digits


def sizes(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def storage(kind, key, count):
    told = text("storage") + named("torch", kind) + text(key) + text("cpu") + number(count)
    return b"(" + told + b"tQ"


def tensor(array, key="0", **changed):
    """Return the operations that rebuild `array` from the storage `key`, with what is changed."""
    told = {
        "kind": _KINDS[array.dtype.str[1:]],
        "count": array.size,
        "offset": 0,
        "size": array.shape,
        "stride": [stride // array.itemsize for stride in array.strides],
    } | changed
    hooks = named("collections", "OrderedDict") + b")R"
    return (
        named("torch._utils", "_rebuild_tensor_v2")
        + b"("
        + storage(told["kind"], key, told["count"])
        + number(told["offset"])
        + sizes(told["size"])
        + sizes(told["stride"])
        + b"\x89"
        + hooks
        + b"tR"
    )


def mapping(entries):
    filled = b"".join(text(name) + value for name, value in entries.items())
    return named("collections", "OrderedDict") + b")R(" + filled + b"u"


def pickled(value):
    return b"\x80\x02" + value + b"."


def archive(pickle, arrays=(), **entries):
    """Return the bytes of a file: a pickle, the arrays of its storages, and further entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writing:
        writing.writestr("model/data.pkl", pickle)
        for key, array in enumerate(arrays):
            writing.writestr(f"model/data/{key}", np.ascontiguousarray(array).tobytes())
        for name, content in entries.items():
            writing.writestr(f"model/{name}", content)
    return file.getvalue()


def torch_file(tensors):
    """Return what ``torch.save`` would write of a mapping of names to arrays."""
    told = {name: tensor(array, str(key)) for key, (name, array) in enumerate(tensors.items())}
    return archive(pickled(mapping(told)), tensors.values(), byteorder="little", version="3\n")
