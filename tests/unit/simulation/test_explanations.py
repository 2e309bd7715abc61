"""A run without trades says why."""

import math

import pandas as pd
import pytest

NAN = math.nan
UP = (8, 9, 10, 11, 12)


def explained(result):
    assert len(result.trades) == 0
    return result.diagnostics.explanation


def test_a_run_with_trades_explains_nothing(run):
    assert run(UP).diagnostics.explanation == []


def test_the_condition_that_never_held_and_how_near_it_came(run):
    result = run(UP, entry_conditions=["close > 12.5", "not in_position"])
    assert explained(result) == [
        (
            "entry_conditions[0] 'close > 12.5' never held; it came nearest on 2018-01-08, with 12 "
            "where above 12.5 was needed."
        )
    ]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("close >= 20", "on 2018-01-08, with 12 where at least 20 was needed"),
        ("close < 8", "on 2018-01-02, with 8 where below 8 was needed"),
        ("close <= 7.25", "on 2018-01-02, with 8 where at most 7.25 was needed"),
        ("close - 1 > 2 * close", "on 2018-01-02, with 7 where above 16 was needed"),
        # It is told what the name needed, not the number.
        ("20 < close", "on 2018-01-08, with 12 where above 20 was needed"),
        ("7.25 >= close", "on 2018-01-02, with 8 where at most 7.25 was needed"),
        ("20 <= close < 30", "on 2018-01-08, with 12 where at least 20 was needed"),
        # The first part that never held is told.
        ("close > 0 and close > 30", "on 2018-01-08, with 12 where above 30 was needed"),
    ],
)
def test_how_near_each_comparison_came(run, text, nearest):
    assert explained(run(UP, entry_conditions=[text])) == [
        f"entry_conditions[0] '{text}' never held; it came nearest {nearest}."
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("iv_rank is not None and iv_rank >= 30", "iv_rank"),
        ("fomc_meeting_day", "fomc_meeting_day"),
    ],
)
def test_a_guarded_name_that_was_missing(run, text, name):
    assert explained(run(UP, entry_conditions=[text])) == [
        f"entry_conditions[0] '{text}' never held; {name} was missing on 5 bars."
    ]


def test_a_filter_that_never_held(run):
    result = run(UP, filter_conditions=["vix < 15"])
    assert explained(result) == [
        (
            "filter_conditions[0] 'vix < 15' never held; it came nearest on 2018-01-02, with 20 "
            "where below 15 was needed."
        )
    ]


def test_every_condition_that_never_held(run):
    result = run(UP, entry_conditions=["close == 3", "close > 1", "False"])
    assert explained(result) == [
        (
            "entry_conditions[0] 'close == 3' never held; it came nearest on 2018-01-02, with 8 "
            "where exactly 3 was needed."
        ),
        "entry_conditions[2] 'False' never held.",
    ]


def test_unlike_kinds(run):
    assert explained(run(UP, entry_conditions=["close > '5'"])) == [
        (
            "entry_conditions[0] 'close > '5'' never held; on 5 bars it could not be evaluated, "
            "since it compares unlike kinds or divides by zero."
        )
    ]


def test_halves_of_one_condition_that_never_met(run):
    assert explained(run(UP, entry_conditions=["close > 8 and close < 8.5"])) == [
        (
            "entry_conditions[0] 'close > 8 and close < 8.5' never held; it came nearest on "
            "2018-01-02, with 8 where above 8 was needed."
        )
    ]


def test_many_conditions_are_explained_at_once(run):
    texts = [f"close > {number}" for number in range(8)] + [f"close != {n}" for n in range(8, 13)]
    texts += [f"open >= {number}" for number in range(40)]
    assert explained(run(UP, entry_conditions=texts, position_sizing_formula="0"))


def test_missing_values(run):
    result = run(UP, entry_conditions=["iv_rank > 30"])
    assert explained(result) == [
        "entry_conditions[0] 'iv_rank > 30' never held; on 5 bars a value it needs was missing."
    ]


def test_a_value_missing_on_some_bars(run):
    result = run(UP, entry_conditions=["iv_rank > 30"], bars={"iv_rank": [NAN, 29.0, NAN, 7, 8]})
    assert explained(result) == [
        (
            "entry_conditions[0] 'iv_rank > 30' never held; it came nearest on 2018-01-03, with 29 "
            "where above 30 was needed."
        )
    ]


def test_a_pair_that_never_held_together(run):
    # Above 10 on the last two bars, volume below 1002 on the first two.
    result = run(UP, entry_conditions=["close > 10", "volume < 1002", "close > 0"])
    assert explained(result) == [
        (
            "entry_conditions[0] 'close > 10' and entry_conditions[1] 'volume < 1002' never held "
            "on the same bar (alone on 2, 2 bars); it came nearest on 2018-01-03, with 9 where "
            "above 10 was needed."
        )
    ]


