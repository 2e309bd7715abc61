"""Sources that users add are asked, checked and named like btkit's own."""

import numpy as np
import pandas as pd
import pytest
from support.installed import install

import btkit as bt
from btkit.data import Answer, Observations, Source, check_source_name, source_names
from btkit.data.built_in import BUILT_IN
from btkit.data.registering import SOURCES
from btkit.errors import NoDataError, PluginError, SourceError, UsageError
from btkit.settings import Settings

COLUMNS = ("open", "high", "low", "close", "volume")


@pytest.fixture(autouse=True)
def own_list(monkeypatch):
    """Let nothing that a test registers outlive it."""
    monkeypatch.setattr(SOURCES, "_entries", {})
    monkeypatch.setattr(SOURCES, "_asked", True)


class Walk(Source):
    """A price for each business day, the same wherever one begins."""

    def bars(self, request):
        days = pd.bdate_range("2010-01-01", "2020-12-31")
        close = 100 + np.sin(np.arange(len(days)) / 9)
        frame = pd.DataFrame(dict.fromkeys(COLUMNS, close), days)
        return Answer(frame.loc[request.first : request.last], f"A made-up {request.symbol}")


class Answering(Walk):
    def __init__(self, **answers):
        self.answers = answers

    def bars(self, request):
        answer = self.answers.get("bars")
        if answer is None:
            return super().bars(request)
        if isinstance(answer, Exception):
            raise answer
        return answer(super().bars(request))

    def vix(self, request):
        return self.answers.get("vix", super().vix)(request)


def load(source="walk", **more):
    return bt.load_bars("ABC", "2015-01-01", "2015-12-31", source=source, **more)


def test_it_is_asked_under_its_name():
    bt.register_source("walk", Walk)
    bars = load()
    assert bars["close"].iloc[0] == bars["open"].iloc[0]
    assert bars.attrs["btkit"]["source"] == "walk"
    assert bars.attrs["btkit"]["description"] == "A made-up ABC"
    assert "vix" not in bars or bars["vix"].notna().any()


def test_its_name_is_known_wherever_one_is_chosen():
    bt.register_source("walk", Walk)
    assert source_names() == ["auto", *BUILT_IN, "walk"]
    assert check_source_name("walk") == "walk"
    settings = Settings(data_source="walk")
    assert len(load(None, settings=settings)) > 200


def test_its_own_observations_join(tmp_path):
    days = pd.bdate_range("2014-12-01", "2015-12-31")
    fear = Observations(pd.DataFrame({"vix": 31.0}, days))
    bt.register_source("walk", lambda: Answering(vix=lambda _: fear))
    assert (load(needs_iv=True)["vix"] == 31.0).all()


@pytest.mark.parametrize("name", ["waltz", "Walk", "", 5, None])
def test_a_source_that_is_not_there(name):
    bt.register_source("walk", Walk)
    with pytest.raises(UsageError, match="There is no source") as caught:
        check_source_name(name)
    assert "auto market-data files yahoo sample walk" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "factory", "told"),
    [
        ("sample", Walk, "btkit's own"),
        ("auto", Walk, "btkit's own"),
        ("dataframe", Walk, "btkit's own"),
        ("My Source", Walk, "lower-case letters"),
        ("", Walk, "lower-case letters"),
        (None, Walk, "lower-case letters"),
        ("mine", 5, "a function or class"),
    ],
)
def test_what_cannot_be_registered(name, factory, told):
    with pytest.raises(UsageError, match=told) as caught:
        bt.register_source(name, factory)
    assert caught.value.hint


def test_another_one_of_the_same_name_needs_replace():
    bt.register_source("walk", Walk)
    bt.register_source("walk", Walk)
    with pytest.raises(UsageError, match="another source is registered as 'walk'"):
        bt.register_source("walk", lambda: Walk())  # noqa: PLW0108 - other code
    bt.register_source("walk", lambda: Walk(), replace=True)  # noqa: PLW0108 - likewise


