"""Groups that have a command for each kind of job, with the flags of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from btkit.cli.asked import SpecFlags
from btkit.cli.commands import batch, options_sim, run, sweep, walk_forward
from btkit.cli.outcome import CommandOutcome

Command = Callable[..., CommandOutcome]


def commands_of(
    group: str, text: str, *, of_spec: Callable[[SpecFlags], Command], of_batch: Command
) -> Mapping[str, tuple[str, Command]]:
    """Return the commands of a group by the kind of job: the help of each, and the command.

    Parameters
    ----------
    group
        Its name, such as ``plan``.
    text
        The help of each, with ``{command}`` and ``{example}`` in it; the example is that of the
        kind's own command.
    of_spec, of_batch
        Make the command of a kind that runs a spec, by its flags, and are that of a batch.
    """

    def told(module: Any) -> str:  # noqa: ANN401 - a module
        example = module.HELP.partition("\b\n")[2]
        asked = example.replace(f"backtest {module.NAME} ", f"backtest {group} {module.NAME} ")
        return text.format(command=module.NAME, example=asked.rstrip())

    spec_kinds = (run, walk_forward, options_sim, sweep)
    return {
        **{module.NAME: (told(module), of_spec(module.ASKED)) for module in spec_kinds},
        batch.NAME: (told(batch), of_batch),
    }