def test_a_triple_that_never_held_together(run):
    # Each pair holds on one bar: 0 and 1, 1 and 2, 0 and 2.
    result = run(
        UP,
        entry_conditions=["close in (8, 9)", "close in (9, 10)"],
        filter_conditions=["close in (8, 10)"],
    )
    assert explained(result) == [
        (
            "entry_conditions[0] 'close in (8, 9)' and entry_conditions[1] 'close in (9, 10)' and "
            "filter_conditions[0] 'close in (8, 10)' never held on the same bar (alone on 2, 2, 2 "
            "bars); it came nearest on 2018-01-04, with 10 where exactly 9 was needed."
        )
    ]


def test_an_entry_list_that_needs_a_position_to_get_one(run):
    result = run(UP, entry_conditions=["in_position"])
    assert explained(result) == ["entry_conditions[0] 'in_position' never held."]


def test_every_entry_was_skipped(run):
    result = run((50,) * 4, position_sizing_formula="0.5")
    assert result.diagnostics.skipped_entries == {"size_below_one_share": 4}
    [sentence] = explained(result)
    assert sentence.startswith("4 entries were decided but not made: the sizing formula gave less")


@pytest.mark.parametrize(
    ("size", "capital", "said"),
    [
        ("iv_rank", 1000.0, "the sizing formula gave no number there"),
        ("-1", 1000.0, "the sizing formula gave zero or less"),
        ("5", 30.0, "the cash did not pay for one share or contract"),
    ],
)
def test_why_entries_were_skipped(run, size, capital, said):
    result = run((50,) * 4, position_sizing_formula=size, account={"capital": capital},
                 entry_conditions=["volume < 1003"])  # fmt: skip
    assert explained(result) == [f"3 entries were decided but not made: {said}."]


def test_one_entry_that_was_skipped(run):
    result = run((50,) * 4, position_sizing_formula="-1", entry_conditions=["volume < 1001"])
    assert explained(result) == [
        "1 entry was decided but not made: the sizing formula gave zero or less."
    ]


def test_an_entry_decided_at_the_last_bar_alone(run):
    result = run(UP, entry_conditions=["close == 12"])
    assert explained(result) == [
        "An entry was decided at the last bar, where no later bar can fill it."
    ]


def test_one_bar(run):
    assert explained(run((8,))) == [
        "An entry was decided at the last bar, where no later bar can fill it."
    ]


def test_a_channel_that_includes_its_own_bar_never_breaks(run):
    closes = [10 + 0.5 * place for place in range(40)]
    result = run(closes, entry_conditions=["close > highest_20", "not in_position"])
    [sentence] = explained(result)
    assert sentence.startswith(
        "entry_conditions[0] 'close > highest_20' never held; it came nearest on "
    )
    # The bar's own high is in the channel: the close can equal it, never exceed it.
    close, needed = (
        float(part) for part in
        sentence.split("with ")[1].removesuffix(" was needed.").split(" where above ")
    )  # fmt: skip
    assert close == needed
    assert len(run(closes, entry_conditions=["close > prev_highest_20"]).trades) == 1


REGIMES = ["RANGING", "TRENDING_DOWN", "TRENDING_UP"]


@pytest.mark.parametrize(
    ("text", "column", "meant"),
    [
        ("regime == 'TRENDING_UPP'", "regime is never 'TRENDING_UPP'", "TRENDING_UP"),
        ("close > 0 and 'x' == prev_regime", "prev_regime is never 'x'", None),
        ("on('1w', regime) in ('RANGIN',)", "regime is never 'RANGIN'", "RANGING"),
    ],
)
def test_a_text_that_a_column_cannot_have_is_told_with_those_that_it_can(run, text, column, meant):
    texts = pd.Categorical(["TRENDING_UP", None] * 2 + ["TRENDING_DOWN"], categories=REGIMES)
    result = run(UP, entry_conditions=[text], columns=["regime"], bars={"regime": texts})
    asked = f"did you mean '{meant}'? " if meant else ""
    listed = ", ".join(map(repr, REGIMES))
    assert explained(result) == [
        f"entry_conditions[0] '{text}' never held; {column}: {asked}it is one of {listed}."
    ]


def test_a_text_that_it_can_have_is_not_said_to_be_wrong(run):
    texts = pd.Categorical(["TRENDING_UP", None, *["TRENDING_UP"] * 3], categories=REGIMES)
    conditions = ["regime == 'RANGING'"]
    result = run(UP, entry_conditions=conditions, columns=["regime"], bars={"regime": texts})
    assert explained(result) == [
        "entry_conditions[0] 'regime == 'RANGING'' never held; regime was missing on 1 bars."
    ]


def test_of_many_texts_the_first_are_told(run):
    texts = pd.Categorical(["t00"] * 5, categories=[f"t{place:02}" for place in range(30)])
    [told] = explained(
        run(UP, entry_conditions=["kind == 'a'"], columns=["kind"], bars={"kind": texts})
    )
    assert told.endswith("'t18', 't19' and 10 more.")