def no_frame(answer):
    return answer.frame


def with_frame(change):
    return lambda answer: Answer(change(answer.frame), "changed")


@pytest.mark.parametrize(
    ("bars", "told"),
    [
        (ValueError("no key"), "failed on bars: ValueError: no key"),
        (no_frame, "a value of type DataFrame"),
        (with_frame(lambda frame: frame.drop(columns=["low", "volume"])), "lack low, volume"),
        (with_frame(lambda frame: frame.astype(str)), "columns that are no numbers"),
        (with_frame(lambda frame: frame.reset_index(drop=True)), "an index of int64"),
        (with_frame(lambda frame: frame.tz_localize("UTC")), "an index of datetime64"),
    ],
)
def test_an_answer_that_is_none_names_the_source(bars, told):
    bt.register_source("walk", lambda: Answering(bars=bars))
    with pytest.raises(PluginError, match=f"the source 'walk' .*{told}") as caught:
        load()
    assert caught.value.hint


def test_its_own_errors_of_btkits_family_stay():
    bt.register_source("walk", lambda: Answering(bars=SourceError("no licence", hint="Buy one.")))
    with pytest.raises(SourceError, match="no licence"):
        load()
    empty = with_frame(lambda frame: frame.iloc[:0])
    bt.register_source("walk", lambda: Answering(bars=empty), replace=True)
    with pytest.raises(NoDataError, match="walk has no 1d bars of ABC"):
        load()


@pytest.mark.parametrize(
    "vix", [lambda _: None, lambda _: Observations(pd.DataFrame({"vix": ["a"]}))]
)
def test_observations_that_are_none_are_told(vix):
    bt.register_source("walk", lambda: Answering(vix=vix))
    with pytest.raises(PluginError, match="answered to vix"):
        load()


@pytest.mark.parametrize("factory", [lambda: 1 / 0, object])
def test_a_source_that_cannot_be_opened(factory):
    bt.register_source("walk", factory)
    with pytest.raises(PluginError, match="the source 'walk'"):
        load()


def test_what_it_is_made_of_is_in_the_report(tmp_path):
    bt.register_source("walk", Walk)
    settings = Settings(
        db_path=tmp_path / "r.db", curve_dir=tmp_path / "c", report_dir=tmp_path / "r"
    )
    spec = {"name": "s", "entry_conditions": ["close > sma_5"], "exit_conditions": [],
            "stop_conditions": []}  # fmt: skip
    result = bt.run(spec, "ABC", "2015-01-01", "2015-12-31", source="walk", settings=settings)
    [plugin] = bt.load_run(result.run_id, settings=settings).report.provenance.plugins
    assert (plugin["kind"], plugin["name"], plugin["distribution"]) == ("source", "walk", None)


def test_an_installed_package_brings_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr(SOURCES, "_asked", False)
    code = """
        import btkit as bt
        from btkit.data import Source

        class Theirs(Source):
            def bars(self, request):
                raise KeyError(request.symbol)

        def register():
            bt.register_source("theirs", Theirs)
        """
    entry = "[btkit.sources]\ntheir_package = their_package:register\n"
    install(tmp_path, monkeypatch, module="their_package", code=code, entry_points=entry)
    assert "theirs" in source_names()
    with pytest.raises(PluginError, match="the source 'theirs' failed on bars: KeyError: 'ABC'"):
        load("theirs")
    assert SOURCES.plugin("theirs").origin == "their-package 1.0"


def test_btkits_own_are_opened_without_asking_packages(monkeypatch):
    monkeypatch.setattr(SOURCES, "_asked", False)
    monkeypatch.setattr("btkit.plugins.metadata.entry_points", lambda **_: 1 / 0)
    assert len(bt.load_bars("SPX", "2018-12-03", "2018-12-31", source="sample")) == 19
