"""An ONNX model that would work for longer than anybody waits is refused before it runs."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from btkit.errors import BundleError
from btkit.models.onnx_network import OnnxNetwork
from btkit.models.onnx_sizes import BATCH
from btkit.models.onnx_work import MOST_WORK

ROWS = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 5])
OUTPUT = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 5])
TOO_LONG = "come to more than 274,877,906,944 multiplications for a batch"


def weights(name, *shape):
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def whole(name, *values):
    return numpy_helper.from_array(np.array(values), name)


def model_of(nodes, *parts):
    graph = helper.make_graph(nodes, "g", [ROWS], [OUTPUT], list(parts))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def added(name):
    return [
        helper.make_node("ReduceMax", [name], ["most"], keepdims=0),
        helper.make_node("Add", ["x", "most"], ["y"]),
    ]


def squared(side, times, operator="MatMul", **attributes):
    """Return a model that multiplies a square with itself again and again."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["c"], keepdims=1),
        helper.make_node("Expand", ["c", "s"], ["m0"]),
    ]
    for place in range(times):
        inputs = [f"m{place}", f"m{place}"]
        nodes.append(helper.make_node(operator, inputs, [f"m{place + 1}"], **attributes))
    return model_of([*nodes, *added(f"m{times}")], whole("s", side, side))


def convolved():
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["image"]),
        helper.make_node("Conv", ["image", "w"], ["z"], pads=[0, 500, 0, 500]),
    ]
    shape = whole("s", 1, 1, BATCH, 5)
    return model_of([*nodes, *added("z")], shape, weights("w", 100, 1, 100, 600))


def remembered():
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["steps"]),
        helper.make_node("LSTM", ["steps", "w", "r"], ["z"], hidden_size=2_000),
    ]
    for place in range(3):
        inputs, name = ["steps", "w", "r"], f"again{place}"
        nodes.append(helper.make_node("LSTM", inputs, [name], hidden_size=2_000))
    shape = whole("s", BATCH * 5, 1, 1)
    parts = weights("w", 1, 8_000, 1), weights("r", 1, 8_000, 2_000)
    return model_of([*nodes, *added("z")], shape, *parts)


def boxes():
    nodes = [
        helper.make_node("NonMaxSuppression", ["x", "x"], ["z"]),
        helper.make_node("Relu", ["x"], ["y"]),
    ]
    return model_of(nodes)


LONG = {
    "products": (squared(4_096, 5), TOO_LONG),
    "products of labels": (squared(4_096, 5, "Einsum", equation="ij,jk->ik"), TOO_LONG),
    "products, turned round": (squared(4_096, 5, "Gemm", transA=1), TOO_LONG),
    "sums, one after another": (squared(8_000, 5_000, "Add"), TOO_LONG),
    "convolutions": (convolved(), TOO_LONG),
    "steps": (remembered(), TOO_LONG),
    "boxes": (boxes(), "how long its operator 'NonMaxSuppression' works shows only"),
}


@pytest.fixture
def load(tmp_path):
    def loaded(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return OnnxNetwork(path)

    return loaded


@pytest.mark.parametrize(("model", "message"), LONG.values(), ids=LONG)
def test_what_would_work_for_long_is_refused_before_a_session(load, model, message, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    with pytest.raises(BundleError, match=message) as refused:
        load(model)
    assert refused.value.hint


def test_a_network_of_as_many_weights_as_a_file_may_hold_is_not_refused(load):
    assert MOST_WORK == 4 * 2**26 * BATCH
    rows = np.ones((3, 5))
    for operator, more in (("MatMul", {}), ("Gemm", {}), ("Einsum", {"equation": "ij,jk->ik"})):
        assert load(squared(64, 2, operator, **more)).forward(rows).shape == (3, 5)
