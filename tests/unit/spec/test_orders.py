"""Orders inside the bar in a spec: what they may say, what is refused, what one side mirrors."""

import json

import pytest
from jsonschema import Draft202012Validator
from support.specs import rules, spread

from btkit.errors import SpecError
from btkit.spec import dump_spec, load_spec, spec_hash, spec_schema
from btkit.spec.orders import NO_LEVELS, RestingEntry, StatedOrders, Trailing

SHORT = {
    "entry_conditions": ["close < sma_20"],
    "exit_conditions": [],
    "stop_conditions": [],
}
ALL = {
    "stop_loss": "{stop}",
    "take_profit": {"price": "close + {wide} * atr_14"},
    "trailing_stop": {"atr": "{wide}", "after": 0.05},
    "entry_order": {"limit": "close * 0.99", "valid_bars": "{wait}"},
    "intrabar": "path",
    "limit_touch": True,
    "parameters": {"stop": 0.04, "wide": 3, "wait": 5},
}
FRACTION = (
    'write a fraction: 0.05 is 5 % of the entry fill; or a price: {price: "close - 2 * atr_14"}'
)
NUMBER = "must be a number, a parameter in braces, or {price: an expression}, not the text '0.05'"
NO_MIRROR = (
    "is missing, and what the long side has, entry_order.stop, is a price that cannot be mirrored"
)
ONE_TRAILING = "write for example trailing_stop: {fraction: 0.08}"


def problems(source):
    with pytest.raises(SpecError) as caught:
        load_spec(source)
    return [(problem.path, problem.message, problem.hint) for problem in caught.value.problems]


def test_levels_are_filled_with_parameters():
    spec = load_spec(rules(**ALL))
    assert spec.levels_of(short=False) == StatedOrders(
        stop_loss=0.04,
        stop_price=None,
        take_profit=None,
        target_price="close + 3 * atr_14",
        trailing_stop=Trailing(None, 3.0, 0.05),
        entry_order=RestingEntry("close * 0.99", None, 5),
    )
    assert (spec.intrabar, spec.limit_touch) == ("path", True)
    plain = load_spec(rules()).levels_of(short=False)
    assert plain == NO_LEVELS
    assert not plain.has_any
    assert spec.levels_of(short=False).has_any


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_they_round_trip(form):
    spec = load_spec(rules(**ALL))
    again = load_spec(dump_spec(spec, format=form))
    assert again == spec
    assert spec_hash(again) == spec_hash(spec)
    assert spec.replace(parameters={"stop": 0.1, "wide": 2, "wait": 1}) == load_spec(
        rules(**ALL | {"parameters": {"stop": 0.1, "wide": 2, "wait": 1}})
    )


def test_the_hash_of_a_spec_without_them_stays():
    written_out = rules(
        stop_loss=None, take_profit=None, trailing_stop=None, intrabar="pessimistic",
        limit_touch=False,
    )  # fmt: skip
    assert spec_hash(load_spec(written_out)) == spec_hash(load_spec(rules()))
    assert spec_hash(load_spec(rules(stop_loss=0.5))) != spec_hash(load_spec(rules()))
    assert spec_hash(load_spec(rules(take_profit=1))) == spec_hash(
        load_spec(rules(take_profit=1.0))
    )


