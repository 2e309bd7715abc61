"""The options that several commands share, each declared once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from btkit.errors import UsageError


class EngineName(StrEnum):
    """The papermill engines that a report can be made with."""

    BTKIT = "btkit"
    NBCLIENT = "nbclient"


class AssetsKind(StrEnum):
    """Where a page has plotly's script from."""

    INLINE = "inline"
    SHARED = "shared"


Strategy = Annotated[
    str, typer.Option("--strategy", metavar="PATH", help="The strategy spec, JSON or YAML.")
]
Symbol = Annotated[
    str | None,
    typer.Option(
        "--symbol",
        "-s",
        help="The instrument's symbol, such as SPY. [required; a model spec may say it]",
    ),
]
ModelPath = Annotated[
    str | None,
    typer.Option(
        "--model-path",
        "-m",
        metavar="FOLDER",
        help="The bundle of a model spec, if it lies elsewhere than that says.",
    ),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow", "-f", help="Say every second how far it is, also where stderr is a file."
    ),
]
Start = Annotated[
    str, typer.Option("--start", metavar="YYYY-MM-DD", help="The first day to trade.")
]
End = Annotated[str, typer.Option("--end", metavar="YYYY-MM-DD", help="The last day, included.")]
Capital = Annotated[
    float | None,
    typer.Option("--capital", "-c", help="$ at the start. [default: BT_INITIAL_CAPITAL]"),
]
Commission = Annotated[
    float | None,
    typer.Option(
        "--commission",
        help="In the unit of the spec's commission_model. [default: BT_DEFAULT_COMMISSION; of a "
        "model spec 0.001, a rate]",
    ),
]
Slippage = Annotated[
    float | None,
    typer.Option(
        "--slippage",
        help="Fraction of the price lost per fill. [default: BT_DEFAULT_SLIPPAGE; of a model spec "
        "0.001]",
    ),
]
BarInterval = Annotated[
    str | None,
    typer.Option(
        "--interval",
        help="Of the bars: 30m, 2h, 1d, 1w, 3mo or the like. [default: 1d; a model spec's own]",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="Of the bars: auto market-data files yahoo sample, or one that a package registers. "
        "[default: BT_DATA_SOURCE]",
    ),
]
FileFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FILE",
        help="How the file of bars is written, as YAML. [default: SYMBOL.format.yaml beside it]",
    ),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark",
        metavar="SYMBOL",
        help="What results are measured against. [default: buy-and-hold of --symbol]",
    ),
]
Constraint = Annotated[
    str | None,
    typer.Option("--constraint", help='Which parameter sets to try, such as "fast < slow".'),
]
MaxSets = Annotated[int, typer.Option("--max-sets", help="Refuse a grid with more parameter sets.")]
RunId = Annotated[str, typer.Option("--run-id", metavar="ID", help="The id, as `list` shows it.")]
OperationName = Annotated[
    str | None,
    typer.Option("--operation-id", metavar="ID", help="The id of an operation of a server."),
]
ServerUrl = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Of a server. [default: BT_SERVER_URL]"),
]
NoReport = Annotated[
    bool, typer.Option("--no-report", help="Skip the notebook; the JSON is the same.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the document at a terminal, too, not a table.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error on stderr.")]
Engine = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="Where the report's notebook runs: in this process, or in a kernel of its own.",
    ),
]
HtmlAssets = Annotated[
    AssetsKind,
    typer.Option(
        "--html-assets",
        help="Whether each page is whole by itself, or the pages of a folder share one script.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write nothing to stderr.")]
UploadReports = Annotated[
    bool,
    typer.Option("--upload-reports", help="Send notebook, HTML and JSON to BT_MINIO_BUCKET."),
]
PlanHash = Annotated[
    str | None,
    typer.Option(
        "--plan-hash",
        metavar="HASH",
        help="Refuse if spec, data, arguments or code are not those of this plan.",
    ),
]
OnlyFields = Annotated[
    str | None,
    typer.Option(
        "--fields",
        metavar="A,B.C",
        help="Print these fields of the document alone, such as metrics.sharpe_ratio,warnings.",
    ),
]
MaxRows = Annotated[
    int | None,
    typer.Option(
        "--max-rows", metavar="N", help="Print the first N entries of each list in the document."
    ),
]


def check_one_id(run_id: str | None, operation_id: str | None, *, what: str) -> None:
    """Refuse a command that names no job, or one here and one of a server.

    Parameters
    ----------
    run_id, operation_id
        As the flags have them.
    what
        The end of a sentence about the job, such as ``"is to stop"``.

    Raises
    ------
    UsageError
        Unless one of them is given, and not both.
    """
    if (run_id is None) == (operation_id is None):
        raise UsageError(
            f"Either --run-id or --operation-id says what {what}.",
            hint="Give --run-id of what runs here, or --operation-id of what a server does.",
            details={"option": "--run-id"},
        )
