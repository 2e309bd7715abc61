"""Reading what feeds a network: the indicators, fuzzy sets and inputs of a definition.

The same three parts stand in a strategy's YAML and in the metadata of a trained bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from btkit.arguments import kind_of_value, quoted
from btkit.models.fuzzy import SHAPES, Membership, number_problems
from btkit.models.indicator_parameters import IndicatorType
from btkit.models.indicator_types import (
    INDICATOR_TYPES,
    WITHOUT_VALUES,
    indicator_type,
    plain_type,
)
from btkit.models.inputs import (
    MAX_ENTRIES,
    NORMALIZATIONS,
    DefinedIndicator,
    FuzzySet,
    Line,
    NetworkInput,
    Normalization,
)
from btkit.models.problems import Findings, Place
from btkit.spelling import did_you_mean

_LONGEST_NAME: Final = 100
_TRAPEZOID_NUMBERS: Final = 4


def read_inputs(
    values: Mapping[str, Any], timeframes: Sequence[str], findings: Findings
) -> tuple[NetworkInput, ...]:
    """Read the parts of a definition that say what feeds the network.

    Parameters
    ----------
    values
        With ``indicators``, ``fuzzy_sets`` and ``nn_inputs``.
    timeframes
        Those that the model was, or is to be, trained on, in their order.
    findings
        Gathers what is wrong.

    Returns
    -------
    tuple of NetworkInput
        In the order of the network; as many as could be read where there are problems.
    """
    reader = _InputReader(findings, tuple(timeframes))
    indicators = reader.indicators(values.get("indicators"))
    stated = values.get("fuzzy_sets")
    fuzzy_sets = {} if stated is None else reader.fuzzy_sets(stated, indicators)
    return reader.inputs(values.get("nn_inputs"), indicators, fuzzy_sets)


def refuse_external_data(values: Mapping[str, Any], findings: Findings) -> None:
    """Refuse a definition that rests on data from outside the bars, with the list of it.

    Parameters
    ----------
    values
        A strategy, or a bundle's metadata.
    findings
        Gathers the problem.
    """
    for key in ("context_data", "context_data_config", "context_source_ids"):
        entries = values.get(key)
        # Where nothing is switched on or listed, nothing is read.
        if not entries or (isinstance(entries, Mapping) and not any(entries.values())):
            continue
        listed = entries if isinstance(entries, list | tuple) else [entries]
        named = ", ".join(filter(None, map(_source_name, listed[:20])))
        findings.refuse(
            (key,),
            "rests on data from outside the bars" + (f": {named}" if named else ""),
            "train a model that reads the bars of its own instrument alone",
        )


def _source_name(entry: object) -> str:
    if isinstance(entry, Mapping):
        keys = ("provider", "symbol", "series", "report")
        said = [str(entry[key]) for key in keys if entry.get(key)]
        entry = " ".join(said or map(str, entry))
    return quoted(str(entry))[1:-1]


# What was refused stays known by its name, so that nothing else is refused for want of it.
_Indicators: TypeAlias = dict[str, DefinedIndicator | None]
_FuzzySets: TypeAlias = dict[str, FuzzySet | None]


@dataclass(frozen=True)
class _InputReader:
    findings: Findings
    timeframes: tuple[str, ...]

    def indicators(self, value: object) -> _Indicators:
        place: Place = ("indicators",)
        entries = self.findings.mapping(value, place, most=MAX_ENTRIES, of="indicators by name")
        return {
            name: self._indicator(entry, (*place, name))
            for name, entry in entries.items()
            if self._is_name(name, (*place, name))
        }

    def _indicator(self, value: object, place: Place) -> DefinedIndicator | None:
        entry = self.findings.mapping(value, place, most=MAX_ENTRIES, of="a type and parameters")
        if not isinstance(value, Mapping):
            return None
        kind = self._type(entry.pop("type", None), (*place, "type"))
        source = entry.pop("data_source", None)
        if source is not None:
            self.findings.refuse(
                (*place, "data_source"),
                f"rests on data from outside the bars: {kind_of_value(source)}",
                "train a model that reads the bars of its own instrument alone",
            )
        if kind is None:
            return None
        parameters = {name: rule.default for name, rule in kind.parameters.items()}
        good = True
        for name, rule in kind.parameters.items():
            given = entry.get(name)
            wrong = None if given is None else rule.refusal(given)
            if wrong is not None:
                hint = f"leave it out for {rule.default}"
                self.findings.refuse((*place, name), wrong, hint)
                good = False
            elif given is not None:
                parameters[name] = rule.read(given)
        for name in (name for name in entry if name not in kind.parameters):
            # So does the system that trains with it, and its model saw the default.
            known = ", ".join(kind.parameters) or "none"
            self.findings.notes.append(
                f"{place[-1]}: {kind.name} has no parameter {quoted(name)}, so that it changes "
                f"nothing; it has {known}."
            )
        return DefinedIndicator(kind, parameters) if good else None

    def _type(self, value: object, place: Place) -> IndicatorType | None:
        if isinstance(value, str):
            kind = indicator_type(value)
            if kind is not None:
                return kind
            reason = WITHOUT_VALUES.get(plain_type(value))
            if reason is not None:
                self.findings.refuse(place, f"{quoted(value)} cannot be computed: {reason}",
                                     "train a model without it")  # fmt: skip
                return None
        message = (
            "this field is missing"
            if value is None
            else f"no indicator gives {kind_of_value(value)}"
        )
        close = did_you_mean(plain_type(value), INDICATOR_TYPES) if isinstance(value, str) else None
        offered = f"types are {', '.join(sorted(INDICATOR_TYPES))}"
        self.findings.refuse(place, message, offered if close is None else f"{close} {offered}")
        return None

    def fuzzy_sets(self, value: object, indicators: _Indicators) -> _FuzzySets:
        place: Place = ("fuzzy_sets",)
        entries = self.findings.mapping(value, place, most=MAX_ENTRIES, of="fuzzy sets by name")
        return {
            name: self._fuzzy_set(entry, (*place, name), indicators)
            for name, entry in entries.items()
            if self._is_name(name, (*place, name))
        }

    def _fuzzy_set(self, value: object, place: Place, known: _Indicators) -> FuzzySet | None:
        of = "an indicator and memberships"
        entry = self.findings.mapping(value, place, most=MAX_ENTRIES, of=of)
        line = self._line(entry.pop("indicator", None), (*place, "indicator"), known)
        memberships = {
            name: self._membership(numbers, (*place, name))
            for name, numbers in entry.items()
            if self._is_name(name, (*place, name))
        }
        if not memberships:
            self.findings.refuse(place, "has no membership", "write such as low: [0, 25, 40]")
        whole = {name: found for name, found in memberships.items() if found is not None}
        return FuzzySet(line, whole) if line and len(whole) == len(memberships) else None

    def _membership(self, value: object, place: Place) -> Membership | None:
        if isinstance(value, list | tuple):
            shape = "trapezoidal" if len(value) == _TRAPEZOID_NUMBERS else "triangular"
            return self._with_numbers(shape, value, place)
        entry = self.findings.mapping(value, place, most=2, of="type and parameters")
        if not isinstance(value, Mapping):
            return None
        kind = entry.get("type")
        shape = kind.lower() if isinstance(kind, str) else ""
        if shape in SHAPES:
            return self._with_numbers(shape, entry.get("parameters"), (*place, "parameters"))
        self.findings.refuse((*place, "type"), f"no membership is {kind_of_value(kind)}",
                             f"types are {', '.join(SHAPES)}")  # fmt: skip
        return None

    def _with_numbers(self, shape: str, given: object, place: Place) -> Membership | None:
        hint = "write such as [0, 25, 40]"
        if not isinstance(given, list | tuple):
            found = "this field is missing" if given is None else f"is {kind_of_value(given)}"
            self.findings.refuse(place, f"{found}; it must be a list of numbers", hint)
            return None
        odd = [at for at, number in enumerate(given) if type(number) not in {int, float}]
        for at in odd:
            found = f"must be a number, not {kind_of_value(given[at])}"
            self.findings.refuse((*place, at), found, hint)
        if odd:
            return None
        numbers = tuple(_as_float(number) for number in given)
        wrong = number_problems(shape, numbers)
        for which, message, advice in wrong:
            self.findings.refuse(place if which is None else (*place, which), message, advice)
        return None if wrong else Membership(shape, numbers)

    def _line(self, reference: object, place: Place, known: _Indicators) -> Line | None:
        if not isinstance(reference, str):
            message = (
                "this field is missing"
                if reference is None
                else f"must name an indicator, not {kind_of_value(reference)}"
            )
            self.findings.refuse(place, message, "write the name of one of the indicators")
            return None
        name, dot, output = reference.partition(".")
        if name not in known:
            hint = did_you_mean(name, known) or f"indicators are {', '.join(known) or 'missing'}"
            self.findings.refuse(place, f"there is no indicator {quoted(name)}", hint)
            return None
        indicator = known[name]
        if indicator is None:
            return None
        number = indicator.kind.output(output if dot else None)
        if number is None:
            outputs = [one.name for one in indicator.kind.outputs if one.name]
            hint = (
                did_you_mean(output, outputs) or f"outputs are {', '.join(outputs)}"
                if outputs
                else f"write {name}: it has one output, without a name"
            )
            message = f"{indicator.kind.name} has no output {quoted(output)}"
            self.findings.refuse(place, message, hint)
            return None
        return Line(indicator, number)

    def inputs(
        self, value: object, indicators: _Indicators, fuzzy_sets: _FuzzySets
    ) -> tuple[NetworkInput, ...]:
        place: Place = ("nn_inputs",)
        if not isinstance(value, list | tuple) or not value:
            found = "is empty" if value == [] else f"must be a list, not {kind_of_value(value)}"
            self.findings.refuse(place, found, "write such as - {fuzzy_set: low, timeframes: all}")
            return ()
        if len(value) > MAX_ENTRIES:
            self.findings.refuse(place, f"has {len(value):,} entries; at most {MAX_ENTRIES} are "
                                 "read", "shorten it")  # fmt: skip
            return ()
        read = [
            self._input(entry, (*place, at), indicators, fuzzy_sets)
            for at, entry in enumerate(value)
        ]
        return tuple(found for found in read if found is not None)

    def _input(
        self, value: object, place: Place, indicators: _Indicators, fuzzy_sets: _FuzzySets
    ) -> NetworkInput | None:
        keys = ("fuzzy_set", "raw_indicator", "timeframes", "normalization")
        entry = self.findings.mapping(value, place, most=MAX_ENTRIES, of="a fuzzy set or indicator")
        entry = {key: given for key, given in entry.items() if given is not None}
        self.findings.unknown_keys(entry, keys, place, told=True)
        named = [key for key in keys[:2] if key in entry]
        timeframes = self._timeframes(entry.get("timeframes"), (*place, "timeframes"))
        normalization = self._normalization(entry, place)
        if len(named) != 1:
            both = "names both fuzzy_set and raw_indicator"
            self.findings.refuse(place, both if named else "names neither fuzzy_set nor "
                                 "raw_indicator", "write one of them")  # fmt: skip
            return None
        reference = entry[named[0]]
        if named == ["raw_indicator"]:
            line = self._line(reference, (*place, "raw_indicator"), indicators)
            if line is None:
                return None
            return NetworkInput(str(reference), line, None, timeframes, normalization)
        if not isinstance(reference, str) or reference not in fuzzy_sets:
            close = did_you_mean(reference, fuzzy_sets) if isinstance(reference, str) else None
            self.findings.refuse(
                (*place, "fuzzy_set"),
                f"there is no fuzzy set {kind_of_value(reference).removeprefix('the text ')}",
                close or f"fuzzy sets are {', '.join(fuzzy_sets) or 'missing'}",
            )
            return None
        found = fuzzy_sets[reference]
        if found is None:
            return None
        return NetworkInput(reference, found.line, found.memberships, timeframes)

    def _normalization(self, entry: Mapping[str, Any], place: Place) -> Normalization | None:
        given = entry.get("normalization")
        if given is not None and "fuzzy_set" in entry:
            self.findings.refuse((*place, "normalization"), "is for a raw_indicator alone",
                                 "remove it: memberships lie between 0 and 1")  # fmt: skip
        elif given is not None and given not in NORMALIZATIONS:
            self.findings.refuse((*place, "normalization"), f"is {kind_of_value(given)}",
                                 f"write one of {', '.join(NORMALIZATIONS)}")  # fmt: skip
        else:
            return cast("Normalization | None", given)
        return None

    def _timeframes(self, value: object, place: Place) -> tuple[str, ...]:
        trained = ", ".join(self.timeframes) or "missing"
        if value == "all" and self.timeframes:
            return self.timeframes
        if not isinstance(value, list | tuple) or not value:
            found = "this field is missing" if value is None else f"is {kind_of_value(value)}"
            hint = f"write all, or a list of them; those of the training are {trained}"
            self.findings.refuse(place, found, hint)
            return ()
        for at, given in enumerate(value):
            if given not in self.timeframes:
                found = kind_of_value(given).removeprefix("the text ")
                self.findings.refuse((*place, at), f"the training has no timeframe {found}",
                                     f"its timeframes are {trained}")  # fmt: skip
        return tuple(str(given) for given in value)

    def _is_name(self, name: str, place: Place) -> bool:
        good = name.isprintable() and name.strip() == name and 0 < len(name) <= _LONGEST_NAME
        if not good or "." in name:
            self.findings.refuse(
                place,
                "is no name: one printable line of at most "
                f"{_LONGEST_NAME} characters, without a dot",
                "write such as rsi_14; a dot comes before an output",
            )
            return False
        return True


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond every float
        return float("inf") if number > 0 else float("-inf")
