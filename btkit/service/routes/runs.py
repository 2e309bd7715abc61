"""What is stored: runs, sweeps, walk-forward validations and batches, and their reports."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath

from btkit.errors import ConflictError, UsageError
from btkit.jobs import list_runs, load_document
from btkit.service.documents import RunList, TradeList
from btkit.service.problems import answers
from btkit.service.routes.operations import PAGE_SAID, PageSize
from btkit.service.sending import file_answer, sent_file
from btkit.service.shared import ServiceOf
from btkit.storage import JobKind, Status, check_job_id
from btkit.storage.parcels import pack_job

router = APIRouter(tags=["runs"])

RunId = Annotated[str, InPath(max_length=36, description="As operations and GET /runs have it")]
# It changes once: when what it is of is complete.
_ZIP = "application/zip"
_FOR_GOOD = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"
# A report shows what others wrote: names, notes, texts. It runs apart from all else that the
# server answers with, and loads nothing.
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'none'"
)
_INDEX_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_TAG = {"description": "Of what it says", "schema": {"type": "string"}}
_CACHE = {"description": "For good, once it is complete", "schema": {"type": "string"}}
_HEADERS = {"ETag": _TAG, "Cache-Control": _CACHE}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is as the one who asks has it", "headers": _HEADERS}
}
IfNoneMatch = Annotated[
    str | None, Header(max_length=1_000, description="The ETag of what one has already")
]


@router.get("/runs", responses=answers(404, 422))
def get_runs(
    *,
    service: ServiceOf,
    symbol: Annotated[str | None, Query(max_length=40, description="Only on this one")] = None,
    status: Annotated[Status | None, Query(description="Only those that stand so")] = None,
    kind: Annotated[JobKind | None, Query(description="Only those asked for so")] = None,
    parent: Annotated[
        str | None, Query(max_length=36, description="The parts of this one, in their order")
    ] = None,
    everything: Annotated[bool, Query(alias="all", description="Parts, too")] = False,
    page_size: PageSize = 50,
    page_token: Annotated[str | None, Query(max_length=36, description=PAGE_SAID)] = None,
) -> RunList:
    """List what is stored, the newest first: runs, sweeps, validations and batches."""
    found = list_runs(
        symbol,
        limit=page_size + 1,
        status=status,
        kind=kind,
        parent=parent,
        everything=everything,
        after=page_token,
        settings=service.settings,
    )
    page = found[:page_size]
    following = str(page[-1]["run_id"]) if len(found) > page_size else None
    return RunList(count=len(page), runs=page, next_page_token=following)


@router.get(
    "/runs/{run_id}",
    response_model=dict[str, Any],
    responses={
        200: {
            "description": "The document that its command prints; of what is not complete how it "
            "stands",
            "headers": _HEADERS,
        },
        **_UNCHANGED,
        **answers(404, 422),
    },
)
def get_run(
    *,
    service: ServiceOf,
    run_id: RunId,
    trades: Annotated[bool, Query(description="With every trade, under trades")] = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return what is stored of a run, a sweep, a walk-forward validation or a batch."""
    document = load_document(run_id, trades=trades, settings=service.settings)
    body = json.dumps(document, allow_nan=False).encode()
    caching = _FOR_GOOD if _is_complete(document) else _ASK_AGAIN
    return _tagged(body, if_none_match, {"Cache-Control": caching}, "application/json")


@router.get("/runs/{run_id}/trades", responses=answers(404, 422))
def get_trades(
    service: ServiceOf,
    run_id: RunId,
    page_size: PageSize = 50,
    page_token: Annotated[str | None, Query(pattern=r"^[0-9]{1,9}$", description=PAGE_SAID)] = None,
) -> TradeList:
    """List the trades of a run, in their order."""
    document = load_document(run_id, trades=True, settings=service.settings)
    if "trades" not in document:
        raise UsageError(
            f"{run_id} has no trades of its own.",
            hint="Its parts may: GET /runs?parent=ID lists them.",
            details={"argument": "run_id"},
        )
    trades, begin = document["trades"], int(page_token or 0)
    end = begin + page_size
    return TradeList(
        run_id=document["run"]["run_id"],
        total=len(trades),
        trades=trades[begin:end],
        next_page_token=str(end) if end < len(trades) else None,
    )


@router.get(
    "/runs/{run_id}/page",
    response_class=Response,
    responses={
        200: {
            "description": "The report",
            "content": {"text/html": {"schema": {"type": "string"}}},
            "headers": {"ETag": _TAG},
        },
        **_UNCHANGED,
        **answers(404, 409, 422),
    },
)
def get_page(service: ServiceOf, run_id: RunId, if_none_match: IfNoneMatch = None) -> Response:
    """Return the report, as the command leaves it; the first time takes seconds."""
    content = service.pages.page(run_id)
    policy = _REPORT_POLICY if b"<script" in content else _INDEX_POLICY
    headers = {"Content-Security-Policy": policy, "Cache-Control": _ASK_AGAIN}
    return _tagged(content, if_none_match, headers, "text/html; charset=utf-8")


@router.get(
    "/runs/{run_id}/parcel",
    response_class=Response,
    responses={200: file_answer(_ZIP), **answers(404, 409, 422)},
)
def get_parcel(service: ServiceOf, run_id: RunId) -> Response:
    """Return all that is stored of a job that is complete, and of its parts, as one file.

    Rows, curves and tables, as `btkit.Client` reads them.
    """
    store, settings = service.store, service.settings
    document = load_document(run_id, settings=settings)
    if not _is_complete(document):
        raise ConflictError(
            f"{run_id} is not complete, so there is no outcome to be fetched.",
            hint="GET /operations/{id} says how it stands.",
            details={"run_id": run_id},
        )
    with tempfile.TemporaryDirectory(prefix="btkit-parcel-") as folder:
        parcel = pack_job(store, check_job_id(run_id), settings, Path(folder) / "parcel")
        return sent_file(parcel, _ZIP)


def _is_complete(document: dict[str, Any]) -> bool:
    return "error" not in document and document.get("metrics", document) is not None


def _tagged(
    body: bytes, if_none_match: str | None, headers: dict[str, str], media_type: str
) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**headers, "ETag": tag}
    known = {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
