"""The tools over the Model Context Protocol: stdin and stdout of this process, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from typing import IO, Any

import anyio
import mcp.types as protocol
from anyio.to_thread import run_sync
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

import btkit
from btkit.errors import BtkitError
from btkit.service.mcp_agent import Agent
from btkit.service.mcp_answers import written
from btkit.service.mcp_tables import TABLES, TEMPLATE, read_page
from btkit.service.mcp_tools import TOOLS, answer

_INSTRUCTIONS = (
    "Backtests of trading strategies. Call describe first. Then validate a spec, plan a job, run "
    "it with plan_hash. A good backtest is no proof: run a walk-forward before a decision."
)
_STDIN = 0
_JSON = "application/json"


def make_server(agent: Agent) -> Server[Any]:
    """Return a server that answers by an agent's tools.

    Parameters
    ----------
    agent
        Does what is asked for.
    """

    async def list_tools(_context: Any, _params: Any) -> protocol.ListToolsResult:  # noqa: ANN401 - as the SDK calls it
        return protocol.ListToolsResult(
            tools=[
                protocol.Tool(name=name, description=tool.what, input_schema=tool.schema)
                for name, tool in TOOLS.items()
            ]
        )

    async def call_tool(
        _context: Any,  # noqa: ANN401 - as the SDK calls it
        params: protocol.CallToolRequestParams,
    ) -> protocol.CallToolResult:
        # In a thread: other calls are answered meanwhile, and one whose client gave up is left.
        document, is_error = await run_sync(
            partial(answer, agent, params.name, params.arguments or {}), abandon_on_cancel=True
        )
        content = protocol.TextContent(type="text", text=written(document))
        return protocol.CallToolResult(content=[content], is_error=is_error)

    async def list_templates(_context: Any, _params: Any) -> protocol.ListResourceTemplatesResult:  # noqa: ANN401 - as above
        return protocol.ListResourceTemplatesResult(
            resource_templates=[
                protocol.ResourceTemplate(
                    name=name,
                    uri_template=TEMPLATE.replace("{table}", name),
                    description=table.what,
                    mime_type=_JSON,
                )
                for name, table in TABLES.items()
            ]
        )

    async def list_resources(_context: Any, _params: Any) -> protocol.ListResourcesResult:  # noqa: ANN401 - as above
        # There are as many as jobs; the answers of the tools name those that matter.
        return protocol.ListResourcesResult(resources=[])

    async def read_resource(
        _context: Any,  # noqa: ANN401 - as above
        params: protocol.ReadResourceRequestParams,
    ) -> protocol.ReadResourceResult:
        address = str(params.uri)
        try:
            page = await run_sync(
                partial(read_page, address, settings=agent.settings), abandon_on_cancel=True
            )
        except BtkitError as error:
            raise MCPError(
                code=protocol.INVALID_PARAMS,
                message=f"{error.message} {error.hint}",
                data=error.to_document(),
            ) from error
        content = protocol.TextResourceContents(uri=address, mime_type=_JSON, text=written(page))
        return protocol.ReadResourceResult(contents=[content])

    return Server(
        "btkit",
        version=btkit.__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def serve(agent: Agent, out: IO[str]) -> None:
    """Answer one client over stdin and stdout until it goes; jobs at work keep how far they are.

    Parameters
    ----------
    agent
        Does what is asked for.
    out
        Leads to the client. Whatever else is printed has to go elsewhere.
    """
    try:
        with _own_stdin() as given:
            anyio.run(_serve, agent, given, out)
    finally:
        agent.calls.close()


async def _serve(agent: Agent, given: IO[str], out: IO[str]) -> None:
    server = make_server(agent)
    streams = stdio_server(anyio.wrap_file(given), anyio.wrap_file(out))
    async with streams as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


@contextmanager
def _own_stdin() -> Iterator[IO[str]]:
    """Yield what the client writes; programs that are started meanwhile read nothing of it."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device, no path
        kept = os.dup(_STDIN)
        os.dup2(nothing.fileno(), _STDIN)
    try:
        # Never closed: a thread may be reading still when everything else is over.
        yield TextIOWrapper(
            os.fdopen(kept, "rb", closefd=False), encoding="utf-8", errors="replace"
        )
    finally:
        os.dup2(kept, _STDIN)
