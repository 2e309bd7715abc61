"""What a sweep is asked, checked before anything is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from btkit.arguments import check_choice, check_whole, refusal
from btkit.data import BarFormat, LoadedBars
from btkit.errors import UsageError
from btkit.jobs.campaigns import (
    command_line,
    usable_cores,
)
from btkit.jobs.finished_sets import brought_by_user, identify
from btkit.jobs.job_requests import SweepRequest
from btkit.jobs.requests import (
    Costs,
    SpecSource,
    check_costs,
    rule_spec,
    strategy_path,
)
from btkit.settings import Settings, SourceName
from btkit.storage import Part

if TYPE_CHECKING:
    from btkit.spec import StrategySpec
    from btkit.validation import ParameterSets, Sweeper

METHODS = ("grid", "random", "optuna")
MAX_SETS = 1_000_000
"""Sets that a grid may have if nobody says otherwise."""
MOST_THREADS = 1_024
"""More than any machine has cores for."""


@dataclass(frozen=True)
class Question:
    """A sweep that was asked for, checked, its defaults filled in.

    Parameters
    ----------
    spec, path
        The strategy, and the file that it was read from.
    axes, sets
        The values of each parameter; and the sets to try, None where optuna proposes them.
    objective, method, constraint, samples, seed, max_sets
        As for `sweep`.
    costs
        What each run starts with and pays.
    threads
        How many sets are simulated at once.
    """

    spec: StrategySpec
    axes: dict[str, list[int | float]]
    sets: ParameterSets | None
    objective: str
    method: str
    constraint: str | None
    samples: int
    seed: int
    costs: Costs
    threads: int
    path: str | None
    max_sets: int


def ask(  # noqa: PLR0913 - as `sweep`
    spec: SpecSource,
    parameters: Mapping[str, Iterable[int | float]],
    *,
    constraint: str | None,
    method: str,
    objective: str,
    samples: int,
    seed: int,
    max_sets: int,
    threads: int | None,
    settings: Settings,
    capital: float | None,
    commission: float | None,
    slippage: float | None,
) -> Question:
    """Check what a sweep is asked.

    Parameters
    ----------
    spec, parameters, constraint, method, objective, samples, seed, max_sets, threads
        As for `sweep`.
    settings
        Its defaults.
    capital, commission, slippage
        As for `sweep`.

    Raises
    ------
    SpecError, UsageError
        If the spec or an argument makes no sense.
    """
    from btkit.validation import (  # noqa: PLC0415 - brings numba
        check_axes,
        check_constraint,
        check_objective,
        make_grid,
        sample_grid,
    )

    rules = rule_spec(spec, settings=settings)
    costs = check_costs(
        rules, capital=capital, commission=commission, slippage=slippage, settings=settings
    )
    method = check_choice(method, METHODS, name="method", noun="method")
    default = "Leave it out for the default."
    samples = check_whole(samples, "samples", least=1, hint=default)
    max_sets = check_whole(max_sets, "max_sets", least=1, hint=default)
    seed = check_whole(seed, "seed", least=0, hint="Any other number draws other sets.")
    constraint = check_constraint(constraint)
    if threads is not None:
        one_a_core = "Leave it out: then there is one for each core."
        threads = check_whole(threads, "threads", least=1, hint=one_a_core)
        if threads > MOST_THREADS:
            raise refusal(threads, "threads", rule=f"at most {MOST_THREADS:,}", hint=one_a_core)
    if method != "grid" and samples > max_sets:
        raise UsageError(
            f"{samples:,} samples are more than the {max_sets:,} sets allowed.",
            hint="Take fewer samples, or raise --max-sets.",
        )
    axes = check_axes(rules, parameters)
    sets: ParameterSets | None = None
    if method == "grid":
        sets = make_grid(axes, constraint=constraint, max_sets=max_sets)
    elif method == "random":
        sets = sample_grid(axes, count=samples, seed=seed, constraint=constraint)
    else:
        # A bad constraint or value must not wait until bars are loaded.
        sample_grid(axes, count=1, seed=seed, constraint=constraint)
    return Question(
        spec=rules,
        axes=axes,
        sets=sets,
        objective=check_objective(objective),
        method=method,
        constraint=constraint,
        samples=samples,
        seed=seed,
        costs=costs,
        threads=threads or usable_cores(),
        path=strategy_path(spec),
        max_sets=max_sets,
    )


def fingerprint(question: Question, sweeper: Sweeper) -> str:
    """Return an id that is the same for the same question about the same bars.

    Parameters
    ----------
    question
        What is asked.
    sweeper
        Has the bars.
    """
    from btkit.documents import bars_hash  # noqa: PLC0415 - as `sweep`

    first = sweeper.first
    asked = {
        "spec": question.spec.model_dump(mode="json", exclude={"metadata"}),
        "axes": question.axes,
        "constraint": question.constraint,
        "method": [question.method, question.samples, question.seed]
        if question.method != "grid"
        else ["grid"],
        "objective": question.objective,
        "costs": [question.costs.capital, question.costs.commission, question.costs.slippage],
        "bars": bars_hash(first.all_bars),
        **brought_by_user(question.spec, first.symbol),
        "start": first.outcome.start,
    }
    return identify(asked)


def request_of(
    question: Question,
    symbol: str,
    asked: tuple[date, date],
    *,
    interval: str,
    source: SourceName,
    bar_format: BarFormat | None,
    min_trades_required: int,
) -> SweepRequest:
    """Return what was asked for, as it is stored.

    Parameters
    ----------
    question
        What is asked.
    symbol, interval, source, bar_format
        The bars.
    asked
        The range as requested.
    min_trades_required
        Sets with fewer trades come after all others.
    """
    return SweepRequest(
        spec=question.spec.model_dump(mode="json"),
        events=question.spec.events_read(symbol).to_json(),
        path=question.path,
        symbol=symbol,
        start=asked[0],
        end=asked[1],
        interval=interval,
        source=source,
        format=None if bar_format is None else bar_format.stated(),
        capital=question.costs.capital,
        commission=question.costs.commission,
        slippage=question.costs.slippage,
        objective=question.objective,
        constraint=question.constraint,
        max_sets=question.max_sets,
        min_trades_required=min_trades_required,
        parameters=question.axes,
        method=question.method,
        samples=question.samples,
        seed=question.seed,
        threads=question.threads,
    )


def ask_again(request: SweepRequest, settings: Settings) -> Question:
    """Return the question that `request_of` stored.

    Parameters
    ----------
    request
        As it was stored.
    settings
        Its defaults are not needed.

    Raises
    ------
    SpecError, UsageError
        If it makes no sense any more.
    """
    question = ask(
        request.load_spec(), request.parameters, constraint=request.constraint,
        method=request.method, objective=request.objective, samples=request.samples,
        seed=request.seed, max_sets=request.max_sets, threads=request.threads, settings=settings,
        capital=request.capital, commission=request.commission, slippage=request.slippage,
    )  # fmt: skip
    return replace(question, path=request.path)


def id_of(mark: str, part: Part | None) -> str:
    """Return the id of a sweep.

    Parameters
    ----------
    mark
        Its fingerprint, which is the id of a sweep that was asked for by itself.
    part
        Its place within a batch, whose sweep it is then.
    """
    if part is None:
        return mark
    return hashlib.sha256(f"{mark} {part.parent_id}".encode()).hexdigest()[:16]


def command_of(
    question: Question, loaded: LoadedBars, *, asked: tuple[date, date]
) -> list[str] | None:
    """Return the arguments that make a sweep again; None if its spec is in no file.

    Parameters
    ----------
    question
        What is asked.
    loaded
        The bars.
    asked
        The range as requested.
    """
    if question.path is None:
        return None
    more: dict[str, object] = {
        "objective": question.objective,
        "constraint": question.constraint,
        "max-sets": None if question.max_sets == MAX_SETS else question.max_sets,
        "method": question.method,
    }
    if question.method != "grid":
        more |= {"samples": question.samples, "seed": question.seed}
    return command_line(
        "sweep", question.path, loaded.info, start=asked[0], end=asked[1],
        costs=question.costs, more=more, axes=("param", question.axes),
    )  # fmt: skip
