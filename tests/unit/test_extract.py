"""A part of a document is what was asked for, and what is not there is refused by name."""

import pytest

from btkit.errors import UsageError
from btkit.extract import Extract

DOCUMENT = {
    "run": {"run_id": "1", "symbol": "SPX"},
    "metrics": {"sharpe_ratio": 0.5, "cagr": None},
    "trades": [{"pnl": 1.0, "side": "long"}, {"pnl": -2.0}, {"pnl": 3.0}],
    "warnings": [],
    "passed": True,
    "nothing": None,
}


def cut(fields, rows=None):
    return Extract.of(fields, rows).cut(DOCUMENT)


def test_fields_stand_where_they_stood_and_in_their_order():
    assert cut("passed,metrics.sharpe_ratio") == {"metrics": {"sharpe_ratio": 0.5}, "passed": True}
    assert list(cut("passed,run")) == ["run", "passed"]
    assert cut(None) == DOCUMENT


def test_a_field_of_a_list_is_that_of_each_entry():
    assert cut("trades.pnl") == {"trades": [{"pnl": 1.0}, {"pnl": -2.0}, {"pnl": 3.0}]}
    assert cut("trades.side") == {"trades": [{"side": "long"}, {}, {}]}
    assert cut("warnings.code") == {"warnings": []}


def test_what_is_wanted_whole_stays_whole():
    for text in ("run,run.symbol", "run.symbol,run"):
        assert cut(text) == {"run": DOCUMENT["run"]}
    assert cut("nothing.at.all, passed") == {"passed": True, "nothing": None}


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ("metrics.sharp_ratio", "metrics of the document has no field 'sharp_ratio'.",
         "Did you mean 'sharpe_ratio'? It has sharpe_ratio, cagr."),
        ("trade.pnl", "The document has no field 'trade'.",
         "Did you mean 'trades'? It has run, metrics, trades, warnings, passed, nothing."),
        ("trades.profit", "trades of the document has no field 'profit'.", "It has pnl, side."),
        ("passed.not", "passed has no fields of its own.", "Ask for passed itself."),
        ("passed,,run", "A name of a field is empty.", "Write such as"),
        ("metrics.", "metrics of the document has no field ''.", "It has sharpe_ratio, cagr."),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_with_what_was_meant(fields, message, hint):
    with pytest.raises(UsageError) as caught:
        cut(fields)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_long_list_of_fields_is_named_in_part():
    with pytest.raises(UsageError) as caught:
        Extract.of("no", None).cut({f"a{number}": 1 for number in range(100)})
    assert caught.value.hint.endswith("a39 and 60 more.")
    assert len(caught.value.details["known"]) == 100


def test_rows_left_out_are_counted_by_their_place():
    document = {"a": [1, 2, 3], "b": {"c": [[1, 2], [3], [4]]}, "d": [1]}
    assert Extract.of(None, 1).cut(document) == {
        "a": [1], "b": {"c": [[1]]}, "d": [1], "left_out": {"a": 2, "b.c": 3},
    }  # fmt: skip
    assert "left_out" not in Extract.of(None, 3).cut(document)
    assert cut("trades.pnl", 1) == {"trades": [{"pnl": 1.0}], "left_out": {"trades": 2}}
    with pytest.raises(UsageError):
        Extract.of(None, -1)
