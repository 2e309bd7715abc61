"""``model.onnx`` through onnxruntime: what runs, the rule of batches, what is refused."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.networks import mlp_weights, plain_mlp

from btkit.errors import BundleError
from btkit.models.onnx_network import BATCH, OnnxNetwork

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(2 * BATCH + 300, 5))
LABELS = RNG.integers(0, 3, len(ROWS))
FIXED = {"target_opset": {"": 18, "ai.onnx.ml": 3}}


@pytest.fixture
def write(tmp_path):
    def save(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return path

    return save


@pytest.fixture
def load(write):
    return lambda model: OnnxNetwork(write(model))


@pytest.fixture(scope="module")
def classifier():
    network = MLPClassifier((16, 8), max_iter=20, random_state=0, tol=1)
    return make_pipeline(StandardScaler(), network).fit(ROWS, LABELS)


@pytest.fixture(scope="module")
def converted(classifier):
    return to_onnx(classifier, ROWS[:1].astype("f4"), options={"zipmap": False}, **FIXED)


def tensor(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(nodes, inputs, outputs, *, weights=(), domains=(), functions=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(weights))
    opsets = [helper.make_opsetid(domain, 18 if domain == "" else 1) for domain in ("", *domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)


def relu(inputs=None, outputs=None, **changed):
    node = helper.make_node("Relu", ["x"], ["y"], **changed)
    return model_of([node], inputs or [tensor("x", None, 5)], outputs or [tensor("y", None, 5)])


def mlp(kind):
    tensors = mlp_weights(np.random.default_rng(1), 5, 7, 3)
    weights = [
        numpy_helper.from_array(value.astype(kind), name.replace(".", "_"))
        for name, value in tensors.items()
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "0_weight", "0_bias"], ["a"], transB=1),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Gemm", ["b", "3_weight", "3_bias"], ["y"], transB=1),
    ]
    type_ = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    ends = [tensor("x", "rows", 5, kind=type_)], [tensor("y", "rows", 3, kind=type_)]
    return tensors, model_of(nodes, *ends, weights=weights)


def test_a_classifier_of_scikit_learn_gives_its_probabilities(load, classifier, converted):
    network = load(converted)
    assert (network.inputs, network.outputs, network.window) == (5, 3, 1)
    found = network.forward(ROWS)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, classifier.predict_proba(ROWS), atol=1e-6)


@pytest.mark.parametrize("model", [LogisticRegression(), Ridge()])
def test_other_models_of_scikit_learn_run(load, model):
    model.fit(ROWS, LABELS)
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    network = load(to_onnx(model, ROWS[:1].astype("f4"), options=options, **FIXED))
    expected = getattr(model, "predict_proba", model.predict)(ROWS).reshape(len(ROWS), -1)
    np.testing.assert_allclose(network.forward(ROWS), expected, atol=1e-6)


@pytest.mark.parametrize(("kind", "near"), [("f4", 1e-6), ("f8", 1e-14)])
def test_rows_are_handed_over_as_the_model_has_them(load, kind, near):
    tensors, model = mlp(kind)
    plain = [plain_mlp(tensors, "tanh", row) for row in ROWS[:50]]
    np.testing.assert_allclose(load(model).forward(ROWS[:50]), plain, rtol=0, atol=near)


@pytest.mark.parametrize("count", [0, 1, 300, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 1])
def test_a_row_gives_the_same_bits_however_many_follow_it(load, converted, count):
    network = load(converted)
    assert network.forward(ROWS[:count]).tobytes() == network.forward(ROWS)[:count].tobytes()


def test_a_row_gives_the_same_bits_whatever_stands_beside_it(load, converted):
    network, other = load(converted), RNG.normal(size=ROWS.shape) * 5
    kept = RNG.random(len(ROWS)) < 0.3
    mixed = np.where(kept[:, None], ROWS, other)
    assert network.forward(mixed)[kept].tobytes() == network.forward(ROWS)[kept].tobytes()
    assert load(converted).forward(ROWS).tobytes() == network.forward(ROWS).tobytes()


def test_every_batch_is_of_one_size_and_begins_at_a_multiple_of_it(load, converted, monkeypatch):
    network, seen = load(converted), []
    run = network._run
    monkeypatch.setattr(network, "_run", lambda batch: seen.append(batch.copy()) or run(batch))
    network.forward(ROWS)
    assert [batch.shape for batch in seen] == [(1_024, 5)] * 3
    np.testing.assert_array_equal(np.concatenate(seen)[: len(ROWS)], ROWS.astype("f4"))
    assert not seen[-1][300:].any()


def test_one_thread_on_the_cpu_is_asked_for(load, converted):
    network = load(converted)
    options = network._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert network._session.get_providers() == ["CPUExecutionProvider"]


def test_the_provenance_says_what_the_outputs_hang_on(load, converted):
    known = load(converted).provenance
    assert known["onnxruntime"] == onnxruntime.__version__
    assert known["provider"] == "CPUExecutionProvider"
    assert known["cpu"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_row_with_a_value_that_is_no_number_or_too_large_gives_nan_alone(load, converted, value):
    network, rows = load(converted), ROWS.copy()
    rows[7, 2] = value
    found, whole = network.forward(rows), network.forward(ROWS)
    assert np.isnan(found[7]).all()
    assert np.delete(found, 7, 0).tobytes() == np.delete(whole, 7, 0).tobytes()


def test_rows_of_another_width_are_refused(load, converted):
    with pytest.raises(BundleError, match="takes 5 features a row"):
        load(converted).forward(np.zeros((3, 4)))


def external():
    _, model = mlp("f4")
    onnx.external_data_helper.convert_model_to_external_data(model, size_threshold=0)
    for weights in model.graph.initializer:
        onnx.external_data_helper.set_external_data(weights, "/etc/passwd")
        weights.ClearField("raw_data")
    return model


def external_constant():
    node = helper.make_node("Constant", [], ["c"], value=external().graph.initializer[1])
    add = helper.make_node("Add", ["x", "c"], ["y"])
    return model_of([node, add], [tensor("x", None, 7)], [tensor("y", None, 7)])


def constant_shape():
    node = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(np.ones((2, 3))))
    return model_of(
        [node, helper.make_node("Relu", ["x"], ["z"])],
        [tensor("x", None, 5)],
        [tensor("y", None, 3, kind=TensorProto.DOUBLE)],
    )


def inside_a_branch(operator, domain=""):
    """Return a model whose operator stands in a graph within its graph."""
    branch = helper.make_graph(
        [helper.make_node(operator, ["x"], ["b"], domain=domain)], "b", [], [tensor("b", None, 5)]
    )
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
    ]
    return model_of(nodes, [tensor("x", None, 5)], [tensor("y", None, 5)], domains=[domain])


REFUSED = {
    "nothing": (b"", "onnxruntime cannot load it|no ONNX model"),
    "no model": (b"\xff" * 50, "no ONNX model"),
    "cut short": (mlp("f4")[1].SerializeToString()[:-40], "no ONNX model"),
    "weights in another file": (external(), "'0_weight' are in another file"),
    "a constant in another file": (external_constant(), "are in another file"),
    "operators of others": (relu(domain="com.example"), "'com.example.Relu' is not ONNX's"),
    "operators of onnxruntime": (
        model_of(
            [helper.make_node("FastGelu", ["x"], ["y"], domain="com.microsoft")],
            [tensor("x", None, 5)],
            [tensor("y", None, 5)],
            domains=["com.microsoft"],
        ),
        "'com.microsoft.FastGelu' is not ONNX's",
    ),
    "operators of others in a branch": (
        inside_a_branch("Evil", "com.example"),
        "'com.example.Evil' is not ONNX's",
    ),
    "random numbers": (
        model_of(
            [helper.make_node("RandomNormalLike", ["x"], ["y"])],
            [tensor("x", None, 5)],
            [tensor("y", None, 5)],
        ),
        "'RandomNormalLike' draws random numbers",
    ),
    "random numbers in a branch": (inside_a_branch("Bernoulli"), "'Bernoulli' draws random"),
    "a loop": (
        model_of(
            [helper.make_node("Loop", ["x", "x"], ["y"])],
            [tensor("x", None, 5)],
            [tensor("y", None, 5)],
        ),
        "'Loop' may not end",
    ),
    "an operator that is none": (
        model_of(
            [helper.make_node("NoSuch", ["x"], ["y"])],
            [tensor("x", None, 5)],
            [tensor("y", None, 5)],
        ),
        "onnxruntime cannot load it",
    ),
    "two inputs": (
        model_of(
            [helper.make_node("Add", ["x", "z"], ["y"])],
            [tensor("x", None, 5), tensor("z", None, 5)],
            [tensor("y", None, 5)],
        ),
        "takes 2 inputs",
    ),
    "whole numbers": (
        relu([tensor("x", None, 5, kind=6)], [tensor("y", None, 5, kind=6)]),
        r"input is of tensor\(int32\), which is none of tensor\(float\), tensor\(double\)",
    ),
    "windows": (
        relu([tensor("x", None, 30, 5)], [tensor("y", None, 30, 5)]),
        r"input is of shape \[None, 30, 5\]",
    ),
    "one row at a time": (relu([tensor("x", 1, 5)], [tensor("y", 1, 5)]), r"of shape \[1, 5\]"),
    "an open number of features": (
        relu([tensor("x", None, None)], [tensor("y", None, None)]),
        r"input is of shape \[None, None\]",
    ),
    "a number": (relu([tensor("x")], [tensor("y")]), r"input is of shape \[\]"),
    "two outputs": (
        model_of(
            [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Tanh", ["x"], ["z"])],
            [tensor("x", None, 5)],
            [tensor("y", None, 5), tensor("z", None, 5)],
        ),
        r"2 of its outputs are rows of numbers, of: y: tensor\(float\) \[None, 5\], z: ",
    ),
    "no output of rows": (
        model_of(
            [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)],
            [tensor("x", None, 5)],
            [tensor("y")],
        ),
        "0 of its outputs are rows of numbers",
    ),
    "an output of other rows": (
        constant_shape(),
        r"1,024 rows give an output 'y' of shape \(2, 3\)",
    ),
}


@pytest.mark.parametrize(("model", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_in_a_sentence_with_a_way_out(load, model, message):
    with pytest.raises(BundleError, match=message) as refused:
        load(model)
    assert refused.value.message.startswith("model.onnx ")
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 250
    assert refused.value.hint.endswith(".")


def test_probabilities_in_a_mapping_are_refused_with_how_to_convert(load, classifier):
    with pytest.raises(BundleError, match=r"sequence of mappings \(ZipMap\)") as refused:
        load(to_onnx(classifier, ROWS[:1].astype("f4"), **FIXED))
    assert "options={'zipmap': False}" in refused.value.hint


def test_a_model_that_fails_at_work_is_refused(load):
    node = helper.make_node("Reshape", ["x", "s"], ["y"])
    shape = numpy_helper.from_array(np.array([7, 5]), "s")
    ends = [tensor("x", None, 5)], [tensor("y", None, 5)]
    with pytest.raises(BundleError, match="onnxruntime cannot run it"):
        load(model_of([node], *ends, weights=[shape]))


def test_functions_of_the_model_itself_may_be_used(load):
    inner = [helper.make_node("Relu", ["a"], ["b"])]
    opset = [helper.make_opsetid("", 18)]
    function = helper.make_function("own", "Mine", ["a"], ["b"], inner, opset)
    node = helper.make_node("Mine", ["x"], ["y"], domain="own")
    ends = [tensor("x", None, 5)], [tensor("y", None, 5)]
    network = load(model_of([node], *ends, domains=["own"], functions=[function]))
    found = network.forward(ROWS[:9])
    np.testing.assert_array_equal(found, np.maximum(ROWS[:9].astype("f4"), 0).astype(float))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_extra_it_says_what_to_install(write, converted, monkeypatch, package):
    path = write(converted)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BundleError, match=f"needs the package {package}, which is not") as refused:
        OnnxNetwork(path)
    assert refused.value.hint == "Install it with: pip install 'btkit[onnx]'"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"There is no file .*model\.onnx"):
        OnnxNetwork(tmp_path / "model.onnx")
