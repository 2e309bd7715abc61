"""The fields of jobs: what each may be, by the checks that all else that is asked goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationInfo
from pydantic_core import PydanticCustomError

from btkit.arguments import check_account, check_choice, check_whole, refusal, shown
from btkit.data import load_format
from btkit.errors import BtkitError, UsageError
from btkit.jobs.requests import check_interval, check_optimised, check_source
from btkit.markets import check_symbol, read_day
from btkit.metrics import objectives
from btkit.settings import SourceName
from btkit.spec.fields import parameter_refusal
from btkit.validation.axes import (
    Number,
    check_axes,
    check_constraint,
    distinct,
    named_axes,
    read_axes,
)

MAX_THREADS = 1_024
"""More than any machine has cores for."""

_SCHEMA = "`backtest schema` prints every field of a job."
_LEFT_OUT = "Leave it out for the default."
_ONE_A_CORE = "Leave it out: then there is one for each core."


def refusing(check: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the check returns
    """Hand what btkit's own checks refuse on to pydantic, which gathers all that is refused.

    Parameters
    ----------
    check
        Called; what it returns is returned.
    """
    try:
        return check()
    except BtkitError as error:
        raise refused(error) from error


def refused(error: BtkitError) -> PydanticCustomError:
    """Return the error by which pydantic gathers what btkit refuses.

    Parameters
    ----------
    error
        Why; `btkit.jobs.asking` raises it.
    """
    return PydanticCustomError("refused", "{reason}", {"reason": error.message, "error": error})


def _checked(check: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: None if value is None else refusing(lambda: check(value)))


def _needed(check: Callable[..., Any]) -> BeforeValidator:
    """Return a validator of what may only be missing where bars are handed over."""

    def validated(value: object, info: ValidationInfo) -> object:
        if value is None and not (info.context or {}).get("loads"):
            return None
        return refusing(lambda: check(value, name=str(info.field_name)))

    return BeforeValidator(validated)


def _symbol(value: object, name: str) -> str:
    if value is None:
        raise UsageError(
            "symbol is missing, and the spec says none; it is a text, or the bars as a pandas "
            "DataFrame.",
            hint='Such as "SPX", or pd.DataFrame(...); a model strategy that was trained on '
            "several says none either.",
            details={"argument": name},
        )
    return check_symbol(value)


def _whole(name: str, *, least: int, hint: str, **most: int) -> BeforeValidator:
    return _checked(lambda value: check_whole(value, name, least=least, hint=hint, **most))


def _cost(name: str) -> BeforeValidator:
    harmless = {"capital": 1.0, "commission": 0.0, "slippage": 0.0}
    place = list(harmless).index(name)
    return _checked(lambda value: check_account(**{**harmless, name: value})[place])


def _spec(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise refused(refusal(value, "spec", rule="the path of a file, or a mapping", hint=_SCHEMA))


def _number(value: object, info: ValidationInfo) -> object:
    wrong = parameter_refusal(value)
    if wrong is None:
        return value
    message = f"A value of parameter {info.field_name} is {shown(value)}; it {wrong}."
    raise refused(UsageError(message, hint="Give numbers such as [5, 10, 20]."))


def names_file(stated: object) -> TypeGuard[str]:
    """Return whether a stated format is the path of a file rather than its text or fields."""
    return isinstance(stated, str) and "\n" not in stated and stated.lstrip()[:1] not in {"", "{"}


def _stated_format(value: Any) -> object:  # noqa: ANN401 - `load_format` refuses what it is not
    return value if names_file(value) else load_format(value).stated()


def _axes(value: Any, info: ValidationInfo) -> object:  # noqa: ANN401 - it refuses what is none
    if isinstance(value, list) and all(isinstance(flag, str) for flag in value):
        value = refusing(lambda: read_axes(value))
    if isinstance(value, Mapping):
        value = refusing(lambda: named_axes(value))
    spec = (info.context or {}).get("spec")
    # Nothing has to be optimised.
    if spec is None or (info.field_name == "optimize" and isinstance(value, dict) and not value):
        return value
    return refusing(lambda: check_axes(check_optimised(spec), value))


def _without_repeats(axes: dict[str, list[Number]]) -> dict[str, list[Number]]:
    # Whoever reads a job sees the same sets, with its spec at hand or not.
    return {name: distinct(values) for name, values in axes.items()}


def _constraint(value: object) -> str | None:
    return check_constraint(value)


# What these ask of `btkit.validation` brings numba, which no other job needs to be read.
def _objective(value: str) -> str:
    from btkit.validation import check_objective  # noqa: PLC0415 - see above

    return check_objective(value)


def _scheme(value: str) -> str:
    from btkit.validation.windows import check_scheme  # noqa: PLC0415 - see above

    return check_scheme(value)


def _windows(value: object) -> int:
    from btkit.validation.windows import check_windows  # noqa: PLC0415 - see above

    return check_windows(value, 0.5)[0]


def _is_ratio(value: object) -> float:
    from btkit.validation.windows import check_windows  # noqa: PLC0415 - see above

    return check_windows(1, value)[1]


def _method(value: str) -> str:
    return check_choice(value, ("grid", "random", "optuna"), name="method", noun="method")


_Number = Annotated[int | float, BeforeValidator(_number)]

PathText = Annotated[str, Field(max_length=4_096)]
ModelPath = Annotated[PathText, Field(min_length=1)]
SpecField = Annotated[PathText | dict[str, JsonValue], BeforeValidator(_spec)]
FormatField = Annotated[PathText | dict[str, JsonValue], _checked(_stated_format)]
Symbol = Annotated[
    str | None,
    _needed(_symbol),
]
Day = Annotated[date | None, _needed(read_day)]
Benchmark = Annotated[str, _checked(check_symbol)]
IntervalLabel = Annotated[str, _checked(check_interval)]
Source = Annotated[SourceName, _checked(check_source)]
Capital = Annotated[float, Field(gt=0), _cost("capital")]
Commission = Annotated[float, Field(ge=0), _cost("commission")]
Slippage = Annotated[float, Field(ge=0, lt=1), _cost("slippage")]
Axes = Annotated[
    dict[str, list[_Number]],
    Field(max_length=100),
    BeforeValidator(_axes),
    AfterValidator(_without_repeats),
]
Constraint = Annotated[str, Field(max_length=2_000), _checked(_constraint)]
Objective = Annotated[
    str,
    _checked(_objective),
    # Those that are known when it is asked for: a user may have registered more.
    Field(json_schema_extra=lambda schema: schema.update(enum=list(objectives()))),
]
MaxSets = Annotated[int, _whole("max_sets", least=1, hint=_LEFT_OUT)]
Method = Annotated[Literal["grid", "random", "optuna"], _checked(_method)]
Samples = Annotated[int, _whole("samples", least=1, hint=_LEFT_OUT)]
# As few as the probability of overfitting can be read of.
OverfittingSample = Annotated[int, _whole("overfitting_sample", least=12, hint=_LEFT_OUT)]
Seed = Annotated[int, _whole("seed", least=0, hint="Any other number draws other sets.")]
Threads = Annotated[int, _whole("threads", least=1, most=MAX_THREADS, hint=_ONE_A_CORE)]
Windows = Annotated[int, _checked(_windows)]
InSampleShare = Annotated[float, _checked(_is_ratio)]
Scheme = Annotated[Literal["rolling", "anchored", "disjoint"], _checked(_scheme)]
