"""The one door to the SDK: the tools as a server, over HTTP and over standard input and output.

Over HTTP every request stands for itself: no session is kept, and the answer is one JSON document. The
tools push nothing, so a stream would only be a connection that is held open, and an answer that leaves in
parts could not be recorded before it does.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    PARSE_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ErrorData,
    JSONRPCError,
    ListToolsResult,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool

from archiver.release import NAME, version
from search.mcp.telling import NOTICE
from search.mcp.tools import TOOLS, call
from search.web.parameters import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
    from types import TracebackType

    from mcp.server.context import ServerRequestContext
    from mcp.shared._stream_protocols import ReadStream, WriteStream

    from search.mcp.telling import Told
    from search.mcp.tools import Tool
    from search.web.services import Asking

#: What is answered to a call of a tool with these arguments.
Answering: TypeAlias = "Callable[[Tool, dict[str, Any]], Awaitable[Told]]"
_Context: TypeAlias = "ServerRequestContext[Any, Any]"


@asynccontextmanager
async def over_http() -> AsyncIterator[StreamableHTTPASGIApp]:
    """What answers at a path behind the endpoint's own middleware, which says who asks and records."""

    async def answer(context: _Context, tool: Tool, arguments: dict[str, Any]) -> Told:
        assert context.request is not None
        asking: Asking = context.request.state
        return await call(asking, tool, arguments)

    manager = StreamableHTTPSessionManager(
        _server(answer),
        json_response=True,
        stateless=True,
        max_request_body_size=BODY_LIMIT_BYTES,
    )
    async with manager.run():
        yield StreamableHTTPASGIApp(manager)


async def over_stdio(lines: AsyncIterable[str], answering: Answering) -> None:
    """Answer these lines on standard output until they end, or nobody reads there any more."""

    async def answer(_context: _Context, tool: Tool, arguments: dict[str, Any]) -> Told:
        return await answering(tool, arguments)

    server = _server(answer)
    options = server.create_initialization_options()
    try:
        async with stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (incoming, outgoing):
            await server.run(_Heard(incoming, outgoing), outgoing, options)
    except* (BrokenPipeError, anyio.BrokenResourceError):
        pass


def _server(
    answer: Callable[[_Context, Tool, dict[str, Any]], Awaitable[Told]],
) -> Server[dict[str, Any]]:
    # It would write down what it was sent and what went wrong; what is worth a line is logged here.
    log = logging.getLogger("mcp")
    log.propagate = False
    log.handlers[:] = [logging.NullHandler()]
    listed = ListToolsResult(tools=[_listed(each) for each in TOOLS.values()])

    async def list_tools(_context: _Context, _params: Any) -> ListToolsResult:
        return listed

    async def call_tool(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"no such tool; there are {', '.join(TOOLS)}")
        told = await answer(context, tool, params.arguments or {})
        return CallToolResult(
            content=[TextContent(type="text", text=told.text)],
            structured_content=dict(told.content),
            is_error=told.is_error,
        )

    server: Server[dict[str, Any]] = Server(
        NAME,
        version=version(),
        title="Archived meetings",
        instructions=f"Search in archived RealtimeKit meetings, and read them. {NOTICE}",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.middleware.clear()  # no telemetry tells others who asks for what
    return server


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.takes(),
        output_schema=tool.answers(),
        annotations=ToolAnnotations(
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


class _Heard:
    """What was read, less what is no message, which is answered here: the SDK says nothing to it."""

    def __init__(
        self,
        incoming: ReadStream[SessionMessage | Exception],
        outgoing: WriteStream[SessionMessage],
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def receive(self) -> SessionMessage | Exception:
        while isinstance(item := await self._incoming.receive(), Exception):
            refusal = ErrorData(code=PARSE_ERROR, message="this line is no JSON-RPC message")
            await self._outgoing.send(
                SessionMessage(JSONRPCError(jsonrpc="2.0", id=None, error=refusal))
            )
        return item

    async def aclose(self) -> None:
        await self._incoming.aclose()

    def __aiter__(self) -> _Heard:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> _Heard:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        await self.aclose()
        return None
