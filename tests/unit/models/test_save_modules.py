"""Modules of PyTorch are saved, and answer in float64 what PyTorch says of them."""

from __future__ import annotations

import numpy as np
import pytest
from support.bundles import ORDER, STRATEGY

import btkit as bt
from btkit.errors import BundleError, UsageError

ROWS = np.random.default_rng(5).random((300, 2))


@pytest.fixture(scope="module")
def torch():
    library = pytest.importorskip("torch")
    library.manual_seed(4)
    return library


def save(folder, model, **changes):
    known = {
        "strategy": STRATEGY,
        "rows": ROWS,
        "symbols": "SPX",
        "timeframes": "1d",
        "output_classes": ORDER,
    } | changes
    return bt.save_bundle(folder, model, **known)


def perceptron(torch, *, between, head=3, dropout=0.2):
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(2, 8), between(), nn.Dropout(dropout),
        nn.Linear(8, 4), between(), nn.Dropout(dropout),
        nn.Linear(4, head),
    )  # fmt: skip


def oracle(torch, module, given):
    with torch.no_grad():
        return module.double().eval()(torch.from_numpy(given)).numpy()


def recurrent(torch, kind, *, layers=2):
    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            whole = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
            setattr(self, kind, whole(2, 6, num_layers=layers, batch_first=True, dropout=0.1))
            self.fc = torch.nn.Linear(6, 3)

        def forward(self, windows):
            found, _ = getattr(self, kind)(windows)
            return self.fc(found[:, -1])

    return Recurrent()


@pytest.mark.parametrize("name", ["ReLU", "Tanh"])
def test_a_perceptron_answers_as_pytorch_says(tmp_path, torch, name):
    module = perceptron(torch, between=getattr(torch.nn, name))
    saved = save(tmp_path / "dip", module)
    assert saved.architecture == f"MLP 2-8-4-3, {name.lower()}"
    assert saved.conversion.max_abs_difference < 1e-12
    assert saved.conversion.rows == len(ROWS)
    assert module[0].weight.dtype == torch.float32
    np.testing.assert_allclose(
        saved.network.forward(ROWS), oracle(torch, module, ROWS), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_recurrent_network_answers_as_pytorch_says(tmp_path, torch, kind):
    module = recurrent(torch, kind)
    saved = save(tmp_path / "dip", module, sequence_length=5)
    assert saved.architecture == f"{kind.upper()} 2 × 6, window 5"
    windows = np.stack([ROWS[last - 4 : last + 1] for last in range(4, len(ROWS))])
    outputs = saved.network.forward(ROWS)
    assert np.isnan(outputs[:4]).all()
    np.testing.assert_allclose(outputs[4:], oracle(torch, module, windows), rtol=0, atol=1e-10)


def test_what_other_programs_read_is_the_same_state_dict(tmp_path, torch):
    module = perceptron(torch, between=torch.nn.ReLU)
    folder = save(tmp_path / "dip", module).path
    state = torch.load(folder / "model.pt", map_location="cpu", weights_only=True)
    for name, tensor in module.state_dict().items():
        assert torch.equal(state[name], tensor)
    # Without the manifest and one of the two it is a bundle of another program, and is read too.
    for name in ("bundle.json", "model.safetensors"):
        (folder / name).unlink()
    again = bt.load_bundle(folder)
    np.testing.assert_array_equal(
        again.network.forward(ROWS), bt.load_bundle(folder).network.forward(ROWS)
    )
    np.testing.assert_allclose(
        again.network.forward(ROWS), oracle(torch, module, ROWS), rtol=0, atol=1e-12
    )


def test_a_state_dict_is_a_model_too(tmp_path, torch):
    module = perceptron(torch, between=torch.nn.ReLU)
    saved = save(tmp_path / "dip", module.state_dict(), activation="relu")
    assert saved.conversion is None
    assert not (saved.path / "model.pt").exists()
    np.testing.assert_allclose(
        saved.network.forward(ROWS), oracle(torch, module, ROWS), rtol=0, atol=1e-12
    )


def test_a_module_that_would_answer_otherwise_is_refused(tmp_path, torch):
    nn = torch.nn
    softmax = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.Softmax(dim=1))
    normed = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 3))
    mixed = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3))
    for name, module in {"softmax": softmax, "normed": normed, "mixed": mixed}.items():
        with pytest.raises(UsageError, match="which activation"):
            save(tmp_path / name, module)
        with pytest.raises(BundleError):
            save(tmp_path / name, module, activation="relu")
        assert not (tmp_path / name).exists()


def test_a_module_that_cannot_be_asked_is_refused(tmp_path, torch):
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 3)

        def forward(self, first, second):
            return self.layer(first + second)

    with pytest.raises(BundleError, match="Odd cannot be asked"):
        save(tmp_path / "dip", Odd(), activation="relu")
    halves = torch.nn.Sequential(torch.nn.Linear(2, 3)).to(torch.bfloat16)
    with pytest.raises(BundleError, match="array of numbers"):
        save(tmp_path / "dip", halves, activation="relu")


def test_a_recurrent_network_needs_its_window(tmp_path, torch):
    with pytest.raises(UsageError, match="how many rows"):
        save(tmp_path / "dip", recurrent(torch, "gru"))


def test_a_window_is_calibrated_on_rows_that_have_one(tmp_path, torch):
    labels = list(np.random.default_rng(2).choice(ORDER, len(ROWS)))
    saved = save(
        tmp_path / "dip", recurrent(torch, "gru"), sequence_length=5, calibration=(ROWS, labels)
    )
    assert saved.temperature != 1.0
