"""The report of a sweep: the truth first, then the surface, the sets, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from btkit.documents.sweeps import DEFLATED_SHARPE_NEEDED, OVERFITTING_ALLOWED, SIGNIFICANT_P
from btkit.jobs.sweep import describe_sweep, load_sweep
from btkit.jobs.sweep import sweep as run_sweep
from btkit.render import text
from btkit.render.campaign import data_facts, facts_table, provenance_facts, tile, verdict
from btkit.render.opening import reported
from btkit.render.parameters import SweepParameters
from btkit.render.pieces import Html, Section, table, tag
from btkit.render.sweep_charts import Page, is_percent, lines, metric_label, surface
from btkit.render.taking import take

WHOLE_NUMBERS = frozenset({"consecutive_losses_max"})
UPPER_BOUNDS = frozenset({"consecutive_losses_max", "probability_of_overfitting"})
_MONEY = frozenset(
    {"total_return", "max_drawdown", "expectancy_per_trade", "avg_win", "avg_loss", "largest_win",
     "largest_loss"}
)  # fmt: skip


def open_sweep(names: Mapping[str, Any]) -> Page:
    """Return the sweep that a notebook's parameters ask for.

    A new one leaves what ``backtest sweep`` leaves: table, specs, JSON, notebook and HTML in
    BT_REPORT_DIR.

    Parameters
    ----------
    names
        What ``globals()`` gives in the notebook: either a ``sweep_id``, or the options of the
        command, by themselves or in ``request``.

    Raises
    ------
    UsageError
        When a parameter is missing, unknown or none of its kind.
    StoreError
        When there is no such sweep.
    """
    taken = take(names, SweepParameters)
    settings, asked = taken.settings, taken.asked
    if asked is None:
        return load_sweep(taken.stored, settings=settings)
    with reported(asked, settings) as leave:
        result = run_sweep(**asked.arguments(), settings=settings)
        report = describe_sweep(result, start=asked.start, end=asked.end, settings=settings)
        leave(str(result.sweep_id))
    return report.to_dict(), result.table


def headline(page: Page) -> Section:
    """Return the verdict, and what is luck in it."""
    document = page[0]
    truth, best = document["overfitting"], document["best"]
    yearly = float(best["metrics"]["cagr"])
    sentence = (
        f"The best of {text.plural(document['sets'], 'set')}, {_named(best['parameters'])}, "
        f"{'lost' if yearly < 0 else 'made'} {text.percent(abs(yearly))} a year, buy-and-hold "
        f"{_defined(document['benchmark'], 'cagr', text.percent)}. Its Sharpe ratio is "
        f"{text.ratio(truth['sharpe_ratio'])}; the best of as many sets without any skill would "
        f"reach {text.ratio(truth['expected_maximum_sharpe'])}. {_judged(truth)}"
        f"{_beaten(truth)}{_missed(document['failures'])}"
    )
    return Section([verdict(document, "Parameter sweep", sentence), _tiles(document)])


def _tiles(document: Mapping[str, Any]) -> Html:
    truth = document["overfitting"]
    interval = truth["sharpe_interval"]
    span = (
        "–"
        if interval is None
        else f"95 %: {text.ratio(interval['low'])} to {text.ratio(interval['high'])}"
    )
    tiles = [
        tile(
            "Sharpe of the best",
            text.ratio(truth["sharpe_ratio"]),
            span,
            meaning="Annualised; the interval is a stationary block bootstrap.",
        ),
        tile(
            "Expected by luck",
            text.ratio(truth["expected_maximum_sharpe"]),
            f"best of {text.count(truth['trials'])} without skill",
            meaning="Expected maximum Sharpe ratio (Bailey and López de Prado 2014).",
        ),
        tile(
            "Deflated Sharpe",
            text.ratio(truth["deflated_sharpe_ratio"]),
            f"needs {DEFLATED_SHARPE_NEEDED:.2f}",
            meaning="Probability that the true Sharpe ratio is above 0, all trials counted.",
        ),
        tile(
            "Overfitting",
            text.percent(truth["probability_of_overfitting"], digits=0),
            f"at most {text.percent(OVERFITTING_ALLOWED, digits=0)}",
            meaning="Probability of backtest overfitting by CSCV (Bailey et al. 2015).",
        ),
        _superiority(truth, "", short="nothing", benchmark="doing nothing"),
        _superiority(truth, "holding_", short="holding", benchmark="buy-and-hold"),
    ]
    return Html(tag("div", "".join(tiles), class_="bt-tiles"))


def _superiority(truth: Mapping[str, Any], prefix: str, *, short: str, benchmark: str) -> str:
    # The document of a sweep that was made before the second test has no key of it.
    hansen, white = (truth.get(f"{prefix}{test}_p") for test in ("spa", "reality_check"))
    return tile(
        f"SPA against {short}",
        _p_value(hansen),
        f"reality check {_p_value(white)}",
        meaning=f"SPA test (Hansen 2005) and reality check (White 2000): the p-values that no set "
        f"earns more than {benchmark}. Skill is below {SIGNIFICANT_P:.2f}.",
    )


def best_sets(page: Page) -> Section:
    """Return the best ten, and how to run one again."""
    document = page[0]
    names = list(document["parameters"])
    metrics = ["sharpe_ratio", "cagr", "max_drawdown_pct", "win_rate", "profit_factor",
               "total_trades"]  # fmt: skip
    if document["objective"] not in metrics:
        metrics.insert(0, document["objective"])
    rows = [
        [str(entry["rank"])]
        + [f"{entry['parameters'][name]:g}" for name in names]
        + [_cell(entry["metrics"], name) for name in metrics]
        for entry in document["top"]
    ]
    head = ["Rank", *names, *(metric_label(name) for name in metrics)]
    shown = table(head, rows, numeric=range(len(head)))
    return Section([Html(shown), *_commands(document)])


def rests_on(page: Page) -> Section:
    """Return what the sweep rests on."""
    document = page[0]
    truth = document["overfitting"]
    facts = {
        "Sets tried": f"{text.count(document['sets'])}, by {document['method']}"
        + (f", where {document['constraint']}" if document["constraint"] else ""),
        "Objective": f"{metric_label(document['objective'])}, among sets with at least "
        f"{text.plural(document['min_trades_required'], 'trade')}",
        "Statistics": f"{text.count(truth['periods'])} returns, one a {truth['period']}; CSCV on "
        f"{truth['blocks'] or text.DASH} blocks; 1,000 resamples with seed 0",
        **data_facts(document),
        "Table": document["table_url"] or "not stored",
        **provenance_facts(document, document["command"]),
    }
    return Section([facts_table(facts)])


def _judged(truth: Mapping[str, Any]) -> str:
    deflated, overfitted = truth["deflated_sharpe_ratio"], truth["probability_of_overfitting"]
    if deflated is None:
        return "It cannot be told from luck."
    chance = (
        ""
        if overfitted is None
        else f", and in {text.percent(overfitted, digits=0)} of the splits what was best in one "
        "half was below the middle in the other"
    )
    luck = text.percent(deflated, digits=0)
    return f"That it is more than luck has a probability of {luck}{chance}."


def _beaten(truth: Mapping[str, Any]) -> str:
    """Return what Hansen's test says against each benchmark, as a sentence of its own."""
    said = [
        f"{'skill' if value < SIGNIFICANT_P else 'none'} against {benchmark} ({_p_value(value)})"
        for key, benchmark in (("spa_p", "doing nothing"), ("holding_spa_p", "buy-and-hold"))
        if (value := truth.get(key)) is not None
    ]
    return f" Hansen's test finds {text.listed(said)}." if said else ""


