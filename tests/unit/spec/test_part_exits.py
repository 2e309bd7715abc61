"""Part exits in a spec: what they may say, what is refused, and what the short side takes over."""

import pytest

from btkit.errors import SpecError
from btkit.spec import dump_spec, load_spec, spec_hash

LISTS = {"entry_conditions": ["close > 1"], "exit_conditions": [], "stop_conditions": []}
HALF = {"when": "position_pnl_pct > 0.05", "fraction": 0.5}
PLAIN = {"name": "parts", **LISTS}


def spec_of(*parts, **changes):
    return load_spec(PLAIN | {"scale_out": list(parts)} | changes)


def problems(*parts, **changes):
    with pytest.raises(SpecError) as caught:
        spec_of(*parts, **changes)
    return [(p.path, p.pointer, p.message, p.hint) for p in caught.value.problems]


def test_parts_are_kept_as_written_and_filled_in():
    spec = spec_of(
        HALF,
        {"when": "bars_held > {n}", "fraction": "{part}"},
        parameters={"n": 3, "part": 0.25},
    )
    assert spec.filled_parts == [("position_pnl_pct > 0.05", 0.5), ("bars_held > 3", 0.25)]
    assert (spec.leaves_in_parts, spec.most_parts) == (True, 2)
    for form in ("json", "yaml"):
        assert load_spec(dump_spec(spec, format=form)) == spec
    assert spec.replace(name="other").scale_out == spec.scale_out


def test_a_spec_without_parts_is_what_it_was():
    assert not load_spec(PLAIN).leaves_in_parts
    assert spec_hash(spec_of()) == spec_hash(load_spec(PLAIN)) == spec_hash(spec_of(scale_out=None))
    assert spec_hash(spec_of(HALF)) != spec_hash(load_spec(PLAIN))


def test_names_of_their_conditions_are_read():
    assert spec_of({"when": "vix > 20", "fraction": 1}).needs_vix
    assert spec_of({"when": "on('1w', close) > 20", "fraction": 1}).slower_intervals


@pytest.mark.parametrize(
    ("part", "path", "pointer", "message"),
    [
        (HALF | {"when": "clos > 1"}, "scale_out[0].when", "/scale_out/0/when",
         "unknown name 'clos'"),
        (HALF | {"when": ""}, "scale_out[0].when", "/scale_out/0/when", "is empty"),
        (HALF | {"when": 3}, "scale_out[0].when", "/scale_out/0/when",
         "must be a text, not the number 3"),
        (HALF | {"fraction": 0}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "must be above 0 and at most 1, not the number 0"),
        (HALF | {"fraction": 1.01}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "must be above 0 and at most 1, not the number 1.01"),
        (HALF | {"fraction": True}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "must be a number, or a parameter in braces, not true"),
        (HALF | {"fraction": "half"}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "must be a number, or a parameter in braces, not the text 'half'"),
        (HALF | {"fraction": "{part}"}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "unknown parameter 'part'"),
        ({"fraction": 0.5}, "scale_out[0].when", "/scale_out/0/when", "this field is missing"),
        ({"when": "close > 1"}, "scale_out[0].fraction", "/scale_out/0/fraction",
         "this field is missing"),
        (HALF | {"wen": 1}, "scale_out[0].wen", "/scale_out/0/wen", "unknown field 'wen'"),
        ("half", "scale_out[0]", "/scale_out/0", "must be a mapping, not the text 'half'"),
        ({1: 2}, "scale_out[0]", "/scale_out/0", "a field's name must be a text"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_part(part, path, pointer, message):
    assert [found[:3] for found in problems(part)] == [(path, pointer, message)]
    assert all(found[3] for found in problems(part))


def test_all_that_is_wrong_is_said_at_once_in_order():
    found = problems(HALF, HALF | {"when": "clos > 1"}, HALF | {"fraction": 2}, exit_conditions=[1])
    assert [path for path, *_ in found] == [
        "exit_conditions[0]",
        "scale_out[1].when",
        "scale_out[2].fraction",
    ]


def test_a_parameter_that_is_no_fraction_is_refused():
    stated = HALF | {"fraction": "{part}"}
    [found] = problems(stated, parameters={"part": 1.5})
    assert found[0] == "scale_out[0].fraction"
    assert found[2] == "must be above 0 and at most 1, and parameter 'part' is 1.5"
    assert spec_of(stated, parameters={"part": 1}).filled_parts[0].fraction == 1.0


def test_there_are_at_most_twenty():
    assert problems(*[HALF] * 21)[0][2] == "has more than 20 entries"
    assert spec_of(*[HALF] * 20).most_parts == 20


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, [0.5]), ({"scale_out": None}, [0.5]), ({"scale_out": []}, []),
     ({"scale_out": [HALF | {"fraction": 0.3}]}, [0.3])],
)  # fmt: skip
def test_the_short_side_has_the_long_ones_parts_or_its_own(own, expected):
    spec = spec_of(HALF, direction="both", short=LISTS | own)
    assert [part.fraction for part in spec.opposite.filled_parts] == expected
    assert [part.fraction for part in spec.filled_parts] == [0.5]
    assert spec.leaves_in_parts


def test_what_is_wrong_with_a_part_of_the_short_side():
    parts = [HALF | {"when": "clos > 1"}, HALF | {"fraction": 3}]
    found = problems(direction="both", short=LISTS | {"scale_out": parts})
    assert [(path, pointer) for path, pointer, *_ in found] == [
        ("short.scale_out[0].when", "/short/scale_out/0/when"),
        ("short.scale_out[1].fraction", "/short/scale_out/1/fraction"),
    ]


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({**PLAIN, "spread_type": "iron_condor"}, "leave it out: a spread closes as a whole"),
        ({"name": "parts", "model_path": "models/one"},
         "leave it out: a model's position closes as a whole, by its SELL"),
    ],
)  # fmt: skip
def test_other_kinds_have_none(fields, hint):
    with pytest.raises(SpecError) as caught:
        load_spec(fields | {"scale_out": [HALF]})
    [found] = caught.value.problems
    assert (found.path, found.hint) == ("scale_out", hint)
