"""What is compared at the door, and what a refusal says."""

from __future__ import annotations

import json

from btkit.conditions import compiled
from btkit.service.versions import differences, fingerprint, refusal


def test_all_that_a_last_bit_depends_on_is_named():
    known = fingerprint()
    assert {
        "python", "btkit", "code", "numpy", "numba", "llvmlite", "TA-Lib", "TA-Lib C", "pandas",
        "scipy", "libc", "cpu", "platform", "plugins", "distributed",
    } <= known.keys()  # fmt: skip
    assert all(isinstance(value, str) and value for value in known.values())
    assert json.loads(json.dumps(known)) == known


def test_the_code_counts_whole(tmp_path, monkeypatch):
    (tmp_path / "cli").mkdir()
    source = tmp_path / "cli" / "main.py"
    source.write_text("a = 1\n", encoding="utf-8")
    monkeypatch.setattr(compiled, "_PACKAGE", tmp_path)
    before = compiled.sources_hash("")
    source.write_text("a = 2\n", encoding="utf-8")
    assert compiled.sources_hash("") != before


def test_a_process_is_what_it_was_when_it_began(monkeypatch):
    before = fingerprint()
    monkeypatch.setattr(compiled, "sources_hash", lambda *_: "of tomorrow")
    assert fingerprint() == before


def test_the_same_versions_do_not_differ():
    assert differences(fingerprint(), dict(fingerprint())) == {}


def test_each_difference_is_named_with_both_sides():
    ours = {"numpy": "2.4.6", "python": "3.11.7", "only here": "1"}
    theirs = {"numpy": "2.4.5", "python": "3.11.7", "only there": "2"}
    assert differences(ours, theirs) == {
        "numpy": {"server": "2.4.6", "worker": "2.4.5"},
        "only here": {"server": "1", "worker": "nothing"},
        "only there": {"server": "nothing", "worker": "2"},
    }


def test_a_refusal_says_what_differs_and_what_to_do():
    found = differences({"code": "0123456789abcdef"}, {"code": "fedcba9876543210"})
    error = refusal("one", found)
    assert error.exit_code == 2
    assert "code (fedcba987654, the server has 0123456789ab)" in error.message
    assert "--check" in error.hint
    assert error.to_document()["error"]["details"]["differences"] == found
