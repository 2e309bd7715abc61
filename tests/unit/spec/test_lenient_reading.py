"""What programs and people write a little differently, and what it means."""

import json

import pytest
from support.specs import rules, spread

from btkit.errors import SpecError
from btkit.settings import Settings
from btkit.spec import dump_spec, load_spec, spec_hash

TEXT = json.dumps(rules(max_holding_bars=7))
YAML = "name: tiny\nentry_conditions: [close > sma_50]\nexit_conditions: []\nstop_conditions: []\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```\n",
        f"```JSON\n{TEXT}\n```",
        f"~~~json\n{TEXT}\n~~~",
        f"````json\n{TEXT}\n````",
        f"```json\n{TEXT}\n````",
        f"```json\r\n{TEXT}\r\n```\r\nGood luck!\r\n",
        f"Here:\r\n\r\n```yaml\r\n{YAML}max_holding_bars: 7\r\n```\r\n",
        f"\n    ```json\n    {TEXT}\n    ```\n",
        f"Here is the strategy:\n\n```json\n{TEXT}\n```\n\nIt buys dips. {{Good luck}}!",
        f"```json\n{TEXT}\n",
        f"```json {TEXT} ```",
        f"```yaml\n{YAML}max_holding_bars: 7\n```",
        f"prose: [with brackets\n```yml\n{YAML}max_holding_bars: 7\n```",
    ],
)
@pytest.mark.parametrize("suffix", ["json", "yaml", "md"])
def test_a_spec_in_a_fence_is_read(text, suffix, tmp_path):
    assert load_spec(text).max_holding_bars == 7
    path = tmp_path / f"spec.{suffix}"
    path.write_text(text, newline="")
    assert load_spec(path).max_holding_bars == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"```json\n{TEXT}\n```\nor\n```json\n{TEXT}\n```", "several fenced blocks"),
        ("```json\n\n```", "the fenced block is empty"),
        ('Well:\n```json\n{"name": }\n```', "no JSON: Expecting value, line 3 column 10"),
        ("a\n```yaml\nname: [\n```", "no YAML"),
    ],
)
def test_a_fence_that_holds_no_spec(text, said):
    with pytest.raises(SpecError, match=said):
        load_spec(text)


def test_a_fence_inside_a_text_is_part_of_the_text():
    description = "such as\n```json\n{}\n```\n"
    block = "description: |\n" + "".join(f"  {line}\n" for line in description.splitlines())
    assert load_spec(YAML + block).description == description


def test_null_means_the_default():
    optional = [name for name in type(load_spec(rules())).model_fields if name not in rules()]
    assert load_spec(rules(**dict.fromkeys(optional))) == load_spec(rules())
    limit = Settings.model_construct(max_holding_bars=33)
    assert load_spec(rules(max_holding_bars=None), settings=limit).max_holding_bars == 33
    assert load_spec(spread(skew=None, target_dte=None)) == load_spec(spread())
    with pytest.raises(SpecError, match="must be a list, not null"):
        load_spec(rules(exit_conditions=None))
    with pytest.raises(SpecError, match="unknown field 'colour'"):
        load_spec(rules(colour=None))


def test_a_whole_number_may_have_a_decimal_point():
    spec = load_spec(rules(max_holding_bars=10.0, max_concurrent_positions=2.0))
    assert (spec.max_holding_bars, spec.max_concurrent_positions) == (10, 2)
    assert isinstance(spec.max_holding_bars, int)
    assert load_spec(spread(target_dte=30.0)).target_dte == 30
    for wrong in (10.5, "10", True, float("inf")):
        with pytest.raises(SpecError, match="max_holding_bars"):
            load_spec(rules(max_holding_bars=wrong))


@pytest.mark.parametrize(
    ("written", "version"), [("1.0", "1.0"), ("1.10", "1.10"), ("2", "2"), ('"1.0"', "1.0")]
)
def test_a_version_is_text_as_it_is_written(written, version):
    assert load_spec(f"{YAML}version: {written}\n").version == version
    assert load_spec(f'{TEXT[:-1]}, "version": {written}}}').version == version
    assert load_spec(f'```json\n{TEXT[:-1]}, "version": {written}}}\n```').version == version


def test_a_version_may_be_a_number_in_python():
    assert load_spec(rules(version=1.0)).version == "1.0"
    assert load_spec(rules(version=3)).version == "3"
    for wrong in (True, [1.0]):
        with pytest.raises(SpecError, match="version: must be a text"):
            load_spec(rules(version=wrong))


@pytest.mark.parametrize(
    "name",
    [
        "Dip & Rip (v2)",
        "../../etc/passwd",
        "<b>bold</b>",
        "=1+1",
        "Ünïcødé 日本 🚀",
        "...",
        "a" * 100,
    ],
)
def test_a_name_may_be_any_printable_text(name):
    spec = load_spec(rules(name=name))
    assert spec.name == name
    for form in ("json", "yaml"):
        assert load_spec(dump_spec(spec, format=form)) == spec


@pytest.mark.parametrize(
    "name", ["", " ", "a\tb", "a\nb", "a\u200bb", "a\u202eb", "a\x7f", "a" * 101]
)
def test_a_name_that_cannot_be_printed_is_refused(name):
    with pytest.raises(SpecError, match="name"):
        load_spec(rules(name=name))


def test_metadata_is_free_and_decides_nothing():
    notes = {"author": "me", "run": {"tries": [1, 2.5, None, True]}, "": "é"}
    spec = load_spec(rules(metadata=notes))
    assert spec.metadata == notes
    assert load_spec(dump_spec(spec, format="yaml")) == spec
    assert spec_hash(spec) == spec_hash(load_spec(rules()))
    notes["author"] = "you"
    assert spec.metadata["author"] == "me"


@pytest.mark.parametrize(
    "notes",
    [[1], "text", {"a": float("nan")}, {"a": {1}}, {1: 2}, {"a": "\ud800"}, {"a": "x" * 100_001}],
)
def test_metadata_that_no_json_can_hold_is_refused(notes):
    with pytest.raises(SpecError) as caught:
        load_spec(rules(metadata=notes))
    assert caught.value.problems[0].path.startswith("metadata")


def test_metadata_that_holds_itself_is_refused():
    notes = {}
    notes["self"] = notes
    with pytest.raises(SpecError, match="metadata"):
        load_spec(rules(metadata=notes))
