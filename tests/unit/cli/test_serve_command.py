"""`backtest serve` without what it needs says what to install."""

from btkit.service import extra


def test_without_the_extra_it_says_what_to_install(answer, monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda _name: None)
    code, document, _ = answer("serve")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert document["error"]["hint"] == "Install what it needs with: pip install 'btkit[service]'"
    assert "fastapi" in document["error"]["message"]