def test_prices_are_read_as_any_expression():
    spec = load_spec(rules(stop_loss={"price": 'on("1w", low)'}, entry_order={"stop": "vix + 1"}))
    assert spec.needs_vix
    assert [interval.label for interval in spec.slower_intervals] == ["1w"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"stop_loss": 1},
            [("stop_loss", "must be above 0 and below 1, not the number 1", FRACTION)],
        ),
        (
            {"stop_loss": 0},
            [("stop_loss", "must be above 0 and below 1, not the number 0", FRACTION)],
        ),
        (
            {"stop_loss": "0.05"},
            [
                (
                    "stop_loss",
                    NUMBER,
                    "write it without quotes: 0.05",
                )
            ],
        ),
        (
            {"stop_loss": {"prise": "close"}},
            [("stop_loss", "must have price alone, and an expression there", FRACTION)],
        ),
        (
            {"stop_loss": {"price": "close - 2 * atr14"}},
            [("stop_loss.price", "unknown name 'atr14'", "did you mean 'atr_14'?")],
        ),
        (
            {"entry_order": {"limit": "risk_pct * close"}},
            [
                (
                    "entry_order.limit",
                    "unknown name 'risk_pct'",
                    "only position_sizing_formula knows it",
                )
            ],
        ),
        (
            {"take_profit": "{gain}", "parameters": {"gian": 0.1}},
            [
                (
                    "parameters.gian",
                    "parameter 'gian' is used nowhere",
                    "write {gian} in a condition or formula, or remove it",
                ),
                ("take_profit", "unknown parameter 'gain'", "did you mean 'gian'?"),
            ],
        ),
        (
            {"trailing_stop": {"fraction": "{p}"}, "parameters": {"p": 2}},
            [
                (
                    "trailing_stop.fraction",
                    "must be above 0 and below 1, and {p} is 2",
                    "give p another value under parameters",
                )
            ],
        ),
        (
            {"trailing_stop": {"after": 0.1}},
            [("trailing_stop", "must have one of fraction and atr, and has neither", ONE_TRAILING)],
        ),
        (
            {"trailing_stop": {"fraction": 0.1, "atr": 2}},
            [
                (
                    "trailing_stop",
                    "must have one of fraction and atr, and has both",
                    "keep one of the two",
                )
            ],
        ),
        (
            {"entry_order": {"limit": "close", "valid_bars": 1.5}},
            [
                (
                    "entry_order.valid_bars",
                    "must be a whole number from 1 to 2,147,483,647, not the number 1.5",
                    "write how many bars the order rests",
                )
            ],
        ),
        (
            {"entry_order": {"limit": "close", "valid_for": 3}},
            [
                (
                    "entry_order.valid_for",
                    "unknown field 'valid_for'",
                    "did you mean 'valid_bars'?",
                )
            ],
        ),
        (
            {"direction": "short", "take_profit": 1.0},
            [
                (
                    "take_profit",
                    "must be below 1 for a short, which gains 100 % at most, not 1",
                    "write a smaller fraction, such as 0.10",
                )
            ],
        ),
        (
            {"direction": "both", "short": SHORT | {"intrabar": "path"}},
            [
                (
                    "short.intrabar",
                    "unknown field 'intrabar'",
                    "leave it out here: that of the spec holds for both sides",
                )
            ],
        ),
        (
            {"direction": "both", "short": SHORT, "entry_order": {"stop": "high"}},
            [
                (
                    "short.entry_order",
                    NO_MIRROR,
                    "write the short side's own entry_order",
                )
            ],
        ),
        (
            {"direction": "both", "short": SHORT | {"trailing_stop": {}}},
            [
                (
                    "short.trailing_stop",
                    "must have one of fraction and atr, and has neither",
                    ONE_TRAILING,
                )
            ],
        ),
    ],
)
def test_what_is_refused(changes, expected):
    assert problems(rules(**changes)) == expected


def test_what_the_short_side_lacks_is_mirrored():
    own = {"stop_loss": {"price": "high"}, "trailing_stop": {"fraction": 0.2}}
    spec = load_spec(
        rules(
            direction="both",
            short=SHORT | own,
            stop_loss={"price": "low"},
            take_profit=0.3,
            trailing_stop={"fraction": 0.1},
        )
    )
    long, short = spec.levels_of(short=False), spec.levels_of(short=True)
    assert (long.stop_price, long.take_profit, long.trailing_stop.fraction) == ("low", 0.3, 0.1)
    assert (short.stop_price, short.take_profit, short.trailing_stop.fraction) == ("high", 0.3, 0.2)


def test_an_option_spec_has_none():
    found = problems(spread(stop_loss=0.1, limit_touch=True, entry_order={"limit": "close"}))
    assert [path for path, *_ in found] == ["stop_loss", "limit_touch", "entry_order"]
    assert all(hint.startswith("leave it out") for *_, hint in found)


MODEL = {"name": "model", "model_path": "models/dip"}


def test_a_model_spec_has_levels_and_no_entry_order():
    spec = load_spec(MODEL | {"stop_loss": 0.1, "trailing_stop": {"atr": 2}})
    assert spec.levels_of(short=True) == spec.levels_of(short=False)
    assert spec.levels_of(short=False).trailing_stop == Trailing(None, 2.0, None)
    price = {"stop_loss": {"price": "low"}}
    assert load_spec(MODEL | price | {"allow_short_from_flat": False}).stop_loss.price == "low"
    assert problems(MODEL | price) == [
        (
            "stop_loss.price",
            "is a price, which cannot be mirrored for the shorts that the model may take",
            "write a fraction of the entry fill, or allow_short_from_flat: false",
        )
    ]
    assert [path for path, *_ in problems(MODEL | {"entry_order": {"limit": "close"}})] == [
        "entry_order"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"stop_loss": True},
        {"stop_loss": [0.1]},
        {"stop_loss": "close"},
        {"stop_loss": {"price": 3}},
        {"trailing_stop": 0.1},
        {"trailing_stop": {"fraction": 1}},
        {"trailing_stop": {"atr": 0}},
        {"entry_order": {"limit": ""}},
        {"entry_order": {"limit": "close", "valid_bars": 0}},
        {"intrabar": "worst"},
        {"limit_touch": "yes"},
    ],
)
def test_schema_and_loader_refuse_the_same(changes):
    source = rules(**changes)
    assert not Draft202012Validator(spec_schema()).is_valid(source)
    problems(source)


def test_schema_and_loader_accept_the_same():
    for source in (
        rules(**ALL),
        rules(stop_loss=0.1, trailing_stop={"fraction": 0.1, "atr": None}),
    ):
        Draft202012Validator(spec_schema()).validate(source)
        Draft202012Validator(spec_schema()).validate(json.loads(dump_spec(load_spec(source))))
