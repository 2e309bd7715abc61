"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class EngineName(StrEnum):
    """The papermill engines that a report can be made with."""

    BTKIT = "btkit"
    NBCLIENT = "nbclient"


class AssetsKind(StrEnum):
    """Where a page has plotly's script from."""

    INLINE = "inline"
    SHARED = "shared"


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
FileFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FILE",
        help="How the file of bars is written, as YAML. [default: SYMBOL.format.yaml beside it]",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write nothing to stderr.")]
UploadReports = Annotated[
    bool,
    typer.Option("--upload-reports", help="Send notebook, HTML and JSON to BT_MINIO_BUCKET."),
]
