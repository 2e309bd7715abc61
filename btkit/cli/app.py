"""The commands, put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

import btkit
from btkit.cli.commands import (
    batch,
    cancel,
    check,
    check_lookahead,
    delete,
    export,
    indicators,
    init,
    list_runs,
    mcp,
    model_inspect,
    options_sim,
    plan,
    report,
    resume,
    retrain,
    run,
    schema,
    serve,
    status,
    submit,
    sweep,
    sync,
    validate,
    verify,
    walk_forward,
    warm_up,
    worker,
)
from btkit.cli.options import Debug, MaxRows, OnlyFields, Quiet
from btkit.cli.outcome import CommandOutcome, DeferredCommand
from btkit.cli.signatures import called_with, joined
from btkit.errors import UsageError
from btkit.extract import Extract

_HELP = """
Backtest strategy specs on real bars.

Every command prints one JSON document on stdout; what is meant for people goes to stderr.
Exit codes: 0 passed, 1 missed a threshold or had no data, 2 error.

Settings come from BT_* variables and a .env file, such as BT_DB_PATH, BT_DATA_SOURCE,
BT_DATA_DIR, BT_EVENTS, BT_REPORT_DIR, BT_INITIAL_CAPITAL, BT_DEFAULT_COMMISSION,
BT_DEFAULT_SLIPPAGE.

\b
Example:
  backtest run --strategy strategies/spy_momentum_v1.json --symbol SPX
      --start 2005-01-01 --end 2018-12-31 --source sample
"""

app = typer.Typer(
    name="backtest",
    help=_HELP,
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


class _Once(TyperCommand):
    """A command that refuses an option given twice, of which the parser would take the last."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - see below
        """Read the command line, as the parser does."""
        # The context's class has had several homes in typer's history, as its errors have.
        order = self.make_parser(ctx).parse_args(list(args))[2]
        for option in order:
            single = not getattr(option, "multiple", False) and not getattr(option, "is_flag", True)
            if single and order.count(option) > 1:
                name = max(option.opts, key=len)
                raise UsageError(
                    f"{name} is given {order.count(option)} times; one value can be taken.",
                    hint=f"Give {name} once.",
                    details={"option": name, "command": ctx.command_path},
                )
        return super().parse_args(ctx, args)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer hands the flag over by position
    if asked:
        typer.echo(f"backtest {btkit.__version__}")
        raise typer.Exit


@app.callback()
def backtest(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _everywhere(
    *,
    quiet: Quiet = False,
    debug: Debug = False,
    fields: OnlyFields = None,
    max_rows: MaxRows = None,
) -> Extract:
    """Return which part of its document a command shall print.

    `main` looks for --quiet and --debug, which every command takes, though one may have nothing to
    silence.
    """
    del quiet, debug
    return Extract.of(fields, max_rows)


def _deferred(command: Callable[..., CommandOutcome]) -> Callable[..., DeferredCommand]:
    """Return what typer calls for a command: it gives the work, which `main` begins."""

    def parsed(**flags: Any) -> DeferredCommand:  # noqa: ANN401 - any flag
        return partial(_carried_out, command, flags, called_with(_everywhere, flags))

    parsed.__signature__ = joined(command, _everywhere)  # type: ignore[attr-defined]  # as in `asked`
    return parsed


def _carried_out(
    command: Callable[..., CommandOutcome], flags: dict[str, Any], part: Extract
) -> CommandOutcome:
    outcome = called_with(command, flags)
    return outcome if part == Extract() else outcome.only(part)


for module in (
    run,
    walk_forward,
    options_sim,
    sweep,
    retrain,
    batch,
    resume,
    cancel,
    report,
    list_runs,
    verify,
    export,
    delete,
    sync,
    check,
    validate,
    check_lookahead,
    indicators,
    schema,
    init,
    warm_up,
    serve,
    worker,
    status,
    mcp,
):
    first = module.HELP.strip().splitlines()[0]
    app.command(module.NAME, help=module.HELP, short_help=first, cls=_Once)(
        _deferred(module.command)
    )

models = typer.Typer(help="Look at trained models.", no_args_is_help=False, rich_markup_mode=None)
models.command(
    model_inspect.NAME,
    help=model_inspect.HELP,
    short_help=model_inspect.HELP.strip().splitlines()[0],
    cls=_Once,
)(_deferred(model_inspect.command))
app.add_typer(models, name="model")

for group in (plan, submit):
    kinds = typer.Typer(help=group.HELP, no_args_is_help=False, rich_markup_mode=None)
    for name, (told, asking) in group.COMMANDS.items():
        kinds.command(name, help=told, short_help=told.strip().splitlines()[0], cls=_Once)(
            _deferred(asking)
        )
    app.add_typer(kinds, name=group.NAME)


def parse(arguments: list[str]) -> DeferredCommand | int:
    """Read a command line.

    Parameters
    ----------
    arguments
        After the command's name.

    Returns
    -------
    callable or int
        The work that was asked for; or an exit code, where help or the version was the answer.
    """
    parsed: DeferredCommand | int = typer.main.get_command(app).main(
        args=arguments, prog_name="backtest", standalone_mode=False
    )
    return parsed
