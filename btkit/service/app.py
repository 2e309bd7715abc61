"""The service as an application: its paths, its gate, and what they all need."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from btkit import __version__
from btkit.jobs.job import JOB
from btkit.service.access import OPEN_PATHS, AccessRules, RequestGate
from btkit.service.folders import AllowedFolders
from btkit.service.lease_routes import lease_router
from btkit.service.pages import PageMaker
from btkit.service.problems import ProblemDocument, install
from btkit.service.routes import ROUTERS
from btkit.service.shared import Dispatching, Service
from btkit.settings import Settings
from btkit.storage import Store

_ABOUT = """
Backtests by HTTP. `POST /backtests/start` queues one, workers do it, and
`GET /operations/{operation_id}` says how it stands and, in the end, what came of it.

Errors are problem documents (RFC 9457) with the type, hint and details of the command line.
"""


def make_app(
    store: Store, dispatcher: Dispatching, settings: Settings, *, host: str = "127.0.0.1"
) -> FastAPI:
    """Return the service.

    Parameters
    ----------
    store
        Where operations and their outcomes are.
    dispatcher
        Gives them out.
    settings
        Who gets in, and how much may be asked.
    host
        The address that it is reached at.

    Returns
    -------
    FastAPI
        To be served by uvicorn; ``app.state.service`` is what its paths share.

    Raises
    ------
    AccessError
        If other machines could reach it, and there is no token.
    UsageError
        If BT_ALLOWED_DIRS names what is no folder.

    Examples
    --------
    >>> app = make_app(store, dispatcher, settings)  # doctest: +SKIP
    """
    rules = AccessRules.of(settings, host=host)
    app = FastAPI(
        title="btkit",
        version=__version__,
        description=_ABOUT,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.service = Service(
        store, dispatcher, settings, rules, AllowedFolders.of(settings), PageMaker(settings)
    )
    for router in (*ROUTERS, lease_router(store, settings)):
        app.include_router(router)
    install(app)
    app.add_middleware(RequestGate, rules=rules)
    app.openapi = lambda: _described(app, rules)  # type: ignore[method-assign]  # as FastAPI's own guide does
    return app


def _described(app: FastAPI, rules: AccessRules) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = _complete(
            get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            ),
            needs_token=rules.token is not None,
        )
    return app.openapi_schema


def _complete(document: dict[str, Any], *, needs_token: bool) -> dict[str, Any]:
    """Add what FastAPI cannot know: the schemas of jobs and problems, and how one gets in."""
    schemas = document["components"].setdefault("schemas", {})
    schemas["ProblemDocument"] = ProblemDocument.model_json_schema()
    job = JOB.json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(job.pop("$defs"))
    schemas["Job"] = job
    if needs_token:
        document["components"].setdefault("securitySchemes", {})["token"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "BT_API_TOKEN of the server",
        }
        document["security"] = [{"token": []}]
        for path in OPEN_PATHS:
            for operation in document["paths"][path].values():
                operation["security"] = []
    return document
