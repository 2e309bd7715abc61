"""What networks give for rows: the definition, the same bits however rows are put together."""

import subprocess
import sys
from concurrent.futures import Future

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import (
    PLAIN,
    mlp_weights,
    plain_mlp,
    plain_recurrent,
    recurrent_weights,
)

from btkit.errors import BundleError
from btkit.models import forward
from btkit.models.kernels import ACTIVATIONS, LANES, run_layers, run_windows
from btkit.models.networks import network_of

KINDS = ("mlp", "lstm", "gru")


def make(kind, rng, *, inputs=5, units=6, layers=2, outputs=3, window=4, activation="tanh"):
    if kind == "mlp":
        tensors = mlp_weights(rng, inputs, *[units] * layers, outputs)
        return network_of(tensors, model_type=kind, activation=activation), tensors
    tensors = recurrent_weights(rng, kind, inputs, units, layers, outputs)
    return network_of(tensors, model_type=kind, sequence_length=window), tensors


def same_bits(left, right):
    assert left.dtype == right.dtype == np.float64
    assert left.tobytes() == right.tobytes()


def test_every_activation_is_compared_with_its_definition():
    assert set(PLAIN) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_mlp_gives_what_its_definition_does(activation):
    rng = np.random.default_rng(1)
    network, tensors = make("mlp", rng, activation=activation)
    rows = rng.normal(size=(70, 5)) * 4
    plain = [plain_mlp(tensors, activation, row) for row in rows]
    np.testing.assert_allclose(network.forward(rows), plain, rtol=0, atol=1e-13)
    assert (network.inputs, network.outputs, network.window) == (5, 3, 1)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_recurrent_network_gives_what_its_definition_does(kind, layers):
    rng = np.random.default_rng(2)
    network, tensors = make(kind, rng, layers=layers)
    rows = rng.normal(size=(70, 5)) * 2
    found = network.forward(rows)
    assert np.isnan(found[:3]).all()
    plain = [plain_recurrent(tensors, kind, rows[end - 4 : end]) for end in range(4, 71)]
    np.testing.assert_allclose(found[3:], plain, rtol=0, atol=1e-13)
    assert (network.inputs, network.outputs, network.window) == (5, 3, 4)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    activation=st.sampled_from(ACTIVATIONS),
    shape=st.fixed_dictionaries(
        {
            "inputs": st.integers(1, 9),
            "units": st.integers(1, 9),
            "layers": st.integers(1, 3),
            "outputs": st.integers(1, 5),
            "window": st.integers(1, 2 * LANES + 2),
        }
    ),
    count=st.integers(0, 3 * LANES + 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_alone_together_or_in_any_parts_give_the_same_bits(
    kind, activation, shape, count, seed
):
    rng = np.random.default_rng(seed)
    network, _ = make(kind, rng, activation=activation, **shape)
    rows = rng.normal(size=(count, shape["inputs"])) * 10.0 ** rng.integers(-3, 3)
    rows[rng.random(count) < 0.02] = np.nan
    whole, before = network.forward(rows), network.window - 1
    for end in rng.permutation(count)[:8] + 1:
        begin = max(0, end - before - 1)
        same_bits(network.forward(rows[begin:end])[-1:], whole[end - 1 : end])
    cuts = np.sort(rng.integers(0, count + 1, 3))
    for begin, end in zip([0, *cuts], [*cuts, count], strict=True):
        early = max(0, begin - before)
        same_bits(network.forward(rows[early:end])[begin - early :], whole[begin:end])


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_gives_the_same_bits(kind, monkeypatch):
    rng = np.random.default_rng(3)
    network, _ = make(kind, rng)
    rows = rng.normal(size=(40 * LANES + 7, 5))
    alone = network.forward(rows)
    monkeypatch.setattr(forward, "_SHARE", 1)
    for cores in (1, 2, 3, 7, 64):
        monkeypatch.setattr(forward, "usable_cores", lambda cores=cores: cores)
        same_bits(network.forward(rows), alone)


def test_work_is_shared_only_where_there_is_much_of_it(monkeypatch):
    monkeypatch.setattr(forward, "usable_cores", lambda: 8)
    monkeypatch.setattr(forward, "_helpers", lambda *_: pytest.fail("another thread was begun"))
    network, _ = make("mlp", np.random.default_rng(0))
    network.forward(np.zeros((1_000, 5)))


class Busy:
    """Helpers that never get to what they are given."""

    def submit(self, *_):
        return Future()


class Broken:
    """Helpers that fail."""

    def submit(self, *_):
        failed = Future()
        failed.set_running_or_notify_cancel()
        failed.set_exception(MemoryError("no room"))
        return failed


def test_what_no_other_thread_has_begun_is_not_waited_for(monkeypatch):
    network, _ = make("lstm", np.random.default_rng(0))
    rows = np.random.default_rng(1).normal(size=(10 * LANES, 5))
    alone = network.forward(rows)
    monkeypatch.setattr(forward, "_SHARE", 1)
    monkeypatch.setattr(forward, "usable_cores", lambda: 4)
    monkeypatch.setattr(forward, "_helpers", lambda *_: Busy())
    same_bits(network.forward(rows), alone)


def test_what_fails_in_another_thread_fails_here(monkeypatch):
    network, _ = make("mlp", np.random.default_rng(0))
    monkeypatch.setattr(forward, "_SHARE", 1)
    monkeypatch.setattr(forward, "usable_cores", lambda: 4)
    monkeypatch.setattr(forward, "_helpers", lambda *_: Broken())
    with pytest.raises(MemoryError, match="no room"):
        network.forward(np.zeros((10 * LANES, 5)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_is_no_number_spoils_its_row_or_windows_alone(kind, value):
    rng = np.random.default_rng(4)
    network, _ = make(kind, rng, activation="relu")
    rows = rng.normal(size=(3 * LANES, 5))
    whole = network.forward(rows)
    spoilt = rows.copy()
    spoilt[40, 2] = value
    found = network.forward(spoilt)
    hit = slice(40, 40 + network.window)
    assert np.isnan(found[hit]).all()
    same_bits(np.delete(found, hit, 0), np.delete(whole, hit, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_values_beyond_all_bounds_saturate(kind):
    rng = np.random.default_rng(5)
    network, _ = make(kind, rng, activation="sigmoid")
    assert np.isfinite(
        network.forward(rng.normal(size=(50, 5)) * 1e300)[network.window - 1 :]
    ).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_sum_that_overflows_is_not_hidden(activation):
    tensors = {
        "0.weight": np.array([[1e308, 1e308]]),
        "0.bias": np.zeros(1),
        "1.weight": np.ones((1, 1)),
        "1.bias": np.zeros(1),
    }
    network = network_of(tensors, model_type="mlp", activation=activation)
    # Infinity less infinity.
    tensors["0.weight"] = np.array([[1e308, -1e308]])
    undefined = network_of(tensors, model_type="mlp", activation=activation)
    row = np.array([[1e10, 1e10]])
    assert np.isnan(undefined.forward(row)).all()
    bounded = activation in {"tanh", "sigmoid"}
    assert (network.forward(row) == (1.0 if bounded else np.inf)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_and_none(kind):
    network, _ = make(kind, np.random.default_rng(6))
    assert network.forward(np.empty((0, 5))).shape == (0, 3)
    few = network.forward(np.zeros((2, 5)))
    assert few.shape == (2, 3)
    assert np.isnan(few).all() == (kind != "mlp")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_any_arrangement_are_taken_by_one_compiled_function(kind):
    rng = np.random.default_rng(7)
    network, _ = make(kind, rng)
    rows = rng.normal(size=(40, 5))
    fixed = rows.copy()
    fixed.flags.writeable = False
    for other in (np.asfortranarray(rows), fixed, np.repeat(rows, 2, axis=1)[:, ::2]):
        same_bits(network.forward(other), network.forward(rows))
    assert len(run_layers.signatures) <= 1
    assert len(run_windows.signatures) <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(4, 4), (4, 6), (5,), (2, 2, 5)])
def test_rows_of_another_width_are_refused_with_both_numbers(kind, shape):
    network, _ = make(kind, np.random.default_rng(8))
    with pytest.raises(BundleError, match=r"takes 5 features a row, and is given rows of shape \("):
        network.forward(np.zeros(shape))


def run_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_forked_process_has_threads_of_its_own():
    run_python(
        "import os, numpy as np\n"
        "from btkit.models import forward\n"
        "from btkit.models.networks import network_of\n"
        "forward._SHARE, forward.usable_cores = 1, lambda: 2\n"
        "weights = {'0.weight': np.ones((1, 2)), '0.bias': np.ones(1)}\n"
        "network, rows = network_of(weights, model_type='mlp'), np.ones((999, 2))\n"
        "before = network.forward(rows)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if (network.forward(rows) == before).all() else 3)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )


def test_no_library_of_networks_is_imported_beforehand():
    run_python(
        "import sys\n"
        "import btkit.models.networks, btkit.models.onnx_network, btkit.models.tensors\n"
        "assert not {'torch', 'onnx', 'onnxruntime', 'sklearn', 'skl2onnx'} & sys.modules.keys()\n"
    )
