"""Values that no set can have: refused before a search begins, not when their set comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice

from btkit.conditions import check_expression, fill_parameters, parameter_names
from btkit.decisions.rules import RULE_RUN_CONSTANTS
from btkit.decisions.templates import Hole, read_template
from btkit.errors import Problem, SpecError
from btkit.spec import StrategySpec
from btkit.spec.expressions import expressions_of, is_number
from btkit.validation.axes import Axes, Number
from btkit.validation.places import may_have_sets

_SHOWN = 10
# Each is a text to be parsed: of an axis with more values, the sets tell of the others.
_READ = 2_000


def check_values(spec: StrategySpec, axes: Axes, constraint: str | None) -> None:
    """Refuse values that a condition, or the sizing formula, takes in no set.

    Looked at is each value by itself, where no other swept parameter is in the same number or name:
    as ``n`` of ``mean(close, {n})`` and of ``sma_{n}``. Where several make one up, the sets tell.

    Parameters
    ----------
    spec
        Has the parameters.
    axes
        The values of those that are swept, checked.
    constraint
        Which sets are left out: a value that is in none is not refused.

    Raises
    ------
    SpecError
        The message names a value of each parameter, and the place; ``details["refused"]`` has more.
    """
    problems: list[Problem] = []
    refused: dict[str, list[Number]] = {}
    for path, text, is_sizing in _expressions(spec):
        for name, values in _doubtful(spec, text, axes, is_sizing=is_sizing):
            refusals = (
                (value, problem)
                for value in islice(values, _READ)
                if (problem := _problem(spec, path, text, {name: value}, is_sizing=is_sizing))
                and (not constraint or may_have_sets({**axes, name: [value]}, constraint))
            )
            found = list(islice(refusals, _SHOWN))
            if found:
                problems.append(found[0][1])
                refused.setdefault(name, []).extend(value for value, _ in found)
    if not problems:
        return
    chosen = " or ".join(f"{name}={values[0]:g}" for name, values in refused.items())
    error = SpecError(problems, origin=f"the spec with {chosen}")
    error.details["refused"] = {
        name: list(dict.fromkeys(values))[:_SHOWN] for name, values in refused.items()
    }
    raise error


def _expressions(spec: StrategySpec) -> Iterator[tuple[str, str, bool]]:
    """Yield the path of each expression, its text, and whether it stands for a number."""
    for path, text in expressions_of(spec.model_dump()):
        yield path, text, is_number(path)


def _doubtful(
    spec: StrategySpec, text: str, axes: Axes, *, is_sizing: bool
) -> Iterator[tuple[str, Iterator[Number]]]:
    """Yield swept parameters of a text, and which of their values may be refused by themselves."""
    swept = parameter_names(text) & axes.keys()
    if not swept:
        return
    template = read_template(
        text,
        sizing=is_sizing,
        constants={**RULE_RUN_CONSTANTS, "risk_pct": spec.per_trade_risk_pct},
        declared=frozenset(spec.declared),
    )
    if template is None:
        # Where numbers fold, which ones meet is up to the sets, unless there is one alone.
        for name in swept if len(swept) == 1 else ():
            yield name, iter(axes[name])
        return
    for name in sorted(swept):
        holes = [hole for hole in template.holes.values() if swept & {*hole.parameters} == {name}]
        yield name, (value for value in axes[name] if _spoils(value, name, holes, spec))


def _spoils(value: Number, name: str, holes: list[Hole], spec: StrategySpec) -> bool:
    values = {**spec.parameters, name: value}
    return any(hole.fill(values) is None for hole in holes)


def _problem(
    spec: StrategySpec, path: str, text: str, values: Mapping[str, Number], *, is_sizing: bool
) -> Problem | None:
    filled = fill_parameters(text, {**spec.parameters, **values})
    return _read(filled, path, frozenset(spec.declared), is_sizing)


@lru_cache(maxsize=4_096)
def _read(text: str, path: str, declared: frozenset[str], is_sizing: bool) -> Problem | None:  # noqa: FBT001 - a cache keeps names apart
    # Each piece of a search that is spread asks for the same again.
    found = check_expression(text, path=path, sizing=is_sizing, events=None, declared=declared)
    return found[0] if found else None
