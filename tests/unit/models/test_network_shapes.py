"""Networks are made of their weights, or refused with what does not fit."""

import numpy as np
import pytest
from support.networks import mlp_weights, plain_mlp, recurrent_weights

from btkit.errors import BundleError
from btkit.models.networks import network_of

RNG = np.random.default_rng(0)
MLP = mlp_weights(RNG, 4, 8, 8, 3)
LSTM = recurrent_weights(RNG, "lstm", 4, 6, 2, 3)
GRU = recurrent_weights(RNG, "gru", 4, 6, 2, 3)
ROWS = RNG.normal(size=(9, 4))


def renamed(tensors, *names):
    layers = sorted({name.rpartition(".")[0] for name in tensors}, key=int)
    return {
        f"{new}.{part}": tensors[f"{old}.{part}"]
        for old, new in zip(layers, names, strict=True)
        for part in ("weight", "bias")
    }


@pytest.mark.parametrize(
    "names",
    [
        ("0", "2", "4"),
        ("2", "10", "30"),
        ("net.0", "net.3", "net.6"),
        ("blocks.0.linear", "blocks.1.linear", "blocks.10.linear"),
        ("fc1", "fc2", "fc3"),
        ("layers.0", "layers.3", "head"),
    ],
)
def test_the_order_of_the_numbers_counts_and_not_their_values(names):
    tensors = renamed(MLP, *names)
    backwards = dict(reversed(tensors.items()))
    for given in (tensors, backwards):
        network = network_of(given, model_type="mlp", activation="relu", hidden=(8, 8))
        plain = [plain_mlp(MLP, "relu", row) for row in ROWS]
        np.testing.assert_allclose(network.forward(ROWS), plain, atol=1e-13)


@pytest.mark.parametrize("names", [("a", "b", "c"), ("a0", "b1", "c2"), ("x.0", "y.1", "head")])
def test_names_that_do_not_tell_an_order_are_refused(names):
    with pytest.raises(BundleError, match="the order of its layers cannot be told") as refused:
        network_of(renamed(MLP, *names), model_type="mlp", activation="relu")
    assert "nn.Sequential" in refused.value.hint


def test_one_layer_needs_no_activation():
    single = {"weight": np.ones((2, 4)), "bias": np.zeros(2)}
    network = network_of(single, model_type="mlp", inputs=4, outputs=2, hidden=())
    np.testing.assert_allclose(network.forward(ROWS), ROWS.sum(axis=1, keepdims=True).repeat(2, 1))


@pytest.mark.parametrize("activation", ["ReLU", "RELU", "relu"])
def test_an_activation_may_be_in_capitals(activation):
    assert network_of(MLP, model_type="mlp", activation=activation).outputs == 3


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("mish", "the activation 'mish' is not known"),
        ("", "the activation '' is not known"),
        (None, "nothing says their activation"),
    ],
)
def test_an_unknown_activation_is_refused_with_those_that_are_known(activation, message):
    with pytest.raises(BundleError, match=message) as refused:
        network_of(MLP, model_type="mlp", activation=activation)
    assert refused.value.hint == (
        "It is one of identity, relu, leaky_relu, tanh, sigmoid, silu, elu, gelu."
    )


def test_an_unknown_type_is_refused_with_those_that_are_known():
    with pytest.raises(BundleError, match="model type 'transformer' is not known") as refused:
        network_of(MLP, model_type="transformer")
    assert "mlp, lstm, gru" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"inputs": 5}, "says 5 features, and the weights have 4"),
        ({"outputs": 1}, "says 1 outputs, and the weights have 3"),
        ({"hidden": (8,)}, "says 1 hidden layers, and the weights have 2"),
        ({"hidden": (8, 16)}, "says 16 units in hidden layer 2, and the weights have 8"),
    ],
)
def test_what_is_said_of_an_mlp_must_agree_with_its_weights(said, message):
    with pytest.raises(BundleError, match=message):
        network_of(MLP, model_type="mlp", activation="relu", **said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"inputs": 5}, "says 5 features, and the weights have 4"),
        ({"outputs": 1}, "says 1 outputs, and the weights have 3"),
        ({"hidden": (6,)}, "says 1 hidden layers, and the weights have 2"),
        ({"hidden": (6, 64)}, "says 64 units in hidden layer 2, and the weights have 6"),
    ],
)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_what_is_said_of_a_recurrent_network_must_agree_with_its_weights(kind, said, message):
    tensors = {"lstm": LSTM, "gru": GRU}[kind]
    network_of(tensors, model_type=kind, sequence_length=3, inputs=4, outputs=3, hidden=(6, 6))
    with pytest.raises(BundleError, match=message):
        network_of(tensors, model_type=kind, sequence_length=3, **said)