def _missed(failures: list[Mapping[str, Any]]) -> str:
    """Return which bounds were missed, as a sentence of its own."""
    shown = []
    for failure in failures:
        name = failure["metric"]
        form: Callable[[float], str] = text.ratio
        if is_percent(name) or name == "probability_of_overfitting":
            form = text.percent
        if name in WHOLE_NUMBERS:
            form = text.count
        need = "at most" if name in UPPER_BOUNDS else "needs"
        shown.append(
            f"{_in_sentence(name)} ({form(failure['value'])}, {need} {form(failure['threshold'])})"
        )
    return f" It fails on {text.listed(shown)}." if shown else ""


def _in_sentence(name: str) -> str:
    label = metric_label(name)
    return (label if name == "sharpe_ratio" else label[0].lower() + label[1:]).replace(
        "sharpe", "Sharpe"
    )


def _p_value(value: float | None) -> str:
    if value is None:
        return text.DASH
    # A thousand resamples tell nothing finer.
    return f"p {value:.3f}" if value >= 0.001 else "p < 0.001"  # noqa: PLR2004 - as above


def _defined(metrics: Mapping[str, Any], name: str, form: Callable[[float], str]) -> str:
    return text.DASH if name in metrics["undefined"] else form(metrics[name])


def _named(parameters: Mapping[str, float]) -> str:
    return text.listed([f"{name} {value:g}" for name, value in parameters.items()])


def _cell(metrics: Mapping[str, Any], name: str) -> str:
    if name in metrics["undefined"]:
        return '<span title="undefined">–</span>'
    value = metrics[name]
    form: Callable[[float], str] = text.ratio
    if is_percent(name):
        form = text.percent
    elif name in _MONEY:
        form = text.money
    elif isinstance(value, int):
        form = text.count
    return form(value)


def _commands(document: Mapping[str, Any]) -> list[Html]:
    command = document["best"]["command"]
    if command is None:
        return []
    import shlex  # noqa: PLC0415 - here alone

    return [
        Html(
            tag("p", "The best set again, in full; the spec files of the others lie beside it:")
            + tag("pre", escape(shlex.join(command)))
        )
    ]


__all__ = [
    "Page",
    "best_sets",
    "headline",
    "lines",
    "metric_label",
    "open_sweep",
    "rests_on",
    "surface",
    "tile",
]
