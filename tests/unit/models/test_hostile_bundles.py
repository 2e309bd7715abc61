"""Whatever the files of a bundle hold: it is refused as a bundle, and never in another way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import config, foreign_bundle, metadata

import btkit as bt
from btkit.errors import BundleError
from btkit.models import inspect_bundle

DOCUMENTS = ("metadata_v3.json", "config.json", "features.json", "bundle.json")

HOSTILE = {
    "nothing": b"",
    "a byte": b"\xff",
    "binary": bytes(range(256)) * 10,
    "half a text": b'{"model_name": "dip',
    "a list": b"[]",
    "null": b"null",
    "deep lists": b"[" * 100_000,
    "deep mappings": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a key twice": b'{"model_name": "a", "model_name": "b"}',
    "no number": b'{"temperature": NaN}',
    "infinity": b'{"temperature": Infinity}',
    "a number beyond floats": b'{"temperature": 1e999}',
    "a huge number": b'{"feature_count": 1' + b"0" * 5_000 + b"}",
    "a large number": b'{"feature_count": 1' + b"0" * 300 + b"}",
    "half a surrogate pair": b'{"strategy_name": "\\ud800", "model_name": "\\udfff"}',
    "a surrogate for a key": b'{"\\ud800": 1, "indicators": {"\\ud800": {}}}',
    "many keys": json.dumps({f"k{place}": place for place in range(50_000)}).encode(),
    "many features": json.dumps({"resolved_features": ["f"] * 100_000}).encode(),
    "a fence": b"```json\n{}\n```",
    "a pickle": b"cos\nsystem\n(S'touch never'\ntR.",
}


# Keys that nobody knows are what other programs write, and a fence is taken off.
HARMLESS = {("features.json", content) for content in ("many keys", "many features", "a fence")}


def refused(folder):
    """Tell whether a bundle is refused, and see that both verbs agree and say it in JSON."""
    document = inspect_bundle(folder)
    json.dumps(document, allow_nan=False)
    assert document["usable"] is not bool(document["problems"])
    if document["usable"]:
        bt.load_bundle(folder)
        return False
    with pytest.raises(BundleError) as raised:
        bt.load_bundle(folder)
    assert raised.value.hint
    json.dumps(raised.value.to_document(), allow_nan=False)
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_document_is_refused(tmp_path, name, content):
    folder = foreign_bundle(tmp_path / "dip")
    (folder / name).write_bytes(HOSTILE[content])
    assert refused(folder) is ((name, content) not in HARMLESS)


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "model.onnx"])
def test_a_hostile_model_is_refused(tmp_path, name, content):
    folder = foreign_bundle(
        tmp_path / "dip",
        without=["model.safetensors"],
        metadata=metadata(output_activation="logits"),
    )
    (folder / name).write_bytes(HOSTILE[content])
    assert refused(folder)


def test_a_billion_features_are_stated_and_none_is_made(tmp_path):
    folder = foreign_bundle(tmp_path / "dip", features={"feature_count": 10**9})
    assert refused(folder)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([10**30, -(10**30), 2**63, "BUY", "1d", "rsi", "mlp", "../x", [], {}]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign_bundle(tmp_path_factory.mktemp("hostile") / "dip")


@settings(max_examples=60)
@given(key=st.sampled_from(sorted(metadata())), value=VALUES)
def test_any_value_of_any_key_of_the_metadata(folder, key, value):
    (folder / "metadata_v3.json").write_text(json.dumps(metadata(**{key: value})))
    (folder / "config.json").write_text(json.dumps(config()))
    refused(folder)


@settings(max_examples=50)
@given(
    key=st.sampled_from(["model", "type", "architecture", "decisions", "training_data"]),
    value=VALUES | st.fixed_dictionaries({}, optional={
        "type": VALUES, "architecture": VALUES, "filters": VALUES, "cost_model": VALUES,
        "timeframes": VALUES, "confidence_threshold": VALUES, "output_classes": VALUES,
    }),
)  # fmt: skip
def test_any_value_of_any_key_of_the_config(folder, key, value):
    (folder / "metadata_v3.json").write_text(json.dumps(metadata()))
    (folder / "config.json").write_text(json.dumps(config(**{key: value})))
    refused(folder)


@settings(max_examples=50)
@given(
    part=st.sampled_from(["indicators", "fuzzy_sets", "nn_inputs"]),
    name=st.text(max_size=8),
    value=VALUES,
    key=st.sampled_from(["type", "period", "indicator", "low", "timeframes", "x"]),
)
def test_any_value_deep_in_the_definition_of_features(folder, part, name, value, key):
    known = metadata()[part]
    changed = (
        [{**known[0], key: value}] if isinstance(known, list)
        else known | {place: {**entry, key: value} for place, entry in known.items()}
        | ({name: value} if name else {})
    )  # fmt: skip
    (folder / "metadata_v3.json").write_text(json.dumps(metadata(**{part: changed})))
    (folder / "config.json").write_text(json.dumps(config()))
    refused(folder)


@settings(max_examples=50)
@given(VALUES)
def test_any_manifest(folder, value):
    (folder / "metadata_v3.json").write_text(json.dumps(metadata()))
    (folder / "config.json").write_text(json.dumps(config()))
    (folder / "bundle.json").write_text(json.dumps({"format": 1, "files": value, "ranges": value}))
    assert refused(folder)
    (folder / "bundle.json").unlink()
