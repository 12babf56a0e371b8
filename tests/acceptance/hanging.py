"""Databases that hang: one that never says a word, and one that falls silent when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, urlsplit, urlunsplit

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """Host and port where ``serve`` has every connection; it ends when its caller hangs up."""
    serving: list[asyncio.Task[None]] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(serve(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1") as server:
        yield "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        await asyncio.gather(*serving)


@asynccontextmanager
async def freezing_proxy(database_url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Another URL of the database, which falls silent once the event is set (fault G7)."""
    frozen = asyncio.Event()
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    host = query.get("host", parts.hostname or "")
    port = int(query.get("port", parts.port or 5432))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not frozen.is_set():
                    writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if host.startswith("/"):
            server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            server = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, server[1]), pump(server[0], writer))

    async with listening(serve) as address:
        netloc = f"{parts.username}@{address}"
        yield urlunsplit(parts._replace(netloc=netloc, query="")), frozen


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a database that accepts connections and never says a word, and that it did."""
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with listening(hold) as address:
        yield f"postgresql://nobody@{address}/nothing", asked
