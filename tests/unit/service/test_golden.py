"""The golden run is as recorded, and says which part is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from btkit.service import golden
from btkit.service.versions import fingerprint


def test_this_machine_comes_to_what_is_recorded():
    document = golden.check_golden()
    # Another processor may differ in a last bit (SEMANTICS 7), with the same features and versions,
    # too: libraries choose their code by its model.
    assert "different" not in document["parts"].values(), document
    assert document["parts"].keys() == golden.PARTS.keys()
    assert document["passed"] == (set(document["parts"].values()) == {"equal"})
    assert document["versions"] == fingerprint()


def test_every_part_is_recorded_with_its_versions():
    recorded = json.loads(golden.RECORDED.read_bytes())
    assert recorded["parts"].keys() == golden.PARTS.keys()
    assert recorded["versions"].keys() == fingerprint().keys() - {"code"}


@pytest.fixture
def one_part(monkeypatch, tmp_path):
    values = np.array([0.1, np.nan, 0.3])

    def check(*found):
        monkeypatch.setattr(golden, "PARTS", {"one": lambda: iter([("values", np.array(found))])})
        return golden.check_golden()

    monkeypatch.setattr(golden, "PARTS", {"one": lambda: iter([("values", values)])})
    path = tmp_path / "golden.json"
    path.write_text(json.dumps(golden.record_golden()), encoding="utf-8")
    monkeypatch.setattr(golden, "RECORDED", path)
    return check


def test_the_same_bits_pass(one_part):
    document = one_part(0.1, np.nan, 0.3)
    assert (document["passed"], document["parts"]) == (True, {"one": "equal"})


def test_a_last_bit_is_told_from_another_result(one_part):
    document = one_part(np.nextafter(0.1, 1), np.nan, 0.3)
    assert (document["passed"], document["parts"]) == (False, {"one": "last_bits"})
    assert one_part(0.1, np.nan, 0.3001)["parts"] == {"one": "different"}


def test_a_number_more_is_another_result(one_part):
    assert one_part(0.1, np.nan, 0.3, 5.0)["parts"] == {"one": "different"}