@pytest.mark.parametrize("length", [None, 0, -1, 10_001])
def test_a_recurrent_network_needs_the_length_of_its_windows(length):
    with pytest.raises(BundleError, match=f"the sequence_length of its windows is {length}"):
        network_of(LSTM, model_type="lstm", sequence_length=length)


def test_an_mlp_reads_one_row():
    assert network_of(MLP, model_type="mlp", activation="relu", sequence_length=1).window == 1
    with pytest.raises(BundleError, match="an MLP reads one row, and sequence_length is 30"):
        network_of(MLP, model_type="mlp", activation="relu", sequence_length=30)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"3.bias": None}, "there is no '3.bias'"),
        ({"3.weight": None}, "there is no '3.weight'"),
        ({"1.running_mean": np.zeros(8)}, "'1.running_mean' is no part of a linear layer"),
        ({"1.weight": np.ones(8), "1.bias": np.ones(8)}, r"'1.weight' is of shape \(8,\)"),
        ({"3.weight": np.ones((8, 7))}, r"'3.weight' is of shape \(8, 7\), where \(8, 8\) fits"),
        ({"6.bias": np.ones(4)}, r"'6.bias' is of shape \(4,\), where \(3,\) fits"),
        ({"6.bias": np.array(1.0)}, r"'6.bias' is of shape \(\), where \(3,\) fits"),
        ({"0.weight": np.ones((8, 0))}, r"'0.weight' is of shape \(8, 0\)"),
    ],
)
def test_weights_of_no_mlp_are_refused_by_name(change, message):
    tensors = {name: value for name, value in {**MLP, **change}.items() if value is not None}
    with pytest.raises(BundleError, match=message):
        network_of(tensors, model_type="mlp", activation="relu")


def test_no_weights_are_no_network():
    with pytest.raises(BundleError, match="there are none"):
        network_of({}, model_type="mlp")
    with pytest.raises(BundleError, match=r"missing 'fc.bias', 'fc.weight', 'lstm.bias_hh_l0'"):
        network_of({}, model_type="lstm", sequence_length=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lstm.bias_hh_l1": None}, "missing 'lstm.bias_hh_l1'"),
        ({"lstm.weight_ih_l0_reverse": np.ones(1)}, "unknown 'lstm.weight_ih_l0_reverse'"),
        ({"lstm.weight_hr_l0": np.ones(1)}, "unknown 'lstm.weight_hr_l0'"),
        ({"head.weight": np.ones(1)}, "unknown 'head.weight'"),
        (
            {"lstm.weight_hh_l0": np.ones((24, 7))},
            r"'lstm.weight_ih_l0' is .* where \(28, 4\) fits",
        ),
        ({"lstm.weight_hh_l1": np.ones((24, 7))}, r"'lstm.weight_hh_l1' is of shape \(24, 7\)"),
        ({"lstm.weight_ih_l1": np.ones((24, 4))}, r"where \(24, 6\) fits"),
        ({"lstm.bias_ih_l0": np.ones(18)}, r"'lstm.bias_ih_l0' is of shape \(18,\)"),
        ({"fc.weight": np.ones((3, 7))}, r"'fc.weight' is of shape \(3, 7\), where \(3, 6\) fits"),
        ({"fc.bias": np.array(1.0)}, r"'fc.weight' is of shape"),
        (
            {"fc.weight": np.ones((0, 6)), "fc.bias": np.ones(0)},
            r"'fc.weight' is of shape \(0, 6\)",
        ),
        ({"lstm.weight_hh_l0": np.array(1.0)}, "is of shape"),
    ],
)
def test_weights_of_no_lstm_are_refused_by_name(change, message):
    tensors = {name: value for name, value in {**LSTM, **change}.items() if value is not None}
    with pytest.raises(BundleError, match=message):
        network_of(tensors, model_type="lstm", sequence_length=3)


def test_weights_of_another_type_are_refused():
    with pytest.raises(BundleError, match=r"not those of lstm and fc.*unknown 'gru.bias_hh_l0'"):
        network_of(GRU, model_type="lstm", sequence_length=3)
    with pytest.raises(BundleError, match="is no part of a linear layer"):
        network_of(LSTM, model_type="mlp", activation="relu")
