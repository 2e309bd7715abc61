import math
import sys
from functools import lru_cache, partial, wraps

import numba
import numpy as np
import pytest
import talib
from support.installed import install

from btkit.code_hash import hash_code
from btkit.data import Source
from btkit.errors import PluginError, UsageError
from btkit.plugins import Registry

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


class Slotted:
    __slots__ = ("n",)

    def __init__(self, n):
        self.n = n

    def __call__(self, close):
        return close * self.n


class Waves(Source):
    def bars(self, request):
        raise KeyError(request.symbol)


def decorated(n):
    @wraps(scaled)
    def wrapper(close):
        return scaled(close) * n

    return wrapper


def sub_class(function):
    base = type("Base", (), {"apply": staticmethod(function)})
    return type("Own", (base,), {})


TWO_IN_A_LINE = (lambda close: close * 2), (lambda close: close * 3)


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


def redefined(text):
    names = {"__name__": "__main__"}
    exec(text, names)  # noqa: S102 - as a notebook's cell is
    return names["mine"]


def test_a_cell_that_is_edited_and_runs_again_takes_its_own_place(registry):
    registry.add("mine", 1, code=redefined("def mine(close): return close"))
    before = registry.plugin("mine").code_hash
    registry.add("mine", 2, code=redefined("def mine(close): return close * 2"))
    assert registry.get("mine") == 2
    assert registry.plugin("mine").code_hash != before
    for other in (lambda close: close, by(2), redefined("def mine(): 0\nmine = [mine].append")):
        with pytest.raises(UsageError, match="another widget is registered as 'mine'"):
            registry.add("mine", 3, code=other)


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


def test_the_hash_of_a_class_stays_when_it_is_used():
    before = hash_code(Waves)
    assert Waves().name == "waves"
    assert hash_code(Waves) == before


def within(close):
    def inner():
        return helper(close)

    return inner()


def through_a_module(close):
    return THIS.helper(close)


class Using:
    @property
    def used(self):
        return helper

    @classmethod
    def made(cls):
        return FACTOR


THIS = sys.modules[__name__]


@pytest.mark.parametrize("code", [scaled, within, through_a_module, Using, Using.made, by(scaled)])
def test_the_hash_sees_what_it_rests_on_wherever_it_is_read(code, monkeypatch):
    before = hash_code(code)
    monkeypatch.setattr(THIS, "FACTOR", 4)
    monkeypatch.setattr(THIS, "helper", lambda close: close + 2.0)
    assert hash_code(code) != before


def test_what_refers_to_itself_and_what_is_not_there_yet_have_a_hash():
    def early():
        return hash_code(lambda: late)

    found = early()
    late = []
    late.append(late)
    assert found != early()
    assert hash_code(by(late)) == hash_code(by(late))


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
        (Scale(1).__call__, Scale(2).__call__),
        (math.sqrt, math.exp),
        ([].append, {}.update),
        (talib.SMA, talib.EMA),
        TWO_IN_A_LINE,
        (decorated(1), decorated(2)),
        (lru_cache(by(1)), lru_cache(by(2))),
        (numba.vectorize(by(1)), numba.vectorize(by(2))),
        (numba.njit(by(1)), numba.njit(by(2))),
        (Slotted(1), Slotted(2)),
        (by(Slotted(1)), by(Slotted(2))),
        (by({1, 2}), by({1, 3})),
        (by((1, (2, 3))), by(((1, 2), 3))),
        (by(np.array([1, "a"], object)), by(np.array([1, "b"], object))),
        (sub_class(by(1)), sub_class(by(2))),
    ],
)
def test_the_hash_tells_functions_apart(one, other):
    assert hash_code(one) != hash_code(other)
