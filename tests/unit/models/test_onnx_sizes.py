"""An ONNX model that would take more memory than a network needs is refused before it runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from btkit.errors import BundleError
from btkit.models.onnx_network import OnnxNetwork
from btkit.models.onnx_sizes import BATCH, MOST_VALUES

OPSET = [helper.make_opsetid("", 18)]
ROWS = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 5])
OUTPUT = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 5])


def model_of(nodes, *, weights=(), functions=(), output=OUTPUT):
    graph = helper.make_graph(nodes, "g", [ROWS], [output], list(weights))
    opsets = [*OPSET, helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)


def whole(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def added(name):
    """Return nodes that make one number of a tensor, and add it to each row."""
    return [
        helper.make_node("Cast", [name], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["as_float"], ["total"], keepdims=0),
        helper.make_node("Add", ["x", "total"], ["y"]),
    ]


def doubled(first, times):
    names = [first, *(f"d{place}" for place in range(times))]
    return names[-1], [
        helper.make_node("Concat", [before, before], [after], axis=1)
        for before, after in pairwise(names)
    ]


def doubling(times):
    last, nodes = doubled("x", times)
    return model_of([*nodes, *added(last)])


def filled(*shape):
    node = helper.make_node("ConstantOfShape", ["s"], ["z"])
    return model_of([node, *added("z")], weights=[whole("s", *shape)])


def calling(times):
    """Return functions that each call the next one twice."""
    functions = []
    for place in range(times):
        inner = "Relu" if place == times - 1 else f"F{place + 1}"
        domain = "" if inner == "Relu" else "own"
        nodes = [
            helper.make_node(inner, ["a"], ["m"], domain=domain),
            helper.make_node(inner, ["m"], ["b"], domain=domain),
        ]
        functions.append(
            helper.make_function(
                "own", f"F{place}", ["a"], ["b"], nodes, [*OPSET, helper.make_opsetid("own", 1)]
            )
        )
    return model_of([helper.make_node("F0", ["x"], ["y"], domain="own")], functions=functions)


def of_unknown_size():
    nodes = [
        helper.make_node("NonZero", ["x"], ["there"]),
        helper.make_node("ReduceMax", ["there"], ["length"], keepdims=0),
        helper.make_node("Reshape", ["length", "one"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["z"]),
    ]
    return model_of([*nodes, *added("z")], weights=[whole("one", 1)])


def said_to_be_large():
    large = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 10**9])
    return model_of([helper.make_node("Relu", ["x"], ["y"])], output=large)


def with_claimed_weights():
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10**6, 10**6])
    return model_of([helper.make_node("Relu", ["x"], ["y"])], weights=[weights])


def of_itself():
    nodes = [helper.make_node("F", ["a"], ["b"], domain="own")]
    opsets = [*OPSET, helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "F", ["a"], ["b"], nodes, opsets)
    node = helper.make_node("F", ["x"], ["y"], domain="own")
    return model_of([node], functions=[function])


REFUSED = {
    "doubled again and again": (doubling(40), r"its value 'd\d+' would come to 8.4e\+07 values"),
    "filled": (filled(10**5, 10**6), "its value 'z' would come to 1e\\+11 values"),
    "said to be large": (said_to_be_large(), "its value 'y' would come to 1e\\+09 values"),
    "weights that are claimed": (with_claimed_weights(), "its weights 'w' would come to 1e\\+12"),
    "as large as a row says": (of_unknown_size(), "'ConstantOfShape' makes 'z' shows only while"),
    "functions of functions": (calling(30), "it comes to 1,073,741,824 operators"),
    "functions in many functions": (calling(80), "stands in more than 50 others"),
    "a function of itself": (of_itself(), "calls itself"),
}


@pytest.fixture
def load(tmp_path):
    def loaded(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return OnnxNetwork(path)

    return loaded


@pytest.mark.parametrize(("model", "message"), REFUSED.values(), ids=REFUSED)
def test_what_would_take_too_much_is_refused_before_a_session(load, model, message, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    with pytest.raises(BundleError, match=message) as refused:
        load(model)
    assert refused.value.message.startswith("model.onnx was refused: ")
    assert "\n" not in refused.value.message
    assert refused.value.hint.startswith("Export a smaller network") or "own" in str(model)


def test_what_fits_runs(load):
    rows = np.ones((3, 5))
    times = int(np.log2(MOST_VALUES / (BATCH * 5)))
    for model, total in (
        (filled(BATCH, 4), 0.0),
        (calling(6), None),
        (doubling(5), BATCH * 5 * 2**5),
    ):
        found = load(model).forward(np.ones((BATCH, 5)))[:3]
        np.testing.assert_array_equal(found, rows if total is None else rows + total)
    assert BATCH * 5 * 2**times <= MOST_VALUES
    with pytest.raises(BundleError, match="would come to"):
        load(doubling(times + 1))


def test_what_shows_only_while_it_runs_is_bounded_then(load):
    last, nodes = doubled("there", 22)
    network = load(model_of([helper.make_node("NonZero", ["x"], ["there"]), *nodes, *added(last)]))
    assert network.forward(np.zeros((2, 5))).tolist() == [[0.0] * 5] * 2
    with pytest.raises(BundleError, match="more than 2,147,483,648 bytes of memory while it runs"):
        network.forward(np.ones((BATCH, 5)))
    assert network.forward(np.zeros((2, 5))).tolist() == [[0.0] * 5] * 2


def test_weights_that_are_mostly_nothing_count_as_what_they_stand_for(load):
    values = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [3])
    sparse = onnx.SparseTensorProto(values=values, indices=places, dims=[10**7, 10**5])
    model = model_of([helper.make_node("Relu", ["x"], ["y"])])
    model.graph.sparse_initializer.append(sparse)
    with pytest.raises(BundleError, match="its weights 'w' would come to"):
        load(model)
