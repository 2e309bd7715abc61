"""PyTorch in float64 as the oracle: its networks, and the files that it writes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from btkit.models.kernels import ACTIVATIONS
from btkit.models.networks import network_of
from btkit.models.tensors import read_tensors

# A million times nearer than what is asked for. Over 420 drawn networks, 1.5e-14 was measured.
NEAR = 1e-12
MODULES = {
    "identity": "Identity",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "silu": "SiLU",
    "elu": "ELU",
    "gelu": "GELU",
}


@pytest.fixture(scope="module")
def torch():
    # Takes seconds to import.
    import torch  # noqa: PLC0415 - as said

    # The machine is shared with other tests, and the networks are small.
    torch.set_num_threads(1)
    return torch


def sequential(torch, sizes, activation):
    layers = []
    for inputs, units in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, units), getattr(torch.nn, MODULES[activation])()]
        layers += [torch.nn.Dropout(0.2)]
    return torch.nn.Sequential(*layers[:-2]).eval()


def recurrent(torch, kind, inputs, units, layers, outputs):
    """Return what bundles of the other system have: the last state of the top layer, then fc."""
    body = getattr(torch.nn, kind.upper())(inputs, units, layers, batch_first=True)
    return torch.nn.ModuleDict({kind: body, "fc": torch.nn.Linear(units, outputs)}).eval()


def run(torch, module, kind, rows, window=1):
    with torch.inference_mode():
        module, rows = module.double(), torch.tensor(rows)
        if kind == "mlp":
            return module(rows).numpy()
        _, last = module[kind](rows.unfold(0, window, 1).transpose(1, 2))
        return module["fc"]((last[0] if kind == "lstm" else last)[-1]).numpy()


def saved(torch, module, path):
    torch.save(module.state_dict(), path)
    return read_tensors(path)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mlps_agree(torch, tmp_path_factory, activation):
    path = tmp_path_factory.mktemp("mlp") / "model.pt"

    @settings(max_examples=10)
    @given(
        sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
        count=st.integers(1, 100),
        seed=st.integers(0, 2**31),
        scale=st.sampled_from([0.1, 1.0, 10.0]),
    )
    def agree(sizes, count, seed, scale):
        torch.manual_seed(seed)
        module = sequential(torch, sizes, activation)
        network = network_of(
            saved(torch, module, path), model_type="mlp", activation=activation,
            inputs=sizes[0], outputs=sizes[-1], hidden=tuple(sizes[1:-1]),
        )  # fmt: skip
        rows = np.random.default_rng(seed).normal(size=(count, sizes[0])) * scale
        expected = run(torch, module, "mlp", rows)
        np.testing.assert_allclose(network.forward(rows), expected, rtol=NEAR, atol=NEAR)

    agree()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrent_networks_agree(torch, tmp_path_factory, kind):
    path = tmp_path_factory.mktemp(kind) / "model.pt"

    @settings(max_examples=15)
    @given(
        inputs=st.integers(1, 12),
        units=st.integers(1, 40),
        layers=st.integers(1, 3),
        outputs=st.integers(1, 5),
        window=st.integers(1, 70),
        further=st.integers(0, 80),
        seed=st.integers(0, 2**31),
        scale=st.sampled_from([0.1, 1.0, 10.0]),
    )
    def agree(inputs, units, layers, outputs, window, further, seed, scale):
        torch.manual_seed(seed)
        module = recurrent(torch, kind, inputs, units, layers, outputs)
        network = network_of(
            saved(torch, module, path), model_type=kind, sequence_length=window,
            inputs=inputs, outputs=outputs, hidden=(units,) * layers,
        )  # fmt: skip
        rows = np.random.default_rng(seed).normal(size=(window + further, inputs)) * scale
        expected = run(torch, module, kind, rows, window)
        found = network.forward(rows)
        assert np.isnan(found[: window - 1]).all()
        np.testing.assert_allclose(found[window - 1 :], expected, rtol=NEAR, atol=NEAR)

    agree()


def test_weights_beyond_what_training_leaves_agree(torch, tmp_path):
    torch.manual_seed(0)
    module = recurrent(torch, "lstm", 8, 16, 2, 3)
    with torch.no_grad():
        for weights in module.parameters():
            weights.mul_(20)
    network = network_of(
        saved(torch, module, tmp_path / "model.pt"), model_type="lstm", sequence_length=30
    )
    rows = np.random.default_rng(0).normal(size=(200, 8)) * 5
    expected = run(torch, module, "lstm", rows, 30)
    np.testing.assert_allclose(network.forward(rows)[29:], expected, rtol=0, atol=1e-9)


def test_every_kind_of_number_that_torch_saves_is_read_exactly(torch, tmp_path):
    kinds = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8")
    values = {kind: (torch.rand(3, 4) * 100).to(getattr(torch, kind)) for kind in kinds}
    values["turned"] = values["float32"].t()
    values["part"] = torch.rand(5, 6, dtype=torch.float64)[1:3, ::2]
    values["parameter"] = torch.nn.Parameter(torch.rand(2))
    values["scalar"] = torch.tensor(2.5)
    values["turned"] = values["turned"].clone(memory_format=torch.preserve_format)
    torch.save(values, tmp_path / "model.pt")
    found = read_tensors(tmp_path / "model.pt")
    assert list(found) == list(values)
    for name, tensor in values.items():
        np.testing.assert_array_equal(found[name], tensor.detach().double().numpy())


def test_safetensors_and_a_torch_file_give_the_same_network(torch, tmp_path):
    module = sequential(torch, [6, 20, 20, 20, 20, 20, 3], "relu")
    assert "10.weight" not in module.state_dict(), "layers, activations and dropout are counted"
    save_file(
        {name: tensor.numpy() for name, tensor in module.state_dict().items()},
        tmp_path / "model.safetensors",
    )
    rows = np.random.default_rng(0).normal(size=(50, 6))
    outputs = [
        network_of(tensors, model_type="mlp", activation="relu").forward(rows)
        for tensors in (
            saved(torch, module, tmp_path / "model.pt"),
            read_tensors(tmp_path / "model.safetensors"),
        )
    ]
    assert outputs[0].tobytes() == outputs[1].tobytes()


def refusal(path):
    with pytest.raises(Exception, match=r"^model\.pt was refused") as refused:
        read_tensors(path)
    assert type(refused.value).__name__ == "BundleError"
    return str(refused.value), refused.value.hint


def test_what_else_torch_saves_is_refused_with_what_to_do(torch, tmp_path):
    path, module = tmp_path / "model.pt", sequential(torch, [2, 3, 1], "relu")
    torch.save(module, path)
    message, hint = refusal(path)
    assert "torch.nn.modules.container.Sequential" in message
    assert "state_dict()" in hint
    torch.save(module.state_dict(), path, _use_new_zipfile_serialization=False)
    message, hint = refusal(path)
    assert "legacy format" in message
    assert "weights_only=True" in hint
    torch.save(module.bfloat16().state_dict(), path)
    message, hint = refusal(path)
    assert "BFloat16Storage" in message
    assert "model.float()" in hint
    torch.save({"model": module.state_dict(), "epoch": 3}, path)
    message, _ = refusal(path)
    assert "'model' in it is no tensor, but a mapping" in message
    torch.save({"a": torch.zeros(3).expand(4, 3)}, path)
    message, _ = refusal(path)
    assert "overlaps itself" in message
    torch.save({"a": torch.zeros(3).to_sparse()}, path)
    refusal(path)
    torch.save({"a": torch.zeros(3)}, path, pickle_protocol=4)
    message, hint = refusal(path)
    assert "protocol 4" in message
