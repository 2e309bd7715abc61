import sys
from functools import partial

import numpy as np
import pytest
from support.installed import install

from btkit.errors import PluginError, UsageError
from btkit.plugins import Registry, hash_code

FACTOR = 3


def scaled(close):
    return helper(close) * FACTOR


def helper(close):
    return close + 1.0


def by(n):
    return lambda close: close * n


class Scale:
    def __init__(self, n):
        self.n = n

    def __call__(self, close):
        return close * self.n


@pytest.fixture
def registry():
    return Registry("widget")


def test_what_is_registered_is_found_with_where_it_comes_from(registry):
    registry.add("mine", 1, code=scaled)
    assert registry.get("mine") == 1
    assert registry.entries() == {"mine": 1}
    plugin = registry.plugin("mine")
    assert (plugin.kind, plugin.distribution, plugin.origin) == ("widget", None, "this process")
    assert plugin.code_hash == hash_code(scaled)
    assert registry.get("other") is None
    assert registry.plugin("other") is None


def test_a_cell_that_runs_again_changes_nothing(registry):
    registry.add("mine", 1, code=scaled)
    registry.add("mine", 2, code=scaled)
    assert registry.get("mine") == 2


def test_another_function_under_the_same_name_needs_replace(registry):
    registry.add("mine", 1, code=scaled)
    with pytest.raises(UsageError, match="another widget is registered as 'mine'") as caught:
        registry.add("mine", 2, code=helper)
    assert "replace=True" in caught.value.hint
    registry.add("mine", 2, code=helper, replace=True)
    assert registry.get("mine") == 2


def test_who_registers_by_hand_learns_that_a_package_has_the_name(tmp_path, monkeypatch, registry):
    installed(tmp_path, monkeypatch, registry)
    with pytest.raises(UsageError, match=r"registered as 'theirs', by my-package 1\.0"):
        registry.add("theirs", 1, code=scaled)


REGISTERS = """
    from tests_registry import REGISTRY

    def own(close):
        return close

    def register():
        REGISTRY.add("theirs", 7, code=own)
    """
ENTRY = """
    [btkit.widgets]
    my_package = my_package:register
    """


def installed(tmp_path, monkeypatch, registry, **changes):
    module = type(sys)("tests_registry")
    module.REGISTRY = registry
    monkeypatch.setitem(sys.modules, "tests_registry", module)
    asked = {"module": "my_package", "code": REGISTERS, "entry_points": ENTRY, **changes}
    install(tmp_path, monkeypatch, **asked)


def test_an_installed_package_is_asked_when_a_name_is_wanted(tmp_path, monkeypatch, registry):
    registry.add("mine", 1, code=scaled)
    monkeypatch.setattr(registry, "_asked", False)
    installed(tmp_path, monkeypatch, registry, version="2.5")
    assert registry.get("mine") == 1
    assert "my_package" not in sys.modules
    assert registry.get("theirs") == 7
    plugin = registry.plugin("theirs")
    assert (plugin.distribution, plugin.version) == ("my-package", "2.5")
    assert plugin.origin == "my-package 2.5"


def test_the_whole_list_has_what_is_installed(tmp_path, monkeypatch, registry):
    installed(tmp_path, monkeypatch, registry)
    assert registry.entries() == {"theirs": 7}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def register():\n    raise ValueError('no licence')", "ValueError: no licence"),
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("register = 5", "not callable"),
        (REGISTERS + "    raise KeyError('late')", "late"),
    ],
)
def test_a_package_that_fails_is_named_each_time_and_leaves_nothing(
    tmp_path, monkeypatch, registry, code, told
):
    installed(tmp_path, monkeypatch, registry, code=code)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"my-package 1\.0") as caught:
            registry.get("theirs")
        assert told in caught.value.message
        assert caught.value.details["package"] == "my-package 1.0"
    monkeypatch.setattr("btkit.plugins.metadata.entry_points", lambda **_: [])
    assert registry.entries() == {}


def test_the_hash_is_the_same_as_long_as_the_code_is():
    assert hash_code(scaled) == hash_code(scaled)
    assert hash_code(Scale(2)) == hash_code(Scale(2))
    assert hash_code(by(2)) == hash_code(by(2))


def test_the_hash_sees_what_the_function_rests_on(monkeypatch):
    before = hash_code(scaled)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 4)
    after_constant = hash_code(scaled)
    monkeypatch.setattr(sys.modules[__name__], "helper", lambda close: close + 2.0)
    assert len({before, after_constant, hash_code(scaled)}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (by(1), by(2)),
        (by(np.arange(3)), by(np.arange(4))),
        (Scale(1), Scale(2)),
        (partial(scaled, 1), partial(scaled, 2)),
        (np.add, np.subtract),
        (by({"a": 1}), by({"a": 2})),
        (eval("lambda close: close * 2"), eval("lambda close: close * 3")),  # noqa: S307
        (Scale(1), Scale),
    ],
)
def test_the_hash_tells_functions_apart(one, other):
    assert hash_code(one) != hash_code(other)
